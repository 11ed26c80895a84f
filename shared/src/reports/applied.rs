//! The answer to `apply`, put together from what the journal knows.

use crate::api::RefusalReport;
use crate::apply_report::{ApplyReport, EffectOn, TableOutcome};
use crate::difference::{Difference, DifferenceField};
use crate::digest::Digest;
use crate::elsewhere::begun_elsewhere;
use crate::explanation;
use crate::ids::{OperationId, RootId};
use crate::journal::{Attempt, Finished};
use crate::outcome::{Effect, OutcomeKind, SidecarFate};

impl ApplyReport {
    /// Nothing was done.
    #[must_use]
    pub fn refused(operation: &OperationId, digest: Digest, refusal: RefusalReport) -> Self {
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
            sidecar: SidecarFate::Kept,
            differences: refusal.differences,
            detail: refusal.detail,
        }
    }

    /// Nothing was done, because the sidecar of an approved plan is gone or another, or stands for an operation again.
    #[must_use]
    pub fn sidecar_gone(operation: &OperationId, digest: Digest) -> Self {
        let detail = "the sidecar is gone, has other bytes, or is no longer stuck: somebody else resolved the operation, changed the file, or mended what was wrong; nothing was done: look at what is pending now";
        let differences = vec![Difference::new(
            None,
            DifferenceField::Sidecar,
            "as approved",
            "gone or changed",
        )];
        let refusal = RefusalReport::conflict(operation, detail).with_differences(differences);
        Self::refused(operation, digest, refusal)
    }

    /// Everything was done.
    #[must_use]
    pub fn finished(operation: &OperationId, finished: &Finished, sidecar: SidecarFate) -> Self {
        let mut report = Self {
            operation_id: operation.clone(),
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
            differences: Vec::new(),
            detail: String::new(),
        };
        report.detail = explanation::finished_sentence(&finished.plan).to_owned();
        report
    }

    /// The root does not show the effects that were recorded as done.
    #[must_use]
    pub fn untrue(
        operation: &OperationId,
        finished: &Finished,
        detail: String,
        differences: Vec<Difference>,
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
            sidecar: SidecarFate::Kept,
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
            sidecar: SidecarFate::Kept,
            differences,
            detail,
        }
    }

    /// Another executor wrote the record that was to be written next. Nobody here knows what it did since.
    #[must_use]
    pub fn taken_over(operation: &OperationId, attempt: &Attempt) -> Self {
        let detail = "another executor took over this operation; look how far it came, and apply again if it stopped";
        let every_step: Vec<usize> = (0..attempt.plan.steps.len()).collect();
        Self::unfinished(
            operation,
            attempt,
            OutcomeKind::Unknown,
            detail.to_owned(),
            Vec::new(),
            &every_step,
        )
    }

    /// The attempt was begun at another root than `here`, of which this one is a copy.
    ///
    /// This root carries out none of its steps and ends nobody's attempt: a person has to say that it is over.
    #[must_use]
    pub fn begun_elsewhere(operation: &OperationId, attempt: &Attempt, here: &RootId) -> Self {
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
        )
    }
}
