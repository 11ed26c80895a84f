//! Every pending recovery of a root, a line each.

use sidecar::api::{RecoveryList, RecoverySummary};
use sidecar::{Disposition, ListedSidecar, Sidecar, Timestamp, judge};

use super::{ServiceError, planning};
use crate::observe::{self, Judged};
use crate::pending::{PendingRecovery, pending_and_skipped};
use crate::root::Root;

/// Every pending recovery of a root. Issues no mutating request.
///
/// # Errors
/// See [`ServiceError`].
pub async fn list(root: &Root, now: Timestamp) -> Result<RecoveryList, ServiceError> {
    let (recoveries, skipped) = pending_and_skipped(root).await?;
    let observable: Vec<Judged<'_>> = recoveries
        .iter()
        .filter_map(|recovery| {
            Some(Judged {
                sidecar: observable(&recovery.listed)?,
                journal: recovery.own_journal(),
            })
        })
        .collect();
    let mut observations = observe::observe_all(root, &observable).await?.into_iter();
    let summaries = recoveries
        .iter()
        .map(|recovery| {
            let observed = observable_with(&recovery.listed, &mut observations);
            summary(recovery, observed, now)
        })
        .collect();
    Ok(RecoveryList {
        root: root.id().to_string(),
        recoveries: summaries,
        skipped,
    })
}

/// The sidecar of a file, unless it is refused before anything is looked at.
fn observable(listed: &ListedSidecar) -> Option<&Sidecar> {
    if listed.refusal.is_some() {
        None
    } else {
        listed.file.content.as_ref().ok()
    }
}

fn observable_with<'a, O>(
    listed: &'a ListedSidecar,
    observations: &mut impl Iterator<Item = O>,
) -> Option<(&'a Sidecar, O)> {
    observable(listed).and_then(|sidecar| Some((sidecar, observations.next()?)))
}

fn summary(
    recovery: &PendingRecovery,
    observed: Option<(&Sidecar, sidecar::Observation)>,
    now: Timestamp,
) -> RecoverySummary {
    let file = &recovery.listed.file;
    let glimpse = &file.glimpse;
    let verdict = observed.as_ref().map(|(sidecar, observation)| {
        judge(sidecar, recovery.listed.waiting_for.as_deref(), observation)
    });
    let moved = observed.as_ref().map_or(0, |(_, observation)| {
        observation
            .tables
            .iter()
            .filter(|table| table.covered_by.is_none())
            .filter(|table| {
                table
                    .head
                    .version()
                    .zip(table.pinned.version())
                    .is_some_and(|(head, pinned)| head > pinned)
            })
            .count()
    });
    let refused = recovery.listed.refusal.clone().or_else(|| {
        let verdict = verdict
            .as_ref()
            .filter(|verdict| verdict.disposition == Disposition::Refused)?;
        verdict.blockers.first().cloned()
    });
    let state = recovery.journal.as_ref().map(|journal| &journal.state);
    let disposition = match state.and_then(|state| {
        state
            .attempt()
            .map(|attempt| &attempt.plan)
            .or_else(|| state.finished().map(|finished| &finished.plan))
    }) {
        Some(plan) => plan.disposition,
        None => verdict.map_or(Disposition::Refused, |verdict| verdict.disposition),
    };
    RecoverySummary {
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
        tables_total: glimpse.tables.len(),
        tables_moved: moved,
        refused,
        progress: planning::progress(recovery.journal.as_ref()),
        table_keys: glimpse
            .tables
            .iter()
            .take(RecoverySummary::TABLE_KEYS_MAX)
            .map(|pin| pin.table_key.clone())
            .collect(),
    }
}
