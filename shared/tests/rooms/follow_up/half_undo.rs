//! An undo that stopped half-way: what is said of it while its tables are recovered like those of a write, and afterwards.

use sidecar::api::{PlanReport, Since};
use sidecar::explanation::explain_looked_at;
use sidecar::follow_up::{FollowUp, half_undo_of};
use sidecar::journal::JournalState;
use sidecar::observation::{Recorded, RecordedRestore, Returned};
use sidecar::{
    ApplyReport, Digest, Disposition, Limits, Observation, PlanInput, Sidecar, SidecarFate, Tag,
    Timestamp, judge,
};

use super::{as_far_as, claimed, id, interrupted, made_undo, restored_by, root};
use crate::begun::to_the_end;
use crate::support::{at, world};

/// A look at the tables of an undo that restored some of them. Each has its pin so much above the one that the recovery left, and is
/// restored or not.
fn found(undo: &FollowUp, stands: &Sidecar, tables: [(u64, bool); 2]) -> Observation {
    let mut recorded = Recorded {
        undo: Some(Vec::new()),
        restores: Vec::new(),
    };
    let mut looked_at = Vec::new();
    for (pin, (published, is_restored)) in stands.tables.iter().zip(tables) {
        let pinned = pin.expected_version + published;
        let mut planned = undo.plan.tables.iter();
        let planned = planned.find(|table| table.table_key == pin.table_key);
        let target = planned.and_then(|table| table.restore_to).unwrap();
        let mut table = at(pin, pinned, pinned);
        table.location = Some(format!("tables/{}", pin.table_key));
        if is_restored {
            restored_by(&mut table, &undo.plan, pinned, target);
            recorded.restores.push(RecordedRestore {
                table_key: pin.table_key.clone(),
                branch: None,
                version: pinned + 1,
            });
        }
        recorded.undo.get_or_insert_default().push(Returned {
            table_key: pin.table_key.clone(),
            branch: None,
            target,
        });
        looked_at.push(table);
    }
    let mut observation = world(looked_at);
    observation.recorded = recorded;
    observation
}

/// The recovery of half an undo.
fn recovery(undo: &FollowUp, tables: [(u64, bool); 2]) -> (FollowUp, Sidecar, Observation) {
    let operation = &undo.plan.operation_id;
    let file = operation.file_name();
    let bytes = undo.sidecar.as_bytes();
    let stands = Sidecar::parse(&file, bytes, &Limits::DEFAULT).unwrap();
    let observation = found(undo, &stands, tables);
    let verdict = judge(&stands, None, &observation);
    let plan = sidecar::plan(&PlanInput {
        root: &root(),
        operation_id: operation,
        file: &file,
        sidecar_digest: Digest::of(Tag::Sidecar, bytes),
        sidecar: Some(&stands),
        observation: Some(&observation),
        verdict: &verdict,
    });
    let made = FollowUp {
        plan,
        sidecar: undo.sidecar.clone(),
        blockers: verdict.blockers,
    };
    (made, stands, observation)
}

/// The journal of an undo that was interrupted once its first restore was begun.
fn stopped(undo: &FollowUp) -> JournalState {
    let begun = claimed(JournalState::new(undo.plan.operation_id.clone()), undo);
    interrupted(as_far_as(begun, "restore"))
}

fn report(state: &JournalState) -> PlanReport {
    let since = Since::of_file(SidecarFate::NoFile);
    let now = Timestamp::from_micros(1_795_350_000_000_000);
    PlanReport::begun(state, since, &root(), &Limits::DEFAULT, now)
        .unwrap()
        .unwrap()
}

#[test]
fn the_plan_of_half_an_undo_says_what_readers_see_and_calls_it_no_write() {
    let undo = made_undo();
    let as_before = "Readers see what they saw before the undo.";
    let changed = "Readers do not see all that they saw before the undo: they see version ";
    for (tables, disposition, headline, seen) in [
        (
            [(0, true), (0, false)],
            Disposition::RollBack,
            "An undo stopped half-way: one of its two tables moved.",
            as_before,
        ),
        (
            [(0, false), (0, false)],
            Disposition::NeverStarted,
            "An undo moved none of its tables.",
            as_before,
        ),
        (
            [(0, true), (1, false)],
            Disposition::RollBack,
            "An undo stopped half-way: one of its two tables moved.",
            changed,
        ),
        (
            [(0, true), (0, true)],
            Disposition::RollForward,
            "An undo stopped after it had restored all of its tables and before it published them.",
            as_before,
        ),
    ] {
        let (made, stands, observation) = recovery(&undo, tables);
        assert_eq!(made.plan.disposition, disposition, "{tables:?}");
        let told = explain_looked_at(
            &made.plan,
            Some(&stands),
            Some(&observation),
            &made.blockers,
        );
        assert!(told.headline.starts_with(headline), "{}", told.headline);
        assert!(told.headline.contains(seen), "{}", told.headline);
        let is_of_a_write = told.text().contains("a write is all or nothing");
        assert!(!is_of_a_write, "{}", told.consequence);
    }
}

#[test]
fn what_was_done_about_half_an_undo_is_told_as_that() {
    let undo = made_undo();
    let of = id();
    let stopped = stopped(&undo);
    assert_eq!(half_undo_of(&stopped), None, "nothing was begun since");
    for (tables, disposition, ending, ended) in [
        (
            [(0, true), (0, false)],
            Disposition::RollBack,
            "rolled back",
            "Rolled back: readers saw no change, and the operation that was to be undone was not undone.",
        ),
        (
            [(0, true), (0, true)],
            Disposition::RollForward,
            "rolled forward",
            "Rolled forward: readers were returned to what they saw before the operation that was undone.",
        ),
    ] {
        let (made, ..) = recovery(&undo, tables);
        assert_eq!(made.plan.disposition, disposition, "{:?}", made.blockers);
        let under_way = claimed(stopped.clone(), &made);
        assert_eq!(half_undo_of(&under_way), Some(&of));
        let told = report(&under_way).headline;
        let begins =
            format!("The undo of operation {of}, which had stopped half-way, is being {ending}:");
        assert!(told.starts_with(&begins), "{told}");

        let done = to_the_end(under_way);
        let told = report(&done);
        let headline =
            format!("The undo of operation {of}, which had stopped half-way, was {ending}.");
        assert_eq!(told.headline, headline);
        assert!(told.consequence.starts_with(ended), "{}", told.consequence);
        let applied = ApplyReport::finished(&done, done.finished().unwrap(), SidecarFate::NoFile);
        assert_eq!(applied.detail, ended);
        assert_eq!(told.attempt.unwrap().half_undo_of.as_ref(), Some(&of));
    }

    let whole = to_the_end(claimed(
        JournalState::new(undo.plan.operation_id.clone()),
        &undo,
    ));
    assert_eq!(half_undo_of(&whole), None, "this one did not stop");
}
