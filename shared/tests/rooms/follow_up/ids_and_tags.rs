//! Derived ids, the tags of a recovery, and sidecars of late commits.

use sidecar::follow_up::{late_commit, release, release_id, tags_of, undo_id, undo_sidecar_id};
use sidecar::journal::{JournalEntry, JournalState};
use sidecar::{
    Action, ClassificationLabel, Disposition, Effect, Limits, OperationId, OutcomeKind,
    PlannedTable, Sidecar, SidecarFile, TableOutcome, WriterKind, assemble, judge,
};

use super::stands_for::orphaned;
use super::undo::kinds;
use super::{ID, and_then, as_far_as, claimed, id, interrupted, original, recovery, root, table};
use crate::support::{at, pin, sidecar, world};

#[test]
fn derived_ids_are_valid_stable_and_apart() {
    let ids = [
        undo_id(&id()),
        undo_sidecar_id(&id()),
        release_id(&id()),
        id(),
    ];
    for (index, one) in ids.iter().enumerate() {
        assert_eq!(one.as_str().parse::<OperationId>().as_ref(), Ok(one));
        assert!(ids[..index].iter().all(|other| other != one));
        assert_eq!(one.as_str()[..10], ID[..10], "it keeps its place in time");
    }
    assert_eq!(undo_id(&id()), undo_id(&id()));
    assert_ne!(undo_id(&id()), undo_id(&undo_id(&id())));
}

#[test]
fn the_plan_that_set_a_tag_says_where_it_is() {
    let set = recovery([5, 4]);
    let nowhere = PlannedTable {
        location: None,
        lance_head: None,
        ..table("a", 5, Action::None, ClassificationLabel::NoMovement)
    };
    for ends_with in [vec![nowhere], Vec::new()] {
        let ends = orphaned(ends_with);
        let state = interrupted(as_far_as(claimed(JournalState::new(id()), &set), "tag"));
        let state = claimed(state, &ends);
        let state = and_then(
            state,
            JournalEntry::Finished {
                epoch: 2,
                outcome: OutcomeKind::CleanedUp,
                tables: ends
                    .plan
                    .tables
                    .iter()
                    .map(|table| TableOutcome::of(&ends.plan, table, Effect::Unchanged))
                    .collect(),
                catalog: Effect::Unchanged,
                sidecar: ends.sidecar.clone(),
            },
        );
        let made = release(
            &root(),
            release_id(&id()),
            &id(),
            &original(),
            &tags_of(&state),
        );
        assert!(made.blockers.is_empty(), "{:?}", made.blockers);
        assert_eq!(kinds(&made.plan), ["untag", "untag", "record"]);
        let places: Vec<Option<&str>> = made
            .plan
            .tables
            .iter()
            .map(|table| table.location.as_deref())
            .collect();
        assert_eq!(places, [Some("tables/a")]);
    }
}

/// Whatever the recovery of the write did about the table, its late commit is rolled back or nothing is done to it; it never
/// becomes visible.
#[test]
fn a_late_commit_is_announced_so_that_it_can_only_be_rolled_back() {
    for kind in [WriterKind::Mutation, WriterKind::Load, WriterKind::Optimize] {
        let write = sidecar(kind, vec![pin("node:Author", 4, 5), pin("node:Book", 7, 8)]);
        let (operation, text) = late_commit(&write, "node:Book").unwrap();
        assert_eq!(late_commit(&write, "node:Book").unwrap().1, text);
        let file = operation.file_name();
        let late = Sidecar::parse(&file, text.as_bytes(), &Limits::DEFAULT).unwrap();
        let listed = assemble(vec![SidecarFile::read(
            &file,
            text.clone().into_bytes(),
            &Limits::DEFAULT,
        )]);
        assert_eq!(listed[0].refusal, None);
        assert_eq!(late.tables.len(), 1);
        for (pinned, head, expected) in [
            (7, 8, Disposition::RollBack),
            (7, 9, Disposition::RollBack),
            (8, 9, Disposition::RollBack),
            (7, 7, Disposition::NeverStarted),
            (8, 8, Disposition::Superseded),
            (6, 8, Disposition::Abort),
        ] {
            let found = world(vec![at(&late.tables[0], pinned, head)]);
            let disposition = judge(&late, None, &found).disposition;
            assert_eq!(disposition, expected, "pin {pinned}, HEAD {head}");
        }
    }
    let write = sidecar(WriterKind::Mutation, vec![pin("node:Author", 4, 5)]);
    assert_eq!(late_commit(&write, "node:Book"), None);
}
