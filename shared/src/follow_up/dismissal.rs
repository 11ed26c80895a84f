//! Setting aside a sidecar that nothing else can be done about.

use crate::code::{Code, Reason, Requirement};
use crate::digest::{Digest, Tag};
use crate::ids::{OperationId, RootId};
use crate::limits::Limits;
use crate::listing::SidecarFile;
use crate::plan::{Plan, Precondition, Purpose, Step};
use crate::sidecar::SidecarBytes;
use crate::verdict::{Choice, Disposition};

use super::FollowUp;

/// Operation id for dismissing a file that has no usable id of its own: misnamed, a duplicate, unread, or without an id.
///
/// Derived from the file's name and digest; for an unread file, from its name and [`SidecarFile::stored_as`].
#[must_use]
pub fn dismissal_id(file: &SidecarFile) -> OperationId {
    let state = file
        .digest
        .map(String::from)
        .or_else(|| file.stored_as.clone())
        .unwrap_or_default();
    OperationId::of_nobody(format!("dismiss\n{}\n{state}", file.file).as_bytes())
}

/// Whether `planned`, a dismissal that was begun, may be about this file: the file has its name, and the bytes or the id of the plan, or
/// nobody knows which bytes it has.
#[must_use]
pub fn may_be_dismissed_by(planned: &Plan, file: &SidecarFile) -> bool {
    file.file == planned.file
        && (file.digest == Some(planned.sidecar)
            || dismissal_id(file) == planned.operation_id
            || file.not_read().is_some())
}

/// Why a file that is neither refused nor aborted is not set aside.
fn not_dismissible(file: &SidecarFile, disposition: Disposition, reasons: &[Reason]) -> Reason {
    let file = &file.file;
    let waits = reasons
        .iter()
        .find(|reason| reason.code == Code::WaitingFor)
        .filter(|_| disposition == Disposition::Waiting);
    let Some(waits) = waits else {
        let detail = format!("{file} is neither refused nor aborted: recover it instead");
        return Reason::new(Code::NotDismissible, detail);
    };
    let detail = format!(
        "{file} is neither refused nor aborted, but waits: {}. Resolve that first",
        waits.detail.trim_end_matches('.')
    );
    Reason {
        about: waits.about.clone(),
        ..Reason::new(Code::NotDismissible, detail)
    }
}

/// The codes of these reasons, each once and in order.
fn because_of(reasons: &[Reason]) -> Vec<Code> {
    let mut because: Vec<Code> = reasons.iter().map(|reason| reason.code).collect();
    because.sort_unstable();
    because.dedup();
    because
}

/// What an approver has to state. Where the tables of the write were looked at, its writer must not go on with it afterwards.
fn required(because: &[Code]) -> Vec<Requirement> {
    let is_in_question = because.contains(&Code::DataInQuestion);
    let mut requires = Vec::new();
    if is_in_question || because.contains(&Code::HoldsNoData) {
        requires.push(Requirement::WritersStopped);
    }
    requires.push(Requirement::Reason);
    if is_in_question {
        requires.push(Requirement::DataInQuestion);
    }
    requires
}

/// Lays down how a file is set aside: its bytes are recorded, then it is deleted. No table is looked at or
/// touched. The approver must give a reason.
///
/// `bytes` are the file's, all of them; a file whose bytes could not be read, or are more than a journal record holds, is not
/// dismissed: they could not be kept. `reasons` are those for which it is refused or aborted. Where one of them is
/// [`Code::Unreadable`], nothing is known for sure, and the file is not dismissed either.
#[must_use]
pub fn dismissal(
    root: &RootId,
    operation_id: OperationId,
    file: &SidecarFile,
    bytes: Option<Vec<u8>>,
    disposition: Disposition,
    reasons: &[Reason],
) -> FollowUp {
    let sidecar = file.content.as_ref().ok();
    let mut blockers = Vec::new();
    if bytes.is_none() {
        blockers.push(Reason::new(
            Code::Unreadable,
            format!(
                "the bytes of {} cannot be kept in the journal: they could not be read, or are more than {} MiB; move the file away by hand",
                file.file,
                Limits::DEFAULT.kept_bytes_max >> 20
            ),
        ));
    }
    // Nobody can tell what the write comes to until it is read, and then it may be recovered.
    let unread = reasons
        .iter()
        .find(|reason| reason.code == Code::Unreadable);
    if let (Some(unread), Some(_)) = (unread, &bytes) {
        blockers.push(Reason::new(
            Code::Unreadable,
            format!(
                "{} is not set aside as long as something about it cannot be read: {}",
                file.file, unread.detail
            ),
        ));
    }
    let kept = SidecarBytes::new(bytes.unwrap_or_default());
    if !disposition.may_be_set_aside() {
        blockers.push(not_dismissible(file, disposition, reasons));
    }
    let steps = if blockers.is_empty() {
        vec![
            Step::Record {
                precondition: Precondition::StepsDone,
            },
            Step::Retire {
                file: file.file.clone(),
                precondition: Precondition::Recorded,
            },
        ]
    } else {
        Vec::new()
    };
    let plan = Plan {
        purpose: Purpose::Dismiss {
            because: because_of(reasons),
        },
        root: root.clone(),
        operation_id,
        file: file.file.clone(),
        sidecar: Digest::of(Tag::Sidecar, kept.as_bytes()),
        writer_kind: sidecar.map(|sidecar| sidecar.writer_kind),
        branch: sidecar.and_then(|sidecar| sidecar.branch().owned()),
        lance_branch: None,
        actor_id: sidecar.and_then(|sidecar| sidecar.actor_id.clone()),
        disposition,
        decision: None,
        choice: Choice::Verdict,
        requires: required(&because_of(reasons)),
        left_out: Vec::new(),
        tables: Vec::new(),
        steps,
    };
    FollowUp {
        plan,
        sidecar: kept,
        blockers,
    }
}
