//! A disposition with its reasons.

use crate::code::{Code, Reason};
use crate::disposition::Disposition;

/// A disposition with its reasons, where it needs any.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) disposition: Disposition,
    pub(super) reasons: Vec<Reason>,
}

impl Found {
    pub(super) fn because(disposition: Disposition, reason: Reason) -> Self {
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

impl From<Disposition> for Found {
    fn from(disposition: Disposition) -> Self {
        Self {
            disposition,
            reasons: Vec::new(),
        }
    }
}

/// Nothing can be done by a program.
pub(super) fn abort(code: Code, detail: impl Into<String>) -> Found {
    Found::because(Disposition::Abort, Reason::new(code, detail))
}
