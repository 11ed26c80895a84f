//! What happened to one write and what may be done about it: the disposition (PROTOCOL.md, section 4.3).

mod catalog_changes;
mod choice;
mod commits;
mod judge;
mod left_out;
mod obstacles;
mod schema;
mod table;
mod whose;

use serde::{Deserialize, Serialize};

use crate::classification::Classification;
use crate::code::{Reason, Requirement};
use crate::decision::Decision;

pub use choice::Choice;
pub use commits::UnexpectedCommit;
pub use judge::{judge, judge_choice, may_be_incomplete, refuse};
pub use left_out::LeftOut;
pub use obstacles::stamp_unsupported;
pub(crate) use obstacles::support;

/// What a person is shown: finer than the [`Decision`]. First match wins, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// The file cannot be trusted or understood: no effect, ever.
    Refused,
    /// An older unresolved sidecar overlaps it: no effect until that one is resolved.
    Waiting,
    /// The graph branch it wrote to is gone: record it, retire the sidecar.
    OrphanedBranch,
    /// Catalog and tables contradict each other: no effect, ever; a person has to look.
    Abort,
    /// The write is published; only its sidecar is left: record it, retire the sidecar.
    AlreadyPublished,
    /// Nothing of the write is pending, and others published since; whether it is among that cannot be claimed.
    Superseded,
    /// No table was committed: record it, retire the sidecar.
    NeverStarted,
    /// Every table was committed: publish them, in one commit of the catalog.
    RollForward,
    /// Some table was committed and not all: return the moved ones to what is published.
    RollBack,
}

impl Disposition {
    /// Every disposition, first match first.
    pub const ALL: [Self; 9] = [
        Self::Refused,
        Self::Waiting,
        Self::OrphanedBranch,
        Self::Abort,
        Self::AlreadyPublished,
        Self::Superseded,
        Self::NeverStarted,
        Self::RollForward,
        Self::RollBack,
    ];

    /// The name, spelled as in PROTOCOL.md, section 4.3.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Waiting => "waiting",
            Self::OrphanedBranch => "orphaned_branch",
            Self::Abort => "abort",
            Self::AlreadyPublished => "already_published",
            Self::Superseded => "superseded",
            Self::NeverStarted => "never_started",
            Self::RollForward => "roll_forward",
            Self::RollBack => "roll_back",
        }
    }

    /// Whether an approved plan of this disposition does anything at all.
    #[must_use]
    pub const fn has_effect(self) -> bool {
        match self {
            Self::OrphanedBranch
            | Self::AlreadyPublished
            | Self::Superseded
            | Self::NeverStarted
            | Self::RollForward
            | Self::RollBack => true,
            Self::Refused | Self::Waiting | Self::Abort => false,
        }
    }

    /// Whether a file of this disposition may be set aside by a plan of its own: nothing else can be done about it, ever.
    #[must_use]
    pub const fn may_be_set_aside(self) -> bool {
        match self {
            Self::Refused | Self::Abort => true,
            Self::Waiting
            | Self::OrphanedBranch
            | Self::AlreadyPublished
            | Self::Superseded
            | Self::NeverStarted
            | Self::RollForward
            | Self::RollBack => false,
        }
    }

    /// Whether readers see the write once its plan is carried out.
    #[must_use]
    pub const fn leaves_it_visible(self) -> bool {
        match self {
            Self::AlreadyPublished | Self::RollForward => true,
            Self::Refused
            | Self::Waiting
            | Self::OrphanedBranch
            | Self::Abort
            | Self::Superseded
            | Self::NeverStarted
            | Self::RollBack => false,
        }
    }

    /// Whether its plan ends a write of which readers see nothing. A writer that is still alive could go on with it afterwards.
    #[must_use]
    pub const fn ends_it_unpublished(self) -> bool {
        match self {
            Self::NeverStarted | Self::RollBack => true,
            Self::Refused
            | Self::Waiting
            | Self::OrphanedBranch
            | Self::Abort
            | Self::AlreadyPublished
            | Self::Superseded
            | Self::RollForward => false,
        }
    }
}

/// What is done to one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing.
    None,
    /// Its HEAD becomes the pin.
    Publish,
    /// The pin is restored as a new version, which becomes the pin.
    RestoreAndPublish,
    /// A version is restored as a new one, and the pin stays.
    Restore,
    /// The table is added to the catalog.
    Register,
    /// The table is removed from the catalog.
    Tombstone,
}

impl Action {
    /// The name as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Publish => "publish",
            Self::RestoreAndPublish => "restore_and_publish",
            Self::Restore => "restore",
            Self::Register => "register",
            Self::Tombstone => "tombstone",
        }
    }
}

/// One table's part of a [`Verdict`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableVerdict {
    /// Where the table stands; `None` if it is missing or unreadable, or was not looked at.
    pub classification: Option<Classification>,
    /// The rule that fired with its numbers, or why none could.
    pub rule: String,
    /// What is done to it.
    pub action: Action,
    /// The version it returns to.
    pub restore_to: Option<u64>,
    /// The version that becomes its pin.
    pub publish_as: Option<u64>,
    /// Lance commits above the pin that are published or taken back with the write, although they do not look like this write's.
    pub unexpected: Vec<UnexpectedCommit>,
}

/// The whole verdict over one sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What a person is shown.
    pub disposition: Disposition,
    /// What the classifications add up to; `None` where some table has none.
    pub decision: Option<Decision>,
    /// The choice that this verdict follows. [`Choice::Verdict`] if the choice asked for does not exist for this write.
    pub choice: Choice,
    /// For a merge: what publishing its sidecar leaves out of it, or may.
    pub left_out: Vec<LeftOut>,
    /// One entry per pin, in the sidecar's order.
    pub tables: Vec<TableVerdict>,
    /// What a `SchemaApply` adds and removes, in the sidecar's order; empty where nothing was decided about that.
    pub catalog_changes: Vec<CatalogChange>,
    /// Why it cannot be executed, whatever is approved.
    pub blockers: Vec<Reason>,
    /// What the approval has to state.
    pub requires: Vec<Requirement>,
}

/// One table that is to be added to the catalog or removed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogChange {
    /// Key of the table.
    pub table_key: String,
    /// Its Lance branch; `None` is main.
    pub branch: Option<String>,
    /// For a table to add: its dataset, relative to the root.
    pub location: Option<String>,
    /// The visible version.
    pub manifest_pinned: Option<u64>,
    /// For a table to add: the latest version of its dataset.
    pub lance_head: Option<u64>,
    /// UUID of the Lance transaction that made it.
    pub head_transaction: Option<String>,
    /// For a table to remove: the version of the tombstone.
    pub tombstone_version: Option<u64>,
    /// Where it stands, with its numbers.
    pub rule: String,
    /// [`Action::Register`], [`Action::Tombstone`], or [`Action::None`] for what is there or gone already, or stays as it is.
    pub action: Action,
    /// The version that becomes visible.
    pub publish_as: Option<u64>,
}
