//! What stands for a follow-up that was begun.

use std::collections::BTreeMap;

use sidecar::follow_up::{
    FollowUp, Undo, dismissal, dismissal_id, release, release_id, tags_of, undo, undo_id,
};
use sidecar::journal::JournalState;
use sidecar::observation::{HeadObservation, Pinned};
use sidecar::{
    Action, ClassificationLabel, Code, Disposition, Limits, Observation, OperationId, Plan,
    PlannedTable, Sidecar, SidecarFile, Step, WriterKind, assemble, judge,
};

use super::{
    as_far_as, claimed, finished_of, found, id, interrupted, made_undo, original, recovery,
    restored_by, root, table, write_of,
};

/// Every table of a sidecar at a HEAD above its pin.
pub(super) fn moved(what: &Undo, sidecar: &Sidecar, above: &BTreeMap<&str, u64>) -> Observation {
    let mut observation = found(what, None);
    observation.tables = sidecar
        .tables
        .iter()
        .map(|pin| {
            let mut seen = found(what, None).tables[0].clone();
            seen.table_key.clone_from(&pin.table_key);
            seen.pinned = Pinned::At {
                version: pin.expected_version,
            };
            seen.head = HeadObservation::At {
                version: pin.expected_version + above[pin.table_key.as_str()],
                transaction: None,
            };
            seen
        })
        .collect();
    observation
}

/// Whatever the write was, what stands for its undo or release is judged by tables alone, and holds up no other tables.
#[test]
fn what_stands_for_a_follow_up_is_no_schema_change_and_never_half_a_write() {
    let past = ClassificationLabel::RolledPastExpected;
    for kind in WriterKind::ALL {
        let write = write_of(kind, &["a", "b"]);
        // A schema change whose tables were all committed is rolled back if its files were never staged.
        for b in [
            table("b", 5, Action::RestoreAndPublish, past),
            table("b", 4, Action::None, ClassificationLabel::NoMovement),
        ] {
            let a = table("a", 5, Action::RestoreAndPublish, past);
            let finished = finished_of(&write, Disposition::RollBack, vec![a, b]);
            let what = Undo::of(&id(), &finished, &write).unwrap();
            let made = undo(&root(), &what, &found(&what, None));
            assert_eq!(made.plan.writer_kind, Some(kind), "what was written");
            let Some(Step::Announce { file, sidecar, .. }) = made
                .plan
                .steps
                .iter()
                .find(|step| matches!(step, Step::Announce { .. }))
            else {
                panic!("{kind:?}: nothing is announced")
            };
            let announced = Sidecar::parse(file, sidecar.as_bytes(), &Limits::default()).unwrap();
            for stands_in in [&announced, &what.sidecar] {
                assert!(stands_in.writer_kind.commits_each_table_once(), "{kind:?}");
                // Also where somebody else committed above a table that stays, or above what came back.
                for (a, b) in [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (2, 2), (3, 2)] {
                    let found = moved(&what, stands_in, &BTreeMap::from([("a", a), ("b", b)]));
                    let disposition = judge(stands_in, None, &found).disposition;
                    let expected = if (a, b) == (0, 0) {
                        Disposition::NeverStarted
                    } else {
                        Disposition::RollBack
                    };
                    assert_eq!(disposition, expected, "{kind:?}, {a} and {b} above");
                }
            }
        }
        let finished = finished_of(
            &write,
            Disposition::RollForward,
            vec![
                table("a", 5, Action::Publish, past),
                table("b", 5, Action::Publish, past),
            ],
        );
        let what = Undo::of(&id(), &finished, &write).unwrap();
        let made = undo(&root(), &what, &found(&what, None));
        let all_moved = moved(&what, &what.sidecar, &BTreeMap::from([("a", 1), ("b", 1)]));
        let state = as_far_as(claimed(JournalState::new(undo_id(&id())), &made), "restore");
        let mut found = all_moved.clone();
        found.note_own(&interrupted(state.clone()));
        assert_eq!(
            judge(&what.sidecar, None, &found).disposition,
            Disposition::RollBack,
            "{kind:?}: what does not say that it is this undo's is not"
        );
        let mut restored = all_moved;
        for table in &mut restored.tables {
            restored_by(table, &made.plan, 5, 4);
        }
        restored.note_own(&interrupted(state));
        assert_eq!(
            judge(&what.sidecar, None, &restored).disposition,
            Disposition::RollForward,
            "{kind:?}: an undo that only has to be published is published"
        );
        let released = release(&root(), release_id(&id()), &id(), &write, &[]);
        let other = write_of(WriterKind::Mutation, &["c"]);
        let later = Sidecar {
            operation_id: "01M9125ENACWR9X1EZNRMDV5V2".parse().unwrap(),
            ..other
        };
        let files = [
            (made.plan.file, made.sidecar.as_bytes().to_vec()),
            (released.plan.file, released.sidecar.as_bytes().to_vec()),
            (
                later.operation_id.file_name(),
                serde_json::to_vec(&later).unwrap(),
            ),
        ];
        let listed = assemble(
            files
                .into_iter()
                .map(|(file, bytes)| SidecarFile::read(&file, bytes, &Limits::default()))
                .collect(),
        );
        assert_eq!(listed.len(), 3);
        for entry in listed {
            assert_eq!(entry.refusal, None, "{kind:?}");
            assert_eq!(entry.waiting_for, None, "{kind:?}: {}", entry.file.file);
        }
    }
}

#[test]
fn an_undo_is_a_write_of_its_own_from_its_first_restore_on() {
    let made = made_undo();
    let begun = || claimed(JournalState::new(made.plan.operation_id.clone()), &made);
    assert_eq!(begun().stand_in(), Some(&made.sidecar), "under way");
    for (kind, is_a_write) in [
        ("tag", false),
        ("fence_catalog", false),
        ("restore", true),
        ("publish", true),
    ] {
        let state = interrupted(as_far_as(begun(), kind));
        let stands = is_a_write.then_some(&made.sidecar);
        assert_eq!(state.stand_in(), stands, "interrupted at {kind}");
        // The restores of an earlier attempt are not forgotten.
        let again = interrupted(as_far_as(claimed(state, &made), "tag"));
        assert_eq!(again.stand_in(), stands, "interrupted at {kind}, and again");
        assert_eq!(again.interrupted().len(), 2);
        assert_eq!(again.next_epoch(), 3);
    }
}

/// The end of a write whose branch is gone, with what is known of its tables.
pub(super) fn orphaned(tables: Vec<PlannedTable>) -> FollowUp {
    let FollowUp { plan, sidecar, .. } = recovery([4, 4]);
    let plan = Plan {
        disposition: Disposition::OrphanedBranch,
        tables,
        ..plan
    };
    FollowUp {
        plan,
        sidecar,
        blockers: Vec::new(),
    }
}

#[test]
fn a_release_that_was_interrupted_is_no_write_and_a_recovery_is_one() {
    let recovery = recovery([5, 4]);
    let state = interrupted(as_far_as(
        claimed(JournalState::new(id()), &recovery),
        "tag",
    ));
    assert_eq!(state.stand_in(), Some(&recovery.sidecar));

    let made = release(
        &root(),
        release_id(&id()),
        &id(),
        &original(),
        &tags_of(&state),
    );
    let begun = claimed(JournalState::new(release_id(&id())), &made);
    assert_eq!(begun.stand_in(), Some(&made.sidecar), "under way");
    assert_eq!(interrupted(begun.clone()).stand_in(), None);
    assert_eq!(interrupted(as_far_as(begun, "untag")).stand_in(), None);
}

#[test]
fn to_set_a_file_aside_is_a_write_only_under_the_name_of_its_operation() {
    let bytes = serde_json::to_vec(&original()).unwrap();
    let set_aside = |name: &str, operation: Option<OperationId>, because| {
        let file = SidecarFile::read(name, bytes.clone(), &Limits::default());
        let operation = operation.unwrap_or_else(|| dismissal_id(&file));
        let made = dismissal(
            &root(),
            operation.clone(),
            &file,
            Some(bytes.clone()),
            Disposition::Refused,
            &[sidecar::Reason::new(because, "so it is said")],
        );
        interrupted(claimed(JournalState::new(operation), &made))
    };
    assert!(
        set_aside("copy.json", None, Code::Misnamed)
            .stand_in()
            .is_none()
    );
    assert!(
        set_aside(&id().file_name(), Some(id()), Code::BranchRecreated)
            .stand_in()
            .is_some()
    );
}
