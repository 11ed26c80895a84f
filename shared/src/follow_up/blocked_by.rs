//! What blocks an undo or a release besides its tables and tags.

use crate::code::{Code, Reason, Requirement};
use crate::ids::{OperationId, RootId};
use crate::journal::JournalState;
use crate::listing::{Overlap, SidecarFile};
use crate::plan::Plan;
use crate::sidecar::Sidecar;

use super::FollowUp;
use super::release::{SetTag, release, tags_of};
use super::undo::{Undo, announced_by};

/// What was found about an undo besides its tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UndoFacts {
    /// Why no rows can be added to the history of the graph, if so.
    pub history: Option<Reason>,
    /// Versions that cannot be published, since their rows cannot be counted.
    pub uncounted: Vec<Reason>,
    /// Why a version of a table that comes back may be another one than readers saw.
    pub elsewhere: Vec<Reason>,
    /// Whether tags that the recovery set are dropped, or are being dropped.
    pub is_released: bool,
    /// The pending files that share a table with it.
    pub waits: Waits,
}

/// The pending files that share a table with an undo, or may, or that were written for the graph that the undo changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waits {
    /// The first file that has to be resolved before the undo: its place among the files that were passed in, and why.
    pub first: Option<(usize, Reason)>,
    /// Whether one before that is broken for good, so that nobody can tell whether it named a table of the undo.
    pub is_lost: bool,
}

impl Waits {
    /// What an undo waits for, of the pending `files`, each with the operation it stands for. `claimed` is the plan of it that is
    /// being carried out.
    ///
    /// This attempt's own announced sidecar waits for the undo, so the undo does not wait for it. One from an earlier attempt is
    /// resolved first: otherwise somebody could resolve it while the tables it covers are being restored.
    #[must_use]
    pub fn of<'a>(
        undo: &Undo,
        claimed: Option<&Plan>,
        files: impl IntoIterator<Item = (Option<OperationId>, &'a SidecarFile)>,
    ) -> Self {
        let own = [
            Some(undo.sidecar.operation_id.clone()),
            claimed.and_then(|plan| announced_by(&plan.steps)),
        ];
        let tables = undo.sidecar.tables.iter();
        let keys = tables.map(|pin| pin.table_key.as_str()).collect();
        let mut waits = Self::default();
        for (place, (operation, file)) in files.into_iter().enumerate() {
            if operation.is_some() && own.contains(&operation) {
                continue;
            }
            let of = undo.of_operation();
            let why = match file.overlaps(&keys) {
                Overlap::None if file.rests_on_the_graph_of(undo.sidecar.branch()) => format!(
                    "is pending and was written for the graph as it is now, which the undo of operation {of} would make another"
                ),
                Overlap::None => continue,
                Overlap::Lost => {
                    waits.is_lost = true;
                    continue;
                }
                Overlap::Shared => format!("is pending and shares a table with operation {of}"),
                Overlap::NotRead => format!(
                    "is pending and cannot be read, so it may share a table with operation {of}"
                ),
            };
            let detail = format!("{} {why}; resolve it first", file.file);
            waits.first = Some((
                place,
                Reason::new(Code::WaitingFor, detail).about(&file.file),
            ));
            break;
        }
        waits
    }
}

impl FollowUp {
    /// The undo as it is with these facts. A blocked one has no steps.
    #[must_use]
    pub fn blocked_by(mut self, undo: &Undo, facts: UndoFacts) -> Self {
        let history = self.plan.blocked_by_history(facts.history);
        let released = facts.is_released.then(|| {
            let of = undo.of_operation();
            Reason::new(
                Code::Released,
                format!("the tags of operation {of} are dropped: what they kept may be cleaned away at any time"),
            )
        });
        self.blockers.extend(history);
        self.blockers.extend(facts.uncounted);
        self.blockers.extend(facts.elsewhere);
        self.blockers.extend(released);
        self.blockers
            .extend(facts.waits.first.map(|(_, reason)| reason));
        if facts.waits.is_lost {
            let requires = &mut self.plan.requires;
            requires.push(Requirement::OlderUnreadable);
            requires.sort_unstable();
            requires.dedup();
        }
        if !self.blockers.is_empty() {
            self.plan.steps.clear();
        }
        self
    }
}

/// The release of the recovery of `of`: of all tags that it set, and of those of an undo that was never carried out. `undoing` is
/// the journal of the undo that was begun last. A recovery that is being taken back needs its tags.
#[must_use]
pub fn release_beside_undo(
    root: &RootId,
    operation_id: OperationId,
    of: &OperationId,
    original: &Sidecar,
    recovery: &JournalState,
    undoing: &JournalState,
) -> FollowUp {
    let tags = [tags_of(recovery), tags_of_unbegun(undoing)].concat();
    let mut follow_up = release(root, operation_id, of, original, &tags);
    if undoing.stand_in().is_some() {
        let detail = match undoing.attempt() {
            Some(_) => {
                format!("operation {of} is being taken back and needs its tags; finish that first")
            }
            None => format!(
                "the undo of operation {of} stopped half-way and needs its tags; recover operation {} first",
                undoing.operation_id()
            ),
        };
        follow_up
            .blockers
            .push(Reason::new(Code::ExecutionUnderWay, detail));
        follow_up.plan.steps.clear();
    }
    follow_up
}

/// The tags of an undo that was never carried out. Once the tags of the recovery are dropped, that undo can never finish, so its
/// tags are dropped with them.
fn tags_of_unbegun(undo: &JournalState) -> Vec<SetTag> {
    if undo.finished().is_some() || undo.stand_in().is_some() {
        return Vec::new();
    }
    tags_of(undo)
}
