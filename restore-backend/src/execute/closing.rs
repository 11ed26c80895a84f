//! The looks at the root around the effects: right after the claim, and after the last effect.

use futures::{FutureExt, StreamExt};
use sidecar::journal::{Attempt, JournalState};
use sidecar::observation::{Pinned, TableObservation};
use sidecar::step::FIELD_FILES;
use sidecar::{
    Action, ApprovedPlan, Difference, Disposition, Observation, Plan, PlanInput, PlannedTable,
    Purpose, Requirement, Sidecar, Standing, WriterKind, judge_choice, plan,
};

use crate::error::ServiceError;
use crate::lance_room::TableLocation;
use crate::observe::{Judged, Look, ObserveError, look_again, look_closely_for};
use crate::planning::as_recorded::{TABLES_AT_ONCE, changed_in_catalog, difference, unreadable};
use crate::planning::{self, history_blocker};
use crate::root::Root;

/// What moved between the approved plan and now. Looked at after the claim, when writers who honour it have stopped.
///
/// What cannot be read has not moved for that: it is an error, and the attempt stays open.
pub(super) async fn moved_since_approval(
    root: &Root,
    approved: &ApprovedPlan,
    state: &JournalState,
) -> Result<Vec<Difference>, ServiceError> {
    if !approved.plan().purpose.is_recovery() {
        return planning::moved_since_approval(root, approved.plan()).await;
    }
    let Some(sidecar) = state.attempt().and_then(|attempt| parse(root, attempt)) else {
        return Ok(vec![difference(
            None,
            "sidecar",
            "as approved",
            "unreadable",
        )]);
    };
    let Look {
        observation,
        history,
        uncounted,
        ..
    } = look_closely_for(
        root,
        Judged {
            sidecar: &sidecar,
            journal: Some(state),
        },
        approved.plan().choice,
    )
    .await?
    .complete()?;
    let planned = approved.plan();
    // Who is older was looked at before the claim, and is acknowledged in the plan or was not there.
    let standing = Standing {
        waiting_for: None,
        older_unreadable: planned.requires.contains(&Requirement::OlderUnreadable),
    };
    // What was chosen is what was approved, as long as there still is that choice.
    let verdict = judge_choice(&sidecar, standing, &observation, planned.choice);
    let input = PlanInput {
        root: root.id(),
        operation_id: &planned.operation_id,
        file: &planned.file,
        sidecar_digest: planned.sidecar,
        sidecar: Some(&sidecar),
        observation: Some(&observation),
        verdict: &verdict,
    };
    let now = plan(&input);
    let mut differences = sidecar::differences(approved.plan(), &now);
    if differences.is_empty() {
        let blockers = verdict.blockers.iter().cloned();
        differences.extend(
            blockers
                .chain(history_blocker(&now, history))
                .chain(uncounted)
                .map(planning::blocked),
        );
    }
    Ok(differences)
}

fn parse(root: &Root, attempt: &Attempt) -> Option<Sidecar> {
    Sidecar::parse(
        &attempt.plan.file,
        attempt.sidecar.as_bytes(),
        &root.limits(),
    )
    .ok()
}

/// Whether something can have happened to the tables of a plan that makes what was done to them untrue.
///
/// A dismissal and a release rest on no table, and what wrote to a branch that is gone can write there no more.
fn rests_on_tables(plan: &Plan) -> bool {
    match plan.purpose {
        Purpose::Recover => plan.disposition != Disposition::OrphanedBranch,
        Purpose::Undo { .. } => true,
        Purpose::Dismiss { .. } | Purpose::Release { .. } => false,
    }
}

/// Whether what stands above the visible versions afterwards is nothing to this write.
///
/// One commit for each table is all there is of most writes. A writer whose commits are not counted may have made one more while the
/// others were published: then readers see half of what it meant, and the other half stands above that.
fn is_visible_for_good(plan: &Plan) -> bool {
    let is_counted = plan
        .writer_kind
        .is_some_and(WriterKind::commits_each_table_once);
    match plan.disposition {
        Disposition::RollForward => is_counted,
        Disposition::AlreadyPublished => true,
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::Superseded
        | Disposition::NeverStarted
        | Disposition::RollBack => false,
    }
}

/// What is not as the effects left it.
///
/// Published already, or rolled forward where every commit is counted, the write is visible for good; what others do above it is
/// theirs. Otherwise a table that moves again, or one that was never reached and moves now, is this very writer still at work. What cannot be read has not
/// moved for that: it is an error, and the attempt stays open.
pub(super) async fn moved_since_effects(
    root: &Root,
    attempt: &Attempt,
) -> Result<Vec<Difference>, ServiceError> {
    let Some(sidecar) = parse(root, attempt).filter(|_| rests_on_tables(&attempt.plan)) else {
        return Ok(Vec::new());
    };
    // Neither rests on the other.
    let (look, gone) = futures::join!(
        look_again(root, &sidecar).boxed(),
        gone_files(root, &attempt.plan).boxed()
    );
    let Look {
        observation,
        failed,
        ..
    } = look?;
    let is_visible = is_visible_for_good(&attempt.plan);
    // Where HEADs stand is nothing to a write that is visible.
    let matters = failed
        .into_iter()
        .find(|failed| !is_visible || failed.table_key.is_none());
    if let Some(failed) = matters {
        return Err(ObserveError::from(failed).into());
    }
    let mut differences = Vec::new();
    for planned in &attempt.plan.tables {
        differences.extend(moved_table(&attempt.plan, planned, &observation));
    }
    if differences.is_empty() {
        differences = gone?;
    }
    Ok(differences)
}

/// What is not as the effects left it, of one table.
fn moved_table(plan: &Plan, planned: &PlannedTable, observation: &Observation) -> Vec<Difference> {
    let observed = observation
        .tables
        .iter()
        .find(|table| (&table.table_key, &table.branch) == (&planned.table_key, &planned.branch));
    let (pinned, head) = match observed {
        Some(table) => (table.pinned.version(), table.head.version()),
        None => (
            changed_in_catalog(observation, planned).and_then(|pinned| pinned.version()),
            planned.head_after(),
        ),
    };
    let was_removed = matches!(
        observed,
        Some(TableObservation {
            pinned: Pinned::Tombstoned { .. },
            ..
        })
    );
    let (expected_pin, expected_head) = (planned.pin_after(), planned.head_after());
    let number = |version: Option<u64>| {
        version.map_or_else(|| "none".to_owned(), |version| version.to_string())
    };
    let compare = |field: &str, expected: Option<u64>, found: Option<u64>, holds: bool| {
        let key = Some(planned.table_key.as_str());
        (!holds).then(|| difference(key, field, &number(expected), &number(found)))
    };
    let pin = |holds| compare("manifest_pinned", expected_pin, pinned, holds);
    let lance_head = |expected, holds| compare("lance_head", expected, head, holds);
    let moved = match plan.disposition {
        _ if is_visible_for_good(plan) => {
            // A table that others add again once it is removed is theirs.
            let holds =
                planned.action == Action::Tombstone || was_removed || pinned >= expected_pin;
            [pin(holds), None]
        }
        // Others publish on; what stands above a pin without being published may be this very writer's.
        Disposition::Superseded => [
            pin(was_removed || pinned >= expected_pin),
            lance_head(
                pinned,
                was_removed || head == pinned || head == expected_head,
            ),
        ],
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::AlreadyPublished
        | Disposition::NeverStarted
        | Disposition::RollForward
        | Disposition::RollBack => [
            pin(pinned == expected_pin),
            lance_head(expected_head, head == expected_head),
        ],
    };
    moved.into_iter().flatten().collect()
}

/// Files that a restored version needs and that are gone. They were there when the plan was made and when it was claimed; but a
/// cleanup that had read the tags before ours were set may have removed them since, and a restore needs none of them.
async fn gone_files(root: &Root, plan: &Plan) -> Result<Vec<Difference>, ServiceError> {
    let looks: Vec<_> = plan
        .tables
        .iter()
        .filter(|table| table.restore_to.is_some())
        .filter_map(|table| {
            let place = TableLocation::on(table.location.as_deref()?, table.branch.as_deref());
            let version = table.head_after()?;
            Some(async move {
                let missing = root.room().missing_file(&place, version).await;
                (table, missing)
            })
        })
        .collect();
    let answers: Vec<_> = futures::stream::iter(looks)
        .buffered(TABLES_AT_ONCE)
        .collect()
        .await;
    let mut differences = Vec::new();
    for (table, missing) in answers {
        let key = &table.table_key;
        let missing = missing.map_err(|error| {
            unreadable(
                &format!("the restored version of {key}"),
                &crate::chain::text(&error),
            )
        })?;
        differences.extend(missing.map(|file| {
            difference(
                Some(key),
                FIELD_FILES,
                "every file the restored version needs",
                &format!("{file} is gone"),
            )
        }));
    }
    Ok(differences)
}
