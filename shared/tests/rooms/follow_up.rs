//! Undo, release and dismissal: what is laid down for what was found.

use std::collections::BTreeMap;

use sidecar::follow_up::{Undo, release_id, undo, undo_id, undo_sidecar_id};
use sidecar::journal::Finished;
use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, Pinned, Restorability, TableObservation,
};
use sidecar::{
    Action, ClassificationLabel, Code, Digest, Disposition, Effect, Limits, Observation,
    OperationId, OutcomeKind, Plan, PlanBytes, PlannedTable, Purpose, RootId, Sidecar, Step, Tag,
    Timestamp, judge,
};

const ID: &str = "01M8125ENACWR9X1EZNRMDV5V2";

fn id() -> OperationId {
    ID.parse().unwrap()
}

fn original() -> Sidecar {
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
        actor_id: None,
        disposition,
        decision: None,
        requires: Vec::new(),
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
fn found(undo: &Undo, elsewhere: Option<(&str, u64, u64)>) -> Observation {
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
        keeps_lineage: false,
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
