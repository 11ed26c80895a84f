//! Graphs that a released engine left behind when it was made to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use fenced_lance::CommitOutcome;
use fenced_lance::Head;
use fenced_lance::LanceRoot;
use fenced_lance::NewGraphCommit;
use fenced_lance::PublishRequest;
use fenced_lance::Restorable;
use fenced_lance::TableLocation;
use root_objects::store::RequestLog;
use serde_json::Value;
use sidecar::root_layout::SCHEMA_LOCK_BRANCH;

use crashed_roots::store::{Store, fixtures};
use crashed_roots::test_root::*;

/// Rows that readers see, by branch and table.
type Rows = BTreeMap<String, BTreeMap<String, u64>>;

/// The one table whose HEAD is below its pin.
const LOST: (&str, &str) = ("head-below-pin", "node:Author");

const AUTHOR: &str = "nodes/01d32b35baa3b676";
const WROTE: &str = "edges/66e8ac1738104576";

pub struct Graph {
    pub store: Store,
    pub lance: LanceRoot,
    log: RequestLog,
}

pub async fn graph(release: &str, name: &str) -> Graph {
    let store = Store::unpacked(release, name);
    let log = RequestLog::recording();
    let lance = store.lance_with(log.clone()).await;
    Graph { store, lance, log }
}

/// Pin and HEAD of every table the catalog shows.
async fn pins_and_heads(graph: &Graph, branch: Option<&str>) -> Vec<(String, u64, u64)> {
    let catalog = catalog(&graph.lance, branch).await;
    assert_eq!((catalog.stamp, catalog.two_phase), (3, false));
    let mut tables = Vec::new();
    for (table_key, pin) in &catalog.pins {
        let path = &catalog.locations[table_key];
        let location = TableLocation::on(path, pin.table_branch.as_deref());
        let head = version_of(&graph.lance, &location).await;
        tables.push((table_key.clone(), pin.version, head));
    }
    assert_eq!(graph.log.mutations(), 0);
    tables
}

fn table(table_key: &str, pin: u64, head: u64) -> (String, u64, u64) {
    (table_key.to_owned(), pin, head)
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_mutation_has_two_tables_above_their_pins() {
    let graph = graph("omnigraph-0.7.0", "forward-mutation").await;
    assert_eq!(
        pins_and_heads(&graph, None).await,
        [
            table("edge:Cites", 5, 5),
            table("edge:Wrote", 5, 6),
            table("node:Author", 4, 5),
            table("node:Book", 4, 4),
        ]
    );
    let author = TableLocation::main(AUTHOR);
    let last = transaction(&graph.lance, &author, 5).await;
    assert_eq!(
        (last.operation.as_str(), last.row_count),
        ("Update", Some(41))
    );
    assert_eq!(
        graph
            .lance
            .restorable(&author, 5, 4)
            .await
            .expect("an answer"),
        Restorable::Yes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn back_mid_phase_is_restored_and_published() {
    let graph = graph("omnigraph-0.7.0", "back-mid-phase").await;
    let before = pins_and_heads(&graph, None).await;
    let moved: Vec<_> = before.iter().filter(|(_, pin, head)| pin != head).collect();
    assert_eq!(moved.len(), 1, "{before:?}");
    let (table_key, pin, head) = moved[0].clone();
    let catalog_before = catalog(&graph.lance, None).await;
    let location = TableLocation::main(catalog_before.locations[&table_key].clone());
    let request = restore_request(&graph.lance, &location, pin).await;
    assert_eq!(
        graph.lance.restore(&request).await.expect("an outcome"),
        CommitOutcome::Committed { version: head + 1 }
    );
    assert!(
        graph
            .lance
            .content_equal(&location, pin, head + 1)
            .await
            .expect("an answer")
    );
    let publish = publish_request(catalog_before.version, &table_key, pin, head + 1);
    assert_eq!(
        graph.lance.publish(&publish).await.expect("an outcome"),
        CommitOutcome::Committed {
            version: catalog_before.version + 1
        }
    );
    let after = catalog(&graph.lance, None).await;
    assert_eq!(after.pins[&table_key].version, head + 1);
    assert_eq!(
        after.pins[&table_key].row_count, catalog_before.pins[&table_key].row_count,
        "readers see as many rows as before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_branch_load_is_above_its_pin_on_the_branch_alone() {
    let graph = graph("omnigraph-0.7.0", "forward-branch-load").await;
    assert_eq!(
        pins_and_heads(&graph, Some("feature")).await,
        [
            table("edge:Cites", 5, 5),
            table("edge:Wrote", 5, 5),
            table("node:Author", 5, 6),
            table("node:Book", 4, 4),
        ]
    );
    assert!(
        pins_and_heads(&graph, None)
            .await
            .iter()
            .all(|(_, pin, head)| pin == head)
    );
    let on_feature = |path| TableLocation::on(path, Some("feature"));
    assert_eq!(
        graph.lance.head(&on_feature(WROTE)).await.expect("a head"),
        Head::BranchMissing
    );

    // Written on the branch, and at home in the place it was moved to.
    let read = catalog(&graph.lance, Some("feature")).await;
    let mut publish = publish_request(read.version, "node:Author", 5, 6);
    publish.branch = Some("feature".to_owned());
    publish.updates[0].branch = Some("feature".to_owned());
    assert_eq!(
        graph.lance.publish(&publish).await.expect("an outcome"),
        CommitOutcome::Committed {
            version: read.version + 1
        }
    );
    let strict = open(graph.store.path(), RequestLog::new()).await;
    let after = catalog(&strict, Some("feature")).await;
    assert_eq!(after.pins["node:Author"].version, 6);
    assert_eq!(after.pins["node:Author"].row_count, Some(42));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_graph_is_not_read_at_its_old_place() {
    let graph = graph("omnigraph-0.7.0", "forward-branch-load").await;
    let strict = open(graph.store.path(), RequestLog::new()).await;
    catalog(&strict, None).await;
    let error = strict.catalog(Some("feature")).await.expect_err("outside");
    assert_eq!(error.code(), "base_path_outside_root");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fixture_of_0_7_0_is_readable_on_every_branch() {
    let folder = fixtures().join("omnigraph-0.7.0");
    let text = fs::read_to_string(folder.join("expected.json")).expect("what is expected");
    let expected: BTreeMap<String, Value> = serde_json::from_str(&text).expect("JSON");
    let archives: BTreeSet<String> = files_in(&folder)
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.strip_suffix(".tar.gz"))
        .map(str::to_owned)
        .collect();
    assert_eq!(archives.len(), 47);
    assert!(archives.iter().eq(expected.keys()), "{archives:?}");
    for (name, expected) in expected {
        let graph = graph("omnigraph-0.7.0", &name).await;
        let rows: Rows = serde_json::from_value(expected["visible_rows_before"].clone())
            .expect("rows of every branch");
        let branches = graph.lance.catalog_branches().await.expect("branches");
        let branches = branches.into_iter().map(|branch| branch.name);
        let branches: BTreeSet<String> = branches
            .filter(|branch| branch != SCHEMA_LOCK_BRANCH)
            .chain(["main".to_owned()])
            .collect();
        assert!(branches.iter().eq(rows.keys()), "{name}: {branches:?}");
        for (branch, rows) in &rows {
            let branch = Some(branch.as_str()).filter(|branch| *branch != "main");
            let stands = pins_and_heads(&graph, branch).await;
            let keys = stands.iter().map(|(table_key, ..)| table_key);
            assert!(keys.eq(rows.keys()), "{name} {branch:?}: {stands:?}");
            let catalog = catalog(&graph.lance, branch).await;
            for (table_key, pin, head) in stands {
                // Storage lost the newest version of this table.
                let is_lost = (name.as_str(), table_key.as_str()) == LOST;
                assert_eq!(head < pin, is_lost, "{name} {table_key}: {head} and {pin}");
                let on = catalog.pins[&table_key].table_branch.as_deref();
                let location = TableLocation::on(&catalog.locations[&table_key], on);
                let counted = graph.lance.count_rows(&location, pin).await.ok();
                let wanted = (!is_lost).then_some(rows[&table_key]);
                assert_eq!(counted, wanted, "{name} {branch:?} {table_key}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_stamp_is_read_and_takes_no_publish_without_a_graph_commit() {
    let graph = graph("omnigraph-0.9.0", "forward-mutation").await;
    let read = catalog(&graph.lance, None).await;
    assert_eq!(read.stamp, 6);
    let pin = read.pins["node:Author"].version;
    let publish = publish_request(read.version, "node:Author", pin, pin + 1);
    let outcome = graph.lance.publish(&publish).await.expect("an outcome");
    assert_eq!(
        outcome,
        CommitOutcome::Refused {
            reason: fenced_lance::Refusal::HistoryElsewhere { in_catalog: true }
        }
    );
    assert_eq!(graph.log.mutations(), 0);
}

fn graph_commit(id: &str) -> NewGraphCommit {
    NewGraphCommit {
        branch: None,
        id: id.to_owned(),
        merged_parent: None,
        actor: Some("omnigraph:recovery".to_owned()),
        created_at_micros: 1_795_400_000_000_000,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_commit_is_published_where_the_catalog_holds_the_history_and_nowhere_else() {
    for (release, in_catalog) in [("omnigraph-0.7.0", false), ("omnigraph-0.8.0", true)] {
        let graph = graph(release, "forward-mutation").await;
        let read = catalog(&graph.lance, None).await;
        let pin = read.pins["node:Author"].version;
        let without = publish_request(read.version, "node:Author", pin, pin + 1);
        let with = PublishRequest {
            graph_commit: Some(graph_commit("01M8200000000000000000000A")),
            ..without.clone()
        };
        let (right, wrong) = if in_catalog {
            (with, without)
        } else {
            (without, with)
        };
        let refused = graph.lance.publish(&wrong).await.expect("an outcome");
        assert_eq!(
            refused,
            CommitOutcome::Refused {
                reason: fenced_lance::Refusal::HistoryElsewhere { in_catalog }
            },
            "{release}"
        );
        assert_eq!(graph.log.mutations(), 0, "{release}");
        let done = graph.lance.publish(&right).await.expect("an outcome");
        assert_eq!(
            done,
            CommitOutcome::Committed {
                version: read.version + 1
            },
            "{release}"
        );
        let after = catalog(&graph.lance, None).await;
        assert_eq!(after.pins["node:Author"].version, pin + 1, "{release}");
        assert_eq!(after.graph_head().is_some(), in_catalog, "{release}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_commit_follows_the_newest_and_no_other_row_of_the_catalog_is_replaced() {
    let graph = graph("omnigraph-0.8.0", "forward-mutation").await;
    let read = catalog(&graph.lance, None).await;
    let head = read.graph_head().expect("a history").clone();
    let alone = |version, id| PublishRequest {
        updates: Vec::new(),
        graph_commit: Some(graph_commit(id)),
        ..publish_request(version, "node:Author", 0, 0)
    };
    let first = "01M8200000000000000000000A";
    let done = graph.lance.publish(&alone(read.version, first)).await;
    assert_eq!(
        done.expect("an outcome"),
        CommitOutcome::Committed {
            version: read.version + 1
        }
    );
    let after = catalog(&graph.lance, None).await;
    let own = after.graph_head().expect("a history");
    assert_eq!(
        (own.id.as_str(), own.parent.as_deref()),
        (first, Some(head.id.as_str()))
    );
    assert_eq!(own.manifest_version, after.version);
    assert_eq!(after.graph_commits.len(), read.graph_commits.len() + 1);
    assert_eq!(
        (&after.pins, &after.locations),
        (&read.pins, &read.locations)
    );

    let again = graph.lance.publish(&alone(after.version, first)).await;
    assert_eq!(
        again.expect("an outcome"),
        CommitOutcome::Refused {
            reason: fenced_lance::Refusal::RowThere {
                object_id: first.to_owned()
            }
        },
        "an id that is there is not written over"
    );
    let stale = graph
        .lance
        .publish(&alone(read.version, "01M8200000000000000000000B"))
        .await;
    assert_eq!(
        stale.expect("an outcome"),
        CommitOutcome::AlreadyDone {
            version: read.version + 1
        },
        "the same plan published there before"
    );
    assert_eq!(catalog(&graph.lance, None).await, after);
}
