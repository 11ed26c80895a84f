//! What is pending, and who stands for whom, from files and the states of journals.

use std::collections::BTreeSet;

use sidecar::executor::SidecarSeen;
use sidecar::follow_up::{dismissal, dismissal_id};
use sidecar::journal::{JournalEntry, JournalState};
use sidecar::{
    Approval, Code, Digest, Disposition, JournalsKnown, Limits, NotKnown, OperationId,
    PendingEntry, Plan, PlanBytes, Precondition, Purpose, Reason, RootId, SidecarFile, Step, Tag,
    Timestamp, pending,
};

use crate::journal::{Journal, approved, claimed, finished, finished_steps, interrupted, started};
use crate::support::{OLDER, OPERATION, Scene, bytes, half_way};

/// The file with which the operation of [`half_way`] was begun.
fn own_file(scene: &Scene) -> SidecarFile {
    let name = scene.plan.operation_id.file_name();
    SidecarFile::read(&name, bytes(&scene.sidecar), &Limits::DEFAULT)
}

/// Another file under its name.
fn another_file(scene: &Scene) -> SidecarFile {
    let name = scene.plan.operation_id.file_name();
    SidecarFile::read(&name, b"{}".to_vec(), &Limits::DEFAULT)
}

/// `file: operation it stands for, operation whose journal tells, refusal`, one for each entry.
fn told(entries: &[PendingEntry]) -> Vec<String> {
    let short = |id: Option<OperationId>| match id {
        Some(id) if id.as_str() == OPERATION => "own".to_owned(),
        Some(id) if id.as_str() == OLDER => "older".to_owned(),
        Some(_) => "derived".to_owned(),
        None => "none".to_owned(),
    };
    entries
        .iter()
        .map(|entry| {
            let refusal = entry.listed.refusal.as_ref();
            format!(
                "{}, {}, {}",
                short(entry.operation_id()),
                short(entry.journal.clone()),
                refusal.map_or("taken", |reason| reason.code.name())
            )
        })
        .collect()
}

fn with_journal(files: Vec<SidecarFile>, state: &JournalState) -> Vec<PendingEntry> {
    let journals = JournalsKnown::from([(state.operation_id().clone(), Ok(state))]);
    pending(files, &journals, &BTreeSet::new(), &Limits::DEFAULT)
}

#[test]
fn a_claimed_operation_is_pending_with_or_without_its_file() {
    let scene = half_way();
    let none = Journal::of(&scene);
    let consented = none.clone().then(approved(&scene));
    let under_way = consented.clone().then(claimed(&scene, 1));
    let given_up = under_way.clone().then(interrupted(1));
    let groups: [&[usize]; 4] = [&[0, 1], &[2], &[3], &[4]];
    let done = groups.iter().fold(under_way.clone(), |journal, steps| {
        journal
            .then(started(1, steps))
            .then(finished_steps(1, steps))
    });
    let done = done.then(finished(&scene, 1));
    let own = vec![own_file(&scene)];
    let nothing: &[&str] = &[];
    let pending_as = &["own, own, taken"][..];
    for (journal, files, expected) in [
        (&consented, own.clone(), pending_as),
        (&consented, Vec::new(), nothing),
        (&under_way, own.clone(), pending_as),
        (&under_way, Vec::new(), pending_as),
        (&given_up, own.clone(), pending_as),
        (&given_up, Vec::new(), pending_as),
        (&done, own, pending_as),
        (&done, Vec::new(), nothing),
    ] {
        let entries = with_journal(files, &journal.state);
        assert_eq!(told(&entries), expected);
    }
}

#[test]
fn where_another_file_bears_the_name_of_a_claimed_sidecar_the_claimed_one_counts() {
    let scene = half_way();
    let under_way = Journal::of(&scene)
        .then(approved(&scene))
        .then(claimed(&scene, 1));
    let entries = with_journal(vec![another_file(&scene)], &under_way.state);
    assert_eq!(
        told(&entries),
        ["none, none, duplicate_operation_id", "own, own, taken"]
    );
    assert_eq!(entries[0].stands_in_for.as_deref(), Some(OPERATION));
    assert_eq!(entries[1].listed.file.bytes, bytes(&scene.sidecar));
    // One whose read failed may be the claimed one; one that is known to be stored with other bytes is not.
    let name = scene.plan.operation_id.file_name();
    let unread = SidecarFile::unread(&name, Reason::new(Code::Unreadable, "the store timed out"));
    let entries = with_journal(vec![unread.clone()], &under_way.state);
    assert_eq!(told(&entries), ["own, own, unreadable"]);
    let too_large = SidecarFile {
        stored_as: Some("another e_tag".to_owned()),
        ..unread
    };
    let entries = with_journal(vec![too_large], &under_way.state);
    assert_eq!(entries.len(), 2);
}

#[test]
fn a_journal_that_cannot_be_trusted_refuses_its_own_entry_alone() {
    let scene = half_way();
    let operation: OperationId = OPERATION.parse().unwrap();
    let older: OperationId = OLDER.parse().unwrap();
    let broken = Err(NotKnown::Untrusted(Reason::new(
        Code::JournalBroken,
        "its chain is broken",
    )));
    let journals = JournalsKnown::from([(older.clone(), broken)]);
    let claimed = BTreeSet::from([older.clone()]);
    let look = |files: Vec<SidecarFile>, unsettled: &BTreeSet<OperationId>| {
        told(&pending(files, &journals, unsettled, &Limits::DEFAULT))
    };
    let own = || vec![own_file(&scene)];
    // It may name any table, so the younger one waits, and is not refused.
    assert_eq!(
        look(own(), &claimed),
        ["older, older, journal_broken", "own, none, taken"]
    );
    assert_eq!(
        look(own(), &BTreeSet::new()),
        ["own, none, taken"],
        "somebody resolved it between listing and reading"
    );
    let broken = Err(NotKnown::Untrusted(Reason::new(
        Code::JournalBroken,
        "its chain is broken",
    )));
    let journals = JournalsKnown::from([(operation, broken)]);
    let entries = pending(own(), &journals, &BTreeSet::new(), &Limits::DEFAULT);
    assert_eq!(told(&entries), ["own, own, journal_broken"]);
}

#[test]
fn an_operation_whose_journal_there_was_no_room_for_is_pending_whether_it_was_claimed_or_not() {
    let scene = half_way();
    let older: OperationId = OLDER.parse().unwrap();
    let reason = Reason::new(Code::Unreadable, "there is no room for it");
    let journals = JournalsKnown::from([(older.clone(), Err(NotKnown::NotHeld(reason)))]);
    for unsettled in [BTreeSet::new(), BTreeSet::from([older])] {
        let files = vec![own_file(&scene)];
        let entries = pending(files, &journals, &unsettled, &Limits::DEFAULT);
        assert_eq!(
            told(&entries),
            ["older, older, unreadable", "own, none, taken"]
        );
    }
}

#[test]
fn a_dismissal_under_a_derived_id_tells_about_its_file() {
    let scene = half_way();
    let misnamed = SidecarFile::read("old.json", bytes(&scene.sidecar), &Limits::DEFAULT);
    let id = dismissal_id(&misnamed);
    let reasons = [Reason::new(Code::Misnamed, "renamed")];
    let made = dismissal(
        &RootId::new("file:///data/graph"),
        id.clone(),
        &misnamed,
        Some(bytes(&scene.sidecar)),
        Disposition::Refused,
        &reasons,
    );
    let plan = PlanBytes::of(&made.plan).unwrap();
    let approval = Approval {
        operation_id: id.clone(),
        plan_digest: plan.digest(),
        approved_by: "bea".to_owned(),
        approved_at: Timestamp::from_micros(1),
        reason: Some("it is nobody's".to_owned()),
        writers_stopped: false,
        acknowledged: BTreeSet::new(),
    };
    let approved = JournalEntry::Approved {
        approval,
        plan: plan.text().to_owned(),
    };
    let claimed = JournalEntry::Claimed {
        epoch: 1,
        executor: "executor".to_owned(),
        plan_digest: plan.digest(),
        plan: plan.text().to_owned(),
        sidecar: made.sidecar,
    };
    let mut state = JournalState::new(id);
    for entry in [approved, claimed] {
        let record = state.next_record(Timestamp::from_micros(1), entry);
        state = state.append(&record.to_bytes().unwrap()).unwrap();
    }
    assert_eq!(
        told(&with_journal(vec![misnamed], &state)),
        ["none, derived, misnamed"]
    );
    // The file is deleted, and that is not recorded yet: the bytes in the journal stand for it.
    let entries = with_journal(Vec::new(), &state);
    assert_eq!(told(&entries), ["none, derived, misnamed"]);
    assert_eq!(entries[0].listed.file.file, "old.json");
}

#[test]
fn the_file_of_a_plan_has_the_bytes_that_the_plan_was_made_from_or_gave_it() {
    let recovered = half_way().plan;
    let [given, another] = [
        Digest::of(Tag::Sidecar, b"given"),
        Digest::of(Tag::Sidecar, b"{}"),
    ];
    let mut prepares = recovered.clone();
    prepares.steps.insert(
        0,
        Step::PrepareSidecar {
            file: recovered.file.clone(),
            outcomes: Vec::new(),
            digest: given,
            precondition: Precondition::FileAsPlanned,
        },
    );
    let follow_up = Plan {
        purpose: Purpose::Undo {
            of: recovered.operation_id.clone(),
        },
        ..recovered.clone()
    };
    let made_from = recovered.sidecar;
    for (plan, found, expected) in [
        (&recovered, None, SidecarSeen::Gone),
        (&recovered, Some(made_from), SidecarSeen::AsPlanned),
        (&recovered, Some(given), SidecarSeen::Another),
        (&prepares, Some(made_from), SidecarSeen::AsPlanned),
        (&prepares, Some(given), SidecarSeen::AsPlanned),
        (&prepares, Some(another), SidecarSeen::Another),
        // An undo has no file.
        (&follow_up, Some(made_from), SidecarSeen::Gone),
    ] {
        assert_eq!(SidecarSeen::of(plan, found, &[]), expected, "{found:?}");
    }
    let seen = SidecarSeen::of(&recovered, Some(given), &[given]);
    assert_eq!(seen, SidecarSeen::AsPlanned, "an earlier attempt gave it");
}
