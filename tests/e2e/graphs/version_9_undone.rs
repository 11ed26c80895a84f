//! Recoveries of writes of omnigraph 0.9.0, taken back.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use lance::Dataset;
use restore_backend::service::{self, Answer};
use root_objects::clock;
use sidecar::api::PlanReport;
use sidecar::{
    Action, Code, Disposition, OperationId, OutcomeKind, RECOVERY_ACTOR, Step, WriterKind,
};

use fenced_lance::{CatalogReading, TableLocation};

use super::lineage;
use super::version_9_ended::{ENGINE, is_consistent, results};
use crate::support::crash::every_crash_converges;
use crate::support::{Opened, Store};

/// Its three tables carry the write, which its writer confirmed.
const TO_BE_ROLLED_FORWARD: &str = "v9-load-append-three-tables-confirmed";

/// What readers see of a table: the number of its rows, and the rows themselves, read with Lance alone; `None` where files of the dataset
/// are named by the place at which the graph was made, so that Lance alone does not find them.
type Seen = (u64, Option<RecordBatch>);

/// By branch of the graph and table.
type Rows = BTreeMap<(String, String), Seen>;

async fn rows(store: &Store) -> Rows {
    let lance = store.lance().await;
    let branches = lance.catalog_branches().await.unwrap();
    let names = branches.into_iter().map(|branch| Some(branch.name));
    let mut rows = Rows::new();
    for branch in names.chain([None]) {
        let CatalogReading::Present(catalog) = lance.catalog(branch.as_deref()).await.unwrap()
        else {
            panic!("no catalog on {branch:?}")
        };
        for (table_key, pin) in &catalog.pins {
            let folder = store.path().join(&catalog.locations[table_key]);
            let mut dataset = Dataset::open(folder.to_str().unwrap()).await.unwrap();
            if let Some(branch) = &pin.table_branch {
                dataset = dataset.checkout_branch(branch).await.unwrap();
            }
            let dataset = dataset.checkout_version(pin.version).await.unwrap();
            let place =
                TableLocation::on(&catalog.locations[table_key], pin.table_branch.as_deref());
            let count = lance.count_rows(&place, pin.version).await.unwrap();
            let there = match dataset.manifest().base_paths.is_empty() {
                true => Some(dataset.scan().try_into_batch().await.unwrap()),
                false => None,
            };
            let seen = (count, there);
            let of = branch.clone().unwrap_or_else(|| "main".to_owned());
            rows.insert((of, table_key.clone()), seen);
        }
    }
    rows
}

fn assert_same(found: &Rows, expected: &Rows) {
    let tables = |rows: &Rows| rows.keys().cloned().collect::<Vec<_>>();
    assert_eq!(tables(found), tables(expected));
    for (table, (count, rows)) in found {
        let (expected_count, expected_rows) = &expected[table];
        assert_eq!(count, expected_count, "{table:?}");
        if let (Some(rows), Some(expected_rows)) = (rows, expected_rows) {
            assert_eq!(rows, expected_rows, "{table:?}");
        }
    }
}

/// The plan that takes the operation back, or the codes with which that is refused.
async fn undo(opened: &Opened, operation: &OperationId) -> Result<Box<PlanReport>, BTreeSet<Code>> {
    let answer = service::undo(&opened.root, operation, clock::now()).await;
    match answer.unwrap() {
        Answer::Done(plan) => Ok(Box::new(plan)),
        Answer::No(refusal) => Err(refusal.reasons.iter().map(|reason| reason.code).collect()),
    }
}

/// Carries an undo out, which has to return every branch to these rows.
async fn take_back(
    store: &Store,
    opened: &Opened,
    operation: &OperationId,
    to: &Rows,
) -> OperationId {
    let plan = undo(opened, operation).await.unwrap();
    assert!(plan.executable, "{:?}", plan.blockers);
    let (undo, digest) = opened.approve_plan(&plan).await;
    let commits = lineage::commits(store, plan.branch.as_deref()).await.len();
    let report = opened.apply(&undo, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_same(&rows(store).await, to);
    is_consistent(store).await.unwrap();
    let after = lineage::commits(store, plan.branch.as_deref()).await;
    assert_eq!(after.len(), commits + 1, "one graph commit of its own");
    assert!(opened.audit_holds(&undo).await);
    undo
}

/// A recovery whose undo is refused says so before anybody approves it.
#[tokio::test(flavor = "multi_thread")]
async fn every_recovery_of_0_9_is_taken_back_and_brought_back_or_says_beforehand_that_it_is_not() {
    let (mut undone, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for result in results() {
        let graph = result["name"].as_str().unwrap();
        if result["sidecars"]
            .as_array()
            .is_none_or(|files| files.len() != 1)
        {
            continue;
        }
        let store = Store::unpacked(ENGINE, graph);
        let opened = store.open().await;
        let pending = service::list(&opened.root, clock::now()).await.unwrap();
        // One writer died before its file had its name.
        let Some(first) = pending.recoveries.first() else {
            continue;
        };
        let file = &first.file;
        let plan = service::plan(&opened.root, file, clock::now())
            .await
            .unwrap();
        let restores = plan.disposition == Disposition::RollBack;
        if !plan.executable || !(restores || plan.disposition == Disposition::RollForward) {
            continue;
        }
        let before = rows(&store).await;
        let (operation, digest) = opened.approve_plan(&plan).await;
        opened.apply(&operation, digest).await;
        let after = rows(&store).await;
        match undo(&opened, &operation).await {
            Ok(_) => {
                assert!(!restores, "{graph}");
                assert!(!plan.consequence.contains("cannot undo"), "{graph}");
                let undo = take_back(&store, &opened, &operation, &before).await;
                let again = take_back(&store, &opened, &undo, &after).await;
                take_back(&store, &opened, &again, &before).await;
                undone.insert(plan.writer_kind.unwrap());
            }
            Err(codes) => {
                let mut tables = plan.tables.iter();
                let changes_tables = tables.any(|table| table.table.action != Action::None)
                    || plan
                        .steps
                        .iter()
                        .any(|step| matches!(step.step, Step::PromoteSchema { .. }));
                let is_told = plan.consequence.contains("cannot undo");
                assert_eq!(is_told, changes_tables, "{graph}: {}", plan.consequence);
                refused.extend(codes);
            }
        }
    }
    let kinds = [
        WriterKind::EnsureIndices,
        WriterKind::Load,
        WriterKind::Mutation,
        WriterKind::Optimize,
    ];
    let kinds = kinds.map(|kind| kind.name().to_owned());
    assert_eq!(undone, kinds.into_iter().collect());
    assert_eq!(refused, [Code::NothingToUndo, Code::SchemaChanged].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_of_version_9_survives_a_crash_at_every_request() {
    let template = Store::unpacked(ENGINE, TO_BE_ROLLED_FORWARD);
    let operation = template.operation();
    let before = rows(&template).await;
    template.open().await.recover(&operation).await;
    let approve = async |store: &Store| {
        let opened = store.open().await;
        let plan = undo(&opened, &operation).await.unwrap();
        opened.approve_plan(&plan).await
    };
    let stand = async |store: &Store| {
        assert_same(&rows(store).await, &before);
        is_consistent(store).await.unwrap();
        let recoveries = lineage::recoveries(store).await;
        let recoveries = recoveries.into_iter();
        let recoveries: Vec<_> = recoveries.map(|row| (row.kind, row.outcomes)).collect();
        (super::stands(store).await, recoveries, store.sidecars())
    };
    let (outcome, left, requests) = every_crash_converges(&template, approve, stand).await;
    assert_eq!(outcome, OutcomeKind::RolledBack);
    assert_eq!((left.1.len(), left.2), (2, 0));
    assert!(requests > 10, "{requests}");
}

/// A writer commits on a table that the undo has not restored yet. The half that was restored is itself rolled back, on the catalog of
/// version 9.
#[tokio::test(flavor = "multi_thread")]
async fn half_an_undo_of_version_9_is_rolled_back_when_a_writer_came_between() {
    use root_objects::store::Verb;
    use std::sync::Arc;

    use crate::support::gates::{DiesAt, Point};

    let store = Store::unpacked(ENGINE, TO_BE_ROLLED_FORWARD);
    let operation = store.operation();
    store.open().await.recover(&operation).await;
    let recovered = rows(&store).await;
    let opened = store.open().await;
    let plan = undo(&opened, &operation).await.unwrap();
    let tables = plan
        .tables
        .iter()
        .filter(|table| table.table.restore_to.is_some());
    let tables: Vec<_> = tables.map(|table| table.table.clone()).collect();
    assert_eq!(tables.len(), 3);
    let (undo, digest) = opened.approve_plan(&plan).await;
    let folder = tables[1].location.clone().unwrap();
    let gate = Arc::new(DiesAt::at(Point::first(
        Verb::PutCreate,
        format!("{folder}/_versions"),
    )));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &undo, digest, &Default::default())
        .await
        .ok();
    assert_eq!(gate.left(), 0, "the second restore was never sent");

    let mut dataset = Dataset::open(store.path().join(&folder).to_str().unwrap())
        .await
        .unwrap();
    dataset.update_config([("by", "a stranger")]).await.unwrap();
    let opened = store.open().await;
    let report = opened.apply(&undo, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    let half = opened.plan(&undo).await;
    let is_told = half.headline.starts_with("An undo stopped half-way");
    assert!(is_told, "{}", half.headline);
    assert_eq!(
        half.disposition,
        Disposition::RollBack,
        "{:?}",
        half.blockers
    );
    assert!(half.executable, "{:?}", half.blockers);
    let (undo, digest) = opened.approve_plan(&half).await;
    let report = opened.apply(&undo, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    let told = "the operation that was to be undone was not undone";
    assert!(report.detail.contains(told), "{}", report.detail);
    let finished = opened.plan(&undo).await;
    let named =
        format!("The undo of operation {operation}, which had stopped half-way, was rolled back.");
    assert_eq!(finished.headline, named);
    assert_same(&rows(&store).await, &recovered);
    is_consistent(&store).await.unwrap();
    let commits = lineage::history_in_catalog(&store).await;
    let ours = commits
        .iter()
        .filter(|row| row.metadata["actor_id"] == RECOVERY_ACTOR);
    assert!(ours.count() > 0);
}

/// A graph with two confirmed writes to main over different tables, the second planned on the graph commit of the first.
struct TwoWrites {
    store: Store,
    first: OperationId,
    second: OperationId,
}

impl TwoWrites {
    fn unpacked() -> Self {
        let store = Store::unpacked(ENGINE, "v9-two-sidecars-disjoint-tables-confirmed");
        let folder = store.path().join("__recovery");
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let [first, second] = files.as_slice() else {
            panic!("{files:?}")
        };
        let text = |path| std::fs::read_to_string(path).unwrap();
        let read = |path| serde_json::from_str::<serde_json::Value>(&text(path)).unwrap();
        let (of_first, of_second) = (read(first), read(second));
        let head = of_second["protocol_v3"]["authority"]["graph_head"].as_str();
        let commit = of_first["protocol_v3"]["lineage"]["graph_commit_id"].as_str();
        let moved = text(second).replace(head.unwrap(), commit.unwrap());
        std::fs::write(second, moved).unwrap();
        let operation =
            |file: &serde_json::Value| file["operation_id"].as_str().unwrap().parse().unwrap();
        Self {
            store,
            first: operation(&of_first),
            second: operation(&of_second),
        }
    }
}

/// The write of the other file was planned on the graph commit that the first recovery published. After an undo it could only be rolled
/// back.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_waits_for_a_write_that_was_planned_on_the_graph_as_it_is() {
    let TwoWrites {
        store,
        first,
        second,
    } = TwoWrites::unpacked();
    let opened = store.open().await;
    opened.recover(&first).await;
    let other = opened.plan(&second).await;
    assert_eq!(
        other.disposition,
        Disposition::RollForward,
        "{:?}",
        other.blockers
    );
    let blocked = undo(&opened, &first).await.unwrap();
    assert!(!blocked.executable);
    let waits = blocked.blockers.iter();
    let waits: Vec<_> = waits
        .filter(|reason| reason.code == Code::WaitingFor)
        .collect();
    let name = second.file_name();
    assert_eq!(waits[0].about.as_deref(), Some(&*name), "{waits:?}");

    opened.recover(&second).await;
    let free = undo(&opened, &first).await.unwrap();
    assert!(free.executable, "{:?}", free.blockers);
}

/// The other write began while the undo stood half-way, so no undo could wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn half_an_undo_waits_for_a_write_that_was_planned_on_the_graph_as_it_is() {
    use root_objects::store::Verb;
    use std::sync::Arc;

    use crate::support::gates::{DiesAt, Point};

    let TwoWrites {
        store,
        first,
        second,
    } = TwoWrites::unpacked();
    let file = store.path().join("__recovery").join(second.file_name());
    let bytes = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    store.open().await.recover(&first).await;
    let opened = store.open().await;
    let plan = undo(&opened, &first).await.unwrap();
    let mut tables = plan.tables.iter().map(|table| &table.table);
    let table = tables.find(|table| table.restore_to.is_some()).unwrap();
    let folder = table.location.clone().unwrap();
    let (undo, digest) = opened.approve_plan(&plan).await;
    let gate = Arc::new(DiesAt::at(Point::first(
        Verb::PutCreate,
        format!("{folder}/_versions"),
    )));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &undo, digest, &Default::default())
        .await
        .ok();
    assert_eq!(gate.left(), 0, "the restore was never sent");
    let mut dataset = Dataset::open(store.path().join(&folder).to_str().unwrap())
        .await
        .unwrap();
    dataset.update_config([("by", "a stranger")]).await.unwrap();
    let opened = store.open().await;
    let report = opened.apply(&undo, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);

    std::fs::write(&file, bytes).unwrap();
    let half = opened.plan(&undo).await;
    assert_eq!(half.disposition, Disposition::Waiting, "{}", half.headline);
    let waits = &half.blockers[0];
    assert_eq!(waits.about.as_deref(), Some(second.as_str()), "{waits:?}");
    let other = opened.plan(&second).await;
    assert_eq!(
        other.disposition,
        Disposition::RollForward,
        "{:?}",
        other.blockers
    );
    let report = opened.recover(&second).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
    let half = opened.plan(&undo).await;
    assert!(half.executable, "{} {:?}", half.headline, half.blockers);
    let seen = rows(&store).await;
    opened.recover(&undo).await;
    assert_same(&rows(&store).await, &seen);
    is_consistent(&store).await.unwrap();
}
