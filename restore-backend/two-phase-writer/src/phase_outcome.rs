//! How far a step of an operation came, and to whom it was lost.

use std::fmt;

use sidecar::OperationId;

/// How far a step came.
#[must_use = "a lost operation must not be continued"]
#[derive(Debug)]
pub enum PhaseOutcome<T> {
    /// The step is done.
    Done(T),
    /// Somebody else was first. The operation is left to recovery.
    Lost(Loss),
}

/// To whom an operation was lost.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Recovery has taken the operation over.
    Claimed {
        /// The operation.
        operation_id: OperationId,
    },
    /// A table, or its pin, moved on.
    Overtaken {
        /// The table.
        table_key: String,
        /// The version it had to be at.
        expected: u64,
        /// Where it is; `None` if it is gone.
        found: Option<u64>,
    },
    /// A table stands above its pin: another operation has committed it and not published yet.
    Pending {
        /// The table.
        table_key: String,
        /// Its pin.
        pin: u64,
        /// Its latest version.
        head: u64,
    },
    /// Others published without pause for as long as a publish was tried.
    Crowded {
        /// The latest catalog version seen.
        catalog_version: u64,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claimed { operation_id } => {
                write!(formatter, "recovery has claimed operation {operation_id}")
            }
            Self::Overtaken {
                table_key,
                expected,
                found: Some(found),
            } => write!(
                formatter,
                "{table_key} is at version {found}, expected {expected}"
            ),
            Self::Overtaken {
                table_key,
                expected,
                found: None,
            } => write!(
                formatter,
                "{table_key} is gone, expected version {expected}"
            ),
            Self::Pending {
                table_key,
                pin,
                head,
            } => write!(
                formatter,
                "{table_key} is at version {head}, above its pin {pin}: another operation is pending"
            ),
            Self::Crowded { catalog_version } => write!(
                formatter,
                "the catalog keeps moving, last seen at version {catalog_version}"
            ),
        }
    }
}
