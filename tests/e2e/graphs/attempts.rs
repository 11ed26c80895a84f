//! What two attempts at one operation add to the history of a graph: each its own rows, whatever the other left.

use std::sync::Arc;

use restore_backend::execute::ProgressSink;
use root_objects::store::Verb;
use sidecar::Action;

use super::*;
use crate::support::gates::Before;

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_an_attempt_that_was_interrupted_are_not_those_of_the_next() {
    let store = Arc::new(Store::unpacked("omnigraph-0.7.0", "back-mid-phase"));
    let operation = store.operation();
    let before = lineage::commits(&store, None).await;
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::RollBack);
    let moved = plan
        .tables
        .iter()
        .find(|table| table.table.action == Action::RestoreAndPublish)
        .unwrap();
    let place = TableLocation::main(moved.table.location.clone().unwrap());
    let digest = opened.approve(&operation).await;
    // Its writer was not dead: once the rows are written it commits again.
    let gate = {
        let (store, place) = (store.clone(), place.clone());
        Before::new(
            Verb::PutCreate,
            "_graph_commit_recoveries.lance/_versions",
            move || {
                let (store, place) = (store.clone(), place.clone());
                async move {
                    let lance = store.lance().await;
                    lance.set_config(&place, "somebody", "else").await.unwrap();
                }
            },
        )
    };
    let disturbed = store.open_behind(gate.clone()).await;
    let report = service::apply(
        &disturbed.root,
        &operation,
        digest,
        &ProgressSink::default(),
    )
    .await
    .unwrap();
    assert!(gate.is_reached());
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    let first = lineage::recoveries(&store).await;
    assert_eq!(
        first.len(),
        1,
        "what the first attempt did is in the history"
    );

    let plan = opened.plan(&operation).await;
    let (_, digest) = opened.approve_plan(&plan).await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);

    let commits = lineage::commits(&store, None).await;
    let added: Vec<_> = commits
        .iter()
        .filter(|commit| !before.contains(commit))
        .collect();
    assert_eq!(added.len(), 2, "{added:?}");
    let [one, two] = if added[0].manifest_version < added[1].manifest_version {
        [added[0], added[1]]
    } else {
        [added[1], added[0]]
    };
    assert_eq!(two.parent.as_deref(), Some(one.id.as_str()));
    let actors = lineage::actors(&store, None).await;
    let recoveries = lineage::recoveries(&store).await;
    assert_eq!(recoveries.len(), 2);
    for commit in [one, two] {
        assert!(actors.contains(&(commit.id.clone(), RECOVERY_ACTOR.to_owned())));
        assert_eq!(
            recoveries
                .iter()
                .filter(|row| row.commit == commit.id)
                .count(),
            1
        );
    }
    let of = |id: &str| recoveries.iter().find(|row| row.commit == id).unwrap();
    assert_eq!(of(&one.id), &first[0]);
    let (left, found) = (&of(&one.id).outcomes, &of(&two.id).outcomes);
    assert_ne!(left, found, "each tells what it did");
    let table = report
        .tables
        .iter()
        .find(|table| table.table_key == moved.table.table_key)
        .unwrap();
    let told = found
        .as_array()
        .unwrap()
        .iter()
        .find(|outcome| outcome["table_key"] == table.table_key.as_str())
        .unwrap();
    assert_eq!(told["from_version"].as_u64(), table.from_version);
    assert_eq!(told["to_version"].as_u64(), table.to_version);
}
