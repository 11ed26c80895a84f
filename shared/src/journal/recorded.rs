//! What a journal says about commits that name its operation.

use super::{Attempt, JournalState};
use crate::digest::Digest;
use crate::observation::{Observation, TableObservation};
use crate::observation::{Recorded, RecordedRestore, Returned, Transaction};
use crate::plan::{Plan, Purpose, Step};
use crate::root_layout::PROPERTY_RECOVERY_PLAN_DIGEST;

impl JournalState {
    /// The versions this undo restores, if the operation is an undo. Its stand-in sidecar is then not judged as a write.
    #[must_use]
    pub fn undo(&self) -> Option<Vec<Returned>> {
        let is_undo = |plan: &&Plan| matches!(plan.purpose, Purpose::Undo { .. });
        let plans = self.attempts().map(|attempt| &attempt.plan);
        let finished = self.finished().map(|finished| &finished.plan);
        let plan = finished.into_iter().chain(plans).find(is_undo)?;
        let returned = plan.tables.iter().filter_map(|table| {
            Some(Returned {
                table_key: table.table_key.clone(),
                branch: table.branch.clone(),
                target: table.restore_to?,
            })
        });
        Some(returned.collect())
    }

    /// Whether this operation began exactly the Restore that made `version` of a table, under the very plan that it names.
    #[must_use]
    pub fn began_restore(
        &self,
        table: &TableObservation,
        version: u64,
        made_by: &Transaction,
    ) -> bool {
        let Some(digest) = made_by
            .properties
            .get(PROPERTY_RECOVERY_PLAN_DIGEST)
            .and_then(|text| Digest::try_from(text.clone()).ok())
        else {
            return false;
        };
        if made_by.recovery() != Some(self.operation_id().as_str()) {
            return false;
        }
        let is_it = |step: &Step| match step {
            Step::Restore {
                table_key,
                branch,
                version: target,
                lands_at,
                ..
            } => {
                (table_key, branch, *lands_at) == (&table.table_key, &table.branch, version)
                    && made_by.restored_version == Some(*target)
            }
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::FenceCatalog { .. }
            | Step::PrepareSidecar { .. }
            | Step::DropDataset { .. }
            | Step::Publish { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => false,
        };
        let finished = self.finished().is_some_and(|finished| {
            finished.digest == digest && finished.plan.steps.iter().any(is_it)
        });
        finished
            || self
                .attempts()
                .any(|attempt| attempt.bytes.digest() == digest && attempt.has_begun(is_it))
    }

    /// Those of the restores that were found which this operation began.
    pub fn restores_among<'a>(
        &'a self,
        tables: &'a [TableObservation],
    ) -> impl Iterator<Item = RecordedRestore> + 'a {
        tables.iter().flat_map(move |table| {
            let versions = table.transactions.iter().filter_map(move |entry| {
                let made_by = entry.transaction.as_ref()?;
                self.began_restore(table, entry.version, made_by)
                    .then_some(entry.version)
            });
            versions.map(|version| RecordedRestore {
                table_key: table.table_key.clone(),
                branch: table.branch.clone(),
                version,
            })
        })
    }

    /// Attempts that have not finished, the latest first.
    fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempt()
            .into_iter()
            .chain(self.interrupted().iter().rev())
    }
}

impl Observation {
    /// Notes what the journal of the judged operation itself says.
    pub fn note_own(&mut self, own: &JournalState) {
        let restores = own.restores_among(&self.tables).collect();
        self.recorded = Recorded {
            undo: own.undo(),
            restores,
        };
    }

    /// Notes what the journal of another operation says. A commit that names it was found.
    pub fn note_other(&mut self, other: &JournalState) {
        let restores: Vec<RecordedRestore> = other.restores_among(&self.tables).collect();
        self.recorded.restores.extend(restores);
    }
}
