//! When an undo or a release is spent, so that the next one is planned.

use sidecar::follow_up::{
    FollowUp, FollowUpKind, SpentIf, is_any_dropped, release, release_id, spent_if, tags_of,
    tags_of_plan,
};
use sidecar::journal::JournalState;

use super::{as_far_as, claimed, id, interrupted, made_undo, original, recovery, root};
use crate::begun::to_the_end;

fn begun(made: &FollowUp) -> JournalState {
    claimed(JournalState::new(made.plan.operation_id.clone()), made)
}

/// The recovery that rolled back, with its journal.
fn recovered() -> (FollowUp, JournalState) {
    let made = recovery([5, 4]);
    let state = to_the_end(begun(&made));
    (made, state)
}

/// The release of its tags.
fn freed() -> FollowUp {
    let (_, recovery) = recovered();
    let tags = tags_of(&recovery);
    assert!(!tags.is_empty());
    release(&root(), release_id(&id()), &id(), &original(), &tags)
}

#[test]
fn what_is_not_finished_is_never_spent() {
    let (_, recovery) = recovered();
    let (undo, release) = (begun(&made_undo()), begun(&freed()));
    for (kind, state) in [
        (FollowUpKind::Undo, undo.clone()),
        (FollowUpKind::Undo, interrupted(undo)),
        (FollowUpKind::Release, release.clone()),
        (FollowUpKind::Release, interrupted(release)),
    ] {
        assert_eq!(spent_if(kind, &state, &recovery), SpentIf::Never);
    }
}

#[test]
fn an_undo_that_took_a_recovery_back_is_spent_once_a_backup_removes_its_effects() {
    let (_, recovery) = recovered();
    let made = made_undo();
    let state = to_the_end(begun(&made));
    let spent = spent_if(FollowUpKind::Undo, &state, &recovery);
    assert!(matches!(spent, SpentIf::EffectsAreGone { finished } if finished.plan == made.plan));
}

#[test]
fn an_undo_whose_half_was_rolled_back_is_spent_already() {
    let (made, state) = recovered();
    let spent = spent_if(FollowUpKind::Undo, &state, &state);
    assert!(matches!(spent, SpentIf::Already { finished } if finished.plan == made.plan));
}

#[test]
fn a_release_is_spent_once_a_tag_of_the_recovery_is_there_again() {
    let (made, recovery) = recovered();
    let release = freed();
    let state = to_the_end(begun(&release));
    let tags: Vec<_> = tags_of_plan(&made.plan).collect();
    let spent = spent_if(FollowUpKind::Release, &state, &recovery);
    assert_eq!(spent, SpentIf::TagsAreThere { tags });
}

#[test]
fn tags_count_as_dropped_from_the_first_that_a_release_may_have_dropped() {
    let release = freed();
    assert!(!begun(&release).has_begun_to_drop());
    assert!(!interrupted(begun(&release)).has_begun_to_drop());
    let dropping = as_far_as(begun(&release), "untag");
    assert!(interrupted(dropping).has_begun_to_drop());
    let state = to_the_end(begun(&release));
    assert!(state.has_begun_to_drop());

    let (made, _) = recovered();
    let tags: Vec<_> = tags_of_plan(&made.plan).collect();
    assert!(!is_any_dropped(&made.plan, &tags));
    assert!(is_any_dropped(&made.plan, &tags[1..]));
}
