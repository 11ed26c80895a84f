//! A console: it plans, approves, claims, and then does what the real step says, one request at a time.

use std::hash::{DefaultHasher, Hash, Hasher};

use sidecar::executor::{self, CatalogSeen, Landed, Look, Move, Seen, SidecarSeen, StepsOutcome};
use sidecar::journal::{Finished, JournalState, StepResult};
use sidecar::{
    Difference, DifferenceField, OwnFile, PinMove, Plan, PlannedTable, Purpose, RestsOn, Step,
    TableShows, another_transaction, differences, moved_since_effects, rests_on,
    rests_on_the_catalog, table_as_recorded, version_of_the_plan,
};

use crate::approving::{Applied, applied, approve, pending};
use crate::dataset::Removed;
use crate::file::Written;
use crate::flaw::Flaw;
use crate::journal::{Entry, Journal};
use crate::report::Answer;
use crate::store::{By, Commit, Kind, Made, Of, Planned, Store, TABLES};
use crate::subject::Subject;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Console {
    Idle,
    Runs(Box<Run>),
}

/// A console that holds a claim, as far as it knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    /// The journal as it last saw it; `None` if nothing depends on it any more.
    journal: Option<Journal>,
    /// Whether somebody recorded since, so that its next record is taken already.
    is_behind: bool,
    seen: Seen,
    doing: Option<Doing>,
}

/// Steps that are intended and being done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Doing {
    planned: Planned,
    left: Vec<usize>,
    /// Whether the next step is half done by this console.
    is_half_way: bool,
    catalog_version: Option<u64>,
    done: Vec<StepResult>,
    /// Steps that an earlier console began and may have done (plans that rest on their file only).
    begun_before: Vec<usize>,
}

impl Console {
    /// Begins, takes over, or ends a finished operation. Returns whether it wrote a record.
    ///
    /// Where the plan is not approved yet, somebody approves it first: nobody but the claim reads an approval, so it might as
    /// well have been given right before.
    pub(crate) fn apply(&mut self, store: &mut Store, flaw: Flaw) -> bool {
        let state = &store.journal.state;
        if flaw == Flaw::EndsWhatOthersBegan
            && let Some(attempt) = state.attempt()
        {
            let is_as_planned = attempt.started.is_empty() && store.is_as_planned(&attempt.plan);
            store.ended_for_nothing |= is_as_planned;
            store.journal = store.journal.with(Entry::Interrupted);
            return true;
        }
        let claimed = match applied(store, flaw) {
            Some(Applied::TakesOver(_)) if flaw == Flaw::TakesOverByTime => None,
            Some(Applied::TakesOver(planned)) => Some(planned),
            Some(Applied::Begins(planned)) => {
                if flaw == Flaw::ApprovesTheOperation {
                    store.journal = store.journal.with(Entry::Approved(planned));
                }
                Some(planned)
            }
            Some(Applied::Ends) => None,
            None => {
                let planned = pending(store, flaw);
                if let Some(planned) = planned {
                    approve(store, planned);
                }
                planned
            }
        };
        if let Some(planned) = claimed {
            store.journal = store.journal.with(Entry::Claimed(planned));
        }
        *self = Self::Runs(Box::new(Run {
            journal: Some(store.journal.clone()),
            is_behind: false,
            seen: Seen::default(),
            doing: None,
        }));
        claimed.is_some()
    }

    /// Whether its next record would be taken: it goes on with an attempt, and has read the journal to its end.
    pub(crate) fn holds(&self, store: &Store) -> bool {
        store.journal.state.attempt().is_some() && matches!(self, Self::Runs(run) if !run.is_behind)
    }

    /// Somebody else recorded.
    pub(crate) fn fall_behind(&mut self) {
        if let Self::Runs(run) = self {
            run.is_behind = true;
        }
    }

    /// One request, as the step asks for it. The claim is made visible to writers before the first look. Whether it recorded.
    pub(crate) fn act(&mut self, store: &mut Store, flaw: Flaw) -> bool {
        let Self::Runs(run) = self else {
            return false;
        };
        if !store.claimed && flaw != Flaw::HidesItsClaim {
            store.claimed = true;
            return false;
        }
        if run.doing.is_some() {
            // A step that no version fences is sent only while nobody wrote the next record.
            if run.is_behind && (run.is_unfenced_next() || run.writes_its_file_anew(store)) {
                run.is_taken_over(store);
                *self = Self::Idle;
                return false;
            }
            run.go_on_doing(store, flaw);
            return false;
        }
        let Some(journal) = &run.journal else {
            *self = Self::Idle;
            return false;
        };
        let seen = &mut run.seen;
        let next = executor::next(&journal.state, seen);
        let answer = Answer::of(&journal.state, &next, flaw);
        let entry = match next {
            Move::Look(look) => {
                look_at(store, &journal.state, look, seen, flaw);
                return false;
            }
            Move::Begin {
                steps,
                catalog_version,
            } => {
                run.doing = journal.attempted().map(|planned| Doing {
                    planned,
                    left: steps.clone(),
                    is_half_way: false,
                    catalog_version,
                    done: Vec::new(),
                    begun_before: match planned.plan().rests_on_its_sidecar() {
                        Some(_) => journal.begun_of(&steps),
                        None => Vec::new(),
                    },
                });
                Entry::Started(steps, catalog_version)
            }
            Move::Note(results) => {
                *seen = std::mem::take(seen).after_a_record();
                Entry::Done(results)
            }
            Move::Interrupt { .. } => Entry::Interrupted,
            Move::Record(_) if flaw == Flaw::DeletesBeforeItRecords && store.file.is_some() => {
                store.file = None;
                return false;
            }
            Move::Record(outcome) => {
                *seen = std::mem::take(seen).after_a_record();
                Entry::Finished(outcome)
            }
            Move::Reopen { .. } => Entry::Reopened,
            // It is sent only while nobody wrote the next record.
            Move::DeleteSidecar if run.is_behind && flaw != Flaw::DeletesWithoutHold => {
                run.is_taken_over(store);
                *self = Self::Idle;
                return false;
            }
            // No store deletes a file on a condition, so nothing comes between the look right before and the deletion.
            Move::DeleteSidecar => {
                let finished = journal.state.finished();
                let is_own = finished.is_some_and(|done| {
                    store.sidecar_seen(&done.plan, flaw) == SidecarSeen::AsPlanned
                });
                if store.file.is_some() && !is_own {
                    seen.sidecar = None;
                    return false;
                }
                store.is_file_lost |= store.file.is_some() && !store.has_its_file();
                if finished.is_some_and(|done| is_dismissal(&done.plan)) {
                    store.is_set_aside = true;
                    store.set_aside_whole |= !store.is_damaged;
                }
                store.file = None;
                seen.sidecar = Some(SidecarSeen::Gone);
                return false;
            }
            Move::Close => {
                store.closed = true;
                seen.closed = Some(true);
                return false;
            }
            Move::Ended(_) | Move::Pause { .. } | Move::Claim => {
                // Whoever worked on it before the backup came back is gone.
                store.said_wrong |= store.is_a_backup && !store.is_as_recorded(false);
                // Where somebody recorded since, it tells of what was so when it read the journal.
                if !run.is_behind {
                    store.is_told(answer.as_ref());
                }
                *self = Self::Idle;
                return false;
            }
        };
        // A record is created at the next number; whoever finds it taken was taken over, and stops.
        if run.is_behind {
            run.is_taken_over(store);
            *self = Self::Idle;
            return false;
        }
        assert!(*journal == store.journal, "nobody else recorded");
        let ends = matches!(entry, Entry::Interrupted | Entry::Reopened);
        if entry == Entry::Interrupted
            && let Some(attempt) = journal.state.attempt()
        {
            let is_as_planned = attempt.started.is_empty() && store.is_as_planned(&attempt.plan);
            store.ended_for_nothing |= is_as_planned;
        }
        if entry == Entry::Reopened {
            store.closed = false;
        }
        store.journal = journal.with(entry);
        if ends {
            store.is_told(answer.as_ref());
            *self = Self::Idle;
        } else {
            run.journal = Some(store.journal.clone());
        }
        true
    }

    /// Takes every step that nobody else can notice or hinder, and forgets what nothing depends on any more. See `Depth::Reduced`.
    pub(crate) fn settle(&mut self, store: &mut Store, flaw: Flaw) {
        while let Self::Runs(run) = self {
            if !store.claimed && flaw != Flaw::HidesItsClaim {
                break;
            }
            if run.is_behind {
                run.journal = None;
            }
            let settled = match (&run.doing, &run.journal) {
                (Some(doing), _) => doing.is_settled(store, flaw),
                (None, None) => true,
                (None, Some(journal)) => match executor::next(&journal.state, &run.seen) {
                    Move::Ended(_) | Move::Pause { .. } | Move::Claim => true,
                    Move::Look(Look::Landed { version, .. }) => version <= store.catalog_version(),
                    Move::Look(Look::Sidecar) => store.file.is_none(),
                    // No effect is lost where no backup comes back.
                    Move::Look(Look::SinceFinished) => true,
                    Move::Look(Look::Closed) => store.closed,
                    _ => false,
                },
            };
            if !settled {
                break;
            }
            assert!(!self.act(store, flaw), "what settles is never recorded");
        }
        if let Self::Runs(run) = self {
            run.seen.catalog_tries = 0;
            if run.is_behind {
                run.journal = None;
                run.seen = Seen::default();
                if let Some(doing) = &mut run.doing {
                    doing.done.clear();
                }
            }
        }
    }

    /// An order among consoles, which are alike.
    pub(crate) fn place(&self) -> (bool, u64) {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        (*self == Self::Idle, hasher.finish())
    }
}

impl Doing {
    /// Whether the next step can change nothing whenever it is done, and will come to the same.
    ///
    /// Tags change nothing here. Versions of the catalog and HEADs only grow, so what comes too late comes too late for good.
    fn is_settled(&self, store: &Store, flaw: Flaw) -> bool {
        match &self.planned.plan().steps[self.left[0]] {
            Step::FenceCatalog { .. } => {
                flaw == Flaw::NoFence || Some(store.catalog_version()) != self.catalog_version
            }
            Step::Publish { .. } => {
                flaw != Flaw::PublishesOnWhatIsLast
                    && Some(store.catalog_version()) != self.catalog_version
            }
            Step::Restore {
                table_key,
                lands_at,
                ..
            } => flaw != Flaw::UnfencedRestore && store.head(table_of(table_key)) >= *lands_at,
            // No version fences them: they change what others find whenever they are done.
            Step::PrepareSidecar { .. } | Step::DropDataset { .. } => false,
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => true,
        }
    }
}

/// The commit that a step makes here; none of a step that makes no version of a table or of the catalog.
const fn commit_of(step: &Step) -> Option<Kind> {
    match step {
        Step::FenceCatalog { .. } => Some(Kind::Fence),
        Step::Restore { version, .. } => Some(Kind::Restore(*version)),
        Step::Publish { .. } => Some(Kind::Publish),
        Step::Tag { .. }
        | Step::Untag { .. }
        | Step::Announce { .. }
        | Step::PrepareSidecar { .. }
        | Step::DropDataset { .. }
        | Step::PromoteSchema { .. }
        | Step::DiscardSchema { .. }
        | Step::GraphHistory { .. }
        | Step::UnlockSchema { .. }
        | Step::Record { .. }
        | Step::Retire { .. } => None,
    }
}

impl Run {
    /// Somebody else wrote the record that was to be written next.
    fn is_taken_over(&self, store: &mut Store) {
        let own = self
            .journal
            .as_ref()
            .and_then(|journal| journal.state.attempt());
        let answer = Answer::taken_over(&store.journal.state, own);
        store.is_told(answer.as_ref());
    }

    /// Whether it writes into the sidecar next, or removes a dataset.
    fn is_unfenced_next(&self) -> bool {
        self.doing.as_ref().is_some_and(|doing| {
            let step = &doing.planned.plan().steps[doing.left[0]];
            let is_fenced = commit_of(step).is_some();
            step.written_undo().is_some() || (step.changes_a_table() && !is_fenced)
        })
    }

    /// Whether the look at its file, which comes before the next step, writes that anew.
    fn writes_its_file_anew(&self, store: &Store) -> bool {
        self.doing.as_ref().is_some_and(|doing| {
            let plan = doing.planned.plan();
            let step = &plan.steps[doing.left[0]];
            plan.own_file_before(step, store.file.map(Written::digest)) == OwnFile::IsWrittenAnew
        })
    }

    fn go_on_doing(&mut self, store: &mut Store, flaw: Flaw) {
        let Some(doing) = &mut self.doing else {
            return;
        };
        let did = do_step(store, doing, flaw);
        doing.is_half_way = matches!(did, Err(Stopped::HalfWay));
        if doing.is_half_way {
            return;
        }
        let index = doing.left.remove(0);
        let did = match did {
            Ok(version) => {
                doing.done.push(StepResult {
                    step: index,
                    version,
                    already_done: false,
                });
                doing
                    .left
                    .is_empty()
                    .then(|| StepsOutcome::Done(doing.done.clone()))
            }
            Err(Stopped::CatalogMoved) => Some(StepsOutcome::CatalogMoved),
            Err(Stopped::HalfWay | Stopped::Failed) => Some(StepsOutcome::Unknown {
                detail: "it failed".to_owned(),
            }),
            Err(stopped @ (Stopped::Conflict | Stopped::Untold | Stopped::Lost)) => {
                // Production tries the others too, and finds this for each.
                let is_untold = matches!(stopped, Stopped::Untold).then_some(index);
                let untold = is_untold.into_iter().chain(doing.left.iter().copied());
                let was_begun = |step: &usize| doing.begun_before.contains(step);
                let lost = matches!(stopped, Stopped::Lost).then_some(index);
                Some(StepsOutcome::Conflict {
                    done: doing.done.clone(),
                    unclear: lost.into_iter().chain(untold.filter(was_begun)).collect(),
                    detail: "moved".to_owned(),
                    differences: vec![moved()],
                })
            }
        };
        if let Some(did) = did {
            self.doing = None;
            self.seen = std::mem::take(&mut self.seen).having_done(did);
        }
    }
}

fn look_at(store: &Store, state: &JournalState, look: Look, seen: &mut Seen, flaw: Flaw) {
    // Which table moved, and how far, is for people: nothing is done about it but to stop.
    let difference = |is_moved: bool| Some(is_moved.then(moved).into_iter().collect());
    match (look, state.attempt()) {
        (Look::SinceApproval, Some(attempt)) if is_dismissal(&attempt.plan) => {
            let sidecar = Planned::attempted(store.subject, attempt).sidecar();
            let moved = store.moved_since_dismissal(&attempt.plan, sidecar);
            let is_moved = !moved.is_empty();
            let is_blind = matches!(flaw, Flaw::ResumesADismissalBlindly | Flaw::AsksOnceOnly);
            seen.since_approval = difference(is_moved && !is_blind);
        }
        (Look::SinceApproval, Some(attempt)) => {
            let is_moved = if attempt.plan.purpose.is_recovery() {
                let planned = Planned::attempted(store.subject, attempt);
                store.has_moved_since_claim(planned, flaw)
            } else {
                let Made { planned, blockers } = store.plan_of(Of::FollowUp, flaw);
                !blockers.is_empty()
                    || (attempt.bytes.digest() != planned.digest()
                        && !differences(&attempt.plan, planned.plan()).is_empty())
            };
            seen.since_approval = difference(is_moved && flaw != Flaw::AsksOnceOnly);
        }
        (Look::Catalog, _) => {
            seen.catalog = Some(CatalogSeen::At {
                version: store.catalog_version(),
                pins: store.pins_by_key(),
            });
        }
        (Look::Landed { step, version }, Some(attempt)) => {
            let kind = commit_of(&attempt.plan.steps[step]);
            assert!(kind.is_some(), "what landed is asked of commits only");
            let stands = store.catalog.get(version as usize - 1);
            let is_ours = matches!(stands, Some(By::Recovery(planned, made))
                if planned.digest() == attempt.bytes.digest() && Some(*made) == kind);
            seen.landed = Some(if is_ours {
                Landed::Ours
            } else {
                Landed::Foreign
            });
        }
        (Look::SinceEffects, Some(attempt)) => {
            let is_moved = has_moved_since_effects(store, &attempt.plan, flaw);
            seen.since_effects = difference(is_moved && flaw != Flaw::NotesWithoutDoing);
        }
        (Look::Sidecar, _) => {
            let finished = state.finished();
            seen.sidecar = finished.map(|finished| store.sidecar_seen(&finished.plan, flaw));
        }
        (Look::Closed, _) => seen.closed = Some(store.closed),
        (Look::SinceFinished, _) => {
            let is_lost = state
                .finished()
                .is_some_and(|done| match rests_on(&done.plan) {
                    RestsOn::File => {
                        let moved = |sidecar| store.moved_since_dismissal(&done.plan, sidecar);
                        flaw != Flaw::EndsADismissalBlindly
                            && store.file.is_some_and(|file| !moved(file).is_empty())
                    }
                    RestsOn::Tables | RestsOn::Tags => has_lost_effects(store, done),
                });
            seen.since_finished = difference(is_lost && flaw != Flaw::BelievesItsRecord);
        }
        (Look::SinceApproval | Look::Landed { .. } | Look::SinceEffects, None) => {}
    }
}

const fn is_dismissal(plan: &Plan) -> bool {
    matches!(plan.purpose, Purpose::Dismiss { .. })
}

fn moved() -> Difference {
    Difference {
        table_key: None,
        field: DifferenceField::Named("moved".to_owned()),
        planned: String::new(),
        found: String::new(),
    }
}

/// As the look before the terminal record says, which is the real one.
fn has_moved_since_effects(store: &Store, plan: &Plan, flaw: Flaw) -> bool {
    let mut moved = moved_since_effects(plan, &store.observe(flaw));
    if flaw == Flaw::LooksAtPinsOnly {
        moved.retain(|difference| difference.field != DifferenceField::LanceHead);
    }
    rests_on_the_catalog(plan) && !moved.is_empty()
}

/// As the look at a finished operation says, which is the real one, of an operation that is over.
///
/// Before it is over, production also counts commits above what a roll back left of a write whose commits are not announced: it
/// opens the operation again, and the journal stands for the sidecar, which may be deleted by then. The properties here do not
/// tell that from a sidecar that went too early, so these commits are left out.
fn has_lost_effects(store: &Store, done: &Finished) -> bool {
    let observation = store.observe(Flaw::None);
    let is_lost = |table: usize, planned: &PlannedTable| match table_as_recorded(
        &done.plan,
        planned,
        &observation,
        true,
    ) {
        TableShows::All(lost) => !lost.is_empty(),
        TableShows::Unreadable { .. } => false,
        TableShows::Versions { .. } => {
            let made = version_of_the_plan(&done.plan, planned)
                .and_then(|(_, version)| store.transaction(table, version).transaction);
            let another = made
                .and_then(|made| another_transaction(done, planned, &made.uuid, &made.properties));
            another.is_some()
        }
    };
    let mut tables = done.plan.tables.iter().enumerate();
    tables.any(|(table, planned)| is_lost(table, planned))
}

/// Whether the version of a table is what the plan made of it, or found there.
fn stands(store: &Store, planned: Planned, table: usize, version: u64) -> bool {
    let Some(commit) = store.tables[table].get(version as usize - 1) else {
        return false;
    };
    let of_table = &planned.plan().tables[table];
    match of_table.restore_to {
        Some(target) => commit.by == By::Recovery(planned, Kind::Restore(target)),
        None => of_table.head_transaction == Some(store.uuid(table, version)),
    }
}

fn table_of(key: &str) -> usize {
    TABLES.iter().position(|table| *table == key).unwrap()
}

enum Stopped {
    /// It goes on with another request.
    HalfWay,
    CatalogMoved,
    Conflict,
    /// Nothing was done now, and nothing shows whether an earlier console did it, or a part of it.
    Untold,
    /// A part of it was done, and the rest cannot be.
    Lost,
    /// Nothing happened, and trying again is all there is.
    Failed,
}

/// One effect, fenced like the real one; done again, it is recognised.
fn do_step(store: &mut Store, doing: &Doing, flaw: Flaw) -> Result<Option<u64>, Stopped> {
    let (planned, catalog_version) = (doing.planned, doing.catalog_version);
    let step = &planned.plan().steps[doing.left[0]];
    // The preparation looks by itself, and nobody looks again in the middle of a step.
    let is_looked_at = step.written_undo().is_none() && !doing.is_half_way;
    if flaw != Flaw::RestsOnNoFile && is_looked_at {
        let found = store.file.map(Written::digest);
        match planned.plan().own_file_before(step, found) {
            OwnFile::Fits => {}
            OwnFile::IsWrittenAnew => store.file = Some(planned.sidecar()),
            OwnFile::StandsInTheWay => {
                store.stopped_over_its_file = 2.min(store.stopped_over_its_file + 1);
                return Err(Stopped::Untold);
            }
        }
    }
    match step {
        Step::PrepareSidecar { .. } => {
            let prepared = store.prepared_by(planned);
            let found = store.file.map(Written::digest);
            let stands = planned.plan().own_file_before(step, found);
            if stands == OwnFile::StandsInTheWay && flaw != Flaw::PreparesOverAnyFile {
                store.stopped_over_its_file = 2.min(store.stopped_over_its_file + 1);
                return Err(Stopped::Conflict);
            }
            store.is_file_lost |= store.file.is_some() && !store.has_its_file();
            store.file = prepared;
            Ok(None)
        }
        Step::DropDataset { .. } if flaw == Flaw::NotesWithoutDoing => Ok(None),
        Step::DropDataset { .. } => {
            match store.dataset.remove(planned, step, doing.is_half_way, flaw) {
                Removed::HalfWay => Err(Stopped::HalfWay),
                Removed::Whole => Ok(None),
                Removed::Stays => Err(Stopped::Untold),
                Removed::SomethingElse => Err(Stopped::Lost),
            }
        }
        Step::FenceCatalog { .. } if flaw == Flaw::NoFence => Ok(catalog_version),
        Step::FenceCatalog { .. } => {
            if Some(store.catalog_version()) != catalog_version {
                return Err(Stopped::CatalogMoved);
            }
            store.catalog.push(By::Recovery(planned, Kind::Fence));
            Ok(Some(store.catalog_version()))
        }
        Step::Restore {
            table_key,
            version,
            lands_at,
            ..
        } => {
            let table = table_of(table_key);
            let by = By::Recovery(planned, Kind::Restore(*version));
            if flaw != Flaw::UnfencedRestore {
                let stands = store.tables[table].get(*lands_at as usize - 1);
                if stands.is_some_and(|commit| commit.by == by) {
                    return Ok(Some(*lands_at));
                }
                if store.head(table) + 1 != *lands_at {
                    return Err(Stopped::Conflict);
                }
            }
            if !store.is_there(table, *version) {
                return Err(Stopped::Conflict);
            }
            let content = store.content(table, *version);
            store.tables[table].push(Commit { content, by });
            Ok(Some(store.head(table)))
        }
        Step::Publish { .. } if flaw == Flaw::NotesWithoutDoing => Ok(catalog_version),
        Step::Publish { pins, .. } => {
            let moves = pins.iter().map(|pin| (table_of(&pin.table_key), pin));
            if flaw != Flaw::PublishesOnWhatIsLast {
                if Some(store.catalog_version()) != catalog_version {
                    return Err(Stopped::CatalogMoved);
                }
                if moves
                    .clone()
                    .any(|(table, pin)| store.pins[table] != pin.from_version)
                {
                    return Err(Stopped::Conflict);
                }
            }
            // The catalog says what a version consists of, and that tells whose it is.
            let stands = |table: usize, version: u64| {
                flaw == Flaw::BelievesItsSteps
                    || (store.is_there(table, version) && stands(store, planned, table, version))
            };
            if !moves
                .clone()
                .all(|(table, pin)| stands(table, pin.to_version))
            {
                return Err(Stopped::Conflict);
            }
            let together = match flaw {
                Flaw::PublishesOneByOne => 1,
                _ => pins.len(),
            };
            let not_yet = |(table, pin): &(usize, &PinMove)| store.pins[*table] != pin.to_version;
            for (table, pin) in moves.filter(not_yet).take(together).collect::<Vec<_>>() {
                store.pins[table] = pin.to_version;
            }
            store.catalog.push(By::Recovery(planned, Kind::Publish));
            if store.subject == Subject::Merge {
                store.is_overtaken = (0..2).any(|table| store.head(table) > store.pins[table]);
            }
            Ok(Some(store.catalog_version()))
        }
        Step::Tag {
            table_key, version, ..
        } if store.is_cleaned => {
            let table = table_of(table_key);
            if !store.is_there(table, *version) {
                return Err(Stopped::Failed);
            }
            store.tags.insert((table, *version));
            Ok(Some(*version))
        }
        // Tags are told only where there is a cleanup, and rows of the history are not looked at.
        Step::Tag { .. } | Step::GraphHistory { .. } => Ok(None),
        Step::Untag { .. }
        | Step::Announce { .. }
        | Step::PromoteSchema { .. }
        | Step::DiscardSchema { .. }
        | Step::UnlockSchema { .. }
        | Step::Record { .. }
        | Step::Retire { .. } => panic!("no plan of a case has a {}", step.kind()),
    }
}
