//! The outcome of one step, and the properties that every effect carries.

use sidecar::Difference;
use sidecar::journal::{Attempt, StepResult};

use crate::error::ServiceError;
use fenced_lance::{EffectIdentity, TableError};

pub(super) enum StepOutcome {
    Done(StepResult),
    CatalogMoved,
    Conflict {
        detail: String,
        differences: Vec<Difference>,
    },
    /// The effect can no longer happen, and nothing shows whether it did.
    Lost {
        detail: String,
        differences: Vec<Difference>,
    },
    Unknown(String),
}

impl StepOutcome {
    /// A conflict of a step that may have been done before the conflict came about.
    pub(super) fn lost(self) -> Self {
        match self {
            Self::Conflict {
                detail,
                differences,
            } => Self::Lost {
                detail,
                differences,
            },
            Self::Done(_) | Self::CatalogMoved | Self::Lost { .. } | Self::Unknown(_) => self,
        }
    }
}

pub(super) fn not_attempted(what: &str, source: TableError) -> ServiceError {
    ServiceError::Effect {
        what: what.to_owned(),
        source,
    }
}

pub(super) fn not_in_plan() -> StepOutcome {
    StepOutcome::Conflict {
        detail: "the plan names no location for this table".to_owned(),
        differences: Vec::new(),
    }
}

pub(super) fn identity(attempt: &Attempt) -> EffectIdentity {
    EffectIdentity {
        operation_id: attempt.plan.operation_id.to_string(),
        plan_digest: attempt.bytes.digest().to_string(),
    }
}
