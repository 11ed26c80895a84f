//! The version that readers see was cleaned away between the crash and its recovery.

use sidecar::follow_up::Undo;
use sidecar::journal::Finished;
use sidecar::{
    Action, Code, Disposition, OutcomeKind, PlanBytes, Step, WriterKind, differences, explanation,
};

use crate::support::{Scene, all_committed, at, bytes, pin, scene, sidecar, world};

/// Two tables whose HEADs stand here above their pins at 4 and 5; the pin of the first is gone.
fn cleaned_up(heads: [u64; 2]) -> Scene {
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![pin("node:Author", 4, 5), pin("edge:Wrote", 5, 6)],
    );
    let mut tables = vec![
        at(&sidecar.tables[0], 4, heads[0]),
        at(&sidecar.tables[1], 5, heads[1]),
    ];
    tables[0].pin_gone = true;
    scene(&sidecar, None, &world(tables))
}

fn tags(scene: &Scene) -> Vec<(&str, u64)> {
    let tags = scene.plan.steps.iter().filter_map(|step| match step {
        Step::Tag {
            table_key, version, ..
        } => Some((table_key.as_str(), *version)),
        _ => None,
    });
    tags.collect()
}

#[test]
fn a_roll_forward_is_published_without_it_and_keeps_what_can_be_kept() {
    let gone = cleaned_up([5, 6]);
    assert_eq!(gone.plan.disposition, Disposition::RollForward);
    assert!(gone.plan.has_effect() && gone.verdict.blockers.is_empty());
    // Tables stand in the order of their keys.
    let tagged = [("edge:Wrote", 6), ("edge:Wrote", 5), ("node:Author", 5)];
    assert_eq!(tags(&gone), tagged);
    let author = gone
        .plan
        .tables
        .iter()
        .find(|table| table.table_key == "node:Author")
        .unwrap();
    assert!(author.pin_gone);
    let effect = explanation::table_effect(&gone.plan, author);
    assert!(effect.contains("cleaned away"), "{effect}");
    let explained = explanation::explain(&gone.plan, None, &[]).text();
    assert!(explained.contains("cannot be taken back"), "{explained}");

    // It is another plan than the one of a table that has everything, and says in what.
    let whole = all_committed();
    assert_ne!(gone.bytes.digest(), whole.bytes.digest());
    let differing = differences(&whole.plan, &gone.plan);
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert_eq!(differing[0].field.name(), "visible_version");
    assert_eq!(
        PlanBytes::verify(gone.bytes.text().to_owned(), gone.bytes.digest())
            .unwrap()
            .decode()
            .unwrap(),
        gone.plan
    );
    assert!(!whole.bytes.text().contains("pin_gone"), "as before");
}

#[test]
fn a_roll_forward_without_it_is_not_undone() {
    let gone = cleaned_up([5, 6]);
    let finished = Finished {
        plan: gone.plan.clone(),
        digest: gone.bytes.digest(),
        outcome: OutcomeKind::RolledForward,
        tables: Vec::new(),
        catalog: sidecar::Effect::Changed,
        sidecar: bytes(&gone.sidecar).into(),
        recorded_at: gone.sidecar.started_at,
    };
    let refused = Undo::of(&gone.plan.operation_id, &finished, &gone.sidecar).unwrap_err();
    assert_eq!(refused.code, Code::NothingToUndo);
    assert!(
        refused.detail.contains("node:Author") && refused.detail.contains("cleaned away"),
        "{}",
        refused.detail
    );
}

#[test]
fn nothing_is_rolled_back_to_it_and_the_sidecar_can_be_set_aside() {
    let gone = cleaned_up([5, 5]);
    assert_eq!(gone.plan.disposition, Disposition::Abort);
    assert_eq!(gone.verdict.blockers[0].code, Code::TargetNotRestorable);
    assert!(gone.plan.steps.is_empty());
    assert!(
        gone.plan
            .tables
            .iter()
            .all(|table| table.action == Action::None && table.restore_to.is_none())
    );
    // The other way round nothing returns to what is gone.
    let mut tables = vec![
        at(&gone.sidecar.tables[0], 4, 4),
        at(&gone.sidecar.tables[1], 5, 6),
    ];
    tables[0].pin_gone = true;
    let other = scene(&gone.sidecar, None, &world(tables));
    assert_eq!(other.plan.disposition, Disposition::RollBack);
}
