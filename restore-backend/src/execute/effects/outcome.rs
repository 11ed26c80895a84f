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

pub(super) fn not_attempted(what: &str, source: TableError) -> ServiceError {
    ServiceError::Effect {
        what: what.to_owned(),
        source,
    }
}

pub(super) fn difference(
    table_key: Option<&str>,
    field: &str,
    planned: impl ToString,
    found: impl ToString,
) -> Difference {
    Difference {
        table_key: table_key.map(str::to_owned),
        field: field.to_owned(),
        planned: planned.to_string(),
        found: found.to_string(),
    }
}

pub(super) fn number(version: Option<u64>) -> String {
    version.map_or_else(|| "none".to_owned(), |version| version.to_string())
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
