//! A merge of a released engine that was taken for dead and is not: it pins the tables it rewrites, commits to each as often as it
//! needs, and looks for no claim.

use std::collections::BTreeSet;
use std::sync::Arc;

use restore_backend::execute::ProgressSink;
use restore_backend::service;
use root_objects::clock;
use sidecar::{OperationId, OutcomeKind};

use crate::support::gates::{Before, DiesAt, InTurn, Point};
use crate::support::{Store, place, rows};

const TABLES: [&str; 2] = ["node:Author", "node:Book"];
const OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5V2";
/// How often it tries again to commit.
const TRIES_MAX: usize = 8;
/// How often it is planned anew before it has to have come to an end.
const PLANS_MAX: usize = 4;
/// Every mutating request of a roll forward of two tables, and some that are never sent.
const REQUESTS: std::ops::Range<u64> = 1..26;

/// The rows of the merge's commits, one after the other on the tables by turns.
fn written(nth: u64) -> (&'static str, std::ops::Range<u64>) {
    let table = TABLES[usize::try_from(nth).unwrap() % TABLES.len()];
    (table, 100 * (nth + 1)..100 * (nth + 1) + 2)
}

async fn commit(store: &Store, nth: u64) {
    let (table, numbers) = written(nth);
    let lance = store.lance().await;
    // Others may commit at the same moment.
    let mut tries = 0;
    while let Err(raced) = lance
        .append_rows(&place(table), &rows(numbers.clone()))
        .await
    {
        tries += 1;
        assert!(tries < TRIES_MAX, "{raced:?}");
    }
}

/// A store with the sidecar of a merge that made so many commits.
async fn merging(commits: u64) -> Store {
    let store = Store::with_tables(&TABLES).await;
    let pin = |table: &str| {
        serde_json::json!({
            "table_key": table,
            "table_path": store.path().join(place(table).path),
            "expected_version": 1,
            "post_commit_pin": 2,
        })
    };
    let sidecar = serde_json::json!({
        "schema_version": 1,
        "operation_id": OPERATION,
        "started_at": (clock::now().micros() - 7_200_000_000).to_string(),
        "branch": null,
        "actor_id": "ada",
        "writer_kind": "BranchMerge",
        "tables": TABLES.map(pin),
        "merge_source_commit_id": "01M8125ENACWR9X1EZNRMDV5V1",
    });
    let folder = store.path().join("__recovery");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{OPERATION}.json"));
    std::fs::write(file, sidecar.to_string()).unwrap();
    for nth in 0..commits {
        commit(&store, nth).await;
    }
    store
}

/// Whether readers see all of the merge's first commits.
async fn is_visible(store: &Store, commits: u64) -> bool {
    let visible = store.visible_rows().await;
    (0..commits).all(|nth| {
        let (table, numbers) = written(nth);
        let seen: BTreeSet<u64> = visible[table].iter().copied().collect();
        numbers.clone().all(|number| seen.contains(&number))
    })
}

/// Whatever a merge does that lives on, it is never said to be rolled forward while something of it that came first stands above what
/// was published; and it comes to an end.
#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_goes_on_is_not_recorded_as_rolled_forward() {
    let operation: OperationId = OPERATION.parse().unwrap();
    let (mut conflicts, mut reached) = (0, 0);
    for (at, dies) in REQUESTS.flat_map(|at| [(at, false), (at, true)]) {
        let store = Arc::new(merging(3).await);
        let opened = store.open().await;
        let (_, mut digest) = opened.approve_plan(&opened.plan(&operation).await).await;
        let merge = store.clone();
        let gate = Before::at(Point::mutation(at), move || {
            let merge = merge.clone();
            async move { commit(&merge, 3).await }
        });
        let opened = if dies {
            let death = Arc::new(DiesAt::before(at));
            store
                .open_behind(Arc::new(InTurn(vec![gate.clone(), death])))
                .await
        } else {
            store.open_behind(gate.clone()).await
        };
        let mut report =
            service::apply(&opened.root, &operation, digest, &ProgressSink::default()).await;
        if !gate.is_reached() {
            assert_eq!(report.unwrap().outcome, OutcomeKind::RolledForward);
            continue;
        }
        reached += 1;
        for plans in 1.. {
            assert!(plans <= PLANS_MAX, "it comes to no end, merged at {at}");
            match report.as_ref().map(|report| report.outcome) {
                Ok(OutcomeKind::RolledForward) => {
                    // Commits after the last look are the merge's own doing.
                    let is_late = store.drift().await.len() == 1 && is_visible(&store, 3).await;
                    assert!(
                        is_visible(&store, 4).await || (is_late && at >= last_look(&opened.log)),
                        "rolled forward below a commit that came at {at}, dead: {dies}"
                    );
                    break;
                }
                Ok(OutcomeKind::RolledBack) => break,
                Ok(OutcomeKind::Conflict) => {
                    conflicts += 1;
                    let opened = store.open().await;
                    digest = opened.approve_plan(&opened.plan(&operation).await).await.1;
                }
                _ => {}
            }
            let opened = store.open().await;
            report =
                service::apply(&opened.root, &operation, digest, &ProgressSink::default()).await;
        }
        assert_eq!(store.sidecars(), 0, "merged at {at}, dead: {dies}");
    }
    assert!(reached > 10 && conflicts > 5, "{reached}, {conflicts}");
}

/// The number of the mutating request that is the first after everything was looked at for the last time: the terminal record.
fn last_look(log: &root_objects::store::RequestLog) -> u64 {
    let requests = log.requests();
    let mutating = requests.iter().filter(|request| request.verb.is_mutation());
    let paths: Vec<&str> = mutating.map(|request| request.path.as_str()).collect();
    // Behind the terminal record the sidecar is deleted, and the operation is noted as closed.
    let deleted = paths
        .iter()
        .position(|path| path.starts_with("__recovery/"))
        .unwrap_or(paths.len());
    deleted as u64
}
