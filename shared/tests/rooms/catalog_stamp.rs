//! What is said of a catalog with a stamp that a sidecar is not recovered on.

use sidecar::follow_up::{Undo, undo};
use sidecar::observation::CatalogObservation;
use sidecar::{Code, Disposition, Observation};

use crate::follow_up::{found, id, original, rolled_back, rolled_forward, root};
use crate::support::{all_committed, at, scene, world};

/// A whole write of version 1 in a catalog with this stamp.
fn on(stamp: u32) -> Observation {
    let write = all_committed().sidecar;
    let tables = vec![at(&write.tables[0], 4, 5), at(&write.tables[1], 5, 6)];
    Observation {
        catalog: CatalogObservation::Present {
            version: 40,
            stamp,
            two_phase: false,
            branch_created_at: None,
        },
        ..world(tables)
    }
}

#[test]
fn each_stamp_says_which_release_to_take_or_that_its_engines_leave_no_sidecar() {
    let write = all_committed().sidecar;
    for (stamp, expected) in [
        (2, None),
        (3, None),
        (4, None),
        (1, Some("knows no release")),
        (6, Some("omnigraph v0.9.0 and v0.10.0")),
        (
            8,
            Some("omnigraph v0.11.0 writes and this build reads only"),
        ),
        (
            9,
            Some("omnigraph v0.11.0 writes and this build reads only"),
        ),
        (14, Some("needs no recovery of this kind")),
        (18, Some("needs no recovery of this kind")),
        (u32::MAX, Some("needs no recovery of this kind")),
    ] {
        let verdict = scene(&write, None, &on(stamp)).verdict;
        let blockers: Vec<_> = verdict.blockers.iter().map(|reason| reason.code).collect();
        let codes = expected.map(|_| Code::CatalogStampUnsupported);
        assert_eq!(blockers, Vec::from_iter(codes), "stamp {stamp}");
        let detail = verdict.blockers.first().map_or("", |reason| &reason.detail);
        assert!(detail.contains(expected.unwrap_or_default()), "{detail}");
    }
}

/// An undo moves pins of tables that the catalog has, and no more.
#[test]
fn half_an_undo_is_also_resolved_where_tables_have_identities() {
    let write = all_committed().sidecar;
    for (stamp, is_blocked) in [(3, false), (4, false), (6, false), (5, true), (8, true)] {
        let mut found = on(stamp);
        found.recorded.undo = Some(Vec::new());
        let verdict = scene(&write, None, &found).verdict;
        let codes = verdict.blockers.iter().map(|reason| reason.code);
        let is_told = codes.filter(|code| *code == Code::CatalogStampUnsupported);
        assert_eq!(is_told.count() > 0, is_blocked, "stamp {stamp}");
    }
}

/// An undone roll back leaves a sidecar of version 1, which engines of stamp 6 do not open.
#[test]
fn an_undo_is_blocked_on_stamps_where_nothing_is_undone_and_never_speaks_of_a_file() {
    let what = |disposition| match disposition {
        Disposition::RollBack => Undo::of(&id(), &rolled_back(), &original()).unwrap(),
        _ => Undo::of(&id(), &rolled_forward(), &original()).unwrap(),
    };
    for (stamp, disposition, is_blocked) in [
        (3, Disposition::RollForward, false),
        (3, Disposition::RollBack, false),
        (4, Disposition::RollForward, false),
        (6, Disposition::RollForward, false),
        (6, Disposition::RollBack, true),
        (5, Disposition::RollForward, true),
        (8, Disposition::RollForward, true),
        (14, Disposition::RollForward, true),
    ] {
        let what = what(disposition);
        let mut observation = found(&what, None);
        if let CatalogObservation::Present { stamp: of, .. } = &mut observation.catalog {
            *of = stamp;
        }
        let made = undo(&root(), &what, &observation);
        let told = made.blockers.iter();
        let told: Vec<_> = told
            .filter(|reason| reason.code == Code::CatalogStampUnsupported)
            .collect();
        assert_eq!(
            told.len(),
            usize::from(is_blocked),
            "{stamp} {disposition:?}"
        );
        for reason in told {
            assert!(!reason.detail.contains("file"), "{}", reason.detail);
        }
    }
}
