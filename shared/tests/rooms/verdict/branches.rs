//! The branch of the write: it is gone, its files are left, or it is main.

use sidecar::observation::CatalogObservation;
use sidecar::{Code, Disposition, Observation, Sidecar, WriterKind, judge};

use super::{absent, check_branch, on_graph_branch, one};
use crate::support::scene;

#[test]
fn a_graph_branch_that_is_gone_orphans_the_write_wherever_its_tables_stand() {
    for (pinned, head) in [(2, 2), (2, 3), (3, 3), (4, 6), (1, 1), (3, 2)] {
        let (write, observation) =
            on_graph_branch(one(WriterKind::Load, pinned, head), absent(false));
        let scene = scene(&write, None, &observation);
        assert_eq!(scene.verdict.disposition, Disposition::OrphanedBranch);
        assert_eq!(scene.verdict.blockers, Vec::new());
        let steps: Vec<_> = scene.plan.steps.iter().map(sidecar::Step::kind).collect();
        assert_eq!(steps, ["record", "retire"], "pin {pinned} HEAD {head}");
    }
}

#[test]
fn a_graph_branch_whose_tree_is_left_aborts() {
    check_branch(absent(true), Disposition::Abort, Code::BranchTreeLeft);
}

#[test]
fn main_is_never_orphaned() {
    for catalog in [
        absent(false),
        absent(true),
        CatalogObservation::Unreadable {
            reason: "no such bucket".to_owned(),
        },
    ] {
        let (sidecar, observation) = one(WriterKind::Mutation, 2, 3);
        for branch in [None, Some("main".to_owned())] {
            let sidecar = Sidecar {
                branch,
                ..sidecar.clone()
            };
            let verdict = judge(
                &sidecar,
                None,
                &Observation {
                    catalog: catalog.clone(),
                    ..observation.clone()
                },
            );
            assert_eq!(verdict.disposition, Disposition::Abort, "{catalog:?}");
        }
    }
}
