//! The list of pending recoveries, one line each.

use std::collections::BTreeMap;

use futures::FutureExt;
use sidecar::api::{RecoveryList, RecoverySummary};
use sidecar::{Code, JudgedLine, Reason, Timestamp, judge};

use super::root_to_blame::{looked, readable_catalog};
use crate::error::ServiceError;
use crate::observe::{self, Judged};
use crate::pending::pending_and_skipped;
use crate::root::Root;
use sidecar::error_text;

/// Every pending recovery of a root. Issues no mutating request.
///
/// The list is empty only if the catalog was read. Otherwise the catalog's state is in the list.
///
/// # Errors
/// See [`ServiceError`]; [`ServiceError::NoCatalog`] and [`ServiceError::CatalogUnreadable`] if the list would be empty.
pub async fn list(root: &Root, now: Timestamp) -> Result<RecoveryList, ServiceError> {
    looked(root, listed(root, now).boxed()).await
}

async fn listed(root: &Root, now: Timestamp) -> Result<RecoveryList, ServiceError> {
    let (looked, catalog) = futures::join!(
        pending_and_skipped(root, None),
        readable_catalog(root).boxed()
    );
    let (recoveries, skipped) = looked?;
    if recoveries.is_empty() {
        catalog?;
        return Ok(RecoveryList {
            root: root.address().to_string(),
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
                sidecar: recovery.listed.to_judge()?,
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
        .map(|(place, recovery)| {
            let journal = recovery.journal.as_ref().map(|journal| &journal.state);
            RecoverySummary::of(
                &recovery.listed,
                journal,
                judged.remove(&place),
                root.id(),
                now,
            )
        })
        .collect();
    Ok(RecoveryList {
        root: root.address().to_string(),
        recoveries: summaries,
        skipped,
        catalog: catalog
            .err()
            .map(|error| Reason::new(Code::CatalogUnreadable, error_text(&error))),
    })
}
