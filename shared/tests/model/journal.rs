//! The real journal, told apart by what its records add up to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sidecar::journal::{JournalEntry, JournalState, StepResult, record_digest};
use sidecar::{Approval, Digest, OutcomeKind, SidecarBytes, Tag, Timestamp};

use crate::store::Planned;
use crate::subject::Subject;

/// What is recorded; the record itself is made from it and from the journal it continues.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    Approved(Planned),
    Claimed(Planned),
    Started(Vec<usize>, Option<u64>),
    Done(Vec<StepResult>),
    Interrupted,
    Finished(OutcomeKind),
    Reopened,
}

/// A real journal, compared and hashed by its name.
///
/// Where worlds are [told apart by history](Journal::by_history), the name is the digest of the last record. Otherwise: the digest
/// of the facts that any console reads. Not among them: who claimed, how often, the order of approvals, the wording of interruptions
/// and results, the catalog version of finished steps.
#[derive(Clone)]
pub(crate) struct Journal {
    pub(crate) state: Arc<JournalState>,
    name: [u8; 16],
    subject: Subject,
    pub(crate) by_history: bool,
}

/// All that matters of a journal.
#[derive(Debug)]
#[expect(dead_code, reason = "it is read through its Debug")]
struct Fold {
    approvals: BTreeSet<Digest>,
    /// None, one, or more.
    claims: u64,
    sidecar: bool,
    stands_in: Option<Digest>,
    /// The undo that those bytes get, and digests of what attempts gave the file.
    prepared_undo: Option<Digest>,
    prepared: BTreeSet<Digest>,
    plan: Option<Digest>,
    /// Steps that are begun and not done, with the catalog version they were intended on.
    begun: BTreeMap<usize, Option<u64>>,
    done: BTreeSet<usize>,
    finished: Option<(Digest, OutcomeKind)>,
}

thread_local! {
    /// Records are made, chained and folded once for each journal that differs.
    static JOURNALS: RefCell<HashMap<([u8; 16], Entry), Journal>> = RefCell::default();
}

impl Journal {
    pub(crate) fn new(subject: Subject, by_history: bool) -> Self {
        let mut name = [u8::from(by_history); 16];
        name[0] = subject as u8;
        Self {
            state: Arc::new(JournalState::new(subject.operation())),
            name,
            subject,
            by_history,
        }
    }

    /// The journal with one more record, which the real fold must take.
    pub(crate) fn with(&self, entry: Entry) -> Self {
        JOURNALS.with_borrow_mut(|journals| {
            let known = journals.entry((self.name, entry));
            let entry = known.key().1.clone();
            known.or_insert_with(|| self.with_record(entry)).clone()
        })
    }

    fn with_record(&self, entry: Entry) -> Self {
        let record = self
            .state
            .next_record(Timestamp::from_micros(1), self.record_of(entry));
        let bytes = record.to_bytes().unwrap();
        let state = JournalState::clone(&self.state).append(&bytes).unwrap();
        let digest = if self.by_history {
            record_digest(&bytes)
        } else {
            let fold = format!("{:?}", Fold::of(&state));
            Digest::of(Tag::JournalRecord, fold.as_bytes())
        };
        Self {
            state: Arc::new(state),
            name: digest.bytes()[..16].try_into().unwrap(),
            subject: self.subject,
            by_history: self.by_history,
        }
    }

    fn record_of(&self, entry: Entry) -> JournalEntry {
        let epoch = self.state.attempt().map_or(0, |attempt| attempt.epoch);
        match entry {
            Entry::Approved(planned) => JournalEntry::Approved {
                approval: Approval {
                    operation_id: self.subject.operation(),
                    plan_digest: planned.digest(),
                    approved_by: "bea".to_owned(),
                    approved_at: Timestamp::from_micros(1),
                    reason: Some("it is in the way".to_owned()),
                    writers_stopped: true,
                    acknowledged: planned.plan().requires.iter().copied().collect(),
                },
                plan: planned.bytes().text().to_owned(),
            },
            Entry::Claimed(planned) => JournalEntry::Claimed {
                epoch: self.state.next_epoch(),
                executor: "console".to_owned(),
                plan_digest: planned.digest(),
                plan: planned.bytes().text().to_owned(),
                sidecar: planned.sidecar().bytes(),
            },
            Entry::Started(steps, catalog_version) => JournalEntry::StepsStarted {
                epoch,
                steps,
                catalog_version,
            },
            Entry::Done(results) => JournalEntry::StepsFinished { epoch, results },
            Entry::Interrupted => JournalEntry::Interrupted {
                epoch,
                detail: "moved".to_owned(),
                differences: Vec::new(),
                ended_by: None,
            },
            Entry::Reopened => JournalEntry::Reopened {
                detail: "moved".to_owned(),
                differences: Vec::new(),
            },
            Entry::Finished(outcome) => JournalEntry::Finished {
                epoch,
                outcome,
                tables: self.state.attempt().unwrap().table_outcomes(&[]),
                catalog: self.state.attempt().unwrap().catalog_effect(&[]),
                sidecar: self.state.attempt().unwrap().sidecar.clone(),
            },
        }
    }

    /// The plan that is being carried out.
    pub(crate) fn attempted(&self) -> Option<Planned> {
        let attempt = self.state.attempt()?;
        Some(Planned::attempted(self.subject, attempt))
    }

    /// Which of these steps are begun.
    pub(crate) fn begun_of(&self, steps: &[usize]) -> Vec<usize> {
        let attempt = self.state.attempt();
        let is_begun = |step: &usize| attempt.is_some_and(|it| it.started.contains_key(step));
        steps.iter().copied().filter(is_begun).collect()
    }

    pub(crate) fn outcome(&self) -> Option<OutcomeKind> {
        self.state.finished().map(|finished| finished.outcome)
    }
}

impl Fold {
    fn of(state: &JournalState) -> Self {
        let attempt = state.attempt();
        let begun = attempt.map(|attempt| {
            let begun = attempt.started.iter();
            begun
                .filter(|(step, _)| !attempt.done.contains_key(step))
                .map(|(step, on)| (*step, *on))
                .collect()
        });
        Self {
            approvals: state
                .approvals()
                .iter()
                .map(|(approval, _)| approval.plan_digest)
                .collect(),
            claims: (state.next_epoch() - 1).min(2),
            sidecar: state.sidecar().is_some(),
            stands_in: state.stand_in().map(of_bytes),
            prepared_undo: state
                .prepared_undo()
                .map(|undo| Digest::of(Tag::Sidecar, format!("{undo:?}").as_bytes())),
            prepared: state.prepared().collect(),
            plan: attempt.map(|attempt| attempt.bytes.digest()),
            begun: begun.unwrap_or_default(),
            done: attempt
                .map(|attempt| attempt.done.keys().copied().collect())
                .unwrap_or_default(),
            finished: state
                .finished()
                .map(|finished| (finished.digest, finished.outcome)),
        }
    }
}

fn of_bytes(sidecar: &SidecarBytes) -> Digest {
    Digest::of(Tag::Sidecar, sidecar.as_bytes())
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}", Fold::of(&self.state))
    }
}

impl PartialEq for Journal {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Journal {}

impl Hash for Journal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.name);
    }
}
