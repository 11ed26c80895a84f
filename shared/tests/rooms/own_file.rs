//! What the file of a plan has to be before each of its steps.

use sidecar::{
    Digest, Disposition, FixedGraphCommit, OwnFile, Plan, Precondition, PublishedGraphCommit, Step,
    Tag,
};

use super::support::{all_committed, half_way};

/// The plan, with a graph commit that its file fixed.
fn fixed(mut plan: Plan) -> Plan {
    for step in &mut plan.steps {
        if let Step::Publish { graph_commit, .. } = step {
            *graph_commit = Some(PublishedGraphCommit {
                branch: None,
                merged_parent: None,
                actor_id: None,
                fixed: Some(FixedGraphCommit {
                    id: "01M8KHCVFG80Z589N2VW9E8G7Q".to_owned(),
                    created_at: 1,
                }),
            });
        }
    }
    plan
}

fn given() -> Digest {
    Digest::of(Tag::Sidecar, b"with the undo in it")
}

/// The same, which also writes the undo into the file.
fn preparing(mut plan: Plan) -> Plan {
    let step = Step::PrepareSidecar {
        file: plan.file.clone(),
        outcomes: Vec::new(),
        digest: given(),
        precondition: Precondition::FileAsPlanned,
    };
    plan.steps.insert(0, step);
    plan
}

#[test]
fn every_step_that_an_engine_could_meet_half_done_asks_for_its_file() {
    use OwnFile::{Fits, IsWrittenAnew, StandsInTheWay};
    let back = fixed(half_way().plan);
    let preparing = preparing(back.clone());
    let forward = fixed(all_committed().plan);
    assert_eq!(forward.disposition, Disposition::RollForward);
    let another = Digest::of(Tag::Sidecar, b"another");
    // The plan and the step; the file is gone, as the plan was made from it, with the undo in it, another.
    let expected = [
        (
            &preparing,
            "fence_catalog",
            [Fits, Fits, Fits, StandsInTheWay],
        ),
        (
            &preparing,
            "prepare_sidecar",
            [IsWrittenAnew, Fits, Fits, StandsInTheWay],
        ),
        (
            &preparing,
            "restore",
            [StandsInTheWay, StandsInTheWay, Fits, StandsInTheWay],
        ),
        (
            &preparing,
            "publish",
            [StandsInTheWay, StandsInTheWay, Fits, StandsInTheWay],
        ),
        // The undo was in the file already.
        (
            &back,
            "fence_catalog",
            [IsWrittenAnew, Fits, StandsInTheWay, StandsInTheWay],
        ),
        (
            &back,
            "restore",
            [IsWrittenAnew, Fits, StandsInTheWay, StandsInTheWay],
        ),
        (
            &back,
            "publish",
            [IsWrittenAnew, Fits, StandsInTheWay, StandsInTheWay],
        ),
        (
            &forward,
            "publish",
            [Fits, Fits, StandsInTheWay, StandsInTheWay],
        ),
    ];
    for (plan, kind, wanted) in expected {
        let step = plan.steps.iter().find(|step| step.kind() == kind).unwrap();
        let files = [None, Some(plan.sidecar), Some(given()), Some(another)];
        let found = files.map(|file| plan.own_file_before(step, file));
        assert_eq!(found, wanted, "{kind} of a {}", plan.disposition.name());
    }
    for plan in [&preparing, &back, &forward] {
        for step in &plan.steps {
            let asks = plan.own_file_before(step, Some(another)) == StandsInTheWay;
            let wanted = ["fence_catalog", "prepare_sidecar", "restore", "publish"];
            assert_eq!(asks, wanted.contains(&step.kind()), "{}", step.kind());
        }
    }
    // A plan of another version rests on no file.
    let plan = half_way().plan;
    let mut steps = plan.steps.iter();
    assert!(steps.all(|step| plan.own_file_before(step, Some(another)) == Fits));
}
