//! Which of the lawful ways to resolve an operation is planned, where there is more than one.

use serde::{Deserialize, Serialize};

/// A person's choice of what to plan. Each choice is a plan of its own, with its own digest.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Follow the verdict. Always available.
    #[default]
    Verdict,
    /// Roll back although the verdict says roll forward. Exists only for a merge that would be published without some of its tables.
    RollBack,
}

impl Choice {
    /// The name as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::RollBack => "roll_back",
        }
    }

    /// Whether nothing but the verdict was asked for.
    #[must_use]
    pub const fn is_verdict(&self) -> bool {
        matches!(self, Self::Verdict)
    }
}
