//! Whether there is a server behind the page, and who is logged in there.

use std::rc::Rc;

use crate::state::failure::Failure;
use sidecar::api::RootSummary;

/// Whether there is a server behind the page.
#[derive(Debug, Clone)]
pub enum Connection {
    /// It is being asked.
    Asking,
    /// There is none: the page works alone.
    Absent {
        /// Why; `None` for a page that was opened from disk.
        failure: Option<Failure>,
    },
    /// There is one, and it wants a login first.
    LoggedOut {
        /// Its words.
        failure: Failure,
    },
    /// There is one.
    Present(Session),
}

/// The person who is logged in, and the roots of the server.
#[derive(Debug, Clone)]
pub struct Session {
    /// The name approvals are recorded under.
    pub name: Rc<str>,
    /// The roots the server has open.
    pub roots: Rc<Vec<RootSummary>>,
}

impl Session {
    /// A root by its name.
    #[must_use]
    pub fn root(&self, name: &str) -> Option<&RootSummary> {
        self.roots.iter().find(|root| root.name == name)
    }
}
