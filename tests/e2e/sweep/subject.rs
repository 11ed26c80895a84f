//! What is carried out: the recovery of a write, or what follows from one.

use restore_backend::service::{self, Answer, Approver};
use root_objects::clock;
use sidecar::api::PlanReport;
use sidecar::follow_up::undo_id;
use sidecar::{Digest, OperationId};

use super::world::Ending;
use crate::support::{Opened, approver};

/// A file that is no sidecar, to be dismissed.
pub const NOTES: &str = "notes.json";

/// What is carried out.
#[derive(Clone, Debug)]
pub struct Subject {
    pub ending: Ending,
    /// The operation whose writer died.
    pub of: OperationId,
    /// The operation that is carried out: the same, unless it follows from the recovery of that one.
    pub operation: OperationId,
    /// The bytes that stand for its sidecar: the file's, or those that live in its journal alone.
    pub stands: Vec<u8>,
}

impl Subject {
    /// The plan as it is now.
    pub async fn report(&self, opened: &Opened) -> Result<PlanReport, String> {
        report(self.ending, &self.of, opened).await
    }

    /// Approves the plan as it is now.
    pub async fn approve(&self, opened: &Opened) -> Digest {
        let report = self.report(opened).await.unwrap();
        approve(&report, opened).await.unwrap()
    }
}

/// The plan of what is carried out, as it is now.
pub async fn report(
    ending: Ending,
    of: &OperationId,
    opened: &Opened,
) -> Result<PlanReport, String> {
    let (root, now) = (&opened.root, clock::now());
    let answer = match ending {
        Ending::Forward | Ending::Back | Ending::Published | Ending::NeverStarted => {
            service::plan(root, of.as_str(), now)
                .await
                .map(Answer::Done)
        }
        Ending::UndoForward | Ending::UndoBack => service::undo(root, of, now).await,
        Ending::UndoUndo => service::undo(root, &undo_id(of), now).await,
        Ending::Release => service::release(root, of, now).await,
        Ending::Dismissal => service::dismiss(root, NOTES, now).await.map(Answer::Done),
    };
    match answer {
        Ok(Answer::Done(report)) => Ok(report),
        Ok(Answer::No(refusal)) => Err(format!("{refusal:?}")),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// Approves exactly the plan of a report, with all that it asks to be stated.
pub async fn approve(report: &PlanReport, opened: &Opened) -> Result<Digest, String> {
    let operation: OperationId = report.operation_id.parse().unwrap();
    let digest = report.digest.ok_or("no digest")?;
    let approver = Approver {
        acknowledged: report.requires.iter().copied().collect(),
        ..approver()
    };
    match service::approve(&opened.root, &operation, digest, approver, clock::now()).await {
        Ok(Answer::Done(approved)) if approved.authorized => Ok(digest),
        other => Err(format!("{other:?}")),
    }
}
