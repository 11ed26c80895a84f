//! The verdict over a sidecar of version 9.

use serde::{Deserialize, Serialize};

use crate::code::{Code, Reason};
use crate::disposition::Disposition;

/// The verdict, with the words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict9 {
    /// What happened.
    pub disposition: Disposition,
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
    /// What HEAD carries of the write, above the visible version.
    #[serde(default)]
    pub carries: Carries,
    /// Versions above the visible one that are not the write's. A restore takes away what they did.
    pub foreign_versions: Vec<u64>,
}

/// What a table carries of a write above the version that readers see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carries {
    /// Nothing.
    #[default]
    Nothing,
    /// Commits of the write.
    TheWrite,
    /// Commits of the write, and above them the return of the table to what readers see.
    ItsReturn,
}

impl Verdict9 {
    /// Whether nothing in the tables depends on the file, so that it can be set aside.
    #[must_use]
    pub fn holds_no_data(&self) -> bool {
        // Commits above the visible version stay as they are, with the file and without it.
        let mut reasons = self.reasons.iter();
        let is_settled =
            reasons.all(|reason| matches!(reason.code, Code::Drift | Code::BranchRecreated));
        match self.disposition {
            Disposition::OrphanedBranch
            | Disposition::AlreadyPublished
            | Disposition::StaleArmed
            | Disposition::AlreadyRolledBack
            | Disposition::Superseded
            | Disposition::NeverStarted => is_settled,
            Disposition::Refused
            | Disposition::Waiting
            | Disposition::Abort
            | Disposition::RollForward
            | Disposition::RollBack => false,
        }
    }
}
