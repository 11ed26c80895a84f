//! The lines of what is pending, as a list tells them.

use std::collections::BTreeMap;

use sidecar::api::RecoverySummary;
use sidecar::{JudgedLine, Timestamp, judge};

use super::PendingRecovery;
use crate::error::ServiceError;
use crate::observe::{self, Judged};
use crate::root::Root;

/// One line for each of these recoveries, in their order. Each table that they name is looked at once.
pub(crate) async fn summaries(
    root: &Root,
    recoveries: &[PendingRecovery],
    now: Timestamp,
) -> Result<Vec<RecoverySummary>, ServiceError> {
    let observable: Vec<(usize, Judged<'_>)> = recoveries
        .iter()
        .enumerate()
        .filter_map(|(place, recovery)| {
            let judged = Judged::of(recovery.listed.to_judge()?, recovery.own_journal());
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
    let lines = recoveries.iter().enumerate().map(|(place, recovery)| {
        let journal = recovery.journal.as_ref().map(|journal| &journal.state);
        let young = recovery
            .listed
            .file
            .too_young_beside(journal, now, root.min_age().as_secs());
        RecoverySummary {
            may_be_running: young.is_some(),
            ..RecoverySummary::of(
                &recovery.listed,
                journal,
                judged.remove(&place),
                root.id(),
                now,
            )
        }
    });
    Ok(lines.collect())
}
