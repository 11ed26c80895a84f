//! The journal: what continues it, what does not, and what it leaves to do.

use std::collections::BTreeSet;

use sidecar::journal::{JournalEntry, JournalError, JournalState, Next, StepResult, verify_chain};
use sidecar::{Approval, Effect, OutcomeKind, TableOutcome, Timestamp};

use crate::plan::one_of_each;
use crate::support::{OLDER, Scene, all_committed, approval, bytes, half_way, tangled};

pub(crate) fn approved(scene: &Scene) -> JournalEntry {
    JournalEntry::Approved {
        approval: approval(scene),
        plan: scene.bytes.text().to_owned(),
    }
}

pub(crate) fn claimed(scene: &Scene, epoch: u64) -> JournalEntry {
    JournalEntry::Claimed {
        epoch,
        executor: format!("executor-{epoch}"),
        plan_digest: scene.bytes.digest(),
        plan: scene.bytes.text().to_owned(),
        sidecar: bytes(&scene.sidecar).into(),
    }
}

pub(crate) fn started(epoch: u64, steps: &[usize]) -> JournalEntry {
    JournalEntry::StepsStarted {
        epoch,
        steps: steps.to_vec(),
        catalog_version: Some(40),
    }
}

pub(crate) fn finished_steps(epoch: u64, steps: &[usize]) -> JournalEntry {
    JournalEntry::StepsFinished {
        epoch,
        results: steps
            .iter()
            .map(|step| StepResult {
                step: *step,
                version: Some(9),
                already_done: false,
            })
            .collect(),
    }
}

pub(crate) fn interrupted(epoch: u64) -> JournalEntry {
    JournalEntry::Interrupted {
        epoch,
        detail: "a writer published".to_owned(),
        differences: Vec::new(),
        ended_by: None,
    }
}

pub(crate) fn reopened() -> JournalEntry {
    JournalEntry::Reopened {
        detail: "restored from a backup".to_owned(),
        differences: Vec::new(),
    }
}

pub(crate) fn finished(scene: &Scene, epoch: u64) -> JournalEntry {
    JournalEntry::Finished {
        epoch,
        outcome: OutcomeKind::of_finished(scene.plan.disposition).unwrap(),
        tables: scene
            .plan
            .tables
            .iter()
            .map(|table| TableOutcome::of(&scene.plan, table, Effect::Changed))
            .collect(),
        catalog: Effect::Changed,
        sidecar: bytes(&scene.sidecar).into(),
    }
}

/// A journal with the bytes of its records.
#[derive(Clone)]
pub(crate) struct Journal {
    pub(crate) state: JournalState,
    stored: Vec<Vec<u8>>,
}

impl Journal {
    pub(crate) fn of(scene: &Scene) -> Self {
        Self {
            state: JournalState::new(scene.plan.operation_id.clone()),
            stored: Vec::new(),
        }
    }

    pub(crate) fn offer(&self, entry: JournalEntry) -> Result<Self, JournalError> {
        let record = self
            .state
            .next_record(Timestamp::from_micros(1_795_340_000_000_000), entry);
        let bytes = record.to_bytes().unwrap();
        let state = self.state.clone().append(&bytes)?;
        Ok(Self {
            state,
            stored: [self.stored.clone(), vec![bytes]].concat(),
        })
    }

    #[track_caller]
    pub(crate) fn then(self, entry: JournalEntry) -> Self {
        self.offer(entry).unwrap()
    }

    #[track_caller]
    fn refuses(&self, entry: JournalEntry) {
        let kind = entry.kind();
        assert!(
            matches!(
                self.offer(entry),
                Err(JournalError::IllegalTransition { .. } | JournalError::Plan { .. })
            ),
            "{kind} after {} records",
            self.stored.len()
        );
    }
}

/// Carries a plan out as an executor does, asking only `next`, and says which kinds of step were done, in order.
fn run(scene: &Scene) -> (Journal, Vec<&'static str>) {
    let mut journal = Journal::of(scene).then(approved(scene));
    let mut visited = Vec::new();
    loop {
        journal = match journal.state.next() {
            Next::Claim => journal.then(claimed(scene, 1)),
            Next::Steps(steps) => {
                visited.extend(steps.iter().map(|step| scene.plan.steps[*step].kind()));
                journal
                    .then(started(1, &steps))
                    .then(finished_steps(1, &steps))
            }
            Next::Record => {
                visited.push("record");
                journal.then(finished(scene, 1))
            }
            Next::Retire => {
                visited.push("retire");
                return (journal, visited);
            }
        };
    }
}

#[test]
fn a_clean_run_does_every_step_of_the_plan_once_in_its_order() {
    for scene in [half_way(), all_committed(), tangled()] {
        let (journal, visited) = run(&scene);
        assert_eq!(
            visited,
            scene
                .plan
                .steps
                .iter()
                .map(sidecar::Step::kind)
                .collect::<Vec<_>>()
        );
        let order = [
            "tag",
            "fence_catalog",
            "restore",
            "publish",
            "record",
            "retire",
        ];
        let places: Vec<_> = visited
            .iter()
            .map(|kind| order.iter().position(|other| other == kind).unwrap())
            .collect();
        assert!(places.is_sorted(), "{visited:?}");
        let finished = journal.state.finished().unwrap();
        assert_eq!(
            (finished.digest, Some(finished.outcome)),
            (
                scene.bytes.digest(),
                OutcomeKind::of_finished(scene.plan.disposition)
            )
        );
        assert_eq!(finished.sidecar.as_bytes(), bytes(&scene.sidecar));
        let verified = verify_chain(
            &scene.plan.operation_id,
            journal.stored.iter().map(Vec::as_slice),
        )
        .unwrap();
        assert_eq!(verified, journal.state);
    }
    for scene in one_of_each()
        .iter()
        .filter(|scene| !scene.plan.steps.is_empty())
    {
        assert_eq!(run(scene).1.last(), Some(&"retire"));
    }
}

fn verify(scene: &Scene, stored: &[Vec<u8>]) -> Result<JournalState, JournalError> {
    verify_chain(&scene.plan.operation_id, stored.iter().map(Vec::as_slice))
}

#[test]
fn a_dropped_swapped_duplicated_or_foreign_record_is_refused() {
    let scene = half_way();
    let (journal, _) = run(&scene);
    let stored = &journal.stored;
    let last = stored.len() - 1;
    for index in 0..stored.len() {
        let mut dropped = stored.clone();
        dropped.remove(index);
        // A journal cut short is a shorter journal: that the last record is missing shows in no record.
        assert_eq!(
            verify(&scene, &dropped).is_err(),
            index < last,
            "record {} dropped",
            index + 1
        );
        let mut duplicated = stored.clone();
        duplicated.insert(index, stored[index].clone());
        assert!(
            verify(&scene, &duplicated).is_err(),
            "record {} twice",
            index + 1
        );
        for other in index + 1..stored.len() {
            let mut swapped = stored.clone();
            swapped.swap(index, other);
            assert!(
                verify(&scene, &swapped).is_err(),
                "records {} and {} swapped",
                index + 1,
                other + 1
            );
        }
    }
    assert!(
        verify_chain(&OLDER.parse().unwrap(), stored.iter().map(Vec::as_slice)).is_err(),
        "another operation's journal"
    );
    for (index, foreign) in run(&all_committed())
        .0
        .stored
        .iter()
        .enumerate()
        .take(stored.len())
    {
        let mut mixed = stored.clone();
        mixed[index].clone_from(foreign);
        assert!(
            verify(&scene, &mixed).is_err(),
            "record {} of another run",
            index + 1
        );
    }
}

#[test]
fn a_flipped_bit_in_any_record_but_the_last_is_refused() {
    let scene = half_way();
    let (journal, _) = run(&scene);
    let mut before = JournalState::new(scene.plan.operation_id.clone());
    let mut flipped = 0;
    for pair in journal.stored.windows(2) {
        for index in (0..pair[0].len()).step_by(5) {
            let mut edited = pair[0].clone();
            edited[index] ^= 1 << (index % 7);
            let refused = before
                .clone()
                .append(&edited)
                .and_then(|state| state.append(&pair[1]));
            assert!(
                refused.is_err(),
                "byte {index} of record {}",
                before.records() + 1
            );
            flipped += 1;
        }
        before = before.append(&pair[0]).unwrap();
    }
    assert!(flipped > 1_000, "{flipped}");
}

#[test]
fn the_last_record_too_is_refused_if_it_says_what_cannot_be() {
    let scene = half_way();
    let (journal, _) = run(&scene);
    let (last, before) = journal.stored.split_last().unwrap();
    let text = String::from_utf8(last.clone()).unwrap();
    for (from, to) in [
        ("\"rolled_back\"", "\"rolled_forward\""),
        ("act-ada", "act-eve"),
        ("\"epoch\":1", "\"epoch\":2"),
        ("\"sequence\":", "\"note\":1,\"sequence\":"),
        ("{\"operation_id\"", "{ \"operation_id\""),
        ("\"kind\":\"finished\"", "\"kind\":\"ended\""),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{from}");
        assert!(
            verify(
                &scene,
                &[before.to_vec(), vec![edited.into_bytes()]].concat()
            )
            .is_err(),
            "{from} made {to}"
        );
    }
    for bytes in [&b""[..], b"{}", b"[", b"null", b"\xff"] {
        assert!(matches!(
            verify(&scene, &[before.to_vec(), vec![bytes.to_vec()]].concat()),
            Err(JournalError::NotARecord { .. })
        ));
    }
}

#[test]
fn nothing_is_claimed_without_a_whole_approval_of_exactly_that_plan() {
    let scene = half_way();
    let empty = Journal::of(&scene);
    empty.refuses(claimed(&scene, 1));
    let unstated = JournalEntry::Approved {
        approval: Approval {
            writers_stopped: false,
            ..approval(&scene)
        },
        plan: scene.bytes.text().to_owned(),
    };
    empty.clone().then(unstated).refuses(claimed(&scene, 1));
    empty
        .clone()
        .then(approved(&all_committed()))
        .refuses(claimed(&scene, 1));
    let journal = empty.then(approved(&scene));
    for epoch in [0, 2, u64::MAX] {
        journal.refuses(claimed(&scene, epoch));
    }
    let JournalEntry::Claimed {
        epoch,
        executor,
        plan_digest,
        plan,
        sidecar,
    } = claimed(&scene, 1)
    else {
        panic!()
    };
    journal.refuses(JournalEntry::Claimed {
        epoch,
        executor: executor.clone(),
        plan_digest,
        plan: plan.clone(),
        sidecar: [sidecar.as_bytes(), b" "].concat().into(),
    });
    journal.refuses(JournalEntry::Claimed {
        epoch,
        executor,
        plan_digest,
        plan: format!("{plan} "),
        sidecar,
    });
    for scene in one_of_each()
        .iter()
        .filter(|scene| scene.plan.steps.is_empty())
    {
        Journal::of(scene)
            .then(approved(scene))
            .refuses(claimed(scene, 1));
    }
}

#[test]
fn an_approval_carries_its_plan_and_its_operation() {
    let scene = half_way();
    let empty = Journal::of(&scene);
    empty.refuses(JournalEntry::Approved {
        approval: approval(&scene),
        plan: all_committed().bytes.text().to_owned(),
    });
    empty.refuses(JournalEntry::Approved {
        approval: Approval {
            operation_id: OLDER.parse().unwrap(),
            ..approval(&scene)
        },
        plan: scene.bytes.text().to_owned(),
    });
}

#[test]
fn steps_are_done_in_the_order_of_the_plan_and_each_once() {
    let scene = half_way();
    let journal = Journal::of(&scene).then(approved(&scene));
    journal.refuses(started(1, &[0]));
    let journal = journal.then(claimed(&scene, 1));
    for steps in [
        &[2][..],
        &[3],
        &[4],
        &[5],
        &[6],
        &[7],
        &[0, 2],
        &[usize::MAX],
    ] {
        journal.refuses(started(1, steps));
    }
    journal.refuses(started(2, &[0]));
    journal.refuses(finished_steps(1, &[0]));
    journal.refuses(finished(&scene, 1));
    let journal = journal.then(started(1, &[0, 1]));
    journal.refuses(finished_steps(1, &[0, 2]));
    journal.refuses(finished_steps(1, &[0, 0]));
    let journal = journal.then(finished_steps(1, &[1]));
    assert_eq!(journal.state.next(), Next::Steps(vec![0]));
    journal.refuses(finished_steps(1, &[1]));
    journal.refuses(started(1, &[1]));
    let journal = journal.then(finished_steps(1, &[0]));
    assert_eq!(journal.state.next(), Next::Steps(vec![2]));
    journal.refuses(finished(&scene, 1));
}

#[test]
fn a_later_claim_of_the_same_plan_takes_over_where_the_first_stopped() {
    let scene = half_way();
    let journal = Journal::of(&scene)
        .then(approved(&scene))
        .then(claimed(&scene, 1))
        .then(started(1, &[0, 1]))
        .then(finished_steps(1, &[0, 1]))
        .then(started(1, &[2]));
    let journal = journal.then(claimed(&scene, 2));
    journal.refuses(finished_steps(1, &[2]));
    journal.refuses(interrupted(1));
    let attempt = journal.state.attempt().unwrap();
    assert_eq!(
        (attempt.epoch, attempt.executor.as_str(), attempt.done.len()),
        (2, "executor-2", 2)
    );
    assert_eq!(
        attempt.started[&2],
        Some(40),
        "what the first one intended is looked for"
    );
    assert_eq!(journal.state.next(), Next::Steps(vec![2]));
    journal.clone().then(finished_steps(2, &[2]));
    journal
        .then(approved(&scene))
        .refuses(claimed(&all_committed(), 3));
}

#[test]
fn an_interrupted_attempt_leaves_the_operation_open_for_a_new_plan() {
    let (first, second) = (half_way(), all_committed());
    let journal = Journal::of(&first)
        .then(approved(&first))
        .then(claimed(&first, 1))
        .then(started(1, &[0, 1]))
        .then(approved(&second));
    journal.refuses(claimed(&second, 2));
    let journal = journal.then(interrupted(1));
    assert_eq!(
        (
            journal.state.next(),
            journal.state.attempt().is_none(),
            journal.state.next_epoch()
        ),
        (Next::Claim, true, 2)
    );
    journal.refuses(interrupted(1));
    journal.refuses(finished_steps(1, &[0]));
    let journal = journal.then(claimed(&second, 2));
    assert_eq!(
        journal.state.next(),
        Next::Steps(vec![0, 1, 2, 3]),
        "nothing of the first plan counts for the second"
    );
}

#[test]
fn no_approval_and_nothing_of_an_attempt_follows_the_terminal_record() {
    let scene = half_way();
    let (journal, _) = run(&scene);
    assert_eq!(journal.state.next(), Next::Retire);
    for entry in [
        approved(&scene),
        claimed(&scene, 2),
        started(1, &[0]),
        finished_steps(1, &[0]),
        interrupted(1),
        finished(&scene, 1),
    ] {
        journal.refuses(entry);
    }
}

#[test]
fn a_plan_ends_as_its_disposition_says() {
    let scene = half_way();
    let mut journal = Journal::of(&scene)
        .then(approved(&scene))
        .then(claimed(&scene, 1));
    while let Next::Steps(steps) = journal.state.next() {
        journal = journal
            .then(started(1, &steps))
            .then(finished_steps(1, &steps));
    }
    let JournalEntry::Finished {
        epoch,
        tables,
        catalog,
        sidecar,
        ..
    } = finished(&scene, 1)
    else {
        panic!()
    };
    for outcome in [
        OutcomeKind::RolledForward,
        OutcomeKind::CleanedUp,
        OutcomeKind::Conflict,
        OutcomeKind::Refused,
        OutcomeKind::Unknown,
    ] {
        journal.refuses(JournalEntry::Finished {
            epoch,
            outcome,
            tables: tables.clone(),
            catalog,
            sidecar: sidecar.clone(),
        });
    }
    journal.refuses(JournalEntry::Finished {
        epoch,
        outcome: OutcomeKind::RolledBack,
        tables,
        catalog,
        sidecar: "{}".to_owned().into(),
    });
    journal.then(finished(&scene, 1));
}

/// Where the text of every approved plan lies in memory, each place once.
fn texts_in_memory(state: &JournalState) -> BTreeSet<*const u8> {
    let texts = state.approvals().iter().map(|(_, text)| text.as_ptr());
    texts.collect()
}

#[test]
fn however_often_a_plan_is_approved_its_text_is_in_memory_once() {
    let (scene, other) = (half_way(), all_committed());
    let mut journal = Journal::of(&scene);
    for _ in 0..20 {
        journal = journal.then(approved(&scene)).then(approved(&other));
    }
    assert_eq!(journal.state.approvals().len(), 40);
    assert_eq!(
        texts_in_memory(&journal.state).len(),
        2,
        "one text for each of the two plans"
    );
    let of_scene = |(approval, _): &&(Approval, _)| approval.plan_digest == scene.bytes.digest();
    for (_, text) in journal.state.approvals().iter().filter(of_scene) {
        assert_eq!(&**text, scene.bytes.text());
    }
    let copy = journal.state.clone();
    assert_eq!(texts_in_memory(&copy), texts_in_memory(&journal.state));

    let journal = journal.then(claimed(&scene, 1)).then(interrupted(1));
    let journal = journal.then(claimed(&scene, 2));
    let attempts = journal
        .state
        .interrupted()
        .iter()
        .chain(journal.state.attempt());
    let texts: Vec<*const u8> = attempts.map(|it| it.bytes.text().as_ptr()).collect();
    assert_eq!(texts.len(), 2);
    let of_approvals = texts_in_memory(&journal.state);
    assert!(
        texts.iter().all(|text| of_approvals.contains(text)),
        "an attempt has the text of the approval it rests on"
    );

    let revoked = JournalEntry::Revoked {
        plan_digest: other.bytes.digest(),
        revoked_by: "grace".to_owned(),
        reason: None,
    };
    let journal = journal.then(revoked).then(approved(&other));
    assert_eq!(journal.state.approvals().len(), 21);
    assert_eq!(texts_in_memory(&journal.state).len(), 2);
}
