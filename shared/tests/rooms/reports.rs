//! What a journal, a listing or a refusal alone is reported as.

use sidecar::api::{
    EndReport, ExecutionReport, PlanReport, Progress, RecoverySummary, RefusalReport, Since,
    StepState,
};
use sidecar::journal::EndedBy;
use sidecar::{
    ApplyReport, Code, Difference, DifferenceField, Disposition, Effect, JudgedLine, Limits,
    ListedSidecar, OutcomeKind, Reason, RootId, SidecarFate, SidecarFile, Timestamp, assemble,
};

use crate::journal::{Journal, approved, claimed, finished, finished_steps, interrupted, started};
use crate::support::{Scene, at, bytes, half_way, world};

const NOW: Timestamp = Timestamp::from_micros(1_795_340_000_000_000);

/// A roll back of one table, with its steps: two tags, the fence, the restore, the publish, the record, the retirement.
fn begun(scene: &Scene, started_steps: &[usize], done: &[usize]) -> Journal {
    let mut journal = Journal::of(scene)
        .then(approved(scene))
        .then(claimed(scene, 1));
    // Tags go together.
    for group in [&[0, 1][..], &[2], &[3], &[4]] {
        let of_group = |steps: &[usize]| -> Vec<usize> {
            let steps = steps.iter().filter(|step| group.contains(step));
            steps.copied().collect()
        };
        if !of_group(started_steps).is_empty() {
            journal = journal.then(started(1, &of_group(started_steps)));
        }
        if !of_group(done).is_empty() {
            journal = journal.then(finished_steps(1, &of_group(done)));
        }
    }
    journal
}

fn kinds(scene: &Scene) -> Vec<&'static str> {
    scene.plan.steps.iter().map(sidecar::Step::kind).collect()
}

#[test]
fn an_attempt_reports_no_more_than_its_journal_tells() {
    use Effect::{Changed, Unchanged, Unknown};
    let scene = half_way();
    assert_eq!(
        kinds(&scene),
        [
            "tag",
            "tag",
            "fence_catalog",
            "restore",
            "publish",
            "record",
            "retire"
        ]
    );
    // Begun, done, and then `edge:Wrote`, `node:Author`, the catalog; and the pin of `node:Author`.
    type Row<'a> = (&'a [usize], &'a [usize], [Effect; 3], Option<u64>);
    let rows: [Row<'_>; 7] = [
        (&[], &[], [Unchanged, Unchanged, Unchanged], Some(4)),
        (&[0], &[], [Unchanged, Unchanged, Unchanged], Some(4)),
        (
            &[0, 1, 2],
            &[0, 1],
            [Unchanged, Unchanged, Unknown],
            Some(4),
        ),
        (
            &[0, 1, 2, 3],
            &[0, 1, 2],
            [Unchanged, Unknown, Changed],
            Some(4),
        ),
        // It was returned, and readers do not see that yet.
        (
            &[0, 1, 2, 3],
            &[0, 1, 2, 3],
            [Unchanged, Changed, Changed],
            Some(4),
        ),
        (
            &[0, 1, 2, 3, 4],
            &[0, 1, 2, 3],
            [Unchanged, Unknown, Unknown],
            None,
        ),
        (
            &[0, 1, 2, 3, 4],
            &[0, 1, 2, 3, 4],
            [Unchanged, Changed, Changed],
            Some(6),
        ),
    ];
    for (begun_steps, done, expected, pin) in rows {
        let journal = begun(&scene, begun_steps, done);
        let attempt = journal.state.attempt().unwrap();
        let unclear = attempt.begun_not_done();
        let tables = attempt.table_outcomes(&unclear);
        let found = [
            tables[0].effect,
            tables[1].effect,
            attempt.catalog_effect(&unclear),
        ];
        assert_eq!(found, expected, "{begun_steps:?} {done:?}");
        let pins = [tables[0].published_version, tables[1].published_version];
        assert_eq!(pins, [Some(5), pin], "{begun_steps:?} {done:?}");
        let ended = EndReport::of(
            &scene.plan.operation_id,
            attempt,
            EndedBy {
                name: "bea".to_owned(),
                reason: "it hangs.".to_owned(),
            },
        );
        assert_eq!(ended.tables, tables);
        assert!(
            ended
                .detail
                .starts_with("bea ended the attempt: it hangs. The steps")
        );
        assert_eq!(
            ended.detail.contains("nobody knows"),
            !unclear.is_empty(),
            "{}",
            ended.detail
        );
    }
}

#[test]
fn an_execution_is_reported_step_by_step() {
    use SidecarFate::{Kept, Replaced, Retired};
    use StepState::{Done, Started, Waiting};
    let scene = half_way();
    let states = |journal: &Journal, sidecar| {
        let report = ExecutionReport::of(&journal.state, sidecar);
        let states: Vec<StepState> = report.steps.iter().map(|step| step.state).collect();
        (states, report.report.map(|report| report.sidecar))
    };
    let none = Journal::of(&scene);
    assert_eq!(states(&none, Kept), (Vec::new(), None));
    let half = begun(&scene, &[0, 1], &[0]);
    assert_eq!(
        states(&half, Kept),
        (
            vec![Done, Started, Waiting, Waiting, Waiting, Waiting, Waiting],
            None
        )
    );
    let all = begun(&scene, &[0, 1, 2, 3, 4], &[0, 1, 2, 3, 4]).then(finished(&scene, 1));
    let mut left = vec![Done; 7];
    for gone in [Retired, Replaced] {
        assert_eq!(states(&all, gone), (left.clone(), Some(gone)));
    }
    left[6] = Started;
    assert_eq!(states(&all, Kept), (left, None), "the file is still there");
    let interrupted = half.then(interrupted(1));
    assert_eq!(states(&interrupted, Kept), (Vec::new(), None));
}

#[test]
fn how_far_a_recovery_came_is_read_from_its_journal() {
    let scene = half_way();
    let digest = scene.bytes.digest();
    let other = crate::support::all_committed().bytes.digest();
    let none = Journal::of(&scene);
    let consented = none.clone().then(approved(&scene));
    let under_way = begun(&scene, &[], &[]);
    let given_up = under_way.clone().then(interrupted(1));
    let done = begun(&scene, &[0, 1, 2, 3, 4], &[0, 1, 2, 3, 4]).then(finished(&scene, 1));
    let (here, copy) = (&scene.plan.root, &RootId::new("/srv/copy"));
    assert_eq!(Progress::of(None, here), Progress::Open);
    for (journal, progress, of_plan, is_begun) in [
        (&none, Progress::Open, Progress::Open, false),
        (&consented, Progress::Approved, Progress::Approved, false),
        (&under_way, Progress::UnderWay, Progress::UnderWay, true),
        (&given_up, Progress::Approved, Progress::Approved, false),
        (&done, Progress::Finished, Progress::Finished, true),
    ] {
        let state = &journal.state;
        assert_eq!(Progress::of(Some(state), here), progress);
        let at_a_copy = match progress {
            Progress::Approved => Progress::Open,
            others => others,
        };
        assert_eq!(Progress::of(Some(state), copy), at_a_copy);
        assert_eq!(Progress::of_plan(Some(state), digest), of_plan);
        assert_eq!(Progress::of_plan(Some(state), other), Progress::Open);
        let since = || Since::of_file(SidecarFate::Kept);
        let at = |root| PlanReport::begun(state, since(), root, &Limits::DEFAULT, NOW).unwrap();
        let report = at(here);
        assert_eq!(report.is_some(), is_begun);
        if let Some(report) = report {
            assert_eq!((report.digest, report.progress), (Some(digest), progress));
            assert_eq!(report.approvals.len(), 1);
            assert!(report.blockers.is_empty());
        }
        if let Some(report) = at(copy) {
            let codes: Vec<Code> = report.blockers.iter().map(|reason| reason.code).collect();
            let (expected, is_executable) = match progress {
                Progress::UnderWay => (vec![Code::BegunElsewhere], false),
                _ => (Vec::new(), false),
            };
            assert_eq!((codes, report.executable), (expected, is_executable));
        }
    }
}

#[test]
fn what_was_not_done_is_reported_as_unchanged_and_what_is_untrue_as_unknown() {
    let scene = half_way();
    let operation = &scene.plan.operation_id;
    let digest = scene.bytes.digest();
    let moved = |key: Option<&str>| Difference::new(key, DifferenceField::LanceHead, "6", "5");
    let refused = ApplyReport::refused(
        operation,
        digest,
        RefusalReport::conflict(operation, "moved").with_differences(vec![moved(None)]),
        SidecarFate::Gone,
    );
    assert_eq!(refused.sidecar, SidecarFate::Gone);
    assert_eq!(
        (refused.outcome, refused.detail.as_str()),
        (OutcomeKind::Conflict, "moved")
    );
    assert_eq!((refused.tables.len(), refused.differences.len()), (0, 1));
    for (fate, found, said) in [
        (SidecarFate::Gone, "gone", "the sidecar is gone:"),
        (
            SidecarFate::Replaced,
            "changed",
            "a file with other bytes bears its name",
        ),
        (
            SidecarFate::Unknown,
            "gone or changed",
            "is gone, has other bytes",
        ),
    ] {
        let gone = ApplyReport::sidecar_gone(operation, digest, fate);
        assert_eq!(
            (gone.outcome, gone.differences[0].field.name(), gone.sidecar),
            (OutcomeKind::Conflict, "sidecar", fate)
        );
        assert_eq!(gone.differences[0].found, found);
        assert!(gone.detail.contains(said), "{}", gone.detail);
    }

    let journal = begun(&scene, &[0, 1, 2, 3, 4], &[0, 1, 2, 3, 4]).then(finished(&scene, 1));
    let record = journal.state.finished().unwrap();
    let effects = |report: &ApplyReport| {
        let tables: Vec<Effect> = report.tables.iter().map(|table| table.effect).collect();
        (tables, report.catalog.effect)
    };
    let done = ApplyReport::finished(&journal.state, record, SidecarFate::Retired);
    assert_eq!(effects(&done), (vec![Effect::Changed; 2], Effect::Changed));
    let of_root = ApplyReport::untrue(
        operation,
        record,
        String::new(),
        vec![moved(None)],
        SidecarFate::Gone,
    );
    assert_eq!(effects(&of_root), effects(&done));
    let key = Some("node:Author");
    let of_table = ApplyReport::untrue(
        operation,
        record,
        String::new(),
        vec![moved(key)],
        SidecarFate::Gone,
    );
    assert_eq!(
        effects(&of_table),
        (vec![Effect::Changed, Effect::Unknown], Effect::Unknown)
    );
    assert_eq!(of_table.tables[1].published_version, None);

    let journal = begun(&scene, &[0, 1, 2, 3], &[0, 1, 2]);
    let attempt = journal.state.attempt().unwrap();
    let taken = ApplyReport::taken_over(operation, attempt, SidecarFate::Kept);
    assert_eq!(taken.outcome, OutcomeKind::Unknown);
    assert_eq!(taken.tables[1].effect, Effect::Unknown);
    let elsewhere = ApplyReport::begun_elsewhere(
        operation,
        attempt,
        &RootId::new("file:///copy"),
        SidecarFate::Gone,
    );
    assert_eq!(
        (elsewhere.outcome, elsewhere.differences[0].field.name()),
        (OutcomeKind::Refused, "root")
    );
}

#[test]
fn a_line_of_the_list_shows_the_verdict_or_the_plan_that_was_begun() {
    let scene = half_way();
    let file = SidecarFile::read(&scene.plan.file, bytes(&scene.sidecar), &Limits::DEFAULT);
    let listed = assemble(vec![file]).remove(0);
    let pins = &scene.sidecar.tables;
    let tables = vec![at(&pins[0], 4, 5), at(&pins[1], 5, 5)];
    let judged = Some(JudgedLine::of(&scene.verdict, &world(tables)));
    let here = &scene.plan.root;
    let line = RecoverySummary::of(&listed, None, judged.clone(), here, NOW);
    assert_eq!(
        (line.disposition, line.tables_total, line.tables_moved),
        (Disposition::RollBack, 2, 1)
    );
    assert_eq!((line.refused, line.progress), (None, Progress::Open));

    let waiting = ListedSidecar {
        waiting_for: Some("another".to_owned()),
        ..listed.clone()
    };
    let refused = ListedSidecar {
        refusal: Some(Reason::new(Code::Misnamed, "renamed")),
        ..listed.clone()
    };
    let journal = begun(&scene, &[], &[]);
    for (listed, journal, judged, expected) in [
        (&listed, None, None, Disposition::Refused),
        (&waiting, None, None, Disposition::Waiting),
        (&waiting, None, judged, Disposition::RollBack),
        (&refused, None, None, Disposition::Refused),
        (&refused, Some(&journal.state), None, Disposition::RollBack),
    ] {
        let line = RecoverySummary::of(listed, journal, judged, here, NOW);
        assert_eq!(line.disposition, expected);
        assert_eq!(line.refused, listed.refusal);
        assert_eq!(line.tables_moved, usize::from(line.tables_moved > 0));
    }
    let consented = Journal::of(&scene).then(approved(&scene));
    for (root, progress) in [
        (here.clone(), Progress::Approved),
        (RootId::new("/srv/copy"), Progress::Open),
    ] {
        let line = RecoverySummary::of(&listed, Some(&consented.state), None, &root, NOW);
        assert_eq!(line.progress, progress, "{root}");
    }
    assert!(listed.to_judge().is_some());
    assert!(refused.to_judge().is_none());
    assert_eq!(refused.reason().code, Code::Misnamed);
    assert_eq!(listed.reason().code, Code::Unreadable);
    let report = PlanReport::refused(&scene.plan.root, &refused, None, NOW);
    assert_eq!(
        (report.disposition, report.digest, report.executable),
        (Disposition::Refused, None, false)
    );
    assert_eq!(report.blockers, [refused.reason()]);
    assert!(report.may_be_set_aside());
    let unread = ListedSidecar {
        refusal: Some(Reason::new(Code::Unreadable, "it timed out")),
        ..refused
    };
    let report = PlanReport::refused(&scene.plan.root, &unread, None, NOW);
    assert!(!report.may_be_set_aside(), "nobody knows what it is");
}
