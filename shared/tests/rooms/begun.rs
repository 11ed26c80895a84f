//! What a report says of a plan that is under way or finished, and of one that was taken back.

use sidecar::api::{FollowedBy, PlanReport, Progress, Since, StepState};
use sidecar::follow_up::{FollowUp, dismissal, dismissal_id};
use sidecar::journal::{JournalEntry, JournalState, Next};
use sidecar::{
    ApplyReport, Code, Disposition, Limits, OperationId, OutcomeKind, Reason, RootId, SidecarFate,
    SidecarFile, Timestamp,
};

use crate::follow_up::{and_then, claimed as claimed_follow_up, id, made_undo, root as undo_root};
use crate::journal::{Journal, approved, claimed, finished, finished_steps, started};
use crate::support::{OLDER, Scene, YOUNGER, all_committed, half_way, operation};

const NOW: Timestamp = Timestamp::from_micros(1_795_350_000_000_000);
const LATER: Timestamp = Timestamp::from_micros(1_795_345_000_000_000);

/// Words of something that is not done yet.
const OF_WHAT_IS_TO_COME: [&str; 5] = [
    "will be",
    "would be",
    "becomes",
    "become visible",
    "never published",
];

fn begun(scene: &Scene) -> Journal {
    Journal::of(scene)
        .then(approved(scene))
        .then(claimed(scene, 1))
}

fn carried_out(scene: &Scene) -> Journal {
    let mut journal = begun(scene);
    while let Next::Steps(steps) = journal.state.next() {
        journal = journal
            .then(started(1, &steps))
            .then(finished_steps(1, &steps));
    }
    journal.then(finished(scene, 1))
}

fn report(state: &JournalState, here: &RootId, since: Since) -> PlanReport {
    PlanReport::begun(state, since, here, &Limits::DEFAULT, NOW)
        .unwrap()
        .unwrap()
}

fn by(id: &str, finished_at: Option<Timestamp>) -> FollowedBy {
    FollowedBy {
        operation_id: id.parse().unwrap(),
        finished_at,
    }
}

fn retired() -> Since {
    Since::of_file(SidecarFate::Retired)
}

#[test]
fn a_finished_plan_says_who_did_what_and_when_and_is_not_executable() {
    let undo = || OLDER.parse::<OperationId>().unwrap();
    let nothing = || {
        Reason::new(
            Code::NothingToUndo,
            "operation X cannot be taken back: it changed no table",
        )
    };
    let rows: [(&str, Scene, Since, &str, &[&str]); 9] = [
        (
            "nothing followed",
            all_committed(),
            Since {
                undo: Some(Ok(operation())),
                ..retired()
            },
            "was rolled forward.",
            &[
                "the whole write was published",
                "It can be undone as long as its tables stand where it left them",
            ],
        ),
        (
            "half a write",
            half_way(),
            Since {
                undo: Some(Ok(operation())),
                ..retired()
            },
            "was rolled back.",
            &["Rolled back: readers saw no change", "It can be undone"],
        ),
        (
            "nothing can be taken back",
            all_committed(),
            Since {
                undo: Some(Err(nothing())),
                ..retired()
            },
            "was rolled forward.",
            &["Operation X cannot be taken back: it changed no table."],
        ),
        (
            "undone",
            all_committed(),
            Since {
                undone_by: vec![by(OLDER, Some(LATER))],
                undo: Some(Ok(undo())),
                ..retired()
            },
            "was rolled forward, and taken back since.",
            &[
                "Operation 01M8125E20G3JA88BS9CEJEX1K took it back at 2026-11-22 10:56:40 UTC.",
                "Undoing operation 01M8125E20G3JA88BS9CEJEX1K brings it back.",
            ],
        ),
        (
            "the undo is undone",
            all_committed(),
            Since {
                undone_by: vec![by(YOUNGER, Some(LATER)), by(OLDER, Some(LATER))],
                undo: Some(Ok(undo())),
                ..retired()
            },
            "was rolled forward, taken back and brought back since.",
            &[
                "01M8125F73NYM2HVT3BT73QN0Y took it back",
                "01M8125E20G3JA88BS9CEJEX1K took that back",
                "Undoing operation 01M8125E20G3JA88BS9CEJEX1K takes it back again.",
            ],
        ),
        (
            "it is being undone",
            all_committed(),
            Since {
                undone_by: vec![by(OLDER, None)],
                ..retired()
            },
            "was rolled forward.",
            &["Operation 01M8125E20G3JA88BS9CEJEX1K is taking it back, and has not finished."],
        ),
        (
            "released",
            all_committed(),
            Since {
                released_by: Some(by(YOUNGER, Some(LATER))),
                ..retired()
            },
            "was rolled forward.",
            &["Operation 01M8125F73NYM2HVT3BT73QN0Y dropped its tags at"],
        ),
        (
            "its file is there",
            half_way(),
            Since::of_file(SidecarFate::Kept),
            "was rolled back.",
            &[
                "The file 01M8125ENACWR9X1EZNRMDV5V2.json is there: applying the plan again deletes it",
            ],
        ),
        (
            "what followed cannot be read",
            half_way(),
            Since {
                unread: Some("the store hangs".to_owned()),
                sidecar: SidecarFate::Unknown,
                ..retired()
            },
            "was rolled back.",
            &[
                "is gone, because a read failed",
                "Nobody knows whether something was done about it since, because a read failed: the store hangs.",
            ],
        ),
    ];
    for (name, scene, since, headline, said) in rows {
        let journal = carried_out(&scene);
        let is_undone = since.undone_by.len() == 1 && since.undone_by[0].finished_at.is_some();
        let kept = since.sidecar == SidecarFate::Kept || since.sidecar == SidecarFate::Unknown;
        let told = report(&journal.state, &scene.plan.root, since);
        assert!(!told.executable, "{name}: there is nothing to execute");
        assert_eq!(told.progress, Progress::Finished);
        assert!(
            told.headline.ends_with(headline),
            "{name}: {}",
            told.headline
        );
        let by = "Approved by bea. It was begun at 2026-11-22 09:33:20 UTC and finished at 2026-11-22 09:33:20 UTC.";
        for sentence in said.iter().chain([&by]) {
            assert!(
                told.consequence.contains(sentence),
                "{name}: {sentence}: {}",
                told.consequence
            );
        }
        assert_eq!(
            told.explanation,
            format!("{} {}", told.headline, told.consequence)
        );
        for words in OF_WHAT_IS_TO_COME {
            assert!(
                !told.explanation.contains(words),
                "{name}: {words}: {}",
                told.explanation
            );
        }
        assert!(
            told.explanation.ends_with('.')
                && !told.explanation.contains("..")
                && !told.explanation.contains("  ")
        );
        let attempt = told.attempt.unwrap();
        assert_eq!(attempt.is_undone(), is_undone, "{name}");
        assert_eq!(
            attempt.outcome,
            OutcomeKind::of_finished(scene.plan.disposition)
        );
        let last = if kept {
            StepState::Started
        } else {
            StepState::Done
        };
        let (retire, others) = attempt.steps.split_last().unwrap();
        assert!(
            *retire == last && others.iter().all(|step| *step == StepState::Done),
            "{name}"
        );
        assert_eq!(
            told.steps.len(),
            attempt.steps.len(),
            "the plan stays readable"
        );
        assert_eq!(told.digest, Some(scene.bytes.digest()));
    }
}

#[test]
fn a_plan_under_way_says_how_far_it_is_and_that_applying_resumes() {
    let scene = half_way();
    let here = &scene.plan.root;
    let journal = begun(&scene);
    let since = || Since::of_file(SidecarFate::Kept);
    let none = report(&journal.state, here, since());
    assert!(
        none.headline
            .ends_with("is being rolled back: none of seven steps are done."),
        "{}",
        none.headline
    );
    let journal = journal
        .then(started(1, &[0, 1]))
        .then(finished_steps(1, &[0]));
    let one = report(&journal.state, here, since());
    assert!(
        one.headline.ends_with("is being rolled back: one of seven steps is done, and one more was begun and has no recorded result."),
        "{}",
        one.headline
    );
    assert!(one.executable, "applying resumes it");
    assert_eq!(one.progress, Progress::UnderWay);
    for sentence in [
        "Approved by bea.",
        "It was begun at 2026-11-22 09:33:20 UTC.",
        "Applying the plan again resumes it",
    ] {
        assert!(one.consequence.contains(sentence), "{}", one.consequence);
    }
    let attempt = one.attempt.unwrap();
    assert_eq!((attempt.finished_at, attempt.outcome), (None, None));
    assert_eq!(
        attempt.steps[..3],
        [StepState::Done, StepState::Started, StepState::Waiting]
    );

    // A copy of the root has the journal too.
    let copy = RootId::new("file:///copy");
    let elsewhere = report(&journal.state, &copy, since());
    assert!(!elsewhere.executable, "applying does nothing here");
    assert!(
        elsewhere
            .consequence
            .contains("none of its steps is carried out here"),
        "{}",
        elsewhere.consequence
    );
    assert!(
        !elsewhere.consequence.contains("resumes"),
        "{}",
        elsewhere.consequence
    );
    assert_eq!(
        elsewhere.attempt.unwrap().not_of_root.as_deref(),
        Some("file:///copy")
    );
}

/// Does every step and writes the terminal record.
pub(crate) fn to_the_end(mut state: JournalState) -> JournalState {
    let epoch = state.attempt().unwrap().epoch;
    while let Next::Steps(steps) = state.next() {
        state = and_then(state, started(epoch, &steps));
        state = and_then(state, finished_steps(epoch, &steps));
    }
    let attempt = state.attempt().unwrap();
    let finished = JournalEntry::Finished {
        epoch,
        outcome: attempt.plan.outcome().unwrap(),
        tables: attempt.table_outcomes(&[]),
        catalog: attempt.catalog_effect(&[]),
        sidecar: attempt.sidecar.clone(),
    };
    and_then(state, finished)
}

#[test]
fn what_follows_a_recovery_is_told_in_its_own_words_once_it_was_begun() {
    let undo = made_undo();
    let of = id();
    let journal = |made: &FollowUp| {
        claimed_follow_up(JournalState::new(made.plan.operation_id.clone()), made)
    };
    let none = Since::of_file(SidecarFate::NoFile);
    let under_way = report(&journal(&undo), &undo_root(), none.clone());
    assert!(
        under_way.headline.starts_with(&format!(
            "The recovery of operation {of} is being taken back: none of"
        )),
        "{}",
        under_way.headline
    );
    let done = to_the_end(journal(&undo));
    let rows = [
        (
            none.clone(),
            format!("The recovery of operation {of} is taken back."),
        ),
        (
            Since {
                undone_by: vec![by(YOUNGER, Some(LATER))],
                ..none.clone()
            },
            format!("The undo of operation {of} was carried out, and taken back since."),
        ),
        (
            Since {
                planned_anew_as: Some(YOUNGER.parse().unwrap()),
                ..none
            },
            format!("The undo of operation {of} is no longer in effect."),
        ),
    ];
    for (since, headline) in rows {
        let told = report(&done, &undo_root(), since);
        assert_eq!(told.headline, headline);
        assert!(!told.executable && told.progress == Progress::Finished);
    }

    let file = SidecarFile::read("notes.json", b"no sidecar".to_vec(), &Limits::DEFAULT);
    let reason = Reason::new(Code::NotJson, "no JSON");
    let made = dismissal(
        &undo_root(),
        dismissal_id(&file),
        &file,
        Some(b"no sidecar".to_vec()),
        Disposition::Refused,
        &[reason],
    );
    let told = report(
        &journal(&made),
        &undo_root(),
        Since::of_file(SidecarFate::Kept),
    );
    assert!(
        told.headline
            .starts_with("notes.json is being set aside: none of two steps"),
        "{}",
        told.headline
    );
    let done = to_the_end(journal(&made));
    let told = report(&done, &undo_root(), retired());
    assert_eq!(told.headline, "notes.json is set aside.");
    let back = report(&done, &undo_root(), Since::of_file(SidecarFate::Kept));
    assert_eq!(back.headline, "notes.json was set aside, and is there.");
}

#[test]
fn applying_what_was_finished_before_says_so_and_what_was_undone_is_refused() {
    let scene = all_committed();
    let journal = carried_out(&scene);
    let done = || {
        ApplyReport::finished(
            &journal.state,
            journal.state.finished().unwrap(),
            SidecarFate::Retired,
        )
    };
    let first = done();
    let undone = [by(OLDER, Some(LATER))];
    let again = [by(OLDER, Some(LATER)), by(YOUNGER, Some(LATER))];
    for (undone_by, outcome, said) in [
        (
            &[][..],
            OutcomeKind::RolledForward,
            "no table is touched again",
        ),
        (
            &[by(OLDER, None)],
            OutcomeKind::RolledForward,
            "is taking it back, and has not finished",
        ),
        (
            &undone,
            OutcomeKind::Refused,
            "was finished at 2026-11-22 09:33:20 UTC as rolled_forward. Operation 01M8125E20G3JA88BS9CEJEX1K took it back at 2026-11-22 10:56:40 UTC.",
        ),
        (
            &again,
            OutcomeKind::RolledForward,
            "Operation 01M8125F73NYM2HVT3BT73QN0Y took that back",
        ),
    ] {
        let told = done().told_again(&journal.state, undone_by.to_vec());
        assert_eq!(told.outcome, outcome, "{}", told.detail);
        assert!(told.detail.contains(said), "{said}: {}", told.detail);
        assert_eq!(told.undone_by, undone_by);
        assert_eq!(
            told.sidecar,
            SidecarFate::Retired,
            "of the file the same is true"
        );
        assert_eq!(
            told.tables.is_empty(),
            outcome == OutcomeKind::Refused,
            "nothing is called published that is not"
        );
        assert_ne!(told.detail, first.detail);
    }
    let conflict = ApplyReport {
        outcome: OutcomeKind::Conflict,
        ..done()
    };
    assert_eq!(
        conflict.clone().told_again(&journal.state, undone.to_vec()),
        conflict,
        "an operation that is opened again is told as that"
    );
}
