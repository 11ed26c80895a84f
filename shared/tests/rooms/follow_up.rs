//! Undo, release and dismissal: what is laid down for what was found.

use std::collections::{BTreeMap, BTreeSet};

use sidecar::follow_up::{
    FollowUp, Undo, announced_by, dismissal, dismissal_id, late_commit, next_undo_sidecar_id,
    release, release_id, tags_of, undo, undo_id, undo_sidecar_id,
};
use sidecar::journal::{Finished, JournalEntry, JournalState};
use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, KeptHistory, Pinned, Restorability,
    TableObservation,
};
use sidecar::root_layout::{PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_RECOVERY_PLAN_DIGEST};
use sidecar::{
    Action, Approval, CatalogChangeKind, Choice, ClassificationLabel, Code, Digest, Disposition,
    Effect, Limits, Observation, OperationId, OutcomeKind, Plan, PlanBytes, PlanInput,
    PlannedTable, Purpose, Reason, RootId, Sidecar, SidecarFile, Step, TableOutcome, Tag,
    Timestamp, WriterKind, assemble, judge,
};

use crate::support::{at, pin, sidecar, world};

const ID: &str = "01M8125ENACWR9X1EZNRMDV5V2";

pub(crate) fn id() -> OperationId {
    ID.parse().unwrap()
}

pub(crate) fn original() -> Sidecar {
    let pin = |key: &str| {
        serde_json::json!({
            "table_key": key, "table_path": format!("/srv/g/{key}"),
            "expected_version": 4, "post_commit_pin": 5,
        })
    };
    let json = serde_json::json!({
        "schema_version": 1, "operation_id": ID, "started_at": "1767225600000000",
        "branch": null, "actor_id": "ada", "writer_kind": "Mutation",
        "tables": [pin("a"), pin("b")],
    });
    Sidecar::parse(
        &id().file_name(),
        json.to_string().as_bytes(),
        &Limits::default(),
    )
    .unwrap()
}

fn table(key: &str, head: u64, action: Action, class: ClassificationLabel) -> PlannedTable {
    let (restore_to, publish_as) = match action {
        Action::Publish => (None, Some(head)),
        Action::RestoreAndPublish => (Some(4), Some(head + 1)),
        _ => (None, None),
    };
    PlannedTable {
        table_key: key.to_owned(),
        branch: None,
        location: Some(format!("tables/{key}")),
        expected_version: 4,
        post_commit_pin: 5,
        manifest_pinned: Some(4),
        lance_head: Some(head),
        head_transaction: Some(format!("transaction of {key}")),
        classification: Some(class),
        rule: String::new(),
        action,
        restore_to,
        publish_as,
        unexpected: Vec::new(),
        catalog_change: None,
        pin_gone: false,
    }
}

fn finished(disposition: Disposition, tables: Vec<PlannedTable>) -> Finished {
    let plan = Plan {
        purpose: Purpose::Recover,
        root: RootId::new("/srv/g"),
        operation_id: id(),
        file: id().file_name(),
        sidecar: Digest::of(Tag::Sidecar, b"x"),
        writer_kind: Some(original().writer_kind),
        branch: None,
        lance_branch: None,
        actor_id: None,
        disposition,
        decision: None,
        choice: Choice::Verdict,
        requires: Vec::new(),
        left_out: Vec::new(),
        tables,
        steps: Vec::new(),
    };
    Finished {
        digest: PlanBytes::of(&plan).unwrap().digest(),
        plan,
        outcome: OutcomeKind::RolledBack,
        tables: Vec::new(),
        catalog: Effect::Changed,
        sidecar: String::new().into(),
        recorded_at: Timestamp::from_micros(1),
    }
}

/// What is found when nothing moved since, or with one table elsewhere.
pub(crate) fn found(undo: &Undo, elsewhere: Option<(&str, u64, u64)>) -> Observation {
    let tables = undo.sidecar.tables.iter().map(|pin| {
        let (pinned, head) = match elsewhere {
            Some((key, pinned, head)) if key == pin.table_key => (pinned, head),
            _ => (pin.expected_version, pin.expected_version),
        };
        TableObservation {
            table_key: pin.table_key.clone(),
            branch: None,
            location: Some(format!("tables/{}", pin.table_key)),
            pinned: Pinned::At { version: pinned },
            pinned_elsewhere: None,
            head: HeadObservation::At {
                version: head,
                transaction: None,
            },
            location_conflict: None,
            transactions: Vec::new(),
            head_content: ContentComparison::NotCompared,
            restorable: Restorability::Restorable,
            covered_by: None,
            pin_gone: false,
        }
    });
    Observation {
        catalog: CatalogObservation::Present {
            version: 9,
            stamp: 3,
            two_phase: true,
            branch_created_at: None,
        },
        tables: tables.collect(),
        schema: None,
        kept_history: KeptHistory::Nowhere,
        recorded: Default::default(),
        merge: None,
        unread: Vec::new(),
        version_9: None,
    }
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
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

pub(crate) fn root() -> RootId {
    RootId::new("/srv/g")
}

/// The write of a kind on these tables, each pinned at 4.
fn write_of(kind: WriterKind, keys: &[&str]) -> Sidecar {
    let mut write = original();
    write.writer_kind = kind;
    let pin = write.tables[0].clone();
    write.tables = keys
        .iter()
        .map(|key| sidecar::TablePin {
            table_key: (*key).to_owned(),
            table_path: format!("/srv/g/{key}"),
            ..pin.clone()
        })
        .collect();
    write
}

fn finished_of(write: &Sidecar, disposition: Disposition, tables: Vec<PlannedTable>) -> Finished {
    let mut finished = finished(disposition, tables);
    finished.plan.writer_kind = Some(write.writer_kind);
    finished
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

/// A roll forward of both tables.
pub(crate) fn rolled_forward() -> Finished {
    let committed = |key| {
        table(
            key,
            5,
            Action::Publish,
            ClassificationLabel::RolledPastExpected,
        )
    };
    finished(
        Disposition::RollForward,
        vec![committed("a"), committed("b")],
    )
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

/// HEAD of a table as the Restore of a plan makes it.
pub(crate) fn restored_by(table: &mut TableObservation, plan: &Plan, from: u64, target: u64) {
    let version = from + 1;
    let mut entry = crate::support::transaction(version, "Restore", Some(target));
    let made_by = entry.transaction.as_mut().unwrap();
    made_by.properties = BTreeMap::from([
        (
            PROPERTY_RECOVERY_OPERATION_ID.to_owned(),
            plan.operation_id.to_string(),
        ),
        (
            PROPERTY_RECOVERY_PLAN_DIGEST.to_owned(),
            PlanBytes::of(plan).unwrap().digest().to_string(),
        ),
    ]);
    table.head = HeadObservation::At {
        version,
        transaction: Some(made_by.uuid.clone()),
    };
    table.transactions.retain(|entry| entry.version != version);
    table.transactions.push(entry);
}

/// Every table of a sidecar at a HEAD above its pin.
fn moved(what: &Undo, sidecar: &Sidecar, above: &BTreeMap<&str, u64>) -> Observation {
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

pub(crate) fn and_then(state: JournalState, entry: JournalEntry) -> JournalState {
    let record = state.next_record(Timestamp::from_micros(1), entry);
    state.append(&record.to_bytes().unwrap()).unwrap()
}

/// Approved and claimed.
pub(crate) fn claimed(state: JournalState, made: &FollowUp) -> JournalState {
    let bytes = PlanBytes::of(&made.plan).unwrap();
    let approval = Approval {
        operation_id: made.plan.operation_id.clone(),
        plan_digest: bytes.digest(),
        approved_by: "grace".to_owned(),
        approved_at: Timestamp::from_micros(1),
        reason: Some("it was wrong".to_owned()),
        writers_stopped: true,
        acknowledged: BTreeSet::new(),
    };
    let epoch = state.next_epoch();
    let state = and_then(
        state,
        JournalEntry::Approved {
            approval,
            plan: bytes.text().to_owned(),
        },
    );
    and_then(
        state,
        JournalEntry::Claimed {
            epoch,
            executor: "executor".to_owned(),
            plan_digest: bytes.digest(),
            plan: bytes.text().to_owned(),
            sidecar: made.sidecar.clone(),
        },
    )
}

pub(crate) fn interrupted(state: JournalState) -> JournalState {
    let epoch = state.attempt().unwrap().epoch;
    and_then(
        state,
        JournalEntry::Interrupted {
            epoch,
            detail: "a writer published".to_owned(),
            differences: Vec::new(),
            ended_by: None,
        },
    )
}

/// Begins and does everything that comes before the first step of a kind, and begins that.
pub(crate) fn as_far_as(mut state: JournalState, kind: &str) -> JournalState {
    use sidecar::journal::{Next, StepResult};
    loop {
        let Next::Steps(steps) = state.next() else {
            panic!("there is no {kind}")
        };
        let attempt = state.attempt().unwrap();
        let (epoch, is_it) = (attempt.epoch, attempt.plan.steps[steps[0]].kind() == kind);
        state = and_then(
            state,
            JournalEntry::StepsStarted {
                epoch,
                steps: steps.clone(),
                catalog_version: Some(9),
            },
        );
        if is_it {
            return state;
        }
        let results = steps.into_iter().map(|step| StepResult {
            step,
            version: None,
            already_done: false,
        });
        let results = results.collect();
        state = and_then(state, JournalEntry::StepsFinished { epoch, results });
    }
}

pub(crate) fn made_undo() -> FollowUp {
    let what = Undo::of(&id(), &rolled_forward(), &original()).unwrap();
    undo(&root(), &what, &found(&what, None))
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

/// The recovery of the write as it was found with these HEADs of its tables.
pub(crate) fn recovery(heads: [u64; 2]) -> FollowUp {
    let write = original();
    let text = serde_json::to_string(&write).unwrap();
    let tables = write.tables.iter().zip(heads).map(|(pin, head)| {
        let mut table = at(pin, 4, head);
        table.location = Some(format!("tables/{}", pin.table_key));
        table
    });
    let observation = world(tables.collect());
    let plan = sidecar::plan(&PlanInput {
        root: &root(),
        operation_id: &id(),
        file: &id().file_name(),
        sidecar_digest: Digest::of(Tag::Sidecar, text.as_bytes()),
        sidecar: Some(&write),
        observation: Some(&observation),
        verdict: &judge(&write, None, &observation),
    });
    FollowUp {
        plan,
        sidecar: text.into(),
        blockers: Vec::new(),
    }
}

/// The end of a write whose branch is gone, with what is known of its tables.
fn orphaned(tables: Vec<PlannedTable>) -> FollowUp {
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

/// Where the operation ended, nothing tells where its tables are: its branch is gone, or it was set aside without a look.
#[test]
fn what_is_not_set_aside_has_a_code_of_its_own_and_says_what_it_waits_for() {
    let text = serde_json::to_vec(&original()).unwrap();
    let file = SidecarFile::read(&id().file_name(), text.clone(), &Limits::DEFAULT);
    let waits = Reason::new(
        Code::WaitingFor,
        "operation X shares a table; resolve it first",
    );
    for (disposition, reason, said) in [
        (
            Disposition::Waiting,
            Some(waits.about("X")),
            "but waits: operation X shares a table",
        ),
        (Disposition::RollBack, None, "recover it instead"),
        (Disposition::RollForward, None, "recover it instead"),
    ] {
        let reasons: Vec<Reason> = reason.into_iter().collect();
        let made = dismissal(
            &root(),
            id(),
            &file,
            Some(text.clone()),
            disposition,
            &reasons,
        );
        let [blocker] = made.blockers.as_slice() else {
            panic!("{:?}", made.blockers)
        };
        assert_eq!(blocker.code, Code::NotDismissible);
        assert_eq!(blocker.code.name(), "not_dismissible");
        assert!(blocker.detail.contains(said), "{}", blocker.detail);
        let about = reasons.first().and_then(|reason| reason.about.clone());
        assert_eq!(blocker.about, about, "the page leads there");
        assert!(made.plan.steps.is_empty());
    }
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
