//! What an undo takes back, and where it is not possible.

use std::collections::{BTreeMap, BTreeSet};

use sidecar::follow_up::{
    Undo, announced_by, next_undo_sidecar_id, release_id, undo, undo_id, undo_sidecar_id,
};
use sidecar::observation::{HeadObservation, Pinned};
use sidecar::{
    Action, CatalogChangeKind, ClassificationLabel, Code, Disposition, Limits, OutcomeKind, Plan,
    PlannedTable, RootId, Sidecar, Step, WriterKind, judge,
};

use super::{finished, finished_of, found, id, original, rolled_forward, root, table, write_of};

pub(super) fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(Step::kind).collect()
}

#[test]
fn a_roll_forward_is_undone_by_restoring_and_publishing_the_old_pins() {
    let past = ClassificationLabel::RolledPastExpected;
    let finished = finished(
        Disposition::RollForward,
        vec![
            table("a", 5, Action::Publish, past),
            table("b", 7, Action::Publish, past),
        ],
    );
    let what = Undo::of(&id(), &finished, &original()).unwrap();
    let made = undo(&RootId::new("/srv/g"), &what, &found(&what, None));
    assert!(made.blockers.is_empty(), "{:?}", made.blockers);
    assert_eq!(
        kinds(&made.plan),
        [
            "tag",
            "tag",
            "tag",
            "tag",
            "fence_catalog",
            "restore",
            "restore",
            "publish",
            "record"
        ]
    );
    let targets: BTreeMap<&str, (Option<u64>, Option<u64>)> = made
        .plan
        .tables
        .iter()
        .map(|table| {
            (
                table.table_key.as_str(),
                (table.restore_to, table.publish_as),
            )
        })
        .collect();
    assert_eq!(targets["a"], (Some(4), Some(6)));
    assert_eq!(targets["b"], (Some(4), Some(8)));
    assert_eq!(made.plan.operation_id, undo_id(&id()));
    assert_eq!(made.plan.outcome(), Some(OutcomeKind::RolledBack));
}

#[test]
fn a_roll_back_is_undone_unpublished_and_what_comes_back_is_always_half_a_write() {
    for (label, head) in [
        (ClassificationLabel::RolledPastExpected, 5),
        (ClassificationLabel::UnexpectedMultistep, 8),
        (ClassificationLabel::UnexpectedAtP1, 5),
    ] {
        // Where both moved, one of them moved otherwise than announced, or it had been rolled forward.
        let other = if label == ClassificationLabel::RolledPastExpected {
            table("b", 4, Action::None, ClassificationLabel::NoMovement)
        } else {
            table(
                "b",
                5,
                Action::RestoreAndPublish,
                ClassificationLabel::RolledPastExpected,
            )
        };
        let finished = finished(
            Disposition::RollBack,
            vec![table("a", head, Action::RestoreAndPublish, label), other],
        );
        let what = Undo::of(&id(), &finished, &original()).unwrap();
        let made = undo(&RootId::new("/srv/g"), &what, &found(&what, None));
        assert!(made.blockers.is_empty(), "{:?}", made.blockers);
        assert!(!kinds(&made.plan).contains(&"publish"), "{label:?}");
        let announced = made.plan.steps.iter().find_map(|step| match step {
            Step::Announce { file, sidecar, .. } => Some((file.clone(), sidecar.clone())),
            _ => None,
        });
        let (file, text) = announced.unwrap();
        assert_eq!(file, undo_sidecar_id(&id()).file_name());
        assert!(
            undo_id(&id()) < undo_sidecar_id(&id()),
            "it waits for the undo"
        );

        // Each table as the undo leaves it, or the undo stopped at it: never a whole write.
        let sidecar = Sidecar::parse(&file, text.as_bytes(), &Limits::default()).unwrap();
        for stops_before in 0..=made.plan.tables.len() {
            let mut left = found(&what, None);
            left.tables = sidecar
                .tables
                .iter()
                .map(|pin| {
                    let place = made
                        .plan
                        .tables
                        .iter()
                        .position(|table| table.table_key == pin.table_key)
                        .unwrap();
                    let table = &made.plan.tables[place];
                    let head = if place < stops_before {
                        table.head_after()
                    } else {
                        table.lance_head
                    };
                    let mut seen = found(&what, None).tables[0].clone();
                    seen.table_key.clone_from(&pin.table_key);
                    seen.pinned = Pinned::At {
                        version: table.manifest_pinned.unwrap(),
                    };
                    seen.head = HeadObservation::At {
                        version: head.unwrap(),
                        transaction: None,
                    };
                    seen
                })
                .collect();
            let disposition = judge(&sidecar, None, &left).disposition;
            assert!(
                matches!(
                    disposition,
                    Disposition::RollBack | Disposition::NeverStarted
                ),
                "{label:?}, stopped before {stops_before}: {disposition:?}"
            );
        }
    }
}

#[test]
fn nothing_is_taken_back_from_under_a_table_that_moved() {
    let past = ClassificationLabel::RolledPastExpected;
    let finished = finished(
        Disposition::RollForward,
        vec![
            table("a", 5, Action::Publish, past),
            table("b", 5, Action::Publish, past),
        ],
    );
    let what = Undo::of(&id(), &finished, &original()).unwrap();
    for elsewhere in [("a", 5, 6), ("a", 6, 6), ("b", 4, 5)] {
        let made = undo(
            &RootId::new("/srv/g"),
            &what,
            &found(&what, Some(elsewhere)),
        );
        let codes: Vec<Code> = made.blockers.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, [Code::MovedSince], "{elsewhere:?}");
        assert!(made.plan.steps.is_empty());
        assert!(!made.plan.has_effect());
    }
}

#[test]
fn what_touched_no_table_has_nothing_to_take_back() {
    for disposition in [Disposition::AlreadyPublished, Disposition::NeverStarted] {
        let tables = vec![table("a", 4, Action::None, ClassificationLabel::NoMovement)];
        let reason = Undo::of(&id(), &finished(disposition, tables), &original()).unwrap_err();
        assert_eq!(reason.code, Code::NothingToUndo);
    }
}

#[test]
fn tables_that_a_schema_change_adds_or_removes_do_not_shift_what_comes_back() {
    let write = write_of(WriterKind::SchemaApply, &["node:Person", "edge:Knows"]);
    let past = ClassificationLabel::RolledPastExpected;
    let untouched = |key: &str, change| PlannedTable {
        catalog_change: Some(change),
        ..table(key, 7, Action::None, ClassificationLabel::NoMovement)
    };
    let tables = vec![
        untouched("edge:Aaa", CatalogChangeKind::Tombstone),
        table("edge:Knows", 6, Action::RestoreAndPublish, past),
        untouched("node:Author", CatalogChangeKind::Registration),
        table("node:Person", 9, Action::RestoreAndPublish, past),
    ];
    let finished = finished_of(&write, Disposition::RollBack, tables);
    let what = Undo::of(&id(), &finished, &write).unwrap();
    assert_eq!(what.target_of("edge:Knows", None), Some(6));
    assert_eq!(what.target_of("node:Person", Some("main")), Some(9));
    assert_eq!(what.target_of("edge:Aaa", None), None);
    assert_eq!(what.target_of("node:Person", Some("feature")), None);

    let made = undo(&root(), &what, &found(&what, None));
    assert!(made.blockers.is_empty(), "{:?}", made.blockers);
    let back: Vec<(&str, Option<u64>, Option<u64>)> = made
        .plan
        .tables
        .iter()
        .map(|table| (table.table_key.as_str(), table.lance_head, table.restore_to))
        .collect();
    assert_eq!(
        back,
        [
            ("edge:Knows", Some(7), Some(6)),
            ("node:Person", Some(10), Some(9))
        ]
    );
}

#[test]
fn an_undo_of_which_a_table_was_not_looked_at_is_not_possible() {
    let what = Undo::of(&id(), &rolled_forward(), &original()).unwrap();
    let mut observation = found(&what, None);
    observation.tables.pop();
    let made = undo(&root(), &what, &observation);
    assert_eq!(made.blockers[0].code, Code::TableUnreadable);
    assert!(made.plan.steps.is_empty());

    // Nor is one of a table that its sidecar does not pin.
    let other = write_of(WriterKind::Mutation, &["a"]);
    let reason = Undo::of(&id(), &rolled_forward(), &other).unwrap_err();
    assert_eq!(reason.code, Code::NothingToUndo);
}

#[test]
fn a_spent_sidecar_of_an_undo_is_followed_by_another() {
    let finished = finished(
        Disposition::RollBack,
        vec![table(
            "a",
            5,
            Action::RestoreAndPublish,
            ClassificationLabel::UnexpectedAtP1,
        )],
    );
    let what = Undo::of(&id(), &finished, &original()).unwrap();
    let first = undo_sidecar_id(&id());
    assert_eq!(what.announced(), Some(&first));
    let second = next_undo_sidecar_id(&first);
    let what = what.announcing(second.clone());
    let made = undo(&root(), &what, &found(&what, None));
    assert_eq!(announced_by(&made.plan.steps), Some(second.clone()));
    let ids = [
        undo_id(&id()),
        release_id(&id()),
        first.clone(),
        second.clone(),
        next_undo_sidecar_id(&second),
        undo_sidecar_id(&first),
    ];
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert!(undo_id(&id()) < second, "it waits for the undo");
}
