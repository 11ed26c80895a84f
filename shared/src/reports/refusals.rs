//! Answers that say no.

use crate::api::RefusalReport;
use crate::code::Reason;
use crate::difference::Difference;
use crate::outcome::OutcomeKind;

impl RefusalReport {
    /// Nothing may be done, and nothing moved. `operation` is the operation or the file that was asked about.
    #[must_use]
    pub fn refused(operation: impl ToString, detail: impl Into<String>) -> Self {
        Self {
            operation_id: operation.to_string(),
            outcome: OutcomeKind::Refused,
            detail: detail.into(),
            reasons: Vec::new(),
            differences: Vec::new(),
        }
    }

    /// Something is not as the request says.
    #[must_use]
    pub fn conflict(operation: impl ToString, detail: impl Into<String>) -> Self {
        Self {
            outcome: OutcomeKind::Conflict,
            ..Self::refused(operation, detail)
        }
    }

    /// Refused for this reason, in its words.
    #[must_use]
    pub fn for_reason(operation: impl ToString, reason: Reason) -> Self {
        Self {
            reasons: vec![reason.clone()],
            ..Self::refused(operation, reason.detail)
        }
    }

    /// The same, with what moved.
    #[must_use]
    pub fn with_differences(self, differences: Vec<Difference>) -> Self {
        Self {
            differences,
            ..self
        }
    }

    /// The same, with the reasons for programs.
    #[must_use]
    pub fn with_reasons(self, reasons: Vec<Reason>) -> Self {
        Self { reasons, ..self }
    }
}
