//! How an execution begins: with a claim, or at the terminal record of an operation that is finished.

use sidecar::approvable::authorized;
use sidecar::journal::JournalEntry;
use sidecar::{ApprovedPlan, SidecarBytes};

use super::execution::Execution;
use super::progress::ProgressSink;
use crate::error::ServiceError;
use crate::root::Root;
use root_objects::clock;
use root_objects::journal_store::{self, Appended, Journal};

/// Tries at a claim while approvals take the number of its record.
const CLAIM_TRIES_MAX: usize = 16;

impl<'a> Execution<'a> {
    /// Claims the operation, in the journal and where writers look; or says why it could not.
    pub(super) async fn claim(
        root: &'a Root,
        mut journal: Journal,
        approved: &ApprovedPlan,
        sidecar: SidecarBytes,
        progress: &'a ProgressSink,
    ) -> Result<Result<Self, String>, ServiceError> {
        let epoch = journal.state.next_epoch();
        let takes_over = journal.state.attempt().is_some();
        root.note_identity().await?;
        let operation = journal.state.operation_id().clone();
        let entry = JournalEntry::Claimed {
            epoch,
            executor: uuid::Uuid::new_v4().to_string(),
            plan_digest: approved.digest(),
            plan: approved.bytes().text().to_owned(),
            sidecar,
        };
        for _ in 0..CLAIM_TRIES_MAX {
            match journal
                .append(root.objects(), clock::now(), entry.clone())
                .await?
            {
                Appended::Done(journal) => {
                    journal_store::publish_claim(root.objects(), &operation).await?;
                    let execution = Self {
                        root,
                        journal: *journal,
                        progress,
                        operation,
                        epoch,
                    };
                    execution.report_progress();
                    return Ok(Ok(execution));
                }
                Appended::Taken => {
                    journal = Journal::load(root.objects(), &operation, &root.limits()).await?
                }
            }
            // A further approval, or a further step by the earlier executor, does not prevent the claim. Any other record does.
            let state = &journal.state;
            if state.next_epoch() != epoch
                || state.finished().is_some()
                || state.attempt().is_some() != takes_over
            {
                return Ok(Err(
                    "another executor took this operation at the same moment; look how far it came"
                        .to_owned(),
                ));
            }
            if let Err(revoked) = authorized(&journal.state, approved.digest()) {
                return Ok(Err(sidecar::error_text(&revoked)));
            }
        }
        Err(ServiceError::JournalBusy {
            operation_id: operation,
        })
    }

    /// An operation whose terminal record is written.
    pub(super) fn of_finished(
        root: &'a Root,
        journal: Journal,
        progress: &'a ProgressSink,
    ) -> Self {
        Self {
            root,
            operation: journal.state.operation_id().clone(),
            epoch: 0,
            journal,
            progress,
        }
    }
}
