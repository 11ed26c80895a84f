//! What a journal takes of a plan: its approval, its claim, its end.

use sidecar::follow_up::{release_id, undo_id};
use sidecar::journal::{JournalEntry, JournalError, JournalState};
use sidecar::{Code, Digest, Disposition, Plan, PlanBytes, Tag, Timestamp, WriterKind};

use super::plans::{later_undo_id, released_after, schema_change, undone_under};
use super::{because, claims_the_dismissal};
use crate::journal::{Journal, approved, claimed};
use crate::support::{Scene, all_committed, approval, bytes, operation, pin, sidecar};

#[test]
fn an_undo_or_a_release_under_an_id_that_is_not_derived_from_its_recovery_is_refused() {
    let foreign = undo_id(&later_undo_id());
    let refused = |plan: Plan, why: &str| {
        let error = PlanBytes::of(&plan).unwrap().decode().unwrap_err();
        let told = format!("{error:?}");
        assert!(told.contains(why), "{told}");
    };
    refused(
        undone_under(&all_committed(), foreign.clone()),
        "an operation id derived from",
    );
    refused(
        released_after(foreign.clone(), undo_id(&operation())),
        "an operation id derived from",
    );
    refused(
        released_after(release_id(&operation()), foreign),
        "is not one that the recovery",
    );
}

#[test]
fn a_forged_plan_stops_its_journal_at_the_approval() {
    let scene = schema_change("pi", 5);
    let mut plan = scene.plan.clone();
    for step in &mut plan.steps {
        if let sidecar::Step::DiscardSchema { files, .. } = step {
            files[0].staged = "__manifest/_versions/1.manifest".to_owned();
        }
    }
    let forged = Scene {
        bytes: PlanBytes::of(&plan).unwrap(),
        plan,
        ..scene
    };
    let state = JournalState::new(operation());
    let record = state.next_record(
        Timestamp::from_micros(1),
        JournalEntry::Approved {
            approval: approval(&forged),
            plan: forged.bytes.text().to_owned(),
        },
    );
    let error = state.append(&record.to_bytes().unwrap()).unwrap_err();
    let JournalError::Plan { source, .. } = error else {
        panic!("{error}")
    };
    let text = source.to_string();
    assert!(text.contains("__manifest/_versions/1.manifest"), "{text}");
    assert!(text.contains("nothing of it is carried out"), "{text}");
}

#[test]
fn a_plan_is_claimed_only_with_the_sidecar_that_announces_its_tables() {
    let scene = all_committed();
    for other in [
        sidecar(WriterKind::Mutation, vec![pin("node:Author", 4, 5)]),
        sidecar(
            WriterKind::Mutation,
            vec![pin("node:Author", 4, 5), pin("edge:Wrote", 4, 6)],
        ),
        sidecar(
            WriterKind::Load,
            vec![pin("node:Author", 4, 5), pin("edge:Wrote", 5, 6)],
        ),
    ] {
        let plan = Plan {
            sidecar: Digest::of(Tag::Sidecar, &bytes(&other)),
            ..scene.plan.clone()
        };
        let forged = Scene {
            sidecar: other,
            bytes: PlanBytes::of(&plan).unwrap(),
            plan,
            verdict: scene.verdict.clone(),
        };
        let journal = Journal::of(&forged).then(approved(&forged));
        let record = journal
            .state
            .next_record(Timestamp::from_micros(1), claimed(&forged, 1));
        let error = journal.state.append(&record.to_bytes().unwrap());
        assert!(
            matches!(error, Err(JournalError::IllegalTransition { .. })),
            "{error:?}"
        );
    }
}

#[test]
fn a_dismissal_names_the_writer_of_its_file_and_has_reasons_in_order() {
    let well = bytes(&all_committed().sidecar);
    let own = operation().file_name();
    let claim = |change: fn(&mut Plan)| {
        let file = (own.as_str(), well.clone());
        claims_the_dismissal(file, Disposition::Abort, Code::TableMissing, change)
    };
    claim(|_| {}).unwrap();
    let changes: [fn(&mut Plan); 6] = [
        |plan| plan.writer_kind = Some(WriterKind::Load),
        |plan| plan.writer_kind = None,
        |plan| plan.branch = Some("feature".to_owned()),
        |plan| plan.actor_id = Some("somebody else".to_owned()),
        |plan| plan.purpose = because(&[]),
        |plan| plan.purpose = because(&[Code::TableMissing, Code::TableMissing]),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        assert!(claim(change).is_err(), "change {place}");
    }
}

#[test]
fn a_terminal_record_says_of_tables_what_follows_from_the_plan() {
    let scene = all_committed();
    let mut journal = Journal::of(&scene)
        .then(approved(&scene))
        .then(claimed(&scene, 1));
    while let sidecar::journal::Next::Steps(steps) = journal.state.next() {
        journal = journal
            .then(crate::journal::started(1, &steps))
            .then(crate::journal::finished_steps(1, &steps));
    }
    let JournalEntry::Finished {
        epoch,
        outcome,
        mut tables,
        catalog,
        sidecar,
    } = crate::journal::finished(&scene, 1)
    else {
        panic!("not the terminal record")
    };
    tables[0].to_version = Some(99);
    let forged = JournalEntry::Finished {
        epoch,
        outcome,
        tables,
        catalog,
        sidecar,
    };
    let record = journal.state.next_record(Timestamp::from_micros(1), forged);
    assert!(journal.state.append(&record.to_bytes().unwrap()).is_err());
}
