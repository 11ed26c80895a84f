//! The answer to `apply`, put together from what the journal knows.

use crate::api::RefusalReport;
use crate::apply_report::{ApplyReport, EffectOn, TableOutcome};
use crate::attempt_report::{FollowedBy, is_undone};
use crate::difference::{Difference, DifferenceField};
use crate::digest::Digest;
use crate::elsewhere::begun_elsewhere;
use crate::explanation;
use crate::follow_up::half_undo_of;
use crate::ids::{OperationId, RootId};
use crate::journal::{Attempt, Finished, JournalState};
use crate::outcome::{Effect, OutcomeKind, SidecarFate};

impl ApplyReport {
    /// Nothing was done.
    #[must_use]
    pub fn refused(
        operation: &OperationId,
        digest: Digest,
        refusal: RefusalReport,
        sidecar: SidecarFate,
    ) -> Self {
        let unchanged = EffectOn {
            effect: Effect::Unchanged,
        };
        Self {
            operation_id: operation.clone(),
            digest,
            outcome: refusal.outcome,
            extent: None,
            tables: Vec::new(),
            catalog: unchanged,
            audit: unchanged,
            sidecar,
            undone_by: Vec::new(),
            differences: refusal.differences,
            detail: refusal.detail,
        }
    }

    /// Nothing was done, because the sidecar of an approved plan is gone or another, as `sidecar` says.
    #[must_use]
    pub fn sidecar_gone(operation: &OperationId, digest: Digest, sidecar: SidecarFate) -> Self {
        let (detail, found) = match sidecar {
            SidecarFate::Gone | SidecarFate::Retired => (
                "the sidecar is gone: somebody else resolved the operation; nothing was done",
                "gone",
            ),
            SidecarFate::Replaced => (
                "the sidecar is not there, and a file with other bytes bears its name: somebody changed it; nothing was done",
                "changed",
            ),
            SidecarFate::Kept | SidecarFate::NoFile | SidecarFate::Unknown => (
                "the sidecar is gone, has other bytes, or is no longer stuck: somebody else resolved the operation, changed the file, or mended what was wrong; nothing was done: look at what is pending now",
                "gone or changed",
            ),
        };
        let differences = vec![Difference::new(
            None,
            DifferenceField::Sidecar,
            "as approved",
            found,
        )];
        let refusal = RefusalReport::conflict(operation, detail).with_differences(differences);
        Self::refused(operation, digest, refusal, sidecar)
    }

    /// Everything was done. `state` is the journal of the operation.
    #[must_use]
    pub fn finished(state: &JournalState, finished: &Finished, sidecar: SidecarFate) -> Self {
        let half_undo_of = half_undo_of(state);
        Self {
            operation_id: state.operation_id().clone(),
            digest: finished.digest,
            outcome: finished.outcome,
            extent: finished.plan.extent(),
            tables: finished.tables.clone(),
            catalog: EffectOn {
                effect: finished.catalog,
            },
            audit: EffectOn {
                effect: Effect::Changed,
            },
            sidecar,
            undone_by: Vec::new(),
            differences: Vec::new(),
            detail: explanation::finished_sentence(&finished.plan, half_undo_of).to_owned(),
        }
    }

    /// The answer `self` about an operation that was finished before this call, with when it was finished, who approved it, and
    /// what took it back since. Where it is undone, nothing is left of it that could be reported as done.
    #[must_use]
    pub fn told_again(self, state: &JournalState, undone_by: Vec<FollowedBy>) -> Self {
        let Some(finished) = state.finished().filter(|_| self.outcome.is_success()) else {
            return self;
        };
        let finished_at = finished.recorded_at;
        if is_undone(&undone_by) {
            let operation = &self.operation_id;
            let detail =
                explanation::over_and_undone(operation, finished.outcome, finished_at, &undone_by);
            let refusal = RefusalReport::refused(operation, detail);
            return Self {
                undone_by,
                ..Self::refused(operation, self.digest, refusal, self.sidecar)
            };
        }
        let begun_at = state.ended().map_or(finished_at, |ended| ended.begun_at);
        let approvals = state.approvals_of(finished.digest);
        let told = explanation::finished_before(&approvals, begun_at, finished_at, &undone_by);
        Self {
            detail: format!("{} {told}", self.detail),
            undone_by,
            ..self
        }
    }

    /// The root does not show the effects that were recorded as done.
    #[must_use]
    pub fn untrue(
        operation: &OperationId,
        finished: &Finished,
        detail: String,
        differences: Vec<Difference>,
        sidecar: SidecarFate,
    ) -> Self {
        let is_untrue = |key: &str| {
            differences
                .iter()
                .any(|difference| difference.table_key.as_deref() == Some(key))
        };
        let tables = finished.tables.iter().map(|table| TableOutcome {
            effect: if is_untrue(&table.table_key) {
                Effect::Unknown
            } else {
                table.effect
            },
            published_version: table
                .published_version
                .filter(|_| !is_untrue(&table.table_key)),
            ..table.clone()
        });
        let is_elsewhere = differences
            .iter()
            .all(|difference| difference.table_key.is_none());
        Self {
            operation_id: operation.clone(),
            digest: finished.digest,
            outcome: OutcomeKind::Conflict,
            extent: None,
            tables: tables.collect(),
            catalog: EffectOn {
                effect: if is_elsewhere {
                    finished.catalog
                } else {
                    Effect::Unknown
                },
            },
            audit: EffectOn {
                effect: Effect::Unchanged,
            },
            sidecar,
            undone_by: Vec::new(),
            differences,
            detail,
        }
    }

    /// Some steps are done and some not; those in `unclear` may or may not be.
    #[must_use]
    pub fn unfinished(
        operation: &OperationId,
        attempt: &Attempt,
        outcome: OutcomeKind,
        detail: String,
        differences: Vec<Difference>,
        unclear: &[usize],
        sidecar: SidecarFate,
    ) -> Self {
        Self {
            operation_id: operation.clone(),
            digest: attempt.bytes.digest(),
            outcome,
            extent: None,
            tables: attempt.table_outcomes(unclear),
            catalog: EffectOn {
                effect: attempt.catalog_effect(unclear),
            },
            audit: EffectOn {
                effect: Effect::Unchanged,
            },
            sidecar,
            undone_by: Vec::new(),
            differences,
            detail,
        }
    }

    /// Another executor wrote the record that was to be written next. Nobody here knows what it did since.
    #[must_use]
    pub fn taken_over(operation: &OperationId, attempt: &Attempt, sidecar: SidecarFate) -> Self {
        let detail = "another executor took over this operation; look how far it came, and apply again if it stopped";
        let every_step: Vec<usize> = (0..attempt.plan.steps.len()).collect();
        Self::unfinished(
            operation,
            attempt,
            OutcomeKind::Unknown,
            detail.to_owned(),
            Vec::new(),
            &every_step,
            sidecar,
        )
    }

    /// The attempt was begun at another root than `here`, of which this one is a copy.
    ///
    /// This root carries out none of its steps and ends nobody's attempt: a person has to say that it is over.
    #[must_use]
    pub fn begun_elsewhere(
        operation: &OperationId,
        attempt: &Attempt,
        here: &RootId,
        sidecar: SidecarFate,
    ) -> Self {
        let there = &attempt.plan.root;
        let detail = begun_elsewhere(there, here).detail;
        let differences = vec![Difference::new(None, DifferenceField::Root, there, here)];
        Self::unfinished(
            operation,
            attempt,
            OutcomeKind::Refused,
            detail,
            differences,
            &attempt.begun_not_done(),
            sidecar,
        )
    }
}
