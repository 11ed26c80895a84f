//! Whether there is a server behind the page, and who is logged in there.

use std::rc::Rc;

use crate::state::failure::Failure;
use sidecar::api::RootSummary;
use yew::Reducible;

/// Pause until the server is asked again who is logged in, in milliseconds: where somebody is, and where nobody is or it is silent.
const PRESENT_MS: u32 = 20_000;
const ABSENT_MS: u32 = 3_000;

/// Whether there is a server behind the page.
#[derive(Debug, Clone, Default)]
pub enum Connection {
    /// It is being asked.
    #[default]
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

impl Connection {
    /// How long until the server is asked again; `None` where there never is one.
    #[must_use]
    pub const fn ask_again_ms(&self) -> Option<u32> {
        match self {
            Self::Present(_) => Some(PRESENT_MS),
            Self::LoggedOut { .. }
            | Self::Absent {
                failure: Some(Failure::Unreachable),
            } => Some(ABSENT_MS),
            // A page from disk, or from a host of files.
            Self::Asking | Self::Absent { .. } => None,
        }
    }
}

impl Reducible for Connection {
    type Action = Self;

    /// A screen that was reached stays when the session or the server is lost: it says so itself, and keeps what was typed in it.
    fn reduce(self: Rc<Self>, found: Self) -> Rc<Self> {
        match (&*self, &found) {
            (Self::Present(before), Self::Present(now)) if before == now => self,
            (Self::Present(_), Self::Absent { .. } | Self::LoggedOut { .. }) => self,
            _ => Rc::new(found),
        }
    }
}

/// The person who is logged in, and the roots of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
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
