//! A store of two tables as the protocol sees it: versions, pins, a catalog, a journal, a claim, a sidecar.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sidecar::follow_up;
use sidecar::journal::{Attempt, JournalState};
use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, KeptHistory, Pinned, Recorded,
    RecordedRestore, Restorability, TableObservation, Transaction, TransactionObservation,
};
use sidecar::root_layout::{
    PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_RECOVERY_PLAN_DIGEST, PROPERTY_WRITER_OPERATION_ID,
    STAMP_WITH_IDENTITIES,
};
use sidecar::{
    Action, Difference, Digest, Disposition, Observation, OutcomeKind, Plan, PlanBytes, Purpose,
    Reason, SeenAfterClaim, Step, moved_since_claim,
};

use crate::dataset::Dataset;
use crate::file::Written;
use crate::flaw::Flaw;
use crate::journal::Journal;
use crate::others::{MERGES, merge};
use crate::report::Answer;
use crate::subject::{OPERATION, Subject, root, undone};
use crate::version_9::{ADDED_KEY, place, planned_transaction};

pub(crate) const TABLES: [&str; 2] = ["node:a", "node:b"];
/// The write whose sidecar is pending, and a later one. A table's content is the set of writes in it, one bit each.
pub(crate) const SLOW: usize = 0;
pub(crate) const LATER: usize = 1;

/// Who made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum By {
    Init,
    Writer(usize),
    /// A merge of a released engine.
    Merge,
    /// Somebody who knows of no sidecars.
    Nameless,
    /// A step of a plan.
    Recovery(Planned, Kind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Fence,
    Restore(u64),
    Publish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Commit {
    pub(crate) content: u8,
    pub(crate) by: By,
}

/// A plan with its bytes and those of the sidecar that it is claimed with, compared by its digest. There are few, and they are kept
/// for good.
#[derive(Clone, Copy)]
pub(crate) struct Planned(&'static (Plan, PlanBytes, Written));

impl Planned {
    pub(crate) fn new(plan: Plan, bytes: PlanBytes, sidecar: Written) -> Self {
        Self(Box::leak(Box::new((plan, bytes, sidecar))))
    }

    /// The plan of an attempt.
    pub(crate) fn attempted(subject: Subject, attempt: &Attempt) -> Self {
        KNOWN.with_borrow_mut(|known| {
            let anew = || {
                let sidecar = Written::of(subject, attempt.sidecar.as_bytes().to_vec());
                Self::new(attempt.plan.clone(), attempt.bytes.clone(), sidecar)
            };
            *known.entry(attempt.bytes.digest()).or_insert_with(anew)
        })
    }

    /// The plan of an approval, if it was made from this sidecar.
    pub(crate) fn approved(state: &JournalState, plan: Digest, sidecar: Written) -> Option<Self> {
        KNOWN.with_borrow_mut(|known| {
            if let Some(known) = known.get(&plan) {
                return Some(*known);
            }
            let approved = state.approved_plan(plan)?;
            let bytes = PlanBytes::of(&approved).unwrap();
            let is_its = approved.sidecar == sidecar.digest();
            let planned = is_its.then(|| Self::new(approved, bytes, sidecar))?;
            known.insert(plan, planned);
            Some(planned)
        })
    }

    /// The sidecar that it was made from.
    pub(crate) fn sidecar(self) -> Written {
        self.0.2
    }

    pub(crate) fn plan(self) -> &'static Plan {
        &self.0.0
    }

    pub(crate) fn bytes(self) -> &'static PlanBytes {
        &self.0.1
    }

    pub(crate) fn digest(self) -> Digest {
        self.0.1.digest()
    }

    /// The version of a table that it publishes.
    pub(crate) fn publishes(self, table: usize) -> Option<u64> {
        let publishes = self.plan().steps.iter().filter(|step| step.makes_visible());
        let mut moved = publishes.flat_map(|step| {
            let Step::Publish { pins, .. } = step else {
                panic!("a {} moves no pins", step.kind())
            };
            pins
        });
        let of_table = moved.find(|pin| pin.table_key == TABLES[table]);
        of_table.map(|pin| pin.to_version)
    }
}

impl std::fmt::Debug for Planned {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.digest().to_string()[7..15])
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.digest().cmp(&other.digest())
    }
}

impl Hash for Planned {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.digest().bytes()[..8]);
    }
}

/// What a plan is made from here.
type Facts = (
    (Subject, Of, (bool, bool), Flaw),
    [Vec<Commit>; 2],
    [u64; 2],
    u64,
    BTreeSet<(usize, u64)>,
    Dataset,
);

/// What a plan is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    /// The operation for which these bytes stand.
    Sidecar(Written),
    /// The undo, which is laid down from what was recovered.
    FollowUp,
}

/// A plan as it is now, and what blocks it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    pub(crate) planned: Planned,
    pub(crate) blockers: &'static [Reason],
}

thread_local! {
    /// Plans are made once for each state of the tables.
    static PLANS: RefCell<HashMap<Facts, Made>> = RefCell::default();
    /// Whether anything moved since the claim of a plan.
    static MOVED: RefCell<HashMap<(Digest, Facts), bool>> = RefCell::default();
    static KNOWN: RefCell<HashMap<Digest, Planned>> = RefCell::default();
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    pub(crate) subject: Subject,
    /// Version n of a table is entry n - 1.
    pub(crate) tables: [Vec<Commit>; 2],
    pub(crate) pins: [u64; 2],
    /// Who made each version of the catalog, with the pins it shows.
    pub(crate) catalog: Vec<By>,
    pub(crate) journal: Journal,
    pub(crate) claimed: bool,
    pub(crate) file: Option<Written>,
    pub(crate) closed: bool,
    /// Tables that the slow writer left a sidecar for after its operation was claimed.
    pub(crate) announced: [bool; 2],
    /// Plans that a person looked at and consented to, whatever the journal says.
    pub(crate) consents: BTreeSet<Planned>,
    /// Versions that a cleanup removed, and those that tags keep from it; these are told only where there is a cleanup.
    pub(crate) cleaned: BTreeSet<(usize, u64)>,
    pub(crate) tags: BTreeSet<(usize, u64)>,
    pub(crate) is_cleaned: bool,
    /// Whether the first table is gone.
    pub(crate) is_damaged: bool,
    /// Whether the sidecar was set aside, and whether it could have been recovered by then.
    pub(crate) is_set_aside: bool,
    pub(crate) set_aside_whole: bool,
    /// Whether it is a backup that was brought back under a journal that went on.
    pub(crate) is_a_backup: bool,
    /// Whether the last publish of a recovery left commits above what it published.
    pub(crate) is_overtaken: bool,
    /// Whether somebody consented to a plan that takes along what others committed, and was not asked about that.
    pub(crate) is_unasked: bool,
    /// Whether somebody was told that it is done when it was not.
    pub(crate) said_wrong: bool,
    /// Whether a report said more than was so.
    pub(crate) reported_wrong: bool,
    /// Whether an attempt was ended though everything was as planned and nothing of it begun.
    pub(crate) ended_for_nothing: bool,
    /// How many attempts stopped because the file was not as their plan needs it: none, one, or more.
    pub(crate) stopped_over_its_file: u8,
    /// Whether somebody else took the file away.
    pub(crate) is_file_taken: bool,
    /// Whether somebody brought the file back as its writer left it, after the write was taken back.
    pub(crate) is_file_back: bool,
    /// Whether a console deleted or wrote over a file that somebody else put under the name.
    pub(crate) is_file_lost: bool,
    /// The dataset that a schema change makes.
    pub(crate) dataset: Dataset,
}

impl Store {
    /// Both tables published at version 1; the slow writer has announced itself and committed the first `committed` tables, or made so
    /// many commits of a merge. Where an undo is carried out, the write is published.
    pub(crate) fn crashed(
        subject: Subject,
        committed: usize,
        stranger: bool,
        journal: Journal,
    ) -> Self {
        let first = Commit {
            content: 0,
            by: By::Init,
        };
        let written = Commit {
            content: 1 << SLOW,
            by: By::Writer(SLOW),
        };
        let table = |index: usize| {
            if index == 0 && stranger {
                let above = Commit {
                    content: written.content | 1 << 2,
                    by: By::Init,
                };
                vec![first, written, above]
            } else if !matches!(subject, Subject::Merge | Subject::Schema9) && index < committed {
                vec![first, written]
            } else {
                vec![first]
            }
        };
        let mut store = Self {
            subject,
            tables: [table(0), table(1)],
            pins: [1, 1],
            catalog: vec![By::Init],
            journal,
            claimed: false,
            file: (subject != Subject::Undo).then(|| subject.written()),
            closed: false,
            announced: [false; 2],
            consents: BTreeSet::new(),
            cleaned: BTreeSet::new(),
            tags: BTreeSet::new(),
            is_cleaned: false,
            is_damaged: subject == Subject::Dismissal,
            is_set_aside: false,
            set_aside_whole: false,
            is_a_backup: false,
            is_overtaken: false,
            is_unasked: false,
            said_wrong: false,
            reported_wrong: false,
            ended_for_nothing: false,
            stopped_over_its_file: 0,
            is_file_taken: false,
            is_file_back: false,
            is_file_lost: false,
            dataset: Dataset::default(),
        };
        match subject {
            Subject::Write | Subject::Write9 | Subject::Dismissal => {}
            Subject::Schema9 => store.dataset = Dataset::made(),
            Subject::Merge => {
                for (table, adds) in &MERGES[..committed] {
                    merge(&mut store, *table, *adds);
                }
            }
            Subject::Undo => {
                store.pins = [2, 2];
                store.catalog.push(By::Init);
            }
        }
        store
    }

    /// Tables, catalog and sidecar are as they were in `image`; the journal, with the claim and the note that it is closed, is as it is.
    pub(crate) fn bring_back(&mut self, image: Self) {
        *self = Self {
            journal: self.journal.clone(),
            claimed: self.claimed,
            closed: self.closed,
            consents: std::mem::take(&mut self.consents),
            is_cleaned: self.is_cleaned,
            is_a_backup: true,
            said_wrong: self.said_wrong,
            reported_wrong: self.reported_wrong,
            ended_for_nothing: self.ended_for_nothing,
            stopped_over_its_file: self.stopped_over_its_file,
            is_file_taken: self.is_file_taken,
            is_file_back: self.is_file_back,
            is_file_lost: self.is_file_lost,
            ..image
        };
    }

    pub(crate) fn head(&self, table: usize) -> u64 {
        self.tables[table].len() as u64
    }

    pub(crate) fn content(&self, table: usize, version: u64) -> u8 {
        self.tables[table][version as usize - 1].content
    }

    pub(crate) fn visible(&self, table: usize) -> u8 {
        match self.pins[table] {
            // Readers fail.
            pin if pin > self.head(table) => 0,
            pin => self.content(table, pin),
        }
    }

    /// Which version of each table the catalog names.
    pub(crate) fn pins_by_key(&self) -> BTreeMap<String, u64> {
        let named = TABLES.iter().zip(self.pins);
        let added = self.dataset.pin().map(|pin| (&ADDED_KEY, pin));
        let all = named.chain(added);
        all.map(|(key, pin)| ((*key).to_owned(), pin)).collect()
    }

    pub(crate) fn catalog_version(&self) -> u64 {
        self.catalog.len() as u64
    }

    /// Which operation a version's Lance transaction names.
    pub(crate) fn transaction(&self, table: usize, version: u64) -> TransactionObservation {
        let commit = self.tables[table][version as usize - 1];
        let named = |names: &[(&str, String)]| {
            let names = names.iter();
            names
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect()
        };
        let (operation, restored_version, properties) = match commit.by {
            By::Recovery(planned, Kind::Restore(target)) => {
                let names = [
                    (
                        PROPERTY_RECOVERY_OPERATION_ID,
                        planned.plan().operation_id.to_string(),
                    ),
                    (PROPERTY_RECOVERY_PLAN_DIGEST, planned.digest().to_string()),
                ];
                ("Restore", Some(target), named(&names))
            }
            By::Writer(writer) => {
                let operation = [OPERATION, LATER_OPERATION][writer];
                let names = [(PROPERTY_WRITER_OPERATION_ID, operation.to_owned())];
                ("Append", None, named(&names))
            }
            // No merge makes such a commit.
            By::Nameless if self.subject == Subject::Merge => ("Project", None, BTreeMap::new()),
            _ => ("Append", None, BTreeMap::new()),
        };
        let is_gone = self.cleaned.contains(&(table, version));
        TransactionObservation {
            version,
            transaction: (!is_gone).then(|| Transaction {
                uuid: self.uuid(table, version),
                operation: operation.to_owned(),
                restored_version,
                timestamp: None,
                row_delta: None,
                properties,
            }),
        }
    }

    /// Every commit has its own, also where a backup lets two come about at one version.
    pub(crate) fn uuid(&self, table: usize, version: u64) -> String {
        let commit = self.tables[table][version as usize - 1];
        match commit.by {
            By::Writer(SLOW) if self.subject.is_of_version_9() => planned_transaction(table),
            _ => format!("{table}-{version}-{commit:?}"),
        }
    }

    /// Whether a plan publishes or takes back what somebody committed who names no operation.
    pub(crate) fn takes_along(&self, plan: &Plan) -> bool {
        plan.tables.iter().enumerate().any(|(table, planned)| {
            let is_taken = match planned.action {
                Action::Publish => plan.disposition == Disposition::RollForward,
                Action::RestoreAndPublish => plan.purpose.is_recovery(),
                _ => false,
            };
            let above = &self.tables[table][self.pins[table] as usize..];
            is_taken && above.iter().any(|commit| commit.by == By::Nameless)
        })
    }

    /// Whether the write is visible, on both tables or on neither, as it has to be by the terminal record; `told` is whether its writer
    /// was told that it is.
    pub(crate) fn is_as_recorded(&self, told: bool) -> bool {
        let shown = [0, 1].map(|table| self.visible(table) & 1 << SLOW != 0);
        let Some(finished) = self.journal.state.finished() else {
            return true;
        };
        let is_undone = !finished.plan.purpose.is_recovery();
        match (self.subject, finished.outcome) {
            // Only the merge knows which commits it consists of.
            (Subject::Merge, _) => true,
            (Subject::Undo, OutcomeKind::RolledForward) => shown == [false; 2],
            (Subject::Undo, _) => shown == [false; 2] || (!is_undone && shown == [true; 2]),
            // A write that is set aside is not published.
            (Subject::Dismissal, OutcomeKind::CleanedUp) => shown == [false; 2],
            (Subject::Write | Subject::Dismissal, OutcomeKind::RolledForward) => shown == [true; 2],
            (Subject::Dismissal, _) => false,
            // It never confirmed, so nothing of it is ever published.
            (Subject::Write9 | Subject::Schema9, _) => shown == [false; 2],
            (Subject::Write, OutcomeKind::RolledBack) => shown == [told; 2],
            (Subject::Write, _) => {
                finished.plan.disposition != Disposition::AlreadyPublished || shown == [true; 2]
            }
        }
    }

    /// Somebody gets this answer. A backup takes back what a journal goes on to tell of.
    pub(crate) fn is_told(&mut self, answer: Option<&Answer>) {
        let is_wrong = answer.is_some_and(|answer| !answer.is_so(self));
        self.reported_wrong |= is_wrong && !self.is_a_backup;
    }

    /// Whether every table stands where the plan found it, with every version that the plan needs.
    pub(crate) fn is_as_planned(&self, plan: &Plan) -> bool {
        if matches!(plan.purpose, Purpose::Dismiss { .. }) {
            return self.is_damaged;
        }
        let is_there = |table_key: &str, version: u64| {
            let table = TABLES.iter().position(|key| *key == table_key).unwrap();
            self.is_there(table, version)
        };
        let are_there = plan.steps.iter().all(|step| match step {
            Step::Tag {
                table_key, version, ..
            }
            | Step::Restore {
                table_key, version, ..
            } => is_there(table_key, *version),
            Step::Untag { .. }
            | Step::Announce { .. }
            | Step::FenceCatalog { .. }
            | Step::PrepareSidecar { .. }
            | Step::DropDataset { .. }
            | Step::Publish { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => true,
        });
        if self.subject == Subject::Schema9 {
            let found = self.dataset.observe().registrations.remove(0);
            return plan.tables.iter().all(|planned| {
                planned.lance_head == found.head.version()
                    && planned.manifest_pinned == found.pinned.version()
                    && planned.head_transaction.as_deref() == found.head.transaction()
            });
        }
        are_there
            && plan.tables.iter().enumerate().all(|(table, planned)| {
                let head = self.head(table);
                planned.lance_head == Some(head)
                    && planned.manifest_pinned == Some(self.pins[table])
                    && planned.head_transaction == Some(self.uuid(table, head))
            })
    }

    /// Whether a version is there to be read.
    pub(crate) fn is_there(&self, table: usize, version: u64) -> bool {
        version <= self.head(table) && !self.cleaned.contains(&(table, version))
    }

    /// What somebody who looks at everything sees. The later writer's sidecar covers what it committed while it is pending.
    pub(crate) fn observe(&self, flaw: Flaw) -> Observation {
        let tables = TABLES.iter().enumerate().map(|(table, key)| {
            let (pinned, head) = (self.pins[table], self.head(table));
            let by_later =
                |version: u64| self.tables[table][version as usize - 1].by == By::Writer(LATER);
            let covered = head > pinned && (pinned + 1..=head).all(by_later);
            TableObservation {
                covered_by: covered.then(|| LATER_OPERATION.parse().unwrap()),
                table_key: (*key).to_owned(),
                branch: None,
                location: Some(place(table)),
                pinned: Pinned::At { version: pinned },
                pinned_elsewhere: None,
                head: match self.is_damaged && table == 0 {
                    true => HeadObservation::DatasetMissing,
                    false => HeadObservation::At {
                        version: head,
                        transaction: Some(self.uuid(table, head)),
                    },
                },
                location_conflict: None,
                transactions: (2..=head)
                    .map(|version| self.transaction(table, version))
                    .collect(),
                head_content: match head > pinned {
                    false => ContentComparison::NotCompared,
                    true if self.is_there(table, pinned)
                        && self.content(table, head) == self.content(table, pinned) =>
                    {
                        ContentComparison::Equal
                    }
                    true => ContentComparison::Different,
                },
                restorable: match self.is_there(table, pinned) {
                    true => Restorability::Restorable,
                    false => Restorability::NotRestorable {
                        reason: "it is cleaned away".to_owned(),
                    },
                },
                pin_gone: !self.is_there(table, pinned) && flaw != Flaw::TagsWhatIsGone,
            }
        });
        Observation {
            catalog: CatalogObservation::Present {
                version: self.catalog_version(),
                stamp: match self.subject {
                    Subject::Write9 | Subject::Schema9 => STAMP_WITH_IDENTITIES,
                    Subject::Write | Subject::Merge | Subject::Undo | Subject::Dismissal => 3,
                },
                two_phase: self.subject != Subject::Merge && !self.subject.is_of_version_9(),
                branch_created_at: None,
            },
            tables: tables.collect(),
            schema: (self.subject == Subject::Schema9).then(|| self.dataset.observe()),
            kept_history: KeptHistory::Nowhere,
            recorded: Recorded::default(),
            merge: None,
            unread: Vec::new(),
            version_9: (self.subject.is_of_version_9()).then(|| Arc::new(Ok(self.evidence()))),
        }
    }

    /// Whether the operation is to be resolved: by its sidecar, or by what stands for that in the journal. An undo can always be laid
    /// down.
    pub(crate) fn is_pending(&self) -> bool {
        let state = &self.journal.state;
        state.finished().is_none()
            && (self.subject == Subject::Undo || self.standing(Flaw::None).own.is_some())
    }

    /// The real plan for what is there now; none where nothing is pending.
    pub(crate) fn plan(&self, flaw: Flaw) -> Option<Made> {
        // An undo is a write like any other from its first restore on; until then it is laid down anew.
        let of = match self.standing(flaw).own {
            Some(stands) => Of::Sidecar(stands),
            None if self.subject == Subject::Undo => Of::FollowUp,
            None => return None,
        };
        Some(self.plan_of(of, flaw))
    }

    pub(crate) fn plan_of(&self, of: Of, flaw: Flaw) -> Made {
        PLANS.with_borrow_mut(|plans| {
            *plans
                .entry(self.facts(of, flaw))
                .or_insert_with(|| self.plan_anew(of, flaw))
        })
    }

    fn facts(&self, of: Of, flaw: Flaw) -> Facts {
        (
            (
                self.subject,
                of,
                (self.is_damaged, self.is_taken_back()),
                flaw,
            ),
            self.tables.clone(),
            self.pins,
            self.catalog_version(),
            self.cleaned.clone(),
            self.dataset.clone(),
        )
    }

    /// Whether anything moved since the claim of this plan, which is a recovery: the real rule.
    pub(crate) fn has_moved_since_claim(&self, planned: Planned, flaw: Flaw) -> bool {
        let of = Of::Sidecar(planned.sidecar());
        MOVED.with_borrow_mut(|moved| {
            let asked = (planned.digest(), self.facts(of, flaw));
            *moved.entry(asked).or_insert_with(|| {
                let seen = SeenAfterClaim {
                    root: &root(),
                    sidecar: planned.sidecar().file().content.as_ref().unwrap(),
                    observation: &self.observe_for(of, flaw),
                    history: None,
                    uncounted: Vec::new(),
                };
                !moved_since_claim(planned.plan(), seen).is_empty()
            })
        })
    }

    /// What whoever plans this sees.
    fn observe_for(&self, of: Of, flaw: Flaw) -> Observation {
        let mut observation = self.observe(flaw);
        if let Of::Sidecar(stands) = of {
            stands.leave_out_what_it_does_not_name(&mut observation);
        }
        // It knows of the restores that it began, and whether it was an undo. That is so of every journal which these tables and this way
        // of planning can go with.
        observation.note_own(&self.journal.state);
        match flaw {
            Flaw::BelievesNumbersOfAnUndo => {
                observation.recorded.undo = None;
                forget_names(&mut observation);
            }
            Flaw::BelievesNumbersOfARace => forget_names(&mut observation),
            Flaw::BelievesWhatACommitSays => {
                observation.recorded.restores.extend(self.nameless());
            }
            _ => {}
        }
        observation
    }

    fn plan_anew(&self, of: Of, flaw: Flaw) -> Made {
        let mut observation = self.observe_for(of, flaw);
        let (plan, blockers, sidecar) = match of {
            Of::FollowUp => {
                for (table, returning) in observation.tables.iter_mut().zip(&undone().tables) {
                    let target = returning.target.unwrap();
                    let index = TABLES
                        .iter()
                        .position(|key| *key == table.table_key)
                        .unwrap();
                    table.restorable = match self.is_there(index, target) {
                        true => Restorability::Restorable,
                        false => Restorability::NotRestorable {
                            reason: "it is cleaned away".to_owned(),
                        },
                    };
                }
                let made = follow_up::undo(&root(), undone(), &observation);
                (made.plan, made.blockers, self.subject.written())
            }
            Of::Sidecar(stands) if self.is_damaged => {
                let made = self.subject.dismissal(stands, &observation);
                (made.plan, made.blockers, stands)
            }
            Of::Sidecar(stands) => {
                let (plan, blockers) = self.subject.plan(stands, &observation);
                (plan, blockers, stands)
            }
        };
        let bytes = PlanBytes::of(&plan).unwrap();
        Made {
            planned: Planned::new(plan, bytes, sidecar),
            blockers: blockers.leak(),
        }
    }

    /// What moved between a dismissal that was begun, of these bytes, and the one that is planned now: the real comparison.
    pub(crate) fn moved_since_dismissal(
        &self,
        planned: &Plan,
        sidecar: Written,
    ) -> Vec<Difference> {
        let mut observation = self.observe(Flaw::None);
        observation.note_own(&self.journal.state);
        let now = self.subject.dismissal(sidecar, &observation);
        now.moved_since(planned)
    }

    /// What somebody committed who names no operation, as if it were on record as a restore of ours.
    fn nameless(&self) -> impl Iterator<Item = RecordedRestore> {
        let commits = self.tables.iter().zip(TABLES).flat_map(|(commits, key)| {
            let versions = commits.iter().zip(1..);
            versions.map(move |(commit, version)| (commit, key, version))
        });
        commits
            .filter(|(commit, ..)| commit.by == By::Nameless)
            .map(|(_, key, version)| RecordedRestore {
                table_key: key.to_owned(),
                branch: None,
                version,
            })
    }
}

/// As if writers named no operation.
fn forget_names(observation: &mut Observation) {
    if let CatalogObservation::Present { two_phase, .. } = &mut observation.catalog {
        *two_phase = false;
    }
    for table in &mut observation.tables {
        for made in &mut table.transactions {
            if let Some(made_by) = &mut made.transaction {
                made_by.properties.remove(PROPERTY_WRITER_OPERATION_ID);
            }
        }
    }
}

pub(crate) const LATER_OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5VZ";
