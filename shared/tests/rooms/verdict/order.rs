//! Which rule comes before which.

use sidecar::observation::TableObservation;
use sidecar::{
    Action, Code, Decision, Disposition, Observation, Reason, Sidecar, WriterKind, judge,
};

use super::oracle::{EXPECTED, KINDS, POST_COMMIT};
use super::{absent, on_graph_branch, one};
use crate::support::{OLDER, at, pin, present, scene, sidecar, world};

#[test]
fn the_first_match_wins_refused_before_waiting_before_orphaned_before_abort() {
    let (sidecar, mut observation) =
        on_graph_branch(one(WriterKind::Mutation, 1, 1), absent(false));
    let disposition = |sidecar: &Sidecar, waiting_for, observation: &Observation| {
        judge(sidecar, waiting_for, observation).disposition
    };
    assert_eq!(
        disposition(&sidecar, None, &observation),
        Disposition::OrphanedBranch
    );
    assert_eq!(
        disposition(&sidecar, Some(OLDER), &observation),
        Disposition::Waiting
    );
    observation.tables[0].location_conflict =
        Some(Reason::new(Code::LocationOutsideRoot, "elsewhere"));
    assert_eq!(
        disposition(&sidecar, Some(OLDER), &observation),
        Disposition::Refused
    );
    observation.tables[0].location_conflict = None;
    observation.catalog = present();
    assert_eq!(
        disposition(&sidecar, Some(OLDER), &observation),
        Disposition::Waiting
    );
    assert_eq!(
        disposition(&sidecar, None, &observation),
        Disposition::Abort
    );
}

#[test]
fn a_waiting_sidecar_shows_where_its_tables_stand_and_does_nothing() {
    for (pinned, head, decision) in [
        (2, 3, Decision::RollForward),
        (2, 2, Decision::RollBack),
        (3, 2, Decision::Abort),
    ] {
        let (sidecar, observation) = one(WriterKind::Mutation, pinned, head);
        let scene = scene(&sidecar, Some(OLDER), &observation);
        assert_eq!(
            (scene.verdict.disposition, scene.verdict.decision),
            (Disposition::Waiting, Some(decision))
        );
        assert_eq!(scene.verdict.blockers[0].code, Code::WaitingFor);
        assert!(scene.verdict.blockers[0].detail.contains(OLDER));
        assert_eq!(scene.verdict.blockers[0].about.as_deref(), Some(OLDER));
        assert!(scene.plan.steps.is_empty());
    }
}

#[test]
fn a_field_this_build_does_not_implement_refuses_even_past_the_listing() {
    let (mut sidecar, observation) = one(WriterKind::Mutation, 2, 3);
    sidecar
        .unknown
        .insert("confirmed".to_owned(), serde_json::json!(3));
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(
        (verdict.disposition, verdict.blockers[0].code),
        (Disposition::Refused, Code::UnimplementedField)
    );
}

#[test]
fn no_tables_and_nothing_to_add_or_remove_is_already_published() {
    for kind in KINDS {
        assert_eq!(
            judge(&sidecar(kind, Vec::new()), None, &world(Vec::new())).disposition,
            Disposition::AlreadyPublished
        );
    }
}

#[test]
fn a_write_announced_at_or_below_its_start_is_not_taken_for_published() {
    for post_commit in [0, 1, 2] {
        let sidecar = sidecar(WriterKind::Mutation, vec![pin("node:A", 2, post_commit)]);
        assert_eq!(
            judge(&sidecar, None, &world(vec![at(&sidecar.tables[0], 2, 2)])).disposition,
            Disposition::NeverStarted
        );
    }
}

#[test]
fn dispositions_are_spelled_as_in_json() {
    for disposition in Disposition::ALL {
        assert_eq!(
            serde_json::to_value(disposition).unwrap(),
            disposition.name()
        );
    }
    for action in [
        Action::None,
        Action::Publish,
        Action::RestoreAndPublish,
        Action::Register,
        Action::Tombstone,
    ] {
        assert_eq!(serde_json::to_value(action).unwrap(), action.name());
    }
}

/// A HEAD that says which operation of a two-phase writer committed it.
fn committed_by(mut table: TableObservation, operation: &str) -> TableObservation {
    for entry in &mut table.transactions {
        if let Some(transaction) = &mut entry.transaction {
            transaction.properties.insert(
                sidecar::root_layout::PROPERTY_WRITER_OPERATION_ID.to_owned(),
                operation.to_owned(),
            );
        }
    }
    table
}

#[test]
fn the_halves_of_two_writes_do_not_add_up_to_one() {
    const OTHER: &str = "01M8125ENACWR9X1EZNRMDV5VZ";
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![
            pin("node:A", EXPECTED, POST_COMMIT),
            pin("node:B", EXPECTED, POST_COMMIT),
        ],
    );
    let own = sidecar.operation_id.as_str().to_owned();
    let at_head = |index: usize| at(&sidecar.tables[index], EXPECTED, POST_COMMIT);
    let both_own = world(vec![
        committed_by(at_head(0), &own),
        committed_by(at_head(1), &own),
    ]);
    assert_eq!(
        judge(&sidecar, None, &both_own).disposition,
        Disposition::RollForward
    );
    let nameless = world(vec![at_head(0), at_head(1)]);
    assert_eq!(
        judge(&sidecar, None, &nameless).disposition,
        Disposition::RollForward
    );

    let uncovered = world(vec![at_head(0), committed_by(at_head(1), OTHER)]);
    let verdict = judge(&sidecar, None, &uncovered);
    assert_eq!(verdict.disposition, Disposition::RollBack);
    assert_eq!(
        verdict.tables[1].classification,
        Some(sidecar::Classification::UnexpectedAtP1)
    );
    assert_eq!(verdict.tables[1].action, Action::RestoreAndPublish);

    // Where the other write is pending itself, what it committed is left to it.
    let covered = TableObservation {
        covered_by: Some(OTHER.parse().unwrap()),
        ..committed_by(at_head(1), OTHER)
    };
    let verdict = judge(&sidecar, None, &world(vec![at_head(0), covered]));
    assert_eq!(verdict.disposition, Disposition::RollBack);
    assert_eq!(verdict.tables[0].action, Action::RestoreAndPublish);
    assert_eq!(
        verdict.tables[1].classification,
        Some(sidecar::Classification::NoMovement)
    );
    assert_eq!(verdict.tables[1].action, Action::None);
    assert!(
        verdict.tables[1].rule.contains(OTHER),
        "{}",
        verdict.tables[1].rule
    );
}
