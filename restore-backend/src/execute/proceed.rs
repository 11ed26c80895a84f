//! The loop of an execution: looks, effects and records, one after the other, as the pure step asks for them.

use futures::FutureExt;
use sidecar::executor::{self, Move, Seen, SidecarSeen};
use sidecar::journal::JournalEntry;
use sidecar::{ApplyReport, ApprovedPlan};

use super::effects;
use super::execution::{Execution, Recorded};
use super::taken_over::taken_over;
use crate::error::ServiceError;
use root_objects::clock;
use root_objects::journal_store::Appended;

impl<'a> Execution<'a> {
    /// Does what the step asks for until it says that everything is done, or that nothing more can be.
    ///
    /// Writers look for the claim before they commit or publish, so from here on the looks see their final state.
    pub(super) async fn proceed(
        self,
        approved: Option<&ApprovedPlan>,
    ) -> Result<ApplyReport, ServiceError> {
        let mut execution = self;
        let mut seen = Seen::default();
        loop {
            let recorded = match executor::next(&execution.journal.state, &seen) {
                Move::Claim => return Err(execution.internal()),
                Move::Look(look) => {
                    let state = &execution.journal.state;
                    seen = execution.look(state, look, seen, approved).await?;
                    continue;
                }
                Move::Begin {
                    steps,
                    catalog_version,
                } => {
                    let (root, epoch) = (execution.root, execution.epoch);
                    let Some(attempt) = execution.attempt().cloned() else {
                        return Err(execution.internal());
                    };
                    let entry = JournalEntry::StepsStarted {
                        epoch,
                        steps: steps.clone(),
                        catalog_version,
                    };
                    let (recorded, ahead) = futures::join!(
                        execution.record(entry),
                        effects::look_ahead(root, &attempt, &steps)
                    );
                    execution = match recorded? {
                        Recorded::Further(execution) => execution,
                        Recorded::Ended(report) => return Ok(*report),
                    };
                    let hold = execution.journal.hold(root.objects());
                    let done =
                        effects::do_steps(root, &attempt, &steps, catalog_version, ahead, &hold);
                    let did = done.boxed().await;
                    if hold.is_lost() {
                        return taken_over(root, &execution.operation, Some(attempt)).await;
                    }
                    seen = seen.having_done(did?);
                    continue;
                }
                Move::Note(results) => {
                    let epoch = execution.epoch;
                    let entry = JournalEntry::StepsFinished { epoch, results };
                    execution.record_and_look(entry, seen, approved).await?
                }
                Move::Interrupt {
                    detail,
                    differences,
                    unclear,
                } => return execution.interrupt(detail, differences, &unclear).await,
                Move::Pause {
                    outcome,
                    detail,
                    unclear,
                } => return execution.pause(outcome, detail, &unclear).await,
                Move::Record(outcome) => {
                    let entry = execution.finished(outcome)?;
                    execution.record_and_look(entry, seen, approved).await?
                }
                Move::Reopen {
                    detail,
                    differences,
                } => return execution.reopen(detail, differences).await,
                Move::DeleteSidecar => {
                    execution.delete_sidecar().await?;
                    seen.sidecar = Some(SidecarSeen::Gone);
                    continue;
                }
                Move::Close => {
                    execution.root.note_identity().await?;
                    execution.journal.close(execution.root.objects()).await?;
                    execution.journal.unmark(execution.root.objects()).await;
                    seen.closed = Some(true);
                    continue;
                }
                Move::Ended(fate) => {
                    execution.remove_left_over_marks().await?;
                    return execution.end(fate);
                }
            };
            (execution, seen) = match recorded {
                (Recorded::Further(execution), seen) => (execution, seen),
                (Recorded::Ended(report), _) => return Ok(*report),
            };
        }
    }

    /// Records the last effect. The next look is already known and does not depend on the record, so both run together. If
    /// another executor took the record's number, the look is dropped.
    async fn record_and_look(
        mut self,
        entry: JournalEntry,
        seen: Seen,
        approved: Option<&ApprovedPlan>,
    ) -> Result<(Recorded<'a>, Seen), ServiceError> {
        let attempt = self.attempt().cloned();
        let noted = self.journal.clone().with(clock::now(), entry)?;
        let state = noted.state().clone();
        let seen = seen.after_a_record();
        let (appended, seen_ahead) = futures::join!(noted.write(self.root.objects()), async {
            match executor::next(&state, &seen) {
                Move::Look(look) => self.look(&state, look, seen.clone(), approved).await,
                _ => Ok(seen.clone()),
            }
        });
        match appended? {
            Appended::Taken => {
                let report = taken_over(self.root, &self.operation, attempt).await?;
                Ok((Recorded::ended(report), seen))
            }
            Appended::Done(journal) => {
                self.journal = *journal;
                self.report_progress();
                Ok((Recorded::Further(self), seen_ahead?))
            }
        }
    }
}
