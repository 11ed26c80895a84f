//! The list of pending recoveries, one line each.

use std::collections::BTreeMap;

use futures::FutureExt;
use sidecar::api::{RecoveryList, RecoverySummary};
use sidecar::observation::TableObservation;
use sidecar::{
    Code, Disposition, ListedSidecar, Observation, Reason, Sidecar, Timestamp, Verdict, judge,
};

use crate::error::ServiceError;
use crate::observe::{self, Judged};
use crate::pending::{PendingRecovery, pending_and_skipped};
use crate::planning::progress;
use crate::root::Root;
use fenced_lance::CatalogReading;
use sidecar::error_text;

/// Every pending recovery of a root. Issues no mutating request.
///
/// The list is empty only if the catalog was read. Otherwise the catalog's state is in the list.
///
/// # Errors
/// See [`ServiceError`]; [`ServiceError::NoCatalog`] and [`ServiceError::CatalogUnreadable`] if the list would be empty.
pub async fn list(root: &Root, now: Timestamp) -> Result<RecoveryList, ServiceError> {
    let (looked, catalog) = futures::join!(
        pending_and_skipped(root, None),
        readable_catalog(root).boxed()
    );
    let (recoveries, skipped) = looked?;
    if recoveries.is_empty() {
        catalog?;
        return Ok(RecoveryList {
            root: root.id().to_string(),
            recoveries: Vec::new(),
            skipped,
            catalog: None,
        });
    }
    let observable: Vec<(usize, Judged<'_>)> = recoveries
        .iter()
        .enumerate()
        .filter_map(|(place, recovery)| {
            let judged = Judged {
                sidecar: observable(&recovery.listed)?,
                journal: recovery.own_journal(),
            };
            Some((place, judged))
        })
        .collect();
    let to_look_at: Vec<Judged<'_>> = observable.iter().map(|(_, judged)| *judged).collect();
    let looked_at = observe::observe_each(root, &to_look_at, |index, observation| {
        let (place, Judged { sidecar, .. }) = observable.get(index)?;
        let recovery = recoveries.get(*place)?;
        let verdict = judge(sidecar, recovery.listed.standing(), &observation);
        Some((*place, JudgedLine::of(&verdict, &observation)))
    })
    .await?;
    let mut judged: BTreeMap<usize, JudgedLine> = looked_at.into_iter().flatten().collect();
    let summaries = recoveries
        .iter()
        .enumerate()
        .map(|(place, recovery)| summary(recovery, judged.remove(&place), now))
        .collect();
    Ok(RecoveryList {
        root: root.id().to_string(),
        recoveries: summaries,
        skipped,
        catalog: catalog
            .err()
            .map(|error| Reason::new(Code::CatalogUnreadable, error_text(&error))),
    })
}

/// Whether the root has a catalog that can be read: without one, an empty list says nothing.
pub(super) async fn readable_catalog(root: &Root) -> Result<(), ServiceError> {
    match root.room().catalog(None).await {
        Ok(CatalogReading::Present(_)) => Ok(()),
        Ok(CatalogReading::NoCatalog | CatalogReading::NoBranch { .. }) => {
            Err(ServiceError::NoCatalog {
                root: root.id().to_string(),
            })
        }
        Err(source) => Err(ServiceError::CatalogUnreadable {
            root: root.id().to_string(),
            source,
        }),
    }
}

/// The sidecar of a file, unless the file was refused from its listing alone.
fn observable(listed: &ListedSidecar) -> Option<&Sidecar> {
    if listed.refusal.is_some() {
        None
    } else {
        listed.file.content.as_ref().ok()
    }
}

/// The part of a line that comes from the verdict.
struct JudgedLine {
    disposition: Disposition,
    refusal: Option<Reason>,
    tables_moved: usize,
}

impl JudgedLine {
    fn of(verdict: &Verdict, observation: &Observation) -> Self {
        let is_moved = |table: &&TableObservation| {
            let stands = table.head.version().zip(table.pinned.version());
            table.covered_by.is_none() && stands.is_some_and(|(head, pinned)| head > pinned)
        };
        let refusal = verdict
            .blockers
            .first()
            .filter(|_| verdict.disposition == Disposition::Refused);
        Self {
            disposition: verdict.disposition,
            refusal: refusal.cloned(),
            tables_moved: observation.tables.iter().filter(is_moved).count(),
        }
    }
}

fn summary(
    recovery: &PendingRecovery,
    judged: Option<JudgedLine>,
    now: Timestamp,
) -> RecoverySummary {
    let file = &recovery.listed.file;
    let glimpse = &file.glimpse;
    let refused = recovery.listed.refusal.clone().or_else(|| {
        let judged = judged.as_ref()?;
        judged.refusal.clone()
    });
    let state = recovery.journal.as_ref().map(|journal| &journal.state);
    let disposition = match state.and_then(|state| {
        state
            .attempt()
            .map(|attempt| &attempt.plan)
            .or_else(|| state.finished().map(|finished| &finished.plan))
    }) {
        Some(plan) => plan.disposition,
        // Too many sidecars are pending to hold them all; one that is not held waits for those that are.
        None if judged.is_none() && recovery.listed.waiting_for.is_some() => Disposition::Waiting,
        None => judged
            .as_ref()
            .map_or(Disposition::Refused, |judged| judged.disposition),
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
        tables_total: file.table_keys().len(),
        tables_moved: judged.map_or(0, |judged| judged.tables_moved),
        refused,
        progress: progress(recovery.journal.as_ref()),
        table_keys: file
            .table_keys()
            .take(RecoverySummary::TABLE_KEYS_MAX)
            .map(str::to_owned)
            .collect(),
    }
}
