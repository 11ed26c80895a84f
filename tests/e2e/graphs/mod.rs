//! Graphs that a released engine left behind when it was made to fail, recovered to exactly what that engine makes visible.

/// Has tests of its own (`history_in_catalog`), and no expectation.
const OTHER_ARCHIVE_OF_0_8: &str = "forward-mutation";

/// One test for each archive of an engine. The modules below use it.
macro_rules! graphs {
    ($engine:literal: $($test:ident: $archive:literal,)*) => {
        const ENGINE: &str = $engine;
        const ARCHIVES: &[&str] = &[$($archive),*];
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::ends_as_the_engine_ends_it(ENGINE, $archive).await;
            }
        )*

        #[test]
        fn every_archive_has_its_expectation_and_its_test() {
            super::are_all_tested(ENGINE, ARCHIVES);
        }
    };
}

mod attempts;
mod branch_back;
mod branches;
mod crash;
mod engine_0_7;
mod engine_0_7_2;
mod engine_0_8;
mod expected;
mod history_in_catalog;
mod lineage;
mod made_datasets;
mod merges;
mod staged;
mod stamps_8_and_9;
mod suffixed_branches;
mod version_9;
mod version_9_crashed;
mod version_9_ended;
mod version_9_requests;
mod version_9_undone;

use std::collections::BTreeMap;

use fenced_lance::{CatalogReading, Head, TableLocation};
use restore_backend::service;
use root_objects::clock;
use sidecar::{
    ApplyReport, Code, Digest, Disposition, OperationId, OutcomeKind, RECOVERY_ACTOR, SidecarFate,
};

use crate::support::{Opened, Store, fixtures};

use expected::{Expected, Tables};

/// Archives from before the engine's own records were kept with them: only rows of main are known.
const ROWS_ONLY: [&str; 7] = [
    "back-mid-phase",
    "back-mid-phase-delete",
    "forward-branch-load",
    "forward-mutation",
    "optimize",
    "schema-staged",
    "stale-after-success",
];

fn are_all_tested(engine: &str, tested: &[&str]) {
    let folder = std::fs::read_dir(fixtures().join(engine)).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut archives: Vec<String> = names
        .filter_map(|name| name.strip_suffix(".tar.gz").map(str::to_owned))
        .collect();
    archives.retain(|name| !(engine == "omnigraph-0.8.0" && name == OTHER_ARCHIVE_OF_0_8));
    archives.sort();
    let expected: Vec<String> = expected::all(engine).into_keys().collect();
    let mut tested: Vec<&str> = tested.to_vec();
    tested.sort_unstable();
    assert_eq!(archives, expected);
    assert_eq!(archives, tested);
}

/// Everything that any branch of the graph shows, and the HEADs below it.
async fn stands(store: &Store) -> Tables {
    let lance = store.lance().await;
    let branches = lance.catalog_branches().await.unwrap();
    let names = branches.into_iter().map(|branch| Some(branch.name));
    let names = names.filter(|name| name.as_deref() != Some("__schema_apply_lock__"));
    let mut stands = Tables::new();
    for branch in names.chain([None]) {
        let CatalogReading::Present(catalog) = lance.catalog(branch.as_deref()).await.unwrap()
        else {
            panic!("no catalog on {branch:?}")
        };
        let mut tables = BTreeMap::new();
        for (table_key, pin) in &catalog.pins {
            let place =
                TableLocation::on(&catalog.locations[table_key], pin.table_branch.as_deref());
            let Head::At { version: head } = lance.head(&place).await.unwrap() else {
                panic!("{table_key} has no HEAD")
            };
            let rows = lance.count_rows(&place, pin.version).await.ok();
            let table = (pin.version, pin.table_branch.clone(), head, rows);
            tables.insert(table_key.clone(), table);
        }
        stands.insert(branch.unwrap_or_else(|| "main".to_owned()), tables);
    }
    stands
}

/// The schema's files, staged ones included, as `sha256:…` of their bytes.
fn schema_files(store: &Store) -> BTreeMap<String, String> {
    use sha2::Digest as _;
    let names = ["_schema.pg", "_schema.ir.json", "__schema_state.json"];
    let staged = names.map(|name| format!("{name}.staging"));
    let all = names.map(str::to_owned).into_iter().chain(staged);
    all.filter_map(|name| {
        let bytes = std::fs::read(store.path().join(&name)).ok()?;
        let hex: String = sha2::Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Some((name, format!("sha256:{hex}")))
    })
    .collect()
}

fn operations(store: &Store) -> Vec<OperationId> {
    let Ok(folder) = std::fs::read_dir(store.path().join("__recovery")) else {
        return Vec::new();
    };
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut operations: Vec<OperationId> = names
        .map(|name| name.strip_suffix(".json").unwrap().parse().unwrap())
        .collect();
    operations.sort();
    operations
}

async fn ends_as_the_engine_ends_it(engine: &str, name: &str) {
    let expected = expected::of(engine, name);
    let store = Store::unpacked(engine, name);
    let knows_all = engine != "omnigraph-0.7.0" || !ROWS_ONLY.contains(&name);
    if knows_all {
        assert_eq!(stands(&store).await, expected.tables_before(), "before");
    } else {
        let before = store.visible_counts().await;
        assert_eq!(before, expected.rows_before(), "before");
    }
    let opened = store.open().await;
    let operations = operations(&store);
    let (files, mut disposition) = (store.files(), "none".to_owned());
    for (index, operation) in operations.iter().enumerate() {
        let found = recover(
            &store,
            &opened,
            operation,
            knows_all.then_some((&expected, index)),
        )
        .await;
        if index == 0 {
            disposition = found.name().to_owned();
        }
    }
    assert_eq!(disposition, expected.disposition());
    if matches!(expected.disposition(), "none" | "abort") {
        assert_eq!(store.files(), files, "not a byte changed");
        return;
    }
    assert_eq!(store.sidecars(), 0);
    if knows_all {
        // The engine promotes the one file that was staged, and can open the graph no more.
        let engine_breaks_it = name == "schema-staging-cut-short";
        let (tables, files) = if engine_breaks_it {
            let mut tables = expected.tables_before();
            for table in tables.get_mut("main").unwrap().values_mut() {
                if table.2 > table.0 {
                    *table = (table.2 + 1, table.1.clone(), table.2 + 1, table.3);
                }
            }
            let mut files = expected.schema_files_before();
            files.retain(|name, _| !name.ends_with(".staging"));
            (tables, files)
        } else {
            (expected.tables_after(), expected.schema_files_after())
        };
        assert_eq!(stands(&store).await, tables, "after");
        assert_eq!(schema_files(&store), files, "the schema's files");
        let left = store.lance().await.catalog_branches().await.unwrap();
        assert!(
            left.iter()
                .all(|branch| branch.name != "__schema_apply_lock__"),
            "a lock blocks every later write"
        );
    } else {
        let after = store.visible_counts().await;
        assert_eq!(after, expected.rows_after(), "after");
        assert_eq!(
            store.drift().await,
            BTreeMap::new(),
            "every pin is its table's HEAD"
        );
    }
}

/// Applying a finished recovery reports its outcome again, and who approved it and when.
fn says_the_same_again(report: &ApplyReport, again: ApplyReport) {
    let detail = &again.detail;
    assert!(
        detail.starts_with(&report.detail) && detail.contains("no table is touched again"),
        "{detail}"
    );
    let again = ApplyReport {
        detail: report.detail.clone(),
        ..again
    };
    assert_eq!(again, *report);
}

/// Recovers one operation, and holds what the graph says of that against what the engine wrote.
async fn recover(
    store: &Store,
    opened: &Opened,
    operation: &OperationId,
    engine: Option<(&Expected, usize)>,
) -> Disposition {
    let plan = opened.plan(operation).await;
    if plan.disposition == Disposition::Abort {
        assert!(!plan.executable);
        assert_eq!(opened.log.mutations(), 0);
        return plan.disposition;
    }
    assert!(plan.executable, "{:?}", plan.blockers);
    let parents = match &plan.branch {
        // On a branch, Lance alone cannot read what still refers to the place the graph was made at.
        Some(_) => Vec::new(),
        None => lineage::commits(store, None).await,
    };
    let report = opened.recover(operation).await;
    assert_eq!(
        Some(report.outcome),
        OutcomeKind::of_finished(plan.disposition),
        "{}",
        report.detail
    );
    assert_eq!(report.sidecar, SidecarFate::Retired);
    assert!(opened.audit_holds(operation).await);

    opened.log.reset();
    let digest = plan.digest.unwrap();
    says_the_same_again(&report, opened.apply(operation, digest).await);
    assert_eq!(opened.log.mutations(), 0, "and changes nothing");
    if let Some((expected, index)) = engine {
        history_tells(store, &plan, operation, &parents, expected, index).await;
    }
    plan.disposition
}

async fn history_tells(
    store: &Store,
    plan: &sidecar::api::PlanReport,
    operation: &OperationId,
    parents: &[lineage::Commit],
    expected: &Expected,
    index: usize,
) {
    let recoveries = lineage::recoveries(store).await;
    let of_this: Vec<_> = recoveries
        .iter()
        .filter(|row| row.operation == operation.as_str())
        .collect();
    let [recovery] = of_this.as_slice() else {
        panic!("not exactly one row for {operation}: {of_this:?}")
    };
    let branch = plan.branch.as_deref();
    let commits = lineage::commits(store, branch).await;
    let commit = commits
        .iter()
        .find(|commit| commit.id == recovery.commit)
        .unwrap();
    let acted: Vec<_> = lineage::actors(store, branch).await;
    let acted = acted
        .iter()
        .filter(|(id, _)| *id == commit.id)
        .map(|(_, actor)| actor.as_str());
    assert_eq!(acted.collect::<Vec<_>>(), [RECOVERY_ACTOR]);

    let catalog = store.lance().await.catalog(branch).await.unwrap();
    let CatalogReading::Present(catalog) = catalog else {
        panic!("no catalog")
    };
    assert_eq!(
        commit.manifest_version, catalog.version,
        "the version it made visible"
    );
    assert_eq!(commit.manifest_branch.as_deref(), branch);
    if branch.is_none() {
        let head = parents
            .iter()
            .max_by_key(|commit| (commit.manifest_version, commit.id.clone()))
            .unwrap();
        assert_eq!(commit.parent.as_ref(), Some(&head.id));
    }
    // Nothing to compare with where the engine could not even open the graph.
    if !expected.engine_opens() {
        return;
    }
    // The engine calls a published schema change rolled back if it only added a table.
    if plan.disposition == Disposition::AlreadyPublished
        && plan
            .tables
            .iter()
            .all(|table| table.table.classification.is_none())
    {
        assert_eq!(recovery.kind, "RolledForward");
        return;
    }
    // The engine claims for a write that was taken back in between that it is in; that is not known.
    if plan.disposition == Disposition::Superseded {
        assert_eq!(
            (
                recovery.kind.as_str(),
                recovery.outcomes.as_array().unwrap().len()
            ),
            ("RolledBack", 0)
        );
        return;
    }
    if expected.disposition() == "roll_back"
        && expected.recovery(index)["recovery_kind"] == "RolledForward"
    {
        assert_eq!(recovery.kind, "RolledBack", "the engine broke this one");
        return;
    }
    let engines = expected.recovery(index);
    assert_eq!(engines["operation_id"], operation.as_str());
    assert_eq!(engines["recovery_kind"], recovery.kind.as_str());
    assert_eq!(engines["per_table_outcomes"], recovery.outcomes);
    assert_eq!(
        engines["recovery_for_actor"].as_str(),
        recovery.for_actor.as_deref()
    );
    assert_eq!(
        engines["sidecar_writer_kind"],
        recovery.writer_kind.as_str()
    );
    let engines = expected.commit(index);
    assert_eq!(
        engines["manifest_branch"].as_str(),
        commit.manifest_branch.as_deref()
    );
    assert_eq!(
        engines["merged_parent"].as_str(),
        commit.merged_parent.as_deref()
    );
    if let Some(parent) = engines["parent"]
        .as_str()
        .filter(|parent| !parent.starts_with("new"))
    {
        assert_eq!(commit.parent.as_deref(), Some(parent));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_that_was_moved_needs_its_old_place_and_never_reads_it() {
    for (name, code) in [
        ("forward-mutation", Code::LocationOutsideRoot),
        ("forward-branch-load", Code::BasePathOutsideRoot),
    ] {
        let store = Store::unpacked("omnigraph-0.7.0", name).without_relocation();
        let opened = store.open().await;
        let plan = opened.plan(&store.operation()).await;
        assert_eq!(plan.disposition, Disposition::Refused, "{name}");
        assert_eq!(plan.blockers[0].code, code, "{name}: {:?}", plan.blockers);
    }
}

/// The folders that tables are in, named as they are on disk.
fn folders_of_tables(store: &Store) -> Vec<String> {
    let mut found: Vec<String> = ["nodes", "edges"]
        .into_iter()
        .flat_map(|kind| {
            let folder = std::fs::read_dir(store.path().join(kind)).unwrap();
            folder.map(move |entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                format!("{kind}/{name}")
            })
        })
        .collect();
    found.sort();
    found
}

/// A person ends the attempt under way.
async fn end(opened: &Opened, operation: &OperationId, digest: Digest) {
    let ending = service::Ending {
        name: "grace".to_owned(),
        reason: "it is to be planned anew".to_owned(),
        writers_stopped: true,
    };
    let answer = service::end(&opened.root, operation, digest, ending, clock::now()).await;
    assert!(matches!(answer.unwrap(), service::Answer::Done(_)));
}
