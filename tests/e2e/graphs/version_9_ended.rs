//! Graphs that omnigraph 0.9.0 crashed on, each recovered, and held against what the recovery of that engine made of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sidecar::{Code, Disposition, OutcomeKind, SidecarFate};

use super::lineage;
use crate::support::{Opened, Store, fixtures};

pub(super) const ENGINE: &str = "omnigraph-0.9.0";

/// Graphs whose files stay, with the reason that is given of each.
const LEFT: &[(&str, &[Code])] = &[
    // The engine leaves or refuses these too.
    ("v9-branch-path-overlap-armed", &[Code::BranchPathOverlap]),
    ("v9-branch-path-overlap-effects", &[Code::BranchPathOverlap]),
    ("v9-foreign-commit-on-second-table", &[Code::Interleaved]),
    ("v9-foreign-commit-on-top-confirmed", &[Code::Interleaved]),
    ("v9-foreign-commit-on-top-merge", &[Code::Unverifiable]),
    (
        "v9-foreign-publish-same-table-indices",
        &[Code::Interleaved],
    ),
    ("v9-head-below-pin-armed-other-table", &[Code::HeadBelowPin]),
    ("v9-pin-version-cleaned", &[Code::TargetNotRestorable]),
    ("v9-sidecar-moved-graph", &[Code::LocationOutsideRoot]),
    ("v9-sidecar-truncated", &[Code::NotJson]),
];

/// Tables that end otherwise than by the engine's recovery: branch, table, visible version, rows.
const TABLES_OTHERWISE: &[(&str, &str, &str, u64, u64)] = &[
    // The engine removes the Lance branch that the index build made. Here the branch owns the table, as after other writes: nothing is
    // deleted, and readers see the same rows.
    (
        "v9-indices-branch-first-touch-between",
        "experiment",
        "node:Author",
        6,
        26,
    ),
];

/// Writes that the engine calls rolled forward although somebody wrote the same tables since.
const RECORDED_OTHERWISE: [&str; 1] = ["v9-stale-optimize-after-publish-and-later-write"];

pub(super) fn results() -> Vec<Value> {
    let mut paths: Vec<_> = std::fs::read_dir(fixtures().join(ENGINE))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        .collect()
}

/// Recovers whatever can be recovered, oldest first, until nothing more can; gives the dispositions, and the reasons of what stays.
async fn recover_all(store: &Store, opened: &Opened) -> (Vec<Disposition>, BTreeSet<Code>) {
    let mut done = Vec::new();
    loop {
        let mut blocked = BTreeSet::new();
        let mut next = None;
        for file in files(store) {
            let plan = service_plan(opened, &file).await;
            if plan.executable {
                next = Some(plan);
                break;
            }
            blocked.extend(plan.blockers.iter().map(|reason| reason.code));
        }
        let Some(plan) = next else {
            return (done, blocked);
        };
        let (operation, digest) = opened.approve_plan(&plan).await;
        let report = opened.apply(&operation, digest).await;
        assert_eq!(
            Some(report.outcome),
            OutcomeKind::of_finished(plan.disposition),
            "{}",
            report.detail
        );
        assert_eq!(report.sidecar, SidecarFate::Retired);
        assert!(opened.audit_holds(&operation).await);
        opened.log.reset();
        opened.apply(&operation, digest).await;
        assert_eq!(opened.log.mutations(), 0, "done again, it changes nothing");
        done.push(plan.disposition);
    }
}

async fn service_plan(opened: &Opened, file: &str) -> sidecar::api::PlanReport {
    restore_backend::service::plan(&opened.root, file, root_objects::clock::now())
        .await
        .unwrap()
}

fn files(store: &Store) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(store.path().join("__recovery")) else {
        return Vec::new();
    };
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
    names.sort();
    names
}

/// What stands on every branch, as the engine's result tells it: visible version, rows, Lance branch, HEAD.
fn expected_tables(result: &Value) -> BTreeMap<(String, String), Value> {
    let branches = result["read_write"].as_object().unwrap();
    let mut tables = BTreeMap::new();
    for (branch, stands) in branches {
        let stands = match stands.as_object() {
            Some(stands) => stands,
            None => result["read_only"][branch].as_object().unwrap(),
        };
        for (key, table) in stands {
            tables.insert((branch.clone(), key.clone()), table.clone());
        }
    }
    tables
}

async fn differing_tables(store: &Store, result: &Value) -> Vec<String> {
    let graph = result["name"].as_str().unwrap();
    let stands = super::stands(store).await;
    let mut differing = Vec::new();
    let expected = expected_tables(result);
    let found: BTreeSet<(String, String)> = stands
        .iter()
        .flat_map(|(branch, tables)| {
            let keys = tables.keys();
            keys.map(|key| (branch.clone(), key.clone()))
        })
        .collect();
    let wanted: BTreeSet<(String, String)> = expected.keys().cloned().collect();
    differing.extend(
        found
            .symmetric_difference(&wanted)
            .map(|(branch, key)| format!("{key} on {branch} is visible to one of both only")),
    );
    for ((branch, key), table) in &expected {
        let Some((pin, on, head, rows)) = stands.get(branch).and_then(|tables| tables.get(key))
        else {
            continue;
        };
        let otherwise = TABLES_OTHERWISE
            .iter()
            .find(|(name, at, table, ..)| *name == graph && at == branch && table == key);
        if let Some((.., version, count)) = otherwise {
            assert_eq!((*pin, *rows), (*version, Some(*count)), "{graph} {key}");
            continue;
        }
        let number = |name: &str| table[name].as_u64();
        let is_as_wanted = number("pin") == Some(*pin)
            && number("rows") == *rows
            && table["table_branch"].as_str() == on.as_deref()
            && number("head").is_none_or(|wanted| wanted == *head);
        if !is_as_wanted {
            differing.push(format!(
                "{key} on {branch}: {pin} {on:?} {head} {rows:?}, and the engine {table}"
            ));
        }
    }
    differing
}

/// The graph commits of main and the record of recoveries, without ids and times that no file fixes.
async fn differing_history(store: &Store, result: &Value) -> Vec<String> {
    let graph = result["name"].as_str().unwrap();
    let mut differing = Vec::new();
    let rows = lineage::recoveries(store).await;
    let engines = result["recoveries"].as_array().cloned().unwrap_or_default();
    let text = |row: &Value, name: &str| row[name].as_str().map(str::to_owned);
    let fixed = |kind: &str, writer: &str, id: String| {
        (writer != "Optimize" && kind != "OrphanedBranchDiscarded").then_some(id)
    };
    let mut found: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.operation.clone(),
                row.kind.clone(),
                row.for_actor.clone(),
                row.writer_kind.clone(),
                row.outcomes.clone().to_string(),
                fixed(&row.kind, &row.writer_kind, row.commit.clone()),
            )
        })
        .collect();
    let mut wanted: Vec<_> = engines
        .iter()
        .map(|row| {
            let kind = text(row, "recovery_kind").unwrap();
            let writer = text(row, "sidecar_writer_kind").unwrap();
            let id = text(row, "graph_commit_id").unwrap();
            (
                text(row, "operation_id").unwrap(),
                kind.clone(),
                text(row, "recovery_for_actor"),
                writer.clone(),
                row["per_table_outcomes_json"].to_string(),
                fixed(&kind, &writer, id),
            )
        })
        .collect();
    found.sort();
    wanted.sort();
    if found != wanted && !RECORDED_OTHERWISE.contains(&graph) {
        differing.push(format!("recoveries {found:?}, and the engine {wanted:?}"));
    }
    let random: BTreeSet<String> = rows
        .iter()
        .filter(|row| fixed(&row.kind, &row.writer_kind, String::new()).is_none())
        .map(|row| row.commit.clone())
        .collect();
    let mut commits: Vec<_> = lineage::commits(store, None).await;
    commits.sort_by_key(|commit| (commit.manifest_version, commit.id.clone()));
    let commits: Vec<_> = commits
        .iter()
        .map(|commit| {
            let id = (!random.contains(&commit.id)).then(|| commit.id.clone());
            (id, commit.parent.clone(), commit.merged_parent.clone())
        })
        .collect();
    let of_engine = |value: &Value| value.as_str().map(str::to_owned);
    let mut engines: Vec<_> = result["commits"]
        .as_array()
        .unwrap()
        .iter()
        .zip(0..)
        .map(|(commit, place)| {
            let is_random = place < random.len();
            let id = of_engine(&commit[2]).filter(|_| !is_random);
            (id, of_engine(&commit[3]), of_engine(&commit[4]))
        })
        .collect();
    engines.reverse();
    if commits != engines {
        differing.push(format!("commits {commits:?}, and the engine {engines:?}"));
    }
    differing
}

fn first_file(store: &Store) -> Option<(String, Vec<u8>)> {
    let name = files(store).into_iter().next()?;
    let bytes = std::fs::read(store.path().join("__recovery").join(&name)).unwrap();
    Some((name, bytes))
}

/// An engine that finds the file beside its published write compares every byte of the rows, and refuses to open the graph if one
/// differs. So does the verdict over the file, put back without the journal.
async fn not_as_fixed(
    store: &Store,
    result: &Value,
    file: &Option<(String, Vec<u8>)>,
) -> Option<String> {
    let (name, bytes) = file.as_ref()?;
    let has_plan = result["sidecars"][0]["lineage_commit"].is_string();
    std::fs::remove_dir_all(store.path().join("__recovery_log")).unwrap();
    std::fs::write(store.path().join("__recovery").join(name), bytes).unwrap();
    let opened = store.open().await;
    let plan = service_plan(&opened, name).await;
    std::fs::remove_file(store.path().join("__recovery").join(name)).unwrap();
    (has_plan && plan.disposition != Disposition::AlreadyPublished).then(|| {
        format!(
            "{}: published, and {:?} {:?}",
            result["name"], plan.disposition, plan.blockers
        )
    })
}

/// Every graph commit stands in the version that it names, its branch names the latest as its head, and no two rows have one key.
pub(super) async fn is_consistent(store: &Store) -> Result<(), String> {
    let rows = lineage::history_in_catalog(store).await;
    let mut ids = BTreeSet::new();
    for row in &rows {
        if !ids.insert(&row.object_id) {
            return Err(format!("two rows are {}", row.object_id));
        }
    }
    let commits = rows.iter().filter(|row| row.object_type == "graph_commit");
    let latest = commits
        .filter(|row| row.table_branch.is_none())
        .max_by_key(|row| row.table_version)
        .ok_or("no graph commit on main")?;
    let head = rows
        .iter()
        .find(|row| row.object_id == "graph_head:main")
        .ok_or("no head row on main")?;
    if head.metadata["head_commit_id"] != *latest.object_id {
        return Err(format!("{head:?} does not name {latest:?}"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_graph_of_0_9_ends_as_its_engine_ends_it() {
    let (mut ended, mut published, mut compared) = (0, 0, 0);
    let mut wrong = Vec::new();
    for result in results() {
        let graph = result["name"].as_str().unwrap();
        if result["sidecars"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        let store = Store::unpacked(ENGINE, graph);
        let bytes = first_file(&store);
        let opened = store.open().await;
        let (done, blocked) = recover_all(&store, &opened).await;
        let left = LEFT.iter().find(|(name, _)| *name == graph);
        if let Some((_, codes)) = left {
            if files(&store).is_empty() || !codes.iter().all(|code| blocked.contains(code)) {
                wrong.push(format!("{graph}: {codes:?}, but {done:?} and {blocked:?}"));
            }
            continue;
        }
        if !files(&store).is_empty() {
            wrong.push(format!("{graph}: {done:?}, and then {blocked:?}"));
            continue;
        }
        ended += 1;
        if let Err(why) = is_consistent(&store).await {
            wrong.push(format!("{graph}: {why}"));
        }
        let staged = super::schema_files(&store);
        if staged.keys().any(|name| name.ends_with(".staging")) {
            wrong.push(format!("{graph}: {staged:?}"));
        }
        let branches = store.lance().await.catalog_branches().await.unwrap();
        if branches
            .iter()
            .any(|branch| branch.name == "__schema_apply_lock__")
        {
            wrong.push(format!("{graph}: the lock of the schema change is left"));
        }
        if done == [Disposition::RollForward] {
            published += 1;
            wrong.extend(not_as_fixed(&store, &result, &bytes).await);
        }
        // The engine could not open these, and has no result to be held against.
        if !result["read_write"].is_object() {
            let ends_quietly = done.iter().all(|disposition| {
                matches!(
                    disposition,
                    Disposition::StaleArmed | Disposition::NeverStarted
                )
            });
            if !ends_quietly {
                wrong.push(format!("{graph}: {done:?}"));
            }
            continue;
        }
        compared += 1;
        let tables = differing_tables(&store, &result).await;
        let history = differing_history(&store, &result).await;
        wrong.extend(
            tables
                .into_iter()
                .chain(history)
                .map(|difference| format!("{graph}: {difference}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((ended, compared), (106, 101));
    assert!(published > 0);
}
