//! What a plan is for.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::ids::OperationId;

/// What a plan is for. All are approved, journaled and carried out alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Purpose {
    /// Resolve the operation of a sidecar.
    #[default]
    Recover,
    /// Take a finished recovery back.
    Undo {
        /// The operation whose recovery is taken back.
        of: OperationId,
    },
    /// Set a sidecar aside that is refused or aborted; its bytes are kept in the journal.
    Dismiss {
        /// Why nothing else can be done about it.
        because: Vec<Code>,
    },
    /// Drop the tags of a finished recovery, so that its versions can be cleaned up.
    Release {
        /// The operation whose tags are dropped.
        of: OperationId,
    },
}

impl Purpose {
    /// Whether it resolves a sidecar by the verdict over it.
    #[must_use]
    pub const fn is_recovery(&self) -> bool {
        matches!(self, Self::Recover)
    }

    /// The name of the kind, as in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Recover => "recover",
            Self::Undo { .. } => "undo",
            Self::Dismiss { .. } => "dismiss",
            Self::Release { .. } => "release",
        }
    }
}
