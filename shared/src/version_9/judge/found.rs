//! A disposition with its reasons.

use super::super::verdict::Disposition9;
use crate::code::{Code, Reason};

/// A disposition, and why, where it does not say so by itself.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) disposition: Disposition9,
    pub(super) reasons: Vec<Reason>,
}

impl Found {
    pub(super) fn because(disposition: Disposition9, reason: Reason) -> Self {
        Self {
            disposition,
            reasons: vec![reason],
        }
    }
}

impl Found {
    /// The same with one more reason, if there is one.
    pub(super) fn with(self, reason: Option<Reason>) -> Self {
        self.with_all(reason)
    }

    /// The same with more reasons.
    pub(super) fn with_all(mut self, reasons: impl IntoIterator<Item = Reason>) -> Self {
        self.reasons.extend(reasons);
        self
    }
}

impl From<Disposition9> for Found {
    fn from(disposition: Disposition9) -> Self {
        Self {
            disposition,
            reasons: Vec::new(),
        }
    }
}

/// Nothing can be done by a program.
pub(super) fn abort(code: Code, detail: impl Into<String>) -> Found {
    Found::because(Disposition9::Abort, Reason::new(code, detail))
}
