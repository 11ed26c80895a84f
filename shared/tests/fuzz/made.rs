//! The part of the corpus that comes from the real code: plans of every purpose, and journals of runs, crashes and second thoughts.

use sidecar::follow_up::{Undo, dismissal, dismissal_id, release, tags_of, undo};
use sidecar::journal::{JournalEntry, verify_chain};
use sidecar::{Code, Disposition, Limits, Plan, PlanBytes, Reason, RootId, SidecarFile};

use crate::corpus::check_made;
use crate::journal::{run, stored};
use crate::support::{Scene, all_committed, approval, at, bytes, half_way, tangled, world};

fn text(scene: &Scene) -> String {
    String::from_utf8(bytes(&scene.sidecar)).unwrap()
}

fn ran(scene: &Scene) -> Vec<JournalEntry> {
    run(&scene.bytes, &approval(scene), &text(scene))
}

/// A second claim, as after a crash of the first executor.
fn taken_over(scene: &Scene) -> Vec<JournalEntry> {
    let mut entries = ran(scene);
    let second = entries.split_off(5);
    let JournalEntry::Claimed {
        plan_digest,
        plan,
        sidecar,
        ..
    } = entries[1].clone()
    else {
        panic!("the second record is the claim")
    };
    entries.push(JournalEntry::Claimed {
        epoch: 2,
        executor: "executor-2".to_owned(),
        plan_digest,
        plan,
        sidecar,
    });
    entries.extend(second.into_iter().map(|entry| under(entry, 2)));
    entries
}

fn under(entry: JournalEntry, epoch: u64) -> JournalEntry {
    match entry {
        JournalEntry::StepsStarted {
            steps,
            catalog_version,
            ..
        } => JournalEntry::StepsStarted {
            epoch,
            steps,
            catalog_version,
        },
        JournalEntry::StepsFinished { results, .. } => {
            JournalEntry::StepsFinished { epoch, results }
        }
        JournalEntry::Finished {
            outcome,
            tables,
            catalog,
            sidecar,
            ..
        } => JournalEntry::Finished {
            epoch,
            outcome,
            tables,
            catalog,
            sidecar,
        },
        JournalEntry::Claimed {
            executor,
            plan_digest,
            plan,
            sidecar,
            ..
        } => JournalEntry::Claimed {
            epoch,
            executor,
            plan_digest,
            plan,
            sidecar,
        },
        other => other,
    }
}

/// Approved, taken back, approved again, begun, interrupted by a writer, and carried out by another plan.
fn planned_anew(first: &Scene, second: &Scene) -> Vec<JournalEntry> {
    let (begun, whole) = (ran(first), ran(second));
    let revoked = JournalEntry::Revoked {
        plan_digest: first.bytes.digest(),
        revoked_by: "bea".to_owned(),
        reason: None,
    };
    let interrupted = JournalEntry::Interrupted {
        epoch: 1,
        detail: "a writer published".to_owned(),
        differences: Vec::new(),
        ended_by: None,
    };
    let mut entries = vec![begun[0].clone(), revoked];
    entries.extend(begun.into_iter().take(4));
    entries.extend([whole[0].clone(), interrupted]);
    entries.extend(whole.into_iter().skip(1).map(|entry| under(entry, 2)));
    entries
}

fn undone(scene: &Scene) -> Plan {
    let journal = stored(&scene.plan.operation_id, &ran(scene));
    let state = verify_chain(
        &scene.plan.operation_id,
        journal.split(|byte| *byte == b'\n'),
    )
    .unwrap();
    let laid_down = Undo::of(
        &scene.plan.operation_id,
        state.finished().unwrap(),
        &scene.sidecar,
    )
    .unwrap();
    let tables = laid_down.sidecar.tables.iter().map(|pin| {
        let mut table = at(pin, pin.expected_version, pin.expected_version);
        table.restorable = sidecar::observation::Restorability::Restorable;
        table
    });
    undo(
        &RootId::new("file:///data/graph"),
        &laid_down,
        &world(tables.collect()),
    )
    .plan
}

fn released(scene: &Scene) -> Plan {
    let journal = stored(&scene.plan.operation_id, &ran(scene));
    let state = verify_chain(
        &scene.plan.operation_id,
        journal.split(|byte| *byte == b'\n'),
    )
    .unwrap();
    let root = RootId::new("s3://bucket/graph");
    release(
        &root,
        sidecar::follow_up::release_id(&scene.plan.operation_id),
        &scene.plan.operation_id,
        &scene.sidecar,
        &tags_of(&state),
    )
    .plan
}

fn set_aside() -> Plan {
    let file = SidecarFile::read(
        "copy.json",
        b"{\"schema_version\":".to_vec(),
        &Limits::DEFAULT,
    );
    let reasons = [Reason::new(Code::NotJson, "copy.json is not JSON")];
    dismissal(
        &RootId::new("file:///data/graph"),
        dismissal_id(&file),
        &file,
        Some(file.bytes.clone()),
        Disposition::Refused,
        &reasons,
    )
    .plan
}

#[test]
fn the_corpus_is_what_this_build_writes() {
    let (half_way, all_committed, tangled) = (half_way(), all_committed(), tangled());
    for (name, plan) in [
        ("roll_back", half_way.plan.clone()),
        ("roll_forward", all_committed.plan.clone()),
        ("roll_back_tangled", tangled.plan.clone()),
        ("undo_of_roll_back", undone(&half_way)),
        ("undo_of_roll_forward", undone(&all_committed)),
        ("release", released(&half_way)),
        ("dismissal", set_aside()),
    ] {
        assert!(plan.has_effect(), "{name}");
        check_made(
            "plan",
            &format!("made-{name}.json"),
            PlanBytes::of(&plan).unwrap().text().as_bytes(),
        );
    }
    let operation_id = &half_way.plan.operation_id;
    for (name, entries) in [
        ("roll_back", ran(&half_way)),
        ("roll_forward", ran(&all_committed)),
        ("taken_over", taken_over(&half_way)),
        ("planned_anew", planned_anew(&half_way, &all_committed)),
    ] {
        let journal = stored(operation_id, &entries);
        let state = verify_chain(operation_id, journal.split(|byte| *byte == b'\n')).unwrap();
        assert!(state.finished().is_some(), "{name}");
        check_made("journal", &format!("made-{name}.jsonl"), &journal);
    }
}
