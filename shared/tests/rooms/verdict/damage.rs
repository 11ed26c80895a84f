//! Tables and catalogs that are missing, contradict each other, or were not looked at.

use sidecar::observation::{CatalogObservation, HeadObservation, Restorability, Unread};
use sidecar::{Code, Disposition, WriterKind, judge};

use super::one;
use crate::support::{at, pin, scene, sidecar, world};

#[test]
fn a_table_that_was_not_looked_at_aborts_though_the_others_are_fine() {
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![pin("node:A", 2, 3), pin("node:B", 2, 3)],
    );
    let (first, second) = (at(&sidecar.tables[0], 2, 3), at(&sidecar.tables[1], 2, 3));
    for tables in [
        vec![],
        vec![first.clone()],
        vec![second.clone()],
        vec![second.clone(), first.clone()],
        vec![first.clone(), first.clone()],
    ] {
        let scene = scene(&sidecar, None, &world(tables.clone()));
        assert_eq!(
            scene.verdict.disposition,
            Disposition::Abort,
            "{} tables",
            tables.len()
        );
        assert_eq!(scene.verdict.blockers[0].code, Code::TableUnreadable);
        assert_eq!(scene.verdict.tables.len(), 2);
        assert!(scene.plan.steps.is_empty());
    }
    assert_eq!(
        judge(&sidecar, None, &world(vec![first, second])).disposition,
        Disposition::RollForward
    );
}

#[test]
fn a_dataset_without_a_main_branch_is_missing_and_not_merely_unreached() {
    let (sidecar, mut observation) = one(WriterKind::Mutation, 2, 2);
    observation.tables[0].head = HeadObservation::BranchMissing;
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(
        (verdict.disposition, verdict.blockers[0].code),
        (Disposition::Abort, Code::TableMissing)
    );
}

#[test]
fn a_write_that_nobody_can_judge_as_storage_does_not_answer_is_not_set_aside() {
    let (sidecar, mut observation) = one(WriterKind::Mutation, 2, 3);
    observation.tables[0].head = HeadObservation::Unreadable {
        reason: "503".to_owned(),
    };
    // Bytes that make no sense stay what they are.
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(verdict.disposition, Disposition::Abort);
    assert_eq!(verdict.blockers.len(), 1);
    assert_eq!(verdict.blockers[0].code, Code::TableUnreadable);

    observation.unread = vec![Unread {
        what: "the Lance HEAD of node:Author".to_owned(),
        reason: "503".to_owned(),
    }];
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(verdict.disposition, Disposition::Abort);
    let codes: Vec<Code> = verdict.blockers.iter().map(|it| it.code).collect();
    assert_eq!(codes, [Code::TableUnreadable, Code::Unreadable]);
    assert!(
        verdict.blockers[1]
            .detail
            .starts_with("the Lance HEAD of node:Author cannot be read now, so nobody"),
        "{:?}",
        verdict.blockers
    );

    // A failed read that does not keep the write from being judged is told where it matters.
    let (sidecar, judged) = one(WriterKind::Mutation, 2, 3);
    observation.tables = judged.tables;
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(verdict.disposition, Disposition::RollForward);
    assert_eq!(verdict.blockers, []);
}

#[test]
fn a_head_nothing_can_be_committed_on_aborts() {
    let (sidecar, mut observation) = one(WriterKind::Mutation, 2, 3);
    observation.tables[0].head = HeadObservation::At {
        version: u64::MAX,
        transaction: None,
    };
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(
        (verdict.disposition, verdict.blockers[0].code),
        (Disposition::Abort, Code::TableUnreadable)
    );
}

#[test]
fn a_pin_that_cannot_be_restored_or_was_not_checked_blocks_a_roll_back_and_nothing_else() {
    for restorable in [
        Restorability::NotChecked,
        Restorability::NotRestorable {
            reason: "files are gone".to_owned(),
        },
    ] {
        for (pinned, head, blocked) in [(2, 4, true), (2, 3, false), (2, 2, false), (3, 3, false)] {
            let (sidecar, mut observation) = one(WriterKind::Mutation, pinned, head);
            observation.tables[0].restorable = restorable.clone();
            let codes: Vec<Code> = judge(&sidecar, None, &observation)
                .blockers
                .iter()
                .map(|blocker| blocker.code)
                .collect();
            assert_eq!(
                codes,
                if blocked {
                    vec![Code::TargetNotRestorable]
                } else {
                    vec![]
                },
                "pin {pinned} HEAD {head} {restorable:?}"
            );
        }
    }
}

#[test]
fn a_catalog_stamp_this_build_does_not_know_blocks_whatever_would_be_done() {
    for (stamp, blocked) in [
        (0, true),
        (1, true),
        (2, false),
        (3, false),
        (4, false),
        (5, true),
        (6, true),
        (u32::MAX, true),
    ] {
        for (pinned, head) in [(2, 3), (2, 4), (2, 2), (3, 3)] {
            let (sidecar, mut observation) = one(WriterKind::Mutation, pinned, head);
            observation.catalog = CatalogObservation::Present {
                version: 9,
                stamp,
                two_phase: false,
                branch_created_at: None,
            };
            let blockers = judge(&sidecar, None, &observation).blockers;
            assert_eq!(
                blockers
                    .iter()
                    .any(|blocker| blocker.code == Code::CatalogStampUnsupported),
                blocked,
                "stamp {stamp}"
            );
        }
    }
}

#[test]
fn every_table_that_contradicts_the_catalog_is_named() {
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![
            pin("node:A", 2, 3),
            pin("node:B", 2, 3),
            pin("node:C", 2, 3),
        ],
    );
    let tables = vec![
        at(&sidecar.tables[0], 3, 2),
        at(&sidecar.tables[1], 1, 2),
        at(&sidecar.tables[2], 2, 3),
    ];
    let blockers = judge(&sidecar, None, &world(tables)).blockers;
    let found: Vec<(Code, bool)> = blockers
        .iter()
        .map(|blocker| {
            (
                blocker.code,
                blocker.detail.starts_with("node:A") || blocker.detail.starts_with("node:B"),
            )
        })
        .collect();
    assert_eq!(
        found,
        [(Code::HeadBelowPin, true), (Code::PinBelowExpected, true)]
    );
}
