//! What happened to one write, in the words that people, programs and plans use.

use serde::{Deserialize, Serialize};

/// What a person is shown: finer than the [`Decision`](crate::Decision). First match wins, in this order (PROTOCOL.md, sections 4.3 and 18.4).
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
    /// Version 9: the write is published, and its file is older than that: it does not say yet that the write was done.
    StaleArmed,
    /// Version 9: the write was taken back, and the catalog says so; only its sidecar is left.
    AlreadyRolledBack,
    /// No table is above its pin by this write, and others published since. Nobody can tell whether the write is among what they
    /// published.
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
    pub const ALL: [Self; 11] = [
        Self::Refused,
        Self::Waiting,
        Self::OrphanedBranch,
        Self::Abort,
        Self::AlreadyPublished,
        Self::StaleArmed,
        Self::AlreadyRolledBack,
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
            Self::StaleArmed => "stale_armed",
            Self::AlreadyRolledBack => "already_rolled_back",
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
            | Self::StaleArmed
            | Self::AlreadyRolledBack
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
            | Self::StaleArmed
            | Self::AlreadyRolledBack
            | Self::Superseded
            | Self::NeverStarted
            | Self::RollForward
            | Self::RollBack => false,
        }
    }

    /// Whether the rules judged the write of the file, as the operation that it names. A file that is refused may be no sidecar at all,
    /// or bear the name of another operation.
    #[must_use]
    pub const fn was_judged(self) -> bool {
        match self {
            Self::Refused => false,
            Self::Waiting
            | Self::OrphanedBranch
            | Self::Abort
            | Self::AlreadyPublished
            | Self::StaleArmed
            | Self::AlreadyRolledBack
            | Self::Superseded
            | Self::NeverStarted
            | Self::RollForward
            | Self::RollBack => true,
        }
    }

    /// Whether readers see the write once its plan is carried out.
    #[must_use]
    pub const fn leaves_it_visible(self) -> bool {
        match self {
            Self::AlreadyPublished | Self::StaleArmed | Self::RollForward => true,
            Self::Refused
            | Self::Waiting
            | Self::OrphanedBranch
            | Self::Abort
            | Self::AlreadyRolledBack
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
            | Self::StaleArmed
            | Self::AlreadyRolledBack
            | Self::Superseded
            | Self::RollForward => false,
        }
    }

    /// Whether its plan publishes the write: commits that readers do not see yet become visible.
    #[must_use]
    pub const fn publishes_it(self) -> bool {
        match self {
            Self::RollForward => true,
            Self::Refused
            | Self::Waiting
            | Self::OrphanedBranch
            | Self::Abort
            | Self::AlreadyPublished
            | Self::StaleArmed
            | Self::AlreadyRolledBack
            | Self::Superseded
            | Self::NeverStarted
            | Self::RollBack => false,
        }
    }

    /// Whether its plan takes the write back: the tables that it moved return to the versions that readers see. A plan that returns any
    /// fences the catalog first, since a publish that was prepared before would make visible what is being taken back.
    #[must_use]
    pub const fn takes_it_back(self) -> bool {
        match self {
            Self::RollBack => true,
            Self::Refused
            | Self::Waiting
            | Self::OrphanedBranch
            | Self::Abort
            | Self::AlreadyPublished
            | Self::StaleArmed
            | Self::AlreadyRolledBack
            | Self::Superseded
            | Self::NeverStarted
            | Self::RollForward => false,
        }
    }

    /// Whether its plan clears away what a schema change made beside the tables: datasets that nobody saw, and staged schema files. Also
    /// where the catalog says that the write was taken back, some of it may be left, or have come back with a backup.
    #[must_use]
    pub const fn clears_what_it_made(self) -> bool {
        match self {
            Self::AlreadyRolledBack | Self::RollBack => true,
            Self::Refused
            | Self::Waiting
            | Self::OrphanedBranch
            | Self::Abort
            | Self::AlreadyPublished
            | Self::StaleArmed
            | Self::Superseded
            | Self::NeverStarted
            | Self::RollForward => false,
        }
    }

    /// Whether the branch of the graph that it wrote to is gone. Its plan then looks at no table and touches none, and records the write
    /// on main.
    #[must_use]
    pub const fn lost_its_branch(self) -> bool {
        match self {
            Self::OrphanedBranch => true,
            Self::Refused
            | Self::Waiting
            | Self::Abort
            | Self::AlreadyPublished
            | Self::StaleArmed
            | Self::AlreadyRolledBack
            | Self::Superseded
            | Self::NeverStarted
            | Self::RollForward
            | Self::RollBack => false,
        }
    }
}

// A new disposition stops here, so that nobody leaves it out of `ALL`, by which lists are filtered.
const _: () = match Disposition::ALL[0] {
    Disposition::Refused
    | Disposition::Waiting
    | Disposition::OrphanedBranch
    | Disposition::Abort
    | Disposition::AlreadyPublished
    | Disposition::StaleArmed
    | Disposition::AlreadyRolledBack
    | Disposition::Superseded
    | Disposition::NeverStarted
    | Disposition::RollForward
    | Disposition::RollBack => (),
};
