//! What it costs to find out whether a plan is lawful: whoever can write the journal can make it as long as a record may be.

use super::*;
use crate::digest::{Digest, Tag};
use crate::follow_up::{SUCCESSORS_MAX, SetTag, release, release_ids, undo_ids};
use crate::ids::{OperationId, RootId};
use crate::limits::Limits;
use crate::plan::recovery_tag;
use crate::sidecar::Sidecar;
use crate::work;

fn operation() -> OperationId {
    "01M8125E20G3JA88BS9CEJEX1K".parse().unwrap()
}

fn original() -> Sidecar {
    let text = r#"{"schema_version": 1, "operation_id": "01M8125E20G3JA88BS9CEJEX1K", "started_at": "1", "branch": null, "actor_id": null, "writer_kind": "Load", "tables": []}"#;
    Sidecar::parse(&operation().file_name(), text.as_bytes(), &Limits::DEFAULT).unwrap()
}

fn published(number: usize) -> PlannedTable {
    PlannedTable {
        table_key: format!("node:T{number:06}"),
        branch: None,
        location: Some(format!("nodes/t{number}")),
        expected_version: 4,
        post_commit_pin: 5,
        manifest_pinned: Some(4),
        lance_head: Some(5),
        head_transaction: Some("of the head".to_owned()),
        classification: None,
        rule: String::new(),
        action: Action::Publish,
        restore_to: None,
        publish_as: Some(5),
        unexpected: Vec::new(),
        catalog_change: None,
        pin_gone: false,
    }
}

/// The release that costs most: under the last id, and every tag in the name of the last undo there can be.
fn last_release(tables: usize) -> Plan {
    let of = operation();
    let last_undo = undo_ids(&of).last().unwrap();
    let tag = |number| SetTag {
        table: published(number),
        name: recovery_tag(&last_undo, None, 1),
        version: 1,
    };
    let tags: Vec<SetTag> = (0..tables).map(tag).collect();
    let id = release_ids(&of).last().unwrap();
    release(
        &RootId::new("file:///srv/graph"),
        id,
        &of,
        &original(),
        &tags,
    )
    .plan
}

/// A roll forward of which every pin was cleaned away, so that the tag of each is missing.
fn without_pins(tables: usize) -> Plan {
    let operation_id = operation();
    let tables: Vec<PlannedTable> = (0..tables).map(published).collect();
    let touched: Vec<Moved<'_>> = tables.iter().filter_map(moved).collect();
    let of_a_pin = |step: &Step| matches!(step, Step::Tag { version: 4, .. });
    let mut steps = tags(&operation_id, &touched);
    steps.retain(|step| !of_a_pin(step));
    steps.extend(publish(&touched, &tables, None, None));
    let file = operation_id.file_name();
    steps.extend([record(), retire(&file)]);
    Plan {
        purpose: Purpose::Recover,
        root: RootId::new("file:///srv/graph"),
        sidecar: Digest::of(Tag::Sidecar, b"{}"),
        writer_kind: Some(WriterKind::Load),
        branch: None,
        lance_branch: None,
        actor_id: None,
        disposition: Disposition::RollForward,
        decision: None,
        choice: Choice::Verdict,
        requires: Vec::new(),
        left_out: Vec::new(),
        operation_id,
        file,
        tables,
        steps,
    }
}

/// Each further table costs a few comparisons; no id is derived anew for it.
#[test]
fn a_plan_of_more_tables_costs_more_by_a_few_comparisons_each() {
    const MANY: usize = 2_000;
    // A table is looked for by halves.
    let each = MANY.ilog2() as usize + 3;
    for (name, ids, plan) in [
        (
            "release",
            2 * SUCCESSORS_MAX,
            last_release as fn(usize) -> Plan,
        ),
        ("roll forward", 0, without_pins),
    ] {
        let plan = plan(MANY);
        let (checked, work) = work::counted(|| check(&plan));
        assert_eq!(checked, Ok(()), "{name}");
        let most = ids + MANY * each;
        assert!(
            work <= most,
            "{name}: {work} pieces of work, and {most} are enough"
        );
    }
}
