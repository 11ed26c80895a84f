//! The observation for one sidecar, and the reads that failed.

use sidecar::{Observation, Reason};

use super::error::ObserveError;
use super::failed::FailedRead;

/// The observation for one sidecar, and the reads that failed.
#[derive(Debug)]
pub(crate) struct Look {
    /// The observation. A failed read counts as unreadable, different, or not restorable: nothing is assumed.
    pub(crate) observation: Observation,
    /// Why no rows can be added to the history of the graph, if so.
    pub(crate) history: Option<Reason>,
    /// Versions that cannot be published, since their rows cannot be counted.
    pub(crate) uncounted: Vec<Reason>,
    /// Reads that failed. Had they succeeded, the observation might be another.
    pub(crate) failed: Vec<FailedRead>,
}

impl Look {
    /// The look, unless some read of it failed.
    pub(crate) fn complete(mut self) -> Result<Self, ObserveError> {
        match self.failed.pop() {
            Some(failed) => Err(failed.into()),
            None => Ok(self),
        }
    }
}
