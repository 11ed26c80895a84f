//! Graphs that a released engine left behind when it was made to fail, recovered to exactly what that engine makes visible.

use std::collections::BTreeMap;

use restore_backend::clock;
use restore_backend::service::{self, Answer};
use sidecar::{Code, Disposition, OutcomeKind, SidecarFate};

use crate::support::{Store, approver, fixtures};

/// What `expected.json` says of one graph.
struct Expected {
    disposition: String,
    before: BTreeMap<String, u64>,
    after: BTreeMap<String, u64>,
}

fn expected() -> BTreeMap<String, Expected> {
    let text = std::fs::read_to_string(fixtures().join("omnigraph-0.7.0/expected.json")).unwrap();
    let graphs: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let rows = |value: &serde_json::Value| serde_json::from_value(value["main"].clone()).unwrap();
    graphs
        .into_iter()
        .map(|(name, graph)| {
            let disposition = graph["disposition"].as_str().unwrap().to_owned();
            (
                name,
                Expected {
                    disposition,
                    before: rows(&graph["visible_rows_before"]),
                    after: rows(&graph["visible_rows_after_recovery"]),
                },
            )
        })
        .collect()
}

#[test]
fn every_archive_has_its_expectation_and_every_expectation_its_archive() {
    let folder = std::fs::read_dir(fixtures().join("omnigraph-0.7.0")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let archives: Vec<String> = names
        .filter_map(|name| name.strip_suffix(".tar.gz").map(str::to_owned))
        .collect();
    let expected = expected();
    assert_eq!(archives.len(), expected.len());
    assert!(
        archives.iter().all(|name| expected.contains_key(name)),
        "{archives:?}"
    );
}

async fn recovers(name: &str, outcome: OutcomeKind) {
    let expected = &expected()[name];
    let store = Store::unpacked("omnigraph-0.7.0", name);
    assert_eq!(store.visible_rows().await, expected.before, "before");
    let operation = store.operation();
    let opened = store.open().await;

    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition.name(), expected.disposition);
    assert!(plan.executable, "{:?}", plan.blockers);

    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, outcome, "{}", report.detail);
    assert_eq!(report.sidecar, SidecarFate::Retired);
    assert_eq!(store.sidecars(), 0);
    assert_eq!(store.visible_rows().await, expected.after, "after");
    assert_eq!(
        store.drift().await,
        BTreeMap::new(),
        "every pin is its table's HEAD"
    );
    assert!(opened.audit_holds(&operation).await);

    opened.log.reset();
    let digest = plan.digest.unwrap();
    assert_eq!(
        opened.apply(&operation, digest).await,
        report,
        "applying a finished recovery reports its outcome again"
    );
    assert_eq!(opened.log.mutations(), 0, "and changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_tables_were_all_committed_is_rolled_forward() {
    recovers("forward-mutation", OutcomeKind::RolledForward).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_reached_one_of_two_tables_is_rolled_back() {
    recovers("back-mid-phase", OutcomeKind::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_done_delete_is_rolled_back_though_its_fragment_ids_are_the_same() {
    recovers("back-mid-phase-delete", OutcomeKind::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_left_by_a_finished_write_is_cleaned_up() {
    recovers("stale-after-success", OutcomeKind::CleanedUp).await;
}

/// Shapes this build does not carry out yet: the true verdict, and nothing happens to them.
async fn is_shown_and_left_alone(name: &str) {
    let expected = &expected()[name];
    let store = Store::unpacked("omnigraph-0.7.0", name);
    let operation = store.operation();
    let opened = store.open().await;
    let files = store.files();

    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition.name(), expected.disposition);
    assert!(!plan.executable);
    assert!(
        plan.blockers
            .iter()
            .all(|reason| reason.code == Code::NotYetSupported),
        "{:?}",
        plan.blockers
    );
    assert!(!plan.blockers.is_empty());

    let answer = service::approve(
        &opened.root,
        &operation,
        plan.digest.unwrap(),
        approver(),
        clock::now(),
    )
    .await
    .unwrap();
    assert!(matches!(answer, Answer::No(_)), "{answer:?}");
    let report = opened.apply(&operation, plan.digest.unwrap()).await;
    assert_eq!(report.outcome, OutcomeKind::Refused);
    assert_eq!(opened.log.mutations(), 0);
    assert_eq!(store.files(), files, "not a byte changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_on_a_branch_is_shown_and_left_alone() {
    is_shown_and_left_alone("forward-branch-load").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_is_shown_and_left_alone() {
    is_shown_and_left_alone("optimize").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_change_is_shown_and_left_alone() {
    is_shown_and_left_alone("schema-staged").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sidecars_of_later_engines_are_listed_as_refused_with_what_they_say() {
    for (engine, version) in [("omnigraph-0.8.0", 2), ("omnigraph-0.9.0", 9)] {
        let store = Store::unpacked(engine, "forward-mutation");
        let opened = store.open().await;
        let list = service::list(&opened.root, clock::now()).await.unwrap();
        let [recovery] = list.recoveries.as_slice() else {
            panic!("{list:?}")
        };
        assert_eq!(recovery.disposition, Disposition::Refused);
        assert_eq!(
            recovery.refused.as_ref().unwrap().code,
            Code::UnsupportedVersion
        );
        assert_eq!(recovery.schema_version, Some(version));
        assert_eq!(
            (recovery.tables_total, recovery.writer_kind.as_deref()),
            (2, Some("Mutation"))
        );
        let plan = service::plan(&opened.root, &recovery.file, clock::now())
            .await
            .unwrap();
        assert!(!plan.executable && plan.steps.is_empty());
        assert!(
            plan.sidecar
                .unwrap()
                .contains(&format!("\"schema_version\": {version}")),
            "its raw JSON can be read"
        );
        assert_eq!(opened.log.mutations(), 0);
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
