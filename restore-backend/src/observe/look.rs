//! What was found for one sidecar, and what could not be read.

use sidecar::{Observation, Reason};

use super::error::ObserveError;
use super::failed::FailedRead;

/// What was found for one sidecar, and what could not be.
#[derive(Debug)]
pub(crate) struct Look {
    /// What was found. What could not be read is in it as unreadable, different, or not restorable: nothing is assumed of it.
    pub(crate) observation: Observation,
    /// Why rows could not be added to the history of the graph, if so.
    pub(crate) history: Option<Reason>,
    /// Why versions could not be published: their rows cannot be counted.
    pub(crate) uncounted: Vec<Reason>,
    /// Reads that failed. What was found may be otherwise for that alone.
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
