//! One line of the list of pending recoveries.

use crate::api::{Progress, RecoverySummary};
use crate::classification::Classification;
use crate::code::Reason;
use crate::ids::RootId;
use crate::journal::JournalState;
use crate::listing::ListedSidecar;
use crate::observation::{Observation, TableObservation};
use crate::timestamp::Timestamp;
use crate::verdict::{Disposition, Verdict};

/// The part of a line that comes from the verdict. It is small, so the observations of many entries need not be held together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedLine {
    disposition: Disposition,
    refusal: Option<Reason>,
    tables_moved: usize,
}

impl JudgedLine {
    /// The part of a line that follows from this verdict.
    #[must_use]
    pub fn of(verdict: &Verdict, observation: &Observation) -> Self {
        // In version 9, transactions tell whose a commit is, and commits of others may stand above a pin.
        let carries_the_write = |index: usize| match observation.version_9 {
            Some(_) => {
                let table = verdict.tables.get(index);
                let class = table.and_then(|table| table.classification);
                !matches!(class, None | Some(Classification::NoMovement))
            }
            None => true,
        };
        let is_moved = |(index, table): &(usize, &TableObservation)| {
            let stands = table.head.version().zip(table.pinned.version());
            table.covered_by.is_none()
                && stands.is_some_and(|(head, pinned)| head > pinned)
                && carries_the_write(*index)
        };
        let refusal = verdict
            .blockers
            .first()
            .filter(|_| verdict.disposition == Disposition::Refused);
        Self {
            disposition: verdict.disposition,
            refusal: refusal.cloned(),
            tables_moved: observation
                .tables
                .iter()
                .enumerate()
                .filter(is_moved)
                .count(),
        }
    }
}

impl RecoverySummary {
    /// The line of one pending entry of the root `here`. `journal` is the journal that tells about it, and `judged` is `None` if it was not judged.
    #[must_use]
    pub fn of(
        listed: &ListedSidecar,
        journal: Option<&JournalState>,
        judged: Option<JudgedLine>,
        here: &RootId,
        now: Timestamp,
    ) -> Self {
        let file = &listed.file;
        let glimpse = &file.glimpse;
        let disposition = match (journal.and_then(JournalState::begun), &judged) {
            (Some(plan), _) => plan.disposition,
            (None, Some(judged)) => judged.disposition,
            // Too many sidecars are pending to hold them all; one that is not held waits for those that are.
            (None, None) if listed.waiting_for.is_some() => Disposition::Waiting,
            (None, None) => Disposition::Refused,
        };
        let (refused_by_verdict, tables_moved) =
            judged.map_or((None, 0), |judged| (judged.refusal, judged.tables_moved));
        Self {
            operation_id: file
                .operation_id()
                .map(String::from)
                .or_else(|| glimpse.operation_id.clone()),
            file: file.file.clone(),
            schema_version: glimpse.schema_version,
            writer_kind: glimpse.writer_kind.clone(),
            branch: glimpse.branch.clone(),
            actor_id: glimpse.actor_id.clone(),
            started_at: glimpse.started_at.clone(),
            age_seconds: file.age_seconds(now),
            disposition,
            tables_total: file.table_keys().len(),
            tables_moved,
            refused: listed.refusal.clone().or(refused_by_verdict),
            progress: Progress::of(journal, here),
            may_be_running: false,
            table_keys: file
                .table_keys()
                .take(Self::TABLE_KEYS_MAX)
                .map(str::to_owned)
                .collect(),
        }
    }
}
