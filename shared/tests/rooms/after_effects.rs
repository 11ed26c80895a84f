//! Which later changes contradict a plan whose effects are done.

use sidecar::observation::{CatalogObservation, Pinned};
use sidecar::{
    Disposition, Observation, Plan, Purpose, Sidecar, WriterKind, is_visible_for_good,
    moved_since_effects, rests_on_the_catalog,
};

use crate::support::{Scene, at, on_branch, pin, scene, sidecar, world};

const BOTH: [&str; 2] = ["a", "b"];

/// Two tables that this kind of writer was to bring from 4 to 5, with pin and HEAD of each as they are found.
fn of(kind: WriterKind, found: [(u64, u64); 2]) -> Scene {
    let sidecar = sidecar(kind, BOTH.map(|key| pin(key, 4, 5)).to_vec());
    let tables = sidecar.tables.iter().zip(found);
    let tables = tables.map(|(pin, (pinned, head))| at(pin, pinned, head));
    scene(&sidecar, None, &world(tables.collect()))
}

/// The differences, as `table field planned found`, where pins and HEADs are `left` once all is done.
fn moved(scene: &Scene, left: [(u64, u64); 2]) -> Vec<String> {
    let tables = scene.sidecar.tables.iter().zip(left);
    let tables = tables.map(|(pin, (pinned, head))| at(pin, pinned, head));
    texts(&scene.plan, tables.collect())
}

fn texts(plan: &Plan, tables: Vec<sidecar::observation::TableObservation>) -> Vec<String> {
    let differences = moved_since_effects(plan, &world(tables));
    let text = |found: &sidecar::Difference| {
        let key = found.table_key.as_deref().unwrap();
        format!("{key} {} {} {}", found.field, found.planned, found.found)
    };
    differences.iter().map(text).collect()
}

#[test]
fn each_disposition_says_which_further_changes_are_the_writers() {
    use Disposition::{AlreadyPublished, NeverStarted, RollBack, RollForward, Superseded};
    use WriterKind::{EnsureIndices, Mutation};
    type Row<'a> = (
        WriterKind,
        [(u64, u64); 2],
        Disposition,
        [(u64, u64); 2],
        &'a [&'a str],
    );
    let rows: &[Row<'_>] = &[
        // Every commit is counted: what comes above belongs to others, and a pin that is behind does not.
        (
            Mutation,
            [(4, 5), (4, 5)],
            RollForward,
            [(5, 5), (5, 5)],
            &[],
        ),
        (
            Mutation,
            [(4, 5), (4, 5)],
            RollForward,
            [(7, 8), (5, 9)],
            &[],
        ),
        (
            Mutation,
            [(4, 5), (4, 5)],
            RollForward,
            [(5, 5), (4, 5)],
            &["b manifest_pinned 5 4"],
        ),
        // Commits are not counted: one more may be by the writer.
        (
            EnsureIndices,
            [(4, 5), (4, 5)],
            RollForward,
            [(5, 5), (5, 5)],
            &[],
        ),
        (
            EnsureIndices,
            [(4, 5), (4, 5)],
            RollForward,
            [(5, 6), (6, 6)],
            &[
                "a lance_head 5 6",
                "b manifest_pinned 5 6",
                "b lance_head 5 6",
            ],
        ),
        (Mutation, [(4, 5), (4, 4)], RollBack, [(6, 6), (4, 4)], &[]),
        // Also a table that no effect reached.
        (
            Mutation,
            [(4, 5), (4, 4)],
            RollBack,
            [(6, 7), (4, 5)],
            &["a lance_head 6 7", "b lance_head 4 5"],
        ),
        (
            Mutation,
            [(4, 4), (4, 4)],
            NeverStarted,
            [(4, 4), (4, 4)],
            &[],
        ),
        (
            Mutation,
            [(4, 4), (4, 4)],
            NeverStarted,
            [(4, 5), (4, 4)],
            &["a lance_head 4 5"],
        ),
        (
            Mutation,
            [(5, 5), (5, 5)],
            AlreadyPublished,
            [(5, 5), (5, 7)],
            &[],
        ),
        (
            Mutation,
            [(5, 5), (5, 5)],
            AlreadyPublished,
            [(4, 5), (5, 5)],
            &["a manifest_pinned 5 4"],
        ),
        // Others may publish further, and an unpublished commit may be the writer's.
        (
            Mutation,
            [(7, 7), (4, 4)],
            Superseded,
            [(8, 8), (5, 5)],
            &[],
        ),
        (
            Mutation,
            [(7, 7), (4, 4)],
            Superseded,
            [(8, 9), (4, 4)],
            &["a lance_head 8 9"],
        ),
    ];
    for (kind, found, disposition, left, expected) in rows {
        let scene = of(*kind, *found);
        assert_eq!(scene.plan.disposition, *disposition, "{kind:?} {found:?}");
        assert_eq!(
            moved(&scene, *left),
            *expected,
            "{kind:?} {disposition:?} {left:?}"
        );
    }
}

#[test]
fn a_table_that_others_removed_since_moved_only_where_the_writer_may_still_write() {
    let gone = |scene: &Scene| {
        let mut tables: Vec<_> = scene
            .sidecar
            .tables
            .iter()
            .map(|pin| at(pin, 5, 5))
            .collect();
        tables[1].pinned = Pinned::Tombstoned { version: 6 };
        texts(&scene.plan, tables)
    };
    assert_eq!(
        gone(&of(WriterKind::Mutation, [(4, 5), (4, 5)])),
        [""; 0],
        "the write was visible"
    );
    assert_eq!(
        gone(&of(WriterKind::EnsureIndices, [(4, 5), (4, 5)])),
        ["b manifest_pinned 5 none"]
    );
}

#[test]
fn only_a_write_whose_commits_are_counted_or_published_is_visible_for_good() {
    let plan = of(WriterKind::Mutation, [(4, 5), (4, 5)]).plan;
    for disposition in Disposition::ALL {
        for kind in WriterKind::ALL {
            let plan = Plan {
                disposition,
                writer_kind: Some(kind),
                ..plan.clone()
            };
            let expected = match disposition {
                Disposition::AlreadyPublished | Disposition::StaleArmed => true,
                Disposition::RollForward => kind.commits_each_table_once(),
                Disposition::Refused
                | Disposition::Waiting
                | Disposition::OrphanedBranch
                | Disposition::Abort
                | Disposition::AlreadyRolledBack
                | Disposition::Superseded
                | Disposition::NeverStarted
                | Disposition::RollBack => false,
            };
            assert_eq!(
                is_visible_for_good(&plan),
                expected,
                "{disposition:?} {kind:?}"
            );
        }
    }
}

#[test]
fn a_dismissal_and_a_release_rest_on_no_table() {
    let plan = of(WriterKind::Mutation, [(4, 5), (4, 5)]).plan;
    let of = plan.operation_id.clone();
    let rows = [
        (Purpose::Recover, Disposition::RollForward, true),
        (Purpose::Recover, Disposition::OrphanedBranch, true),
        (
            Purpose::Undo { of: of.clone() },
            Disposition::RollBack,
            true,
        ),
        (
            Purpose::Release { of },
            Disposition::AlreadyPublished,
            false,
        ),
        (
            Purpose::Dismiss {
                because: Vec::new(),
            },
            Disposition::Refused,
            false,
        ),
    ];
    for (purpose, disposition, expected) in rows {
        let plan = Plan {
            purpose,
            disposition,
            ..plan.clone()
        };
        assert_eq!(rests_on_the_catalog(&plan), expected, "{:?}", plan.purpose);
    }
}

#[test]
fn a_branch_that_was_gone_must_still_be_gone_with_all_its_files() {
    let of_branch = vec![on_branch(pin("a", 4, 5), "feature")];
    let sidecar = Sidecar {
        branch: Some("feature".to_owned()),
        ..sidecar(WriterKind::Mutation, of_branch)
    };
    let on = |catalog| Observation {
        catalog,
        ..world(Vec::new())
    };
    let absent = |tree_left| CatalogObservation::BranchAbsent { tree_left };
    let plan = scene(&sidecar, None, &on(absent(false))).plan;
    assert_eq!(plan.disposition, Disposition::OrphanedBranch);
    let found = |catalog| {
        let moved = moved_since_effects(&plan, &on(catalog));
        let found = moved.into_iter().map(|it| (it.field.to_string(), it.found));
        found.collect::<Vec<_>>()
    };
    let is = |found: &str| vec![("catalog_branch".to_owned(), found.to_owned())];
    assert_eq!(found(absent(false)), []);
    assert_eq!(found(absent(true)), is("gone, and its folder is left"));
    assert_eq!(found(crate::support::present()), is("present"));
}
