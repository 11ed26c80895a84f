//! Whether data depends on a file of version 9, for whoever sets it aside.

use super::sidecar::Sidecar9;
use super::verdict::Verdict9;
use crate::code::{Code, Reason};

/// The reason for a misnamed file: no engine recovers it, and none removes it. `None` if `file` is the name of its operation.
#[must_use]
pub fn misnamed(sidecar: &Sidecar9, file: &str) -> Option<Reason> {
    let own = sidecar.operation_id.file_name();
    (own != file).then(|| {
        Reason::new(
            Code::Misnamed,
            format!(
                "omnigraph 0.9 and 0.10 look for {own} when they recover. They skip this file, and still refuse writes on its branch as long as it is there; give it that name if no file has it, and look again"
            ),
        )
    })
}

/// The reason that a dismissal of the file carries besides that of its refusal: [`Code::HoldsNoData`] or [`Code::DataInQuestion`].
/// Where something could not be read, that is the reason. `judged` is `None` for a file that breaks a rule of the shape.
#[must_use]
pub fn dependence(judged: Option<&Result<Verdict9, Reason>>) -> Reason {
    let in_question = |why: &str| {
        Reason::new(
            Code::DataInQuestion,
            format!("nobody knows whether data depends on the file: {why}"),
        )
    };
    match judged {
        Some(Ok(verdict)) if verdict.holds_no_data() => {
            Reason::new(Code::HoldsNoData, &verdict.headline)
        }
        Some(Ok(verdict)) => Reason::new(Code::DataInQuestion, &verdict.headline),
        Some(Err(reason)) if reason.code == Code::Unreadable => reason.clone(),
        Some(Err(reason)) => in_question(&reason.detail),
        None => in_question(
            "it breaks a rule of its version, or has a field that this build does not know",
        ),
    }
}
