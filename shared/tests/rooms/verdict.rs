//! What is decided about a sidecar, for every position of its tables (PROTOCOL.md, section 4.3, first match wins).

mod branches;
mod damage;
mod oracle;
mod order;

use std::collections::BTreeMap;

use sidecar::observation::CatalogObservation;
use sidecar::{
    Action, Code, Disposition, Limits, Observation, Registration, Requirement, Sidecar,
    SidecarFile, Standing, Timestamp, WriterKind, assemble, judge,
};

use crate::support::{OLDER, at, on_branch, pin, scene, sidecar, world};

use oracle::{EXPECTED, History, KINDS, POST_COMMIT, check, positions};

#[test]
fn one_table_at_every_position_with_every_history() {
    let positions = positions(&[
        History::Ordinary,
        History::RestoreAt3,
        History::GoneAt3,
        History::HeadRestoresPin,
        History::SameContent,
    ]);
    assert_eq!(positions.len(), 9 * 7 * 5);
    for kind in KINDS {
        for position in &positions {
            check(kind, &[*position]);
        }
    }
}

#[test]
fn two_tables_at_every_pair_of_positions() {
    let positions = positions(&[
        History::Ordinary,
        History::RestoreAt3,
        History::HeadRestoresPin,
    ]);
    for kind in [WriterKind::Mutation, WriterKind::Optimize] {
        for first in &positions {
            for second in &positions {
                check(kind, &[*first, *second]);
            }
        }
    }
}

fn one(kind: WriterKind, pinned: u64, head: u64) -> (Sidecar, Observation) {
    let sidecar = sidecar(kind, vec![pin("node:A", EXPECTED, POST_COMMIT)]);
    let observation = world(vec![at(&sidecar.tables[0], pinned, head)]);
    (sidecar, observation)
}

fn on_graph_branch(
    (write, mut observation): (Sidecar, Observation),
    catalog: CatalogObservation,
) -> (Sidecar, Observation) {
    let pins = write.tables.into_iter();
    let pins = pins.map(|pin| on_branch(pin, "feature")).collect();
    for table in &mut observation.tables {
        table.branch = Some("feature".to_owned());
    }
    observation.catalog = catalog;
    (sidecar(write.writer_kind, pins), observation)
}

fn absent(tree_left: bool) -> CatalogObservation {
    CatalogObservation::BranchAbsent { tree_left }
}

fn created_at(micros: u64) -> CatalogObservation {
    CatalogObservation::Present {
        version: 3,
        stamp: 3,
        two_phase: false,
        branch_created_at: Some(Timestamp::from_micros(micros)),
    }
}

#[track_caller]
fn check_branch(catalog: CatalogObservation, disposition: Disposition, code: Code) {
    for (pinned, head) in [(2, 2), (2, 3), (3, 3), (4, 6), (1, 1), (3, 2)] {
        let (sidecar, observation) =
            on_graph_branch(one(WriterKind::Load, pinned, head), catalog.clone());
        let scene = scene(&sidecar, None, &observation);
        assert_eq!(
            scene.verdict.disposition, disposition,
            "pin {pinned} HEAD {head}"
        );
        assert_eq!(scene.verdict.blockers[0].code, code);
        assert!(
            scene
                .verdict
                .tables
                .iter()
                .all(|table| table.action == Action::None)
        );
        assert!(scene.plan.steps.is_empty());
    }
}

/// Two machines' clocks are compared: a clock that is ahead must not refuse a write for ever.
#[test]
fn a_graph_branch_that_seems_to_be_made_anew_has_to_be_acknowledged_whatever_is_done() {
    let started_at = one(WriterKind::Load, 2, 3).0.started_at.micros();
    for (pinned, head) in [(2, 2), (2, 3), (3, 3), (4, 4), (2, 5)] {
        let verdict_at = |created| {
            let (sidecar, observation) =
                on_graph_branch(one(WriterKind::Load, pinned, head), created_at(created));
            judge(&sidecar, None, &observation)
        };
        let (same, seems) = (verdict_at(started_at), verdict_at(started_at + 1));
        assert_eq!(
            same.disposition, seems.disposition,
            "pin {pinned} HEAD {head}"
        );
        let mut asked = same.requires.clone();
        assert!(!asked.contains(&Requirement::BranchRecreated));
        asked.push(Requirement::BranchRecreated);
        assert_eq!(seems.requires, asked, "pin {pinned} HEAD {head}");
    }
    // Main is always the same.
    let (sidecar, mut observation) = one(WriterKind::Load, 2, 3);
    observation.catalog = created_at(started_at + 1);
    assert_eq!(judge(&sidecar, None, &observation).requires, []);
}

#[test]
fn a_table_on_another_branch_than_the_write_is_refused_wherever_it_stands() {
    let feature = Some("feature".to_owned());
    for (pinned, head) in [(2, 2), (2, 3), (3, 3), (2, 5)] {
        for (branch, table_branch, fits) in [
            (None, feature.clone(), false),
            (feature.clone(), None, false),
            (feature.clone(), Some("main".to_owned()), false),
            (feature.clone(), Some("later".to_owned()), false),
            (Some("main".to_owned()), None, true),
            (None, Some("main".to_owned()), true),
            (feature.clone(), feature.clone(), true),
        ] {
            let (mut write, mut observation) = one(WriterKind::Mutation, pinned, head);
            write.branch.clone_from(&branch);
            write.tables[0].table_branch.clone_from(&table_branch);
            observation.tables[0].branch = table_branch.clone().filter(|name| name != "main");
            let verdict = judge(&write, None, &observation);
            let code = verdict.blockers.first().map(|reason| reason.code);
            let refused = (Disposition::Refused, Some(Code::TableBranchDiffers));
            let named = format!("{branch:?} {table_branch:?}");
            assert_eq!(
                (verdict.disposition, code) != refused,
                fits,
                "{named}: {verdict:?}"
            );
            // It is refused in lists too, and so can be set aside.
            let file = write.operation_id.file_name();
            let read = SidecarFile::read(&file, crate::support::bytes(&write), &Limits::DEFAULT);
            let refusal = assemble(vec![read])[0].refusal.clone();
            assert_eq!(refusal.is_none(), fits, "{named}");
        }
    }
    // So is one that would add a table on another branch.
    let write = Sidecar {
        additional_registrations: vec![Registration {
            table_key: "node:New".to_owned(),
            table_path: "nodes/new".to_owned(),
            table_branch: feature,
            unknown: BTreeMap::new(),
        }],
        ..sidecar(WriterKind::SchemaApply, Vec::new())
    };
    let verdict = judge(&write, None, &world(Vec::new()));
    assert_eq!(verdict.blockers[0].code, Code::TableBranchDiffers);
}

#[test]
fn beside_an_older_file_that_is_broken_every_effect_has_to_be_acknowledged() {
    let broken = |waiting_for| Standing {
        waiting_for,
        older_unreadable: true,
    };
    let requires_it = |sidecar: &Sidecar, standing: Standing<'_>, observation: &Observation| {
        let verdict = judge(sidecar, standing, observation);
        let requires = verdict.requires.contains(&Requirement::OlderUnreadable);
        assert_eq!(
            requires,
            verdict.disposition.has_effect(),
            "{:?}",
            verdict.disposition
        );
        let without = judge(sidecar, standing.waiting_for, observation);
        assert!(!without.requires.contains(&Requirement::OlderUnreadable));
        verdict.disposition
    };
    let (sidecar, forward) = one(WriterKind::Mutation, 2, 3);
    let (_, back) = one(WriterKind::Mutation, 2, 4);
    let (_, never) = one(WriterKind::Mutation, 2, 2);
    for (observation, disposition) in [
        (&forward, Disposition::RollForward),
        (&back, Disposition::RollBack),
        (&never, Disposition::NeverStarted),
    ] {
        assert_eq!(
            requires_it(&sidecar, broken(None), observation),
            disposition
        );
        assert_eq!(
            requires_it(&sidecar, broken(Some(OLDER)), observation),
            Disposition::Waiting
        );
    }
    let (sidecar, observation) = on_graph_branch(one(WriterKind::Mutation, 1, 1), absent(false));
    assert_eq!(
        requires_it(&sidecar, broken(None), &observation),
        Disposition::OrphanedBranch
    );
}
