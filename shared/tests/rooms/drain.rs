//! How far a drain goes, and which lists of digests it takes.

use sidecar::api::RefusalReport;
use sidecar::commands::Commands;
use sidecar::drain::{
    ApprovedListError, DIGESTS_MAX, DrainStep, Draining, LIST_BYTES_MAX, approved_list,
};
use sidecar::{ApplyReport, Digest, Effect, EffectOn, OutcomeKind, Requirement, SidecarFate, Tag};

use crate::support::OPERATION;

fn digest(of: &str) -> Digest {
    Digest::of(Tag::Plan, of.as_bytes())
}

fn applied(outcome: OutcomeKind) -> DrainStep {
    let effect = EffectOn {
        effect: Effect::Unchanged,
    };
    DrainStep::Applied(Box::new(ApplyReport {
        operation_id: OPERATION.parse().unwrap(),
        digest: digest("a"),
        outcome,
        extent: None,
        tables: Vec::new(),
        catalog: effect,
        audit: effect,
        sidecar: SidecarFate::Kept,
        undone_by: Vec::new(),
        differences: Vec::new(),
        detail: "it came to this".to_owned(),
    }))
}

#[test]
fn a_drain_goes_on_only_while_each_plan_is_done() {
    let refused = RefusalReport::refused(OPERATION, "it waits for another");
    let failed = DrainStep::Failed {
        operation_id: None,
        code: "timed_out".to_owned(),
        detail: "nothing answered".to_owned(),
    };
    let cases = [
        (applied(OutcomeKind::RolledForward), None),
        (applied(OutcomeKind::RolledBack), None),
        (applied(OutcomeKind::CleanedUp), None),
        (applied(OutcomeKind::Conflict), Some("conflict")),
        (applied(OutcomeKind::Refused), Some("refused")),
        (applied(OutcomeKind::Unknown), Some("unknown")),
        (DrainStep::NotCurrent, Some("conflict")),
        (DrainStep::No(refused), Some("refused")),
        (failed, Some("timed_out")),
    ];
    for (step, stops) in cases {
        let list = vec![digest("a"), digest("b"), digest("c")];
        let mut draining = Draining::of("/srv/graph".to_owned(), list);
        draining.note(applied(OutcomeKind::RolledBack));
        assert_eq!(draining.next(), Some(digest("b")));
        draining.note(step.clone());
        let goes_on = draining.next();
        // Nothing is noted once it has stopped.
        let after = draining.clone();
        if stops.is_some() {
            draining.note(applied(OutcomeKind::RolledBack));
            assert_eq!(draining, after);
        }
        let report = draining.report();
        match stops {
            None => {
                assert_eq!(goes_on, Some(digest("c")), "{step:?}");
                assert_eq!(report.done.len(), 2);
                assert_eq!(report.stopped, None);
                assert_eq!(report.not_done, [digest("c")]);
            }
            Some(code) => {
                assert_eq!(goes_on, None, "{step:?}");
                assert_eq!(report.done.len(), 1);
                assert_eq!(report.not_done, [digest("b"), digest("c")]);
                let stop = report.stopped.unwrap();
                assert_eq!((stop.digest, stop.code.as_str()), (digest("b"), code));
                assert!(!stop.detail.is_empty());
            }
        }
    }
}

#[test]
fn a_list_has_one_digest_a_line_and_is_taken_whole_or_not_at_all() {
    let (a, b) = (digest("a"), digest("b"));
    let taken = |text: String| approved_list(&text);
    assert_eq!(taken(format!("{a}\n{b}\n")), Ok(vec![a, b]));
    assert_eq!(
        taken(format!("# of Monday\r\n\r\n  {b}  # the load\r\n{a}")),
        Ok(vec![b, a]),
        "in the order of the list"
    );
    let no_digest = |line| Err(ApprovedListError::NoDigest { line });
    assert_eq!(taken(format!("{a}\n{b} {a}\n")), no_digest(2));
    assert_eq!(taken(format!("{a}\nsha256:12\n")), no_digest(2));
    assert_eq!(taken(OPERATION.to_owned()), no_digest(1));
    assert_eq!(
        taken(format!("{a}\n\n{a}")),
        Err(ApprovedListError::Twice { line: 3 })
    );
    for empty in ["", "\n# none\n"] {
        assert_eq!(taken(empty.to_owned()), Err(ApprovedListError::Empty));
    }
    let many: String = (0..=DIGESTS_MAX)
        .map(|number| format!("{}\n", digest(&number.to_string())))
        .collect();
    assert!((many.len() as u64) < LIST_BYTES_MAX);
    assert_eq!(taken(many), Err(ApprovedListError::TooMany));
}

#[test]
fn the_command_that_approves_asks_for_what_the_plan_requires() {
    let commands = Commands {
        root: "/srv/graph".to_owned(),
        ..Commands::default()
    };
    let requires = [
        Requirement::WritersStopped,
        Requirement::Reason,
        Requirement::OlderUnreadable,
    ];
    let plan = digest("a");
    assert_eq!(
        commands.approve(OPERATION, plan, &requires),
        format!(
            "sidecar-inspector approve /srv/graph {OPERATION} --digest {plan} --as NAME --writers-stopped --reason TEXT --acknowledge older_unreadable"
        )
    );
    assert_eq!(
        commands.apply(OPERATION, plan),
        format!("sidecar-inspector apply /srv/graph {OPERATION} --digest {plan}")
    );
}
