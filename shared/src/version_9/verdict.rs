//! The verdict over a sidecar of version 9.

use serde::{Deserialize, Serialize};

use crate::code::{Code, Reason};

/// What happened to the write. First match wins, in this order (PROTOCOL.md, section 18.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition9 {
    /// An older file has to be resolved first.
    Waiting,
    /// The graph branch it wrote to is gone.
    OrphanedBranch,
    /// What is there contradicts the file, or cannot be proven; the reason says what.
    Abort,
    /// The write is visible exactly as the file says; only the file is left.
    AlreadyPublished,
    /// The write is visible, and the file is older than that: it does not say yet that the write was done.
    StaleArmed,
    /// The write was taken back, and that is on record; only the file is left.
    AlreadyRolledBack,
    /// Nobody can say which of the later versions is the write's, and none of it is pending.
    Superseded,
    /// No table carries a commit of the write.
    NeverStarted,
    /// Every table carries it, the writer confirmed that, and the graph is as it was when the write was planned.
    RollForward,
    /// Some table carries it, and it cannot be finished.
    RollBack,
}

/// The verdict, with the words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict9 {
    /// What happened.
    pub disposition: Disposition9,
    /// The same in a sentence.
    pub headline: String,
    /// Why, where the disposition alone does not say it.
    pub reasons: Vec<Reason>,
    /// What omnigraph v0.9.0 and v0.10.0 do about it at their next read-write open.
    pub engine: String,
    /// What can be done now.
    pub advice: String,
    /// One entry per pin, in their order.
    pub tables: Vec<TableVerdict9>,
}

/// Where one table stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableVerdict9 {
    /// Its key, as in the file.
    pub table_key: String,
    /// The visible version; null if it is not visible.
    pub visible_version: Option<u64>,
    /// The Lance HEAD; null if there is none, or it cannot be read.
    pub head: Option<u64>,
    /// In a sentence.
    pub sentence: String,
    /// Versions above the visible one that are not the write's. A restore takes away what they did.
    pub foreign_versions: Vec<u64>,
}

impl Verdict9 {
    /// Whether nothing in the tables depends on the file, so that it can be set aside.
    #[must_use]
    pub fn holds_no_data(&self) -> bool {
        // Commits above what readers see stay what they are, with the file and without it.
        let is_settled = self.reasons.iter().all(|reason| reason.code == Code::Drift);
        match self.disposition {
            Disposition9::OrphanedBranch
            | Disposition9::AlreadyPublished
            | Disposition9::StaleArmed
            | Disposition9::AlreadyRolledBack
            | Disposition9::Superseded
            | Disposition9::NeverStarted => is_settled,
            Disposition9::Waiting
            | Disposition9::Abort
            | Disposition9::RollForward
            | Disposition9::RollBack => false,
        }
    }
}

impl Disposition9 {
    /// Every one, first match first.
    pub const ALL: [Self; 10] = [
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

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
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
}
