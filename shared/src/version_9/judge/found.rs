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
