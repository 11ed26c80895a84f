//! Which operation is an undo or a release, of what, and whether it took a recovery back.

use sidecar::follow_up::{
    FollowUpKind, has_undone, next_release_id, next_undo_id, release, release_id, tags_dropped_by,
    tags_of_plan, undo_id,
};
use sidecar::journal::JournalState;
use sidecar::{Disposition, OperationId, Plan, Purpose};

use crate::follow_up::{claimed, id, interrupted, made_undo, original, recovery, root};

#[test]
fn an_operation_follows_once_each_before_it_has_a_journal() {
    let (undo, freed) = (undo_id(&id()), release_id(&id()));
    let (undo_2, freed_2) = (next_undo_id(&undo), next_release_id(&freed));
    let (is_undo, is_release) = (Some(FollowUpKind::Undo), Some(FollowUpKind::Release));
    let cases: [(&OperationId, Vec<&OperationId>, Option<FollowUpKind>); 8] = [
        (&undo, vec![], is_undo),
        (&undo, vec![&undo], is_undo),
        (&undo_2, vec![], None),
        (&undo_2, vec![&undo], is_undo),
        (&freed, vec![&undo], is_release),
        (&freed_2, vec![&undo], None),
        (&freed_2, vec![&freed], is_release),
        (&id(), vec![&undo, &freed], None),
    ];
    for (operation, journals, expected) in cases {
        let found = FollowUpKind::of_operation(&id(), operation, |id| journals.contains(&id));
        assert_eq!(found, expected, "{operation} of {journals:?}");
    }
}

#[test]
fn a_journal_is_of_an_undo_from_its_claim_on_and_after_an_interruption() {
    let made = made_undo();
    let none = JournalState::new(made.plan.operation_id.clone());
    let begun = claimed(none.clone(), &made);
    let recovery = recovery([5, 4]);
    let recovered = claimed(JournalState::new(id()), &recovery);
    let undo = Some(FollowUpKind::Undo);
    for (state, expected) in [
        (none, None),
        (begun.clone(), undo),
        (interrupted(begun), undo),
        (recovered, None),
    ] {
        let found = FollowUpKind::of_journal(&state);
        assert_eq!(found.map(|(kind, _)| kind), expected);
        assert!(found.is_none_or(|(_, of)| *of == id()));
    }
}

#[test]
fn a_recovery_is_taken_back_by_its_undo_or_by_publishing_what_the_undo_restored() {
    let recovered = |disposition| Plan {
        disposition,
        ..recovery([5, 4]).plan
    };
    let with = |purpose| Plan {
        purpose,
        ..made_undo().plan
    };
    let dismissed = Purpose::Dismiss {
        because: Vec::new(),
    };
    for (plan, expected) in [
        (made_undo().plan, true),
        (recovered(Disposition::RollForward), true),
        (recovered(Disposition::AlreadyPublished), true),
        (recovered(Disposition::RollBack), false),
        (with(Purpose::Release { of: id() }), false),
        (with(dismissed), false),
    ] {
        let (purpose, disposition) = (&plan.purpose, plan.disposition);
        assert_eq!(has_undone(&plan), expected, "{purpose:?} {disposition:?}");
    }
}

#[test]
fn a_release_drops_the_tags_that_the_recovery_set() {
    let recovery = recovery([5, 4]).plan;
    let set: Vec<_> = tags_of_plan(&recovery).collect();
    assert!(!set.is_empty());
    assert!(tags_dropped_by(&recovery).is_empty());
    let release = release(&root(), release_id(&id()), &id(), &original(), &set);
    let names = |tags: Vec<sidecar::follow_up::SetTag>| -> Vec<(String, String, u64)> {
        let tags = tags.into_iter();
        let named = tags.map(|tag| (tag.table.table_key, tag.name, tag.version));
        named.collect()
    };
    let (mut dropped, mut set) = (names(tags_dropped_by(&release.plan)), names(set));
    dropped.sort();
    set.sort();
    assert_eq!(dropped, set);
}
