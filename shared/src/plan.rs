//! What would be done about one sidecar: immutable, complete, bound to the world it was made for (ARCHITECTURE.md, invariant 2).

mod encoding;
mod graph_history;
mod graph_history_row;
mod lawful;
mod making;
mod own_file;
mod published_graph_commit;
mod purpose;
mod step;
mod step_effects;
mod steps;
mod version_9;

use serde::{Deserialize, Serialize};

use crate::classification::ClassificationLabel;
use crate::code::{Reason, Requirement};
use crate::decision::Decision;
use crate::digest::{Digest, Tag};
use crate::ids::{OperationId, RootId};
use crate::outcome::{Extent, OutcomeKind};
use crate::root_layout::RECOVERY_TAG_PREFIX;
use crate::sidecar::WriterKind;
use crate::stays_in_part::{Kept, may_stay_in_part};
use crate::verdict::{Action, Choice, Disposition, LeftOut, UnexpectedCommit};
use crate::work;

pub(crate) use graph_history::graph_history_of_an_undo;
pub(crate) use lawful::fits_its_sidecar;

pub use encoding::{PlanBytes, PlanError};
pub use graph_history_row::{GraphHistoryOutcome, GraphHistoryRow, RECOVERY_ACTOR, RecoveryKind};
pub use making::{PlanInput, plan};
pub use own_file::OwnFile;
pub use published_graph_commit::{FixedGraphCommit, PublishedGraphCommit};
pub use purpose::Purpose;
pub use step::{
    ExactPublish, ExactRename, ExactRow, NamedTable, NewTable, PinMove, Precondition, RemovedTable,
    StagedFile, Step,
};
pub use step_effects::WrittenUndo;

/// The plan for one sidecar. It leaves no choice to whoever carries it out.
///
/// # Invariants
/// - Tables are ordered by key and branch, whatever order the sidecar had, and none is named twice: bytes that do are no plan.
/// - A plan whose disposition has no effect has no steps, nor has one that this build does not carry out yet: without steps it
///   cannot be authorized.
/// - No age, blocker, catalog version or time of the look is in it, so an identical root gives the identical digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What it is for. Absent from the bytes of a plan that resolves a sidecar.
    #[serde(default, skip_serializing_if = "Purpose::is_recovery")]
    pub purpose: Purpose,
    /// The root it is for.
    pub root: RootId,
    /// The operation it resolves.
    pub operation_id: OperationId,
    /// Name of the sidecar file.
    pub file: String,
    /// Digest of the sidecar's bytes.
    pub sidecar: Digest,
    /// What kind of write it was; `None` if the sidecar cannot be understood.
    pub writer_kind: Option<WriterKind>,
    /// Branch of the graph; `None` is main.
    pub branch: Option<String>,
    /// The Lance branch of the catalog, where it has another name than the branch of the graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lance_branch: Option<String>,
    /// Who wrote, as the sidecar says.
    pub actor_id: Option<String>,
    /// The disposition.
    pub disposition: Disposition,
    /// What the classifications add up to.
    pub decision: Option<Decision>,
    /// What a person chose, if not what the verdict says.
    #[serde(default, skip_serializing_if = "Choice::is_verdict")]
    pub choice: Choice,
    /// The statements that an approval has to make.
    pub requires: Vec<Requirement>,
    /// For a merge: the tables that its sidecar does not name and that publishing it leaves out, or may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// The tables it was made against.
    pub tables: Vec<PlannedTable>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One table as the plan found it, and what is done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTable {
    /// Key of the table.
    pub table_key: String,
    /// Its Lance branch; `None` is main.
    pub branch: Option<String>,
    /// Its dataset, relative to the root, as the catalog says.
    pub location: Option<String>,
    /// The published version when the writer started.
    pub expected_version: u64,
    /// The HEAD the writer's commit would make.
    pub post_commit_pin: u64,
    /// The visible version.
    pub manifest_pinned: Option<u64>,
    /// The latest Lance version.
    pub lance_head: Option<u64>,
    /// UUID of the Lance transaction that made it.
    pub head_transaction: Option<String>,
    /// Where it stands.
    pub classification: Option<ClassificationLabel>,
    /// The rule that fired, with its numbers.
    pub rule: String,
    /// What is done to it.
    pub action: Action,
    /// The version it returns to.
    pub restore_to: Option<u64>,
    /// The version that becomes its pin.
    pub publish_as: Option<u64>,
    /// Lance commits above the pin that are published or taken back with the write, although they do not look like this write's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unexpected: Vec<UnexpectedCommit>,
    /// Set for a table that the write does not commit to, but adds to the catalog, removes from it, or points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_change: Option<CatalogChangeKind>,
    /// Whether the visible version of a table that moves was cleaned away. It is not tagged then, and the recovery cannot be
    /// taken back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pin_gone: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The table of this key and branch. It is looked for by halves, since a plan may name very many tables and be asked for each of
/// them.
fn table_of<'a>(
    tables: &'a [PlannedTable],
    table_key: &str,
    branch: Option<&str>,
) -> Option<&'a PlannedTable> {
    let place = tables.binary_search_by(|table| {
        work::count();
        (table.table_key.as_str(), table.branch.as_deref()).cmp(&(table_key, branch))
    });
    tables.get(place.ok()?)
}

/// The change of the catalog for a table that the write commits nothing to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogChangeKind {
    /// It is new.
    Registration,
    /// It goes.
    Tombstone,
    /// A merge makes it visible as it is on another Lance branch, and commits nothing to it.
    Pointer,
}

impl Plan {
    /// Whether carrying it out does anything: it has steps, and its purpose and disposition allow them.
    #[must_use]
    pub fn has_effect(&self) -> bool {
        let allowed = match self.purpose {
            Purpose::Recover | Purpose::Undo { .. } | Purpose::Release { .. } => {
                self.disposition.has_effect()
            }
            Purpose::Dismiss { .. } => self.disposition.may_be_set_aside(),
        };
        allowed && !self.steps.is_empty()
    }

    /// Whether the write may be visible in part afterwards: readers keep a version of one table that somebody published since the writer
    /// started, and see nothing of the write in another.
    #[must_use]
    pub fn may_stay_in_part(&self) -> bool {
        let pinned = self
            .tables
            .iter()
            .filter(|table| table.catalog_change.is_none());
        self.purpose.is_recovery()
            && may_stay_in_part(self.disposition, pinned.map(PlannedTable::kept))
    }

    /// How it ends when every step is done; `None` if it has no effect.
    #[must_use]
    pub fn outcome(&self) -> Option<OutcomeKind> {
        match self.purpose {
            Purpose::Recover => OutcomeKind::of_finished(self.disposition),
            Purpose::Undo { .. } => Some(OutcomeKind::RolledBack),
            Purpose::Dismiss { .. } | Purpose::Release { .. } => Some(OutcomeKind::CleanedUp),
        }
    }

    /// How much of the write readers see once this is published; `None` for a plan that publishes no write.
    ///
    /// [`Extent::Whole`] needs a kind that makes one commit for each table, and no commits of others among them.
    #[must_use]
    pub fn extent(&self) -> Option<Extent> {
        if !self.purpose.is_recovery() || !self.disposition.publishes_it() {
            return None;
        }
        let publishes_tables = self.tables.iter().any(|table| match table.action {
            Action::Publish => true,
            Action::None
            | Action::RestoreAndPublish
            | Action::Restore
            | Action::Register
            | Action::Tombstone
            | Action::Drop => false,
        });
        let is_counted = self
            .writer_kind
            .is_some_and(WriterKind::commits_each_table_once);
        let is_its_own = self.tables.iter().all(|table| table.unexpected.is_empty());
        // The writer noted in the file that all its commits were there, and which.
        let is_confirmed = self
            .steps
            .iter()
            .any(|step| matches!(step, Step::Publish { exact: Some(_), .. }));
        Some(match () {
            () if is_confirmed && is_its_own => Extent::Whole,
            () if !self.left_out.is_empty() => Extent::LeavesOut,
            () if is_its_own && (is_counted || !publishes_tables) => Extent::Whole,
            () => Extent::AsCommitted,
        })
    }

    /// What can be chosen instead of this plan, for the same operation as it stands.
    #[must_use]
    pub fn other_choices(&self) -> Vec<Choice> {
        match self.choice {
            _ if !self.purpose.is_recovery() => Vec::new(),
            Choice::RollBack => vec![Choice::Verdict],
            Choice::Verdict if self.disposition.publishes_it() && !self.left_out.is_empty() => {
                vec![Choice::RollBack]
            }
            Choice::Verdict => Vec::new(),
        }
    }

    /// The Lance branch of the catalog that it fences and publishes to; `None` is main.
    #[must_use]
    pub fn catalog_branch(&self) -> Option<&str> {
        self.lance_branch.as_deref().or_else(|| self.graph_branch())
    }

    /// The branch of the graph whose history it adds to; `None` is main. A write to a branch that is gone is recorded on main.
    #[must_use]
    pub fn graph_branch(&self) -> Option<&str> {
        self.branch
            .as_deref()
            .filter(|_| !self.disposition.lost_its_branch())
    }

    /// The commit that was merged, if the plan records one as merged.
    #[must_use]
    pub fn merged_parent(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| match step {
            Step::GraphHistory {
                row: GraphHistoryRow::GraphCommits { merged_parent, .. },
                ..
            } => merged_parent.as_deref(),
            Step::Publish { graph_commit, .. } => graph_commit.as_ref()?.merged_parent.as_deref(),
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::FenceCatalog { .. }
            | Step::PrepareSidecar { .. }
            | Step::DropDataset { .. }
            | Step::Restore { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => None,
        })
    }

    /// Whether it adds rows to the history of the graph.
    #[must_use]
    pub fn adds_to_the_history(&self) -> bool {
        self.steps.iter().any(Step::adds_to_the_history)
    }

    /// `reason`, by which its file is too young, if the plan has an effect: what changes nothing need not wait.
    #[must_use]
    pub fn blocked_by_age(&self, reason: Option<Reason>) -> Option<Reason> {
        reason.filter(|_| self.has_effect())
    }

    /// `obstacle`, which keeps rows from being added to the history of the graph, if the plan adds any.
    #[must_use]
    pub fn blocked_by_history(&self, obstacle: Option<Reason>) -> Option<Reason> {
        obstacle.filter(|_| self.adds_to_the_history())
    }

    /// The sidecar file that it is about; `None` for an undo or a release, which has none.
    #[must_use]
    pub fn sidecar_file(&self) -> Option<&str> {
        match self.purpose {
            Purpose::Recover | Purpose::Dismiss { .. } => Some(&self.file),
            Purpose::Undo { .. } | Purpose::Release { .. } => None,
        }
    }

    /// Digest of the bytes that the plan gives its sidecar, if it writes an undo into it.
    #[must_use]
    pub fn writes_into_its_sidecar(&self) -> Option<Digest> {
        let mut undos = self.steps.iter().filter_map(Step::written_undo);
        undos.next().map(|undo| undo.digest)
    }

    /// The digest that its sidecar file must have right before a table is restored or published; `None` where that does not
    /// matter.
    ///
    /// An engine of version 9 finishes whatever the file says, also a recovery that this program has begun. So nothing is done
    /// while another file lies there, which would contradict it.
    #[must_use]
    pub fn rests_on_its_sidecar(&self) -> Option<Digest> {
        let is_fixed = self.steps.iter().any(|step| match step {
            Step::PrepareSidecar { .. } | Step::DropDataset { .. } => true,
            Step::Publish { graph_commit, .. } => graph_commit
                .as_ref()
                .is_some_and(|commit| commit.fixed.is_some()),
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::FenceCatalog { .. }
            | Step::Restore { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => false,
        });
        is_fixed.then(|| self.writes_into_its_sidecar().unwrap_or(self.sidecar))
    }

    /// The sidecar that carrying it out deletes in the end, if any.
    #[must_use]
    pub fn retires(&self) -> Option<&str> {
        self.steps.iter().find_map(Step::deleted_sidecar)
    }
}

impl PlannedTable {
    /// The Lance HEAD when every step is done.
    #[must_use]
    pub fn head_after(&self) -> Option<u64> {
        match self.action {
            Action::Drop => return None,
            Action::None
            | Action::Publish
            | Action::RestoreAndPublish
            | Action::Restore
            | Action::Register
            | Action::Tombstone => {}
        }
        match self.restore_to {
            Some(_) => self.lance_head?.checked_add(1),
            // Commits above the version that a merge points to belong to others.
            None if self.catalog_change == Some(CatalogChangeKind::Pointer) => self.lance_head,
            None => self.publish_as.or(self.lance_head),
        }
    }

    /// Whether readers keep the version that they see, and that version is later than the one from which the writer started.
    /// Somebody published that version, which may be a commit of the write. Where HEAD holds the content of that version already,
    /// only the pin moves.
    #[must_use]
    pub fn keeps_a_later_version(&self) -> bool {
        self.catalog_change.is_none() && self.kept().is_later()
    }

    const fn kept(&self) -> Kept {
        Kept {
            action: self.action,
            visible: self.manifest_pinned,
            expected: self.expected_version,
        }
    }

    /// The version to which a roll back returns this table; 0 if its dataset is removed; `None` if it stays as it is.
    pub(crate) fn returns_to(&self) -> Option<u64> {
        match self.action {
            Action::Publish | Action::RestoreAndPublish | Action::Restore => self.manifest_pinned,
            Action::Drop => Some(0),
            Action::None | Action::Register | Action::Tombstone => None,
        }
    }

    /// The pin when every step is done.
    #[must_use]
    pub fn pin_after(&self) -> Option<u64> {
        match self.action {
            Action::Tombstone => None,
            Action::None
            | Action::Publish
            | Action::RestoreAndPublish
            | Action::Restore
            | Action::Register
            | Action::Drop => self.publish_as.or(self.manifest_pinned),
        }
    }
}

/// Name of the Lance tag that keeps a version of a table touched by a recovery from being cleaned up.
///
/// It names the version, so that a plan made anew after an interrupted one finds its own tags and contradicts none.
#[must_use]
pub fn recovery_tag(operation_id: &OperationId, branch: Option<&str>, version: u64) -> String {
    let branch = branch.map_or_else(String::new, |branch| format!("-{}", tag_part(branch)));
    format!("{RECOVERY_TAG_PREFIX}{operation_id}{branch}-v{version}")
}

/// Lance takes letters, digits, dots, dashes and underscores in tags; branch names may hold slashes. Other characters are
/// replaced, and a dot plus eight characters of a digest keeps two such branches apart.
fn tag_part(branch: &str) -> String {
    const DIGEST_CHARS: usize = 8;
    let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    if branch.chars().all(fits) {
        return branch.to_owned();
    }
    let plain: String = branch
        .chars()
        .map(|char| if fits(char) { char } else { '-' })
        .collect();
    let hex = Digest::of(Tag::DerivedId, branch.as_bytes()).hex();
    format!("{plain}.{}", &hex[..DIGEST_CHARS])
}
