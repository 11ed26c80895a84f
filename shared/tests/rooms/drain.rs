//! How far a drain goes, and which lists of digests it takes.

use sidecar::api::{PlanReport, RefusalReport};
use sidecar::commands::Commands;
use sidecar::drain::{
    ApprovedListError, DIGESTS_MAX, DoneBefore, DrainPlan, DrainStep, Draining, LIST_BYTES_MAX,
    NotCurrent, approved_list,
};
use sidecar::{
    ApplyReport, Code, Difference, DifferenceField, Digest, Effect, EffectOn, OutcomeKind, Reason,
    Requirement, RootId, SidecarFate, SidecarFile, Tag, Timestamp, assemble,
};

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
        (
            DrainStep::NotCurrent(NotCurrent::default()),
            Some("conflict"),
        ),
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
        taken(format!("\u{feff}{a}\r\n{b}")),
        Ok(vec![a, b]),
        "a byte order mark does not count"
    );
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

#[test]
fn a_plan_that_was_carried_out_before_is_passed_over_and_told() {
    let mut draining = Draining::of("/srv/graph".to_owned(), vec![digest("a"), digest("b")]);
    let before = DoneBefore {
        digest: digest("a"),
        operation_id: OPERATION.parse().unwrap(),
        outcome: OutcomeKind::RolledBack,
    };
    draining.note(DrainStep::DoneBefore(before.clone()));
    assert_eq!(draining.next(), Some(digest("b")));
    draining.note(applied(OutcomeKind::RolledForward));
    let report = draining.report();
    assert_eq!((report.done_before, report.done.len()), (vec![before], 1));
    assert_eq!((report.stopped, report.not_done), (None, Vec::new()));
}

#[test]
fn why_a_plan_is_not_current_is_told_as_far_as_it_is_known() {
    let stopped = |not_current: NotCurrent| {
        let mut draining = Draining::of("/srv/graph".to_owned(), vec![digest("a")]);
        draining.note(DrainStep::NotCurrent(not_current));
        draining.report().stopped.unwrap()
    };
    let others = ["c", "d", "e", "f", "g"].map(str::to_owned).to_vec();
    let unknown = stopped(NotCurrent {
        others,
        not_planned: 7,
        not_searched: 2,
        ..NotCurrent::default()
    });
    for part in [
        "no pending recovery that was looked at has this plan now",
        "pending with other plans: c, d, e and 2 more",
        "7 more recoveries are pending and were not looked at",
        "2 journals of ended operations were not looked at",
    ] {
        assert!(unknown.detail.contains(part), "{}", unknown.detail);
    }
    let moved = Difference::new(None, DifferenceField::Sidecar, "as approved", "gone");
    let known = stopped(NotCurrent {
        operation_id: Some(OPERATION.to_owned()),
        differences: vec![moved.clone()],
        ..NotCurrent::default()
    });
    assert_eq!(known.operation_id.as_deref(), Some(OPERATION));
    assert_eq!(known.differences, [moved]);
    let says = format!("operation {OPERATION} has another plan now");
    assert!(known.detail.starts_with(&says), "{}", known.detail);
    assert!(!known.detail.contains("not looked at"), "{}", known.detail);
}

#[test]
fn a_refused_file_is_planned_unless_it_can_only_be_set_aside() {
    let commands = Commands {
        root: "/srv/graph".to_owned(),
        ..Commands::default()
    };
    let next = |commands: &Commands, code: Code| {
        let file = SidecarFile::unread("a.json", Reason::new(code, "it is so"));
        let listed = assemble(vec![file]).remove(0);
        let root = RootId::new("/srv/graph");
        let report = PlanReport::refused(&root, &listed, None, Timestamp::from_micros(0));
        let plan = DrainPlan::of(&report, commands);
        assert!(!plan.is_carried_out_by_its_digest());
        plan.next.unwrap()
    };
    for code in [
        Code::Unreadable,
        Code::TooLarge,
        Code::UnsupportedVersion,
        Code::UnimplementedField,
        Code::Misnamed,
        Code::JournalBroken,
        Code::NotJson,
        Code::WrongShape,
    ] {
        let plan = "sidecar-inspector plan /srv/graph a.json";
        assert_eq!(next(&commands, code), plan, "{code}");
    }
    assert_eq!(
        next(&commands, Code::DuplicateOperationId),
        "sidecar-inspector dismiss /srv/graph a.json"
    );
    let relocated = Commands {
        relocated_from: Some("/old/graph".to_owned()),
        ..commands.clone()
    };
    for code in [Code::LocationOutsideRoot, Code::BasePathOutsideRoot] {
        assert_eq!(
            next(&commands, code),
            "sidecar-inspector drain /srv/graph --relocated-from OLD_ROOT"
        );
        let given = next(&relocated, code);
        assert!(given.contains(" plan "), "{given}");
    }
}
