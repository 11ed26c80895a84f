//! Whose commits stand on the tables: an undo's, a writer's that names its operation, another's, or nobody's on record.

use std::collections::BTreeMap;

use sidecar::follow_up::{FollowUp, Undo, late_commit, undo, undo_id};
use sidecar::journal::JournalState;
use sidecar::observation::{CatalogObservation, HeadObservation, Restorability, TableObservation};
use sidecar::root_layout::PROPERTY_WRITER_OPERATION_ID;
use sidecar::{
    Action, Classification, Disposition, Limits, Observation, Requirement, Sidecar, SidecarFile,
    UnexpectedCommit, Verdict, WriterKind, judge,
};

use crate::follow_up::{
    as_far_as, claimed, found, id, interrupted, original, restored_by, rolled_forward, root,
};
use crate::support::{OPERATION, at, pin, sidecar, staged, transaction, world};

const OTHER: &str = "01M8125ENACWR9X1EZNRMDV5VZ";

/// The undo of a roll forward over two tables, whose HEAD and pin are both 5, and what comes back is 4.
fn undoing() -> (Undo, FollowUp) {
    let what = Undo::of(&id(), &rolled_forward(), &original()).unwrap();
    let made = undo(&root(), &what, &found(&what, None));
    assert!(made.blockers.is_empty(), "{:?}", made.blockers);
    (what, made)
}

/// The journal of an undo whose restores were begun, and which was interrupted then.
fn half_way(made: &FollowUp) -> JournalState {
    let state = claimed(JournalState::new(undo_id(&id())), made);
    interrupted(as_far_as(state, "restore"))
}

/// Something commits at HEAD + 1 that names no operation.
fn appended(table: &mut TableObservation) {
    let version = table.head.version().unwrap() + 1;
    table
        .transactions
        .push(transaction(version, "Append", None));
    table.head = HeadObservation::At {
        version,
        transaction: None,
    };
    table.restorable = Restorability::Restorable;
}

fn judged(what: &Undo, state: &JournalState, mut found: Observation) -> Verdict {
    found.note_own(state);
    judge(&what.sidecar, None, &found)
}

#[test]
fn half_an_undo_is_never_rolled_forward_with_what_a_stranger_committed() {
    let (what, made) = undoing();
    let state = half_way(&made);
    assert_eq!(
        state.stand_in().map(|bytes| bytes.as_bytes()),
        Some(made.sidecar.as_bytes())
    );
    let mut half = found(&what, None);
    restored_by(&mut half.tables[0], &made.plan, 5, 4);
    half.tables[0].restorable = Restorability::Restorable;
    appended(&mut half.tables[1]);
    let verdict = judged(&what, &state, half.clone());
    assert_eq!(verdict.disposition, Disposition::RollBack);
    assert_eq!(
        verdict.tables[0].classification,
        Some(Classification::RolledPastExpected)
    );
    assert_eq!(verdict.tables[0].unexpected, []);
    let stranger = &verdict.tables[1];
    assert_eq!(
        stranger.classification,
        Some(Classification::UnexpectedAtP1)
    );
    assert!(
        stranger.rule.contains("Restore of version 4"),
        "{}",
        stranger.rule
    );
    assert_eq!(stranger.action, Action::RestoreAndPublish);
    let append = UnexpectedCommit {
        version: 6,
        operation: Some("Append".to_owned()),
    };
    assert_eq!(stranger.unexpected, [append]);
    assert!(verdict.requires.contains(&Requirement::UnexpectedCommits));

    // Nor where no restore of it landed at all, and strangers committed on both.
    let mut strange = found(&what, None);
    strange.tables.iter_mut().for_each(appended);
    let verdict = judged(&what, &state, strange);
    assert_eq!(verdict.disposition, Disposition::RollBack);
    assert!(verdict.requires.contains(&Requirement::UnexpectedCommits));

    // Nor where what stands there cannot be read.
    half.tables[1].transactions.clear();
    let verdict = judged(&what, &state, half);
    assert_eq!(verdict.disposition, Disposition::RollBack);
}

#[test]
fn a_table_of_an_undo_is_done_only_by_the_restore_that_it_planned_and_has_on_record() {
    let (what, made) = undoing();
    let state = half_way(&made);
    let with_second = |change: &dyn Fn(&mut TableObservation)| {
        let mut both = found(&what, None);
        for table in &mut both.tables {
            restored_by(table, &made.plan, 5, 4);
        }
        change(&mut both.tables[1]);
        judged(&what, &state, both).disposition
    };
    let property = |name: &'static str, value: &'static str| {
        move |table: &mut TableObservation| {
            let last = table.transactions.last_mut().unwrap();
            let properties = &mut last.transaction.as_mut().unwrap().properties;
            properties.insert(name.to_owned(), value.to_owned());
        }
    };
    assert_eq!(with_second(&|_| {}), Disposition::RollForward);
    let other_target = |table: &mut TableObservation| {
        let last = table.transactions.last_mut().unwrap();
        last.transaction.as_mut().unwrap().restored_version = Some(3);
    };
    let no_plan = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let changes: [&dyn Fn(&mut TableObservation); 4] = [
        &other_target,
        &property("recovery.operation_id", OTHER),
        &property("recovery.plan_digest", no_plan),
        &property("recovery.plan_digest", "anything"),
    ];
    for (index, change) in changes.iter().enumerate() {
        assert_eq!(with_second(change), Disposition::RollBack, "change {index}");
    }
    // A journal that began no restore of this plan knows of none.
    let fresh = interrupted(claimed(JournalState::new(undo_id(&id())), &made));
    let mut both = found(&what, None);
    for table in &mut both.tables {
        restored_by(table, &made.plan, 5, 4);
    }
    assert_eq!(
        judged(&what, &fresh, both.clone()).disposition,
        Disposition::RollBack
    );

    // A table that an earlier attempt brought back counts, whoever holds the operation now.
    let taken_over = claimed(state, &made);
    assert_eq!(
        judged(&what, &taken_over, both.clone()).disposition,
        Disposition::RollForward
    );
    // Published by somebody who did not live to record it, it is published.
    for table in &mut both.tables {
        table.pinned = sidecar::observation::Pinned::At { version: 6 };
    }
    assert_eq!(
        judged(&what, &taken_over, both).disposition,
        Disposition::AlreadyPublished
    );
}

fn naming(mut table: TableObservation, name: Option<&str>) -> TableObservation {
    for made_by in table
        .transactions
        .iter_mut()
        .filter_map(|entry| entry.transaction.as_mut())
    {
        made_by.properties = name
            .map(|name| (PROPERTY_WRITER_OPERATION_ID.to_owned(), name.to_owned()))
            .into_iter()
            .collect::<BTreeMap<_, _>>();
    }
    table
}

fn of_our_writer(tables: Vec<TableObservation>) -> Observation {
    let catalog = CatalogObservation::Present {
        version: 40,
        stamp: 3,
        two_phase: true,
        branch_created_at: None,
    };
    Observation {
        catalog,
        ..world(tables)
    }
}

#[test]
fn the_loser_of_a_race_is_superseded_and_not_published() {
    let write = sidecar(
        WriterKind::Mutation,
        vec![pin("node:A", 4, 5), pin("node:B", 7, 8)],
    );
    let at_pins = |first: Option<&str>, second: Option<&str>| {
        vec![
            naming(at(&write.tables[0], 5, 5), first),
            naming(at(&write.tables[1], 8, 8), second),
        ]
    };
    let (published, superseded) = (Disposition::AlreadyPublished, Disposition::Superseded);
    // Whether a writer of that catalog always names its operation decides about what names none.
    for (first, second, elsewhere, ours) in [
        (Some(OPERATION), Some(OPERATION), published, published),
        (None, None, published, superseded),
        (Some(OPERATION), None, published, superseded),
        (Some(OTHER), Some(OTHER), superseded, superseded),
        (Some(OPERATION), Some(OTHER), superseded, superseded),
    ] {
        let tables = at_pins(first, second);
        let found = judge(&write, None, &world(tables.clone())).disposition;
        assert_eq!(found, elsewhere, "{first:?} {second:?}");
        let found = judge(&write, None, &of_our_writer(tables)).disposition;
        assert_eq!(found, ours, "{first:?} {second:?}, of our writer");
    }
    // The commits that others published on top of it take nothing back.
    let mut later = naming(at(&write.tables[0], 6, 6), Some(OPERATION));
    let last = later.transactions.last_mut().unwrap();
    let properties = &mut last.transaction.as_mut().unwrap().properties;
    properties.insert(PROPERTY_WRITER_OPERATION_ID.to_owned(), OTHER.to_owned());
    let tables = vec![later, naming(at(&write.tables[1], 8, 8), Some(OPERATION))];
    let verdict = judge(&write, None, &of_our_writer(tables));
    assert_eq!(verdict.disposition, published);
}

#[test]
fn a_schema_change_that_lost_a_race_is_not_published_either() {
    let write = sidecar(WriterKind::SchemaApply, vec![pin("node:A", 4, 5)]);
    for (name, expected) in [
        (None, Disposition::AlreadyPublished),
        (Some(OTHER), Disposition::Superseded),
    ] {
        let observation = Observation {
            schema: Some(staged(&write, "", false, false)),
            ..world(vec![naming(at(&write.tables[0], 5, 5), name)])
        };
        let disposition = judge(&write, None, &observation).disposition;
        assert_eq!(disposition, expected, "{name:?}");
    }
}

#[test]
fn where_every_writer_names_its_operation_a_nameless_commit_is_nobodys_half() {
    let write = sidecar(WriterKind::Mutation, vec![pin("node:A", 4, 5)]);
    for (name, expected, asked) in [
        (Some(OPERATION), Disposition::RollForward, false),
        (None, Disposition::RollBack, true),
        (Some(OTHER), Disposition::RollBack, true),
    ] {
        let table = naming(at(&write.tables[0], 4, 5), name);
        let verdict = judge(&write, None, &of_our_writer(vec![table]));
        assert_eq!(verdict.disposition, expected, "{name:?}");
        let found = verdict.requires.contains(&Requirement::UnexpectedCommits);
        assert_eq!(found, asked, "{name:?}");
    }
    let mut unread = at(&write.tables[0], 4, 5);
    unread.transactions[0].transaction = None;
    let verdict = judge(&write, None, &of_our_writer(vec![unread]));
    assert_eq!(verdict.disposition, Disposition::RollBack);
    assert_eq!(verdict.tables[0].unexpected.len(), 1);
}

#[test]
fn a_late_commit_is_known_by_the_sidecar_that_announces_it() {
    let write = sidecar(WriterKind::Mutation, vec![pin("node:A", 4, 5)]);
    let (operation, text) = late_commit(&write, "node:A").unwrap();
    let file = operation.file_name();
    let late = Sidecar::parse(&file, text.as_bytes(), &Limits::DEFAULT).unwrap();
    for (name, unexpected) in [(OPERATION, 0), (OTHER, 1)] {
        let table = naming(at(&late.tables[0], 4, 5), Some(name));
        let verdict = judge(&late, None, &of_our_writer(vec![table]));
        assert_eq!(verdict.disposition, Disposition::RollBack);
        assert_eq!(verdict.tables[0].unexpected.len(), unexpected, "{name}");
    }
}

/// A property is text that anybody can write.
#[test]
fn a_commit_that_names_a_recovery_is_expected_only_if_a_journal_began_it() {
    let (_, made) = undoing();
    let write = Sidecar {
        operation_id: OTHER.parse().unwrap(),
        ..sidecar(WriterKind::Load, vec![pin("a", 5, 6)])
    };
    let mut table = at(&write.tables[0], 5, 5);
    restored_by(&mut table, &made.plan, 5, 4);
    appended(&mut table);
    let unexpected = |found: &Observation| -> Vec<u64> {
        let verdict = judge(&write, None, found);
        assert_eq!(verdict.disposition, Disposition::RollBack);
        let commits = verdict.tables[0].unexpected.iter();
        commits.map(|commit| commit.version).collect()
    };
    let unnoted = world(vec![table.clone()]);
    assert_eq!(unexpected(&unnoted), [6]);
    let noted = |state: &JournalState| {
        let mut found = world(vec![table.clone()]);
        found.note_other(state);
        unexpected(&found)
    };
    assert!(noted(&half_way(&made)).is_empty());
    assert_eq!(noted(&JournalState::new(undo_id(&id()))), [6]);
    assert_eq!(
        noted(&claimed(JournalState::new(undo_id(&id())), &made)),
        [6],
        "an undo that began no restore made none"
    );
}

#[test]
fn what_journals_say_is_part_of_what_was_found_and_read_back() {
    let (what, made) = undoing();
    let mut half = found(&what, None);
    restored_by(&mut half.tables[0], &made.plan, 5, 4);
    let before = serde_json::to_value(&half).unwrap();
    assert!(before.get("recorded").is_none());
    half.note_own(&half_way(&made));
    let text = serde_json::to_string(&half).unwrap();
    assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), half);
    let file = SidecarFile::read(
        &made.plan.file,
        made.sidecar.as_bytes().to_vec(),
        &Limits::DEFAULT,
    );
    assert_eq!(file.content.as_ref(), Ok(&what.sidecar));
}
