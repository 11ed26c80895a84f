//! Half an undo beside a write of version 9 that was planned on the graph as it is.

use serde_json::json;
use sidecar::version_9::Beside;
use sidecar::{Limits, SidecarFile, assemble};

use super::fixture::{all, of};
use crate::support::{OLDER, YOUNGER};

/// What stands for an undo in a graph of version 9: a sidecar of version 1.
fn stands_for_an_undo(operation: &str, table: &str, branch: Option<&str>) -> SidecarFile {
    let text = json!({
        "schema_version": 1, "operation_id": operation, "started_at": "1", "branch": branch, "actor_id": null, "writer_kind": "Mutation",
        "tables": [{ "table_key": table, "table_path": "/srv/graphs/t", "expected_version": 4, "post_commit_pin": 5, "table_branch": branch }],
    });
    let name = format!("{operation}.json");
    SidecarFile::read(&name, text.to_string().into_bytes(), &Limits::DEFAULT)
}

/// To recover half an undo adds a commit to the history of its branch. A write that was confirmed for that branch could then only be
/// rolled back.
#[test]
fn half_an_undo_waits_for_the_write_of_its_branch_whichever_is_older() {
    let fixture = of("v9-mutation-insert-confirmed");
    let write = SidecarFile::read(&fixture.file, fixture.bytes.clone(), &Limits::DEFAULT);
    let operation = write.operation_id().unwrap().to_string();
    let (older, younger) = ("01M8000000000000000000000A", "01M9000000000000000000000A");
    assert!(older < operation.as_str() && operation.as_str() < younger);
    for undo in [older, younger] {
        let is_older = undo == older;
        for (table, branch, undo_waits, write_waits) in [
            ("node:Elsewhere", None, true, false),
            ("node:Elsewhere", Some("feature"), false, false),
            // Over a table that both name, the older one goes first.
            ("node:Author", None, !is_older, is_older),
        ] {
            let files = vec![write.clone(), stands_for_an_undo(undo, table, branch)];
            let listed = assemble(files);
            let waits = |id: &str| {
                let entry = listed
                    .iter()
                    .find(|entry| entry.file.file == format!("{id}.json"))
                    .unwrap();
                entry.waiting_for.clone()
            };
            let of_undo = undo_waits.then(|| operation.clone());
            let of_write = write_waits.then(|| undo.to_owned());
            let found = (waits(undo), waits(&operation));
            assert_eq!(
                found,
                (of_undo, of_write),
                "{undo} over {table} on {branch:?}"
            );
        }
    }
}

/// The younger write waits for the older one, and that one for the undo, with which it shares a table.
#[test]
fn no_files_wait_for_each_other_in_a_circle() {
    let graph = "v9-two-sidecars-disjoint-tables-confirmed";
    let files = all().into_iter().filter(|fixture| fixture.graph == graph);
    let files =
        files.map(|fixture| SidecarFile::read(&fixture.file, fixture.bytes, &Limits::DEFAULT));
    let files: Vec<SidecarFile> = files.collect();
    assert_eq!(files.len(), 2);
    let older = files[0].operation_id().unwrap();
    let table = files[0].table_keys().next().unwrap().to_owned();
    assert!(files[1].table_keys().all(|other| other != table));
    let undo = "01M8000000000000000000000A";
    let listed = assemble([files, vec![stands_for_an_undo(undo, &table, None)]].concat());
    let waits: Vec<Option<&str>> = listed
        .iter()
        .map(|entry| entry.waiting_for.as_deref())
        .collect();
    assert_eq!(waits, [None, Some(undo), Some(older.as_str())]);
}

#[test]
fn the_verdict_on_a_write_does_not_depend_on_half_an_undo_without_its_tables() {
    let fixture = of("v9-mutation-insert-confirmed");
    let sidecar = fixture.parsed();
    for undo in [OLDER, YOUNGER, "01M8000000000000000000000A"] {
        let others = [stands_for_an_undo(undo, "node:Elsewhere", None)];
        let beside = Beside::among(&sidecar, &fixture.file, others.iter());
        assert_eq!(beside, Beside::default());
    }
}
