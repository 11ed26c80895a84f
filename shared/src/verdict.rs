//! The verdict over one write: what happened to it, and what may be done about it (PROTOCOL.md, section 4.3).

mod catalog_changes;
mod choice;
mod commits;
mod judge;
mod left_out;
mod made_datasets;
mod obstacles;
mod schema;
mod table;
mod version_9;
mod whose;

use serde::{Deserialize, Serialize};

use crate::classification::Classification;
use crate::code::{Reason, Requirement};
use crate::decision::Decision;

pub use crate::disposition::Disposition;
pub use choice::Choice;
pub use commits::UnexpectedCommit;
pub use judge::{judge, judge_choice, may_be_incomplete, refuse};
pub use left_out::LeftOut;

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
    /// The dataset that was made for it is removed. It never was in the catalog.
    Drop,
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
            Self::Drop => "drop",
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
    /// The disposition.
    pub disposition: Disposition,
    /// What the classifications add up to; `None` where some table has none.
    pub decision: Option<Decision>,
    /// The choice that this verdict follows. [`Choice::Verdict`] if the choice asked for does not exist for this write.
    pub choice: Choice,
    /// For a merge: the tables that publishing its sidecar leaves out, or may.
    pub left_out: Vec<LeftOut>,
    /// One entry per pin, in the sidecar's order.
    pub tables: Vec<TableVerdict>,
    /// What a `SchemaApply` adds and removes, in the sidecar's order; empty where nothing was decided about that.
    pub catalog_changes: Vec<CatalogChange>,
    /// Why it cannot be executed, whatever is approved.
    pub blockers: Vec<Reason>,
    /// The statements that an approval has to make.
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
    /// [`Action::Register`], [`Action::Tombstone`], or [`Action::None`] for a table that is there or gone already, or stays as it
    /// is.
    pub action: Action,
    /// The version that becomes visible.
    pub publish_as: Option<u64>,
}
