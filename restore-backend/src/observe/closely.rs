//! Looks at one sidecar: with the evidence for a plan, or only where its tables stand.

use std::sync::Arc;

use futures::FutureExt;
use sidecar::observation::KeptHistory;
use sidecar::observation::obstacle::history_not_writable;
use sidecar::version_9::Beside;
use sidecar::{
    Choice, Observation, Reason, Sidecar, error_text, judge, judge_choice, may_be_incomplete,
};

use super::bounds::LOOKS_MAX;
use super::depth::{Depth, ReadPending};
use super::error::ObserveError;
use super::evidence::{
    check_restorability, compare_contents, read_covers, read_pins, read_transactions,
};
use super::failed::{FailedRead, Failures};
use super::judged::Judged;
use super::kept_history::kept_history;
use super::look::Look;
use super::merge;
use super::readings::RootReadings;
use super::recorded::read_recorded;
use super::row_counts::{to_publish, uncounted};
use super::version_9::look_9;
use crate::root::Root;
use fenced_lance::LanceRoot;

/// Looks at everything one sidecar names, with the evidence that the plan of `choice` needs.
///
/// # Errors
/// [`ObserveError`]. A failed read of one table is part of the look, not an error.
pub(crate) async fn look_closely(
    root: &Root,
    judged: Judged<'_>,
    choice: Choice,
    read_pending: ReadPending,
) -> Result<Look, ObserveError> {
    look_at(root, judged, Depth::ForAPlan(read_pending), choice).await
}

/// Looks where the catalog and the tables of one sidecar stand, after all effects.
pub(crate) async fn look_again(root: &Root, sidecar: &Sidecar) -> Result<Look, ObserveError> {
    let judged = Judged::of(sidecar, None);
    look_at(root, judged, Depth::WhereTablesStand, Choice::Verdict).await
}

async fn look_at(
    root: &Root,
    judged: Judged<'_>,
    depth: Depth,
    choice: Choice,
) -> Result<Look, ObserveError> {
    let Judged {
        sidecar, journal, ..
    } = judged;
    for _ in 0..LOOKS_MAX {
        let root = &root.for_one_look();
        let failures = Failures::default();
        let readings = RootReadings::read(root, &[sidecar]).boxed().await;
        let mut observation = readings.observation(root, sidecar, &failures).boxed().await;
        let (kept, history_blocked) = kept_history(root, judged, &observation.catalog)
            .boxed()
            .await?;
        observation.kept_history = kept;
        read_transactions(
            root.lance(),
            sidecar,
            &mut observation,
            &failures,
            |_, _| true,
        )
        .boxed()
        .await;
        read_covers(root, sidecar, &mut observation, &failures)
            .boxed()
            .await;
        if let Some(journal) = journal {
            observation.note_own(journal);
        }
        if depth.is_for_a_plan() {
            read_recorded(root, sidecar, &mut observation, &failures)
                .boxed()
                .await;
        }
        read_pins(root.lance(), &mut observation, &failures)
            .boxed()
            .await;
        if depth.is_for_a_plan() {
            read_version_9(root, sidecar, &mut observation, &failures)
                .boxed()
                .await;
        }
        let mut disposition = judge(sidecar, None, &observation).disposition;
        let asks_the_merge = may_be_incomplete(sidecar, disposition) && depth.is_for_a_plan();
        if asks_the_merge
            && let Depth::ForAPlan(read_pending) = depth
            && let Some(catalog) = readings.catalog(sidecar)
        {
            let merge = merge::observe_merge(root, sidecar, catalog, kept, read_pending, &failures);
            observation.merge = Some(merge.boxed().await);
            disposition = judge_choice(sidecar, None, &observation, choice).disposition;
        }
        let is_back = disposition.takes_it_back() && depth.is_for_a_plan();
        let writes_history =
            kept != KeptHistory::Nowhere && disposition.has_effect() && depth.is_for_a_plan();
        // Main, if the sidecar's branch is gone.
        let branch = readings
            .catalog(sidecar)
            .and_then(|catalog| catalog.branch.clone());
        let sidecars = [sidecar];
        // The versions whose contents were compared do not change.
        let holds = readings
            .still_holds(root.lance(), &sidecars, asks_the_merge)
            .boxed();
        let contents = async {
            if is_back {
                compare_contents(root.lance(), &mut observation, &failures).await;
            }
            if is_back && sidecar.version_9.is_some() {
                check_restorability(root.lance(), &mut observation, &failures).await;
            }
        }
        .boxed();
        let is_orphaned = disposition.lost_its_branch() && depth.is_for_a_plan();
        let history = async {
            if writes_history {
                history_obstacle(root.lance(), sidecar, branch.as_deref(), kept, &failures).await
            } else {
                // Only a write to a branch that is gone needs this: for a branch that is there, the look reads its catalog
                // itself.
                history_blocked.filter(|_| is_orphaned)
            }
        }
        .boxed();
        let (holds, (), history) = futures::join!(holds, contents, history);
        if holds {
            observation.unread = failures.all_unread();
            let verdict = judge_choice(sidecar, None, &observation, choice);
            let versions = if verdict.disposition.has_effect() && depth.is_for_a_plan() {
                to_publish(&verdict, &observation)
            } else {
                Vec::new()
            };
            let uncounted = uncounted(root.lance(), versions, &failures).boxed().await;
            return Ok(Look {
                observation,
                history,
                uncounted,
                failed: failures.into_list(),
            });
        }
    }
    Err(ObserveError::CatalogBusy)
}

/// Reads the evidence that version 9 asks for besides.
pub(super) async fn read_version_9(
    root: &Root,
    sidecar: &Sidecar,
    observation: &mut Observation,
    failures: &Failures,
) {
    let Some(version_9) = &sidecar.version_9 else {
        return;
    };
    // The sidecar's standing says which other files matter.
    let found = look_9(root, version_9, Beside::default()).boxed().await;
    if let Err(reason) = &found
        && reason.is_unreadable()
    {
        failures.push(FailedRead {
            what: "the evidence of version 9".to_owned(),
            table_key: None,
            reason: reason.detail.clone(),
            is_unread: true,
        });
    }
    observation.version_9 = Some(Arc::new(found));
}

/// Looked at before any effect: after the publish it would be too late.
async fn history_obstacle(
    lance: &LanceRoot,
    sidecar: &Sidecar,
    branch: Option<&str>,
    kept: KeptHistory,
    failures: &Failures,
) -> Option<Reason> {
    let merged_parent = sidecar.merge_source_commit_id.as_deref();
    let in_catalog = kept == KeptHistory::InCatalog;
    let obstacle = lance.graph_history_obstacle(branch, merged_parent, in_catalog);
    let why = match obstacle.await {
        Ok(obstacle) => obstacle?,
        Err(error) => {
            failures.of_root("the history of the graph", &error);
            error_text(&error)
        }
    };
    Some(history_not_writable(&why))
}
