//! The plan that takes a finished recovery back.

use futures::{FutureExt, StreamExt, TryStreamExt};
use sidecar::follow_up::refusal::{self, BranchVersion};
use sidecar::follow_up::{Undo, UndoFacts, Waits, next_undo_sidecar_id, undo as lay_down_undo};
use sidecar::journal::{Attempt, JournalState};
use sidecar::{Choice, Plan, Reason, TablePin, error_text};

use super::as_recorded::{TABLES_AT_ONCE, unreadable};
use super::follow_up_plan::FollowUpPlan;
use super::in_force::is_released;
use super::pending_plan;
use crate::error::ServiceError;
use crate::observe::{Judged, Look, look_closely, read_restorability, read_row_counts};
use crate::pending::{PendingRecovery, read_pending};
use crate::root::Root;
use fenced_lance::{Catalog, LanceRoot, TableLocation};
use root_objects::journal_store::Journal;

pub(super) async fn plan_undo(
    root: &Root,
    recovery: &JournalState,
    undo: Undo,
    recoveries: &[PendingRecovery],
    claimed: Option<&Plan>,
) -> Result<FollowUpPlan, ServiceError> {
    let undo = announcing_anew(root, undo).await?;
    let judged = Judged::planned_undo(&undo.sidecar);
    let mut look = look_closely(root, judged, Choice::Verdict, read_pending).await?;
    read_restorability(root, &mut look, |table| {
        undo.target_of(&table.table_key, table.branch.as_deref())
    })
    .await;
    // An undo that announces a sidecar publishes nothing, so no rows are counted for it.
    if undo.announced().is_none() {
        read_row_counts(root, &mut look, |table| {
            undo.target_of(&table.table_key, table.branch.as_deref())
        })
        .await;
    }
    let Look {
        observation,
        history,
        uncounted,
        failed,
    } = look;
    let elsewhere = seen_elsewhere(root, recovery, &undo).boxed().await?;
    let is_released = is_released(root, undo.of_operation(), undo.recovery()).await?;
    let files = recoveries.iter();
    let files = files.map(|entry| (entry.operation_id(), &entry.listed.file));
    let waits = Waits::of(&undo, claimed, files);
    let waits_for = waits.first.as_ref().map(|(place, _)| &recoveries[*place]);
    let unread = waits_for.and_then(|entry| pending_plan::not_read(&entry.listed.file));
    let facts = UndoFacts {
        history,
        uncounted,
        elsewhere,
        is_released,
        waits,
    };
    let follow_up = lay_down_undo(root.id(), &undo, &observation).blocked_by(&undo, facts);
    Ok(FollowUpPlan {
        follow_up,
        sidecar: Some(undo.sidecar),
        observation: Some(observation),
        age_seconds: None,
        failed,
        unread,
    })
}

/// Why tables on Lance branches may come back as something else than readers saw before the recovery. Takes the catalog as it was right
/// before the recovery published, and one read for each such table.
async fn seen_elsewhere(
    root: &Root,
    recovery: &JournalState,
    undo: &Undo,
) -> Result<Vec<Reason>, ServiceError> {
    let lance = root.lance();
    if undo.on_other_branches().next().is_none() {
        return Ok(Vec::new());
    }
    let published_at = recovery.ended().and_then(Attempt::published_at);
    let before = match published_at.and_then(|version| version.checked_sub(1)) {
        Some(version) => {
            let read = lance
                .catalog_at(undo.recovery().catalog_branch(), version)
                .await;
            read.map_err(|error| {
                unreadable("the catalog before the recovery", &error_text(&error))
            })?
        }
        None => None,
    };
    let looks: Vec<_> = undo
        .on_other_branches()
        .map(|(pin, target)| seen_elsewhere_of(lance, before.as_ref(), pin, target))
        .collect();
    let found: Vec<Option<Reason>> = futures::stream::iter(looks)
        .buffered(TABLES_AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

async fn seen_elsewhere_of(
    lance: &LanceRoot,
    before: Option<&Catalog>,
    pin: &TablePin,
    target: u64,
) -> Result<Option<Reason>, ServiceError> {
    let key = &pin.table_key;
    let shown = before.and_then(|catalog| catalog.pins.get(key));
    let shown: Option<BranchVersion> = shown.map(|pin| (pin.table_branch.clone(), pin.version));
    let origin = match before.and_then(|catalog| catalog.locations.get(key)) {
        None => None,
        Some(location) => {
            let place = TableLocation::on(location, pin.table_branch().name());
            let origin = lance.branch_origin(&place).await;
            origin.map_err(|error| {
                let what = format!("the origin of the branch of {key}");
                unreadable(&what, &error_text(&error))
            })?
        }
    };
    let origin = origin.and_then(|origin| Some((origin.branch, origin.version?)));
    Ok(refusal::seen_elsewhere(
        pin,
        target,
        shown.as_ref(),
        origin.as_ref(),
    ))
}

/// The undo, with an id for the sidecar it announces whose journal is not finished yet.
async fn announcing_anew(root: &Root, mut undo: Undo) -> Result<Undo, ServiceError> {
    while let Some(announced) = undo.announced() {
        let journal = Journal::load(root.objects(), announced, &root.limits()).await?;
        if journal.state.finished().is_none() {
            break;
        }
        let next = next_undo_sidecar_id(announced);
        undo = undo.announcing(next);
    }
    Ok(undo)
}
