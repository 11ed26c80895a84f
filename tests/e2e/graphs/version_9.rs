//! Graphs that omnigraph 0.9.0 crashed on, each judged as the recovery of that engine ended it.

use std::path::PathBuf;

use restore_backend::service::{self, Answer};
use root_objects::clock;
use serde_json::Value;
use sidecar::version_9::Verdict9;
use sidecar::{Code, Disposition, Requirement};

use crate::support::{Store, fixtures};

const ENGINE: &str = "omnigraph-0.9.0";

/// Files whose verdict is not the engine's result, with the reason of it. `None`: any file of the graph.
const OTHERWISE: &[(&str, Option<usize>, Disposition, Option<Code>)] = &[
    // The engine leaves the file, or cannot open the graph, because another Lance branch lies in the folder of its own.
    (
        "v9-branch-path-overlap-armed",
        None,
        Disposition::Abort,
        Some(Code::BranchPathOverlap),
    ),
    (
        "v9-branch-path-overlap-effects",
        None,
        Disposition::Abort,
        Some(Code::BranchPathOverlap),
    ),
    // The engine cannot open the graph, because a Lance branch went with the graph's; nothing of the write is left.
    ("v9-branch-recreated", None, Disposition::NeverStarted, None),
    // The engine cannot open these graphs.
    (
        "v9-foreign-commit-on-second-table",
        None,
        Disposition::Abort,
        Some(Code::Interleaved),
    ),
    (
        "v9-foreign-commit-on-top-confirmed",
        None,
        Disposition::Abort,
        Some(Code::Interleaved),
    ),
    (
        "v9-foreign-commit-on-top-merge",
        None,
        Disposition::Abort,
        Some(Code::Unverifiable),
    ),
    (
        "v9-foreign-publish-same-table-indices",
        None,
        Disposition::Abort,
        Some(Code::Interleaved),
    ),
    (
        "v9-head-below-pin-armed-other-table",
        None,
        Disposition::Abort,
        Some(Code::HeadBelowPin),
    ),
    (
        "v9-pin-version-cleaned",
        None,
        Disposition::Abort,
        Some(Code::TargetNotRestorable),
    ),
    // The engine cannot open these graphs either, though the write is published (upstream issues 602 and 767).
    (
        "v9-race-late-plan-over-insert",
        None,
        Disposition::StaleArmed,
        None,
    ),
    (
        "v9-race-late-plan-over-load",
        None,
        Disposition::StaleArmed,
        None,
    ),
    (
        "v9-race-late-plan-over-load-branch",
        None,
        Disposition::StaleArmed,
        None,
    ),
    (
        "v9-stale-armed-after-publish",
        None,
        Disposition::StaleArmed,
        None,
    ),
    // The engine records a roll back of no table.
    ("v9-optimize-armed", None, Disposition::NeverStarted, None),
    // The engine records it as rolled forward; what readers see was written later.
    (
        "v9-stale-optimize-after-publish-and-later-write",
        None,
        Disposition::Superseded,
        None,
    ),
    // The engine publishes a change of the schema that moves no table.
    (
        "v9-schema-add-index-confirmed",
        None,
        Disposition::RollForward,
        None,
    ),
    // Published before the crash; the engine puts the schema files in force.
    (
        "v9-schema-add-type-promotion-half",
        None,
        Disposition::AlreadyPublished,
        Some(Code::SchemaNotInForce),
    ),
    (
        "v9-schema-add-type-published",
        None,
        Disposition::AlreadyPublished,
        Some(Code::SchemaNotInForce),
    ),
    (
        "v9-schema-rename-type-and-property-published",
        None,
        Disposition::AlreadyPublished,
        Some(Code::SchemaNotInForce),
    ),
    (
        "v9-schema-rename-type-published",
        None,
        Disposition::AlreadyPublished,
        Some(Code::SchemaNotInForce),
    ),
    // Taken back before the crash, on a branch whose graph commits the engine's result does not list.
    (
        "v9-recovery-back-branch-first-write-published",
        None,
        Disposition::AlreadyRolledBack,
        None,
    ),
    // Judged once the older file is resolved.
    (
        "v9-two-sidecars-disjoint-tables-confirmed",
        Some(1),
        Disposition::Waiting,
        Some(Code::WaitingFor),
    ),
    (
        "v9-two-sidecars-mutation-and-schema",
        Some(1),
        Disposition::Waiting,
        Some(Code::WaitingFor),
    ),
    (
        "v9-two-sidecars-same-table-armed-then-confirmed",
        Some(1),
        Disposition::Waiting,
        Some(Code::WaitingFor),
    ),
];

/// Graphs with a file that is no sidecar of version 9: cut short, or under a temporary name.
const WITHOUT_A_VERDICT: [&str; 2] = ["v9-sidecar-truncated", "v9-sidecar-temp-file"];
/// The graph was moved after the crash, so that the engine does not open it; its place before is this.
const MOVED: (&str, &str) = (
    "v9-sidecar-moved-graph",
    "/srv/graphs/v9-sidecar-moved-graph-old",
);

/// What the engine made of a graph.
struct Outcome {
    graph: String,
    files: Vec<String>,
    outcomes: Vec<String>,
    /// Ids of the graph commits that the catalog showed before the recovery, and those after it; of main and of every branch.
    rolled_back: Vec<String>,
}

fn results() -> Vec<Outcome> {
    let folder: PathBuf = fixtures().join(ENGINE);
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|path| {
            let text: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let list = |name: &str| text[name].as_array().cloned().unwrap_or_default();
            let outcome = text["engine_outcome"].as_str().unwrap();
            Outcome {
                graph: text["name"].as_str().unwrap().to_owned(),
                files: list("sidecars")
                    .iter()
                    .map(|sidecar| sidecar["file"].as_str().unwrap().to_owned())
                    .collect(),
                outcomes: outcome.split("; ").map(str::to_owned).collect(),
                rolled_back: list("sidecars")
                    .iter()
                    .filter(|sidecar| is_committed(&text, &sidecar["rollback_commit"]))
                    .map(|sidecar| sidecar["file"].as_str().unwrap().to_owned())
                    .collect(),
            }
        })
        .collect()
}

/// Whether the graph commit was there before the recovery.
fn is_committed(result: &Value, id: &Value) -> bool {
    let Some(id) = id.as_str() else { return false };
    ["read_only_commits", "read_only_branch_commits"]
        .iter()
        .any(|name| result[*name].to_string().contains(id))
}

/// The verdict that the engine's result stands for.
fn of_the_engine(outcome: &str, is_committed_undo: bool) -> Option<Disposition> {
    Some(match outcome {
        "rolled back" if is_committed_undo => Disposition::AlreadyRolledBack,
        "rolled back" => Disposition::RollBack,
        "rolled forward" => Disposition::RollForward,
        "rolled forward (record only)" => Disposition::AlreadyPublished,
        "discarded without a record" => Disposition::NeverStarted,
        "orphan discarded" => Disposition::OrphanedBranch,
        _ => return None,
    })
}

async fn verdict(store: &Store, file: &str) -> Verdict9 {
    let opened = store.open().await;
    let plan = service::plan(&opened.root, file, clock::now())
        .await
        .unwrap();
    assert_eq!(opened.log.mutations(), 0, "{file}");
    let report = plan.version_9.unwrap();
    assert_eq!(report.malformed, None, "{file}");
    report
        .verdict
        .unwrap_or_else(|| panic!("{file}: {:?}", report.unjudged))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_of_0_9_is_judged_as_its_engine_ended_it() {
    let (mut judged, mut wrong) = (0, Vec::new());
    for result in results() {
        let store = Store::unpacked(ENGINE, &result.graph);
        if WITHOUT_A_VERDICT.contains(&result.graph.as_str()) {
            continue;
        }
        if result.graph == MOVED.0 {
            let moved = Store::unpacked(ENGINE, &result.graph).moved_from(MOVED.1);
            let verdict = verdict(&moved, &result.files[0]).await;
            assert_eq!(verdict.disposition, Disposition::RollForward);
            continue;
        }
        let before = store.files();
        for (index, file) in result.files.iter().enumerate() {
            let verdict = verdict(&store, file).await;
            let name = result.graph.as_str();
            let otherwise = OTHERWISE
                .iter()
                .find(|(graph, at, ..)| *graph == name && at.is_none_or(|at| at == index));
            let outcome = result.outcomes.get(index).map_or("", String::as_str);
            let (expected, code) = match otherwise {
                Some((_, _, expected, code)) => (Some(*expected), *code),
                None => {
                    let is_undone = result.rolled_back.contains(file);
                    (of_the_engine(outcome, is_undone), None)
                }
            };
            judged += 1;
            let codes: Vec<Code> = verdict.reasons.iter().map(|reason| reason.code).collect();
            let has_code = code.is_none_or(|code| codes.contains(&code));
            if Some(verdict.disposition) != expected || !has_code {
                wrong.push(format!("{name}: {expected:?} {code:?}, but {verdict:?}"));
            }
        }
        assert!(store.files() == before, "{} was changed", result.graph);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(judged, 124);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misnamed_file_has_no_verdict_and_is_said_to_block_its_branch() {
    let store = Store::unpacked(ENGINE, "v9-mutation-insert-confirmed");
    let folder = store.path().join("__recovery");
    let file = store.operation().file_name();
    std::fs::rename(folder.join(&file), folder.join("copy.json")).unwrap();
    let opened = store.open().await;
    let plan = service::plan(&opened.root, "copy.json", clock::now())
        .await
        .unwrap();
    let report = plan.version_9.unwrap();
    assert_eq!(report.verdict, None);
    let reason = report.unjudged.unwrap();
    assert_eq!(reason.code, Code::Misnamed);
    assert!(reason.detail.contains(&file), "{}", reason.detail);
}

/// The state of upstream issues 602 and 767: no engine opens the graph, though nothing is wrong with its data.
#[tokio::test(flavor = "multi_thread")]
async fn a_stale_file_beside_its_published_write_is_retired_with_an_acknowledgement_and_changes_no_table()
 {
    let store = Store::unpacked(ENGINE, "v9-stale-armed-after-publish");
    let before = store.files();
    let opened = store.open().await;
    let plan = opened.plan(&store.operation()).await;
    assert_eq!(
        plan.requires,
        [Requirement::WritersStopped, Requirement::StaleArmed]
    );
    let (operation, digest) = opened.approve_plan(&plan).await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(
        report.outcome,
        sidecar::OutcomeKind::CleanedUp,
        "{}",
        report.detail
    );
    assert_eq!(store.sidecars(), 0);
    let after = store.files();
    let is_data = |path: &&PathBuf| {
        let path = path.to_string_lossy();
        !path.contains("__recovery") && !path.contains("_graph_commit_recoveries.lance")
    };
    for path in before.keys().chain(after.keys()).filter(is_data) {
        assert!(before.get(path) == after.get(path), "{}", path.display());
    }
    let undo = service::undo(&opened.root, &operation, clock::now()).await;
    let refused = match undo.unwrap() {
        Answer::No(refusal) => refusal,
        Answer::Done(plan) => panic!("{plan:?}"),
    };
    assert_eq!(refused.reasons[0].code, Code::NothingToUndo);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_exception_is_kept_that_is_none() {
    let results = results();
    for (graph, at, expected, _) in OTHERWISE {
        let result = results
            .iter()
            .find(|result| result.graph == *graph)
            .unwrap();
        let index = at.unwrap_or_default();
        let is_undone = result.rolled_back.contains(&result.files[index]);
        let engines = of_the_engine(
            &result.outcomes[index.min(result.outcomes.len() - 1)],
            is_undone,
        );
        assert_ne!(engines, Some(*expected), "{graph}");
    }
}
