//! The outcome of an execution, in words that never claim more than is known (ARCHITECTURE.md, invariant 10).

use serde::{Deserialize, Serialize};

use crate::verdict::Disposition;

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// Every moved table is published.
    RolledForward,
    /// Every moved table is back at its published content.
    RolledBack,
    /// Nothing had to change but the sidecar.
    CleanedUp,
    /// The root is not as the plan found it; the remaining steps were not done.
    Conflict,
    /// The plan may not be executed.
    Refused,
    /// Storage did not say whether an effect happened; applying again settles it.
    Unknown,
}

impl OutcomeKind {
    /// The name as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RolledForward => "rolled_forward",
            Self::RolledBack => "rolled_back",
            Self::CleanedUp => "cleaned_up",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    /// Whether everything the plan says was done.
    #[must_use]
    pub const fn is_success(self) -> bool {
        match self {
            Self::RolledForward | Self::RolledBack | Self::CleanedUp => true,
            Self::Conflict | Self::Refused | Self::Unknown => false,
        }
    }

    /// Whether tables of a finished recovery moved, so that there is something to take back, and tags to drop.
    #[must_use]
    pub const fn moved_tables(self) -> bool {
        match self {
            Self::RolledForward | Self::RolledBack => true,
            Self::CleanedUp | Self::Conflict | Self::Refused | Self::Unknown => false,
        }
    }

    /// How a plan of this disposition ends when every step is done; `None` if it has no effect.
    #[must_use]
    pub const fn of_finished(disposition: Disposition) -> Option<Self> {
        match disposition {
            Disposition::RollForward => Some(Self::RolledForward),
            Disposition::RollBack => Some(Self::RolledBack),
            Disposition::AlreadyPublished
            | Disposition::StaleArmed
            | Disposition::AlreadyRolledBack
            | Disposition::Superseded
            | Disposition::NeverStarted
            | Disposition::OrphanedBranch => Some(Self::CleanedUp),
            Disposition::Refused | Disposition::Waiting | Disposition::Abort => None,
        }
    }
}

/// How much of a write readers see once it is rolled forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All of it.
    Whole,
    /// What its writer had committed. Whether it meant to commit more is in no sidecar.
    AsCommitted,
    /// The tables that its sidecar names. The plan names the tables that are left out, or may be.
    LeavesOut,
}

/// What an execution did to one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing.
    Unchanged,
    /// What the plan says.
    Changed,
    /// Storage did not say.
    Unknown,
}

/// What became of the sidecar file. It is what a look at the file found; a look that failed is [`SidecarFate::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SidecarFate {
    /// Deleted; the terminal record keeps its bytes.
    Retired,
    /// Still there.
    Kept,
    /// Not there, and no terminal record says that it was deleted.
    Gone,
    /// Not there: a file with other bytes bears its name.
    Replaced,
    /// The plan has no sidecar file: it is of an undo or a release.
    NoFile,
    /// It could not be looked at.
    Unknown,
}

impl SidecarFate {
    /// The name as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retired => "retired",
            Self::Kept => "kept",
            Self::Gone => "gone",
            Self::Replaced => "replaced",
            Self::NoFile => "no_file",
            Self::Unknown => "unknown",
        }
    }
}
