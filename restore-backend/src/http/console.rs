//! What the handlers share: the roots, the doors, and the executions under way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::executions::Executions;
use super::failure::Failure;
use super::guard::Hosts;
use super::login::LoginLink;
use super::secret::{Secret, SecretError};
use super::session::Access;
use crate::root::Root;

/// Looks at one root that are carried out at a time. Each look fans out over the tables by itself, so more of them would only
/// take turns, and hold memory meanwhile.
const LOOKS_MAX: usize = 4;

/// How long a request waits for its turn before it is told to come back.
const TURN_WAIT_MAX: Duration = Duration::from_secs(10);

/// One console over some roots. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Console {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    roots: Vec<ServedRoot>,
    access: Access,
    hosts: Hosts,
    executions: Executions,
}

/// A root under the name it has in paths.
#[derive(Debug)]
pub struct ServedRoot {
    name: String,
    root: Root,
    looks: Semaphore,
}

impl ServedRoot {
    /// Serves `root` as `name`.
    #[must_use]
    pub fn new(name: String, root: Root) -> Self {
        Self {
            name,
            root,
            looks: Semaphore::new(LOOKS_MAX),
        }
    }

    /// Its name in paths.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The root itself.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Waits for a turn to look at the root; it lasts as long as the permit.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Failure> {
        match tokio::time::timeout(TURN_WAIT_MAX, self.looks.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Failure::busy(format!(
                "too many requests look at the root {} already; try again",
                self.name
            ))),
        }
    }
}

impl Console {
    /// A console over `roots`, reached at `address`, whose approvals are recorded under the name `operator`.
    ///
    /// # Errors
    /// [`SecretError`] if no login link can be made.
    pub fn new(
        roots: Vec<ServedRoot>,
        operator: String,
        address: SocketAddr,
    ) -> Result<(Self, LoginLink), SecretError> {
        let token = Secret::random()?;
        let inner = Inner {
            roots,
            access: Access::new(operator, address.port(), &token),
            hosts: Hosts::of(address),
            executions: Executions::default(),
        };
        Ok((
            Self {
                inner: Arc::new(inner),
            },
            LoginLink::new(address, token),
        ))
    }

    /// The roots, in the order they were given.
    #[must_use]
    pub fn roots(&self) -> &[ServedRoot] {
        &self.inner.roots
    }

    pub(super) fn root(&self, name: &str) -> Result<&ServedRoot, Failure> {
        self.inner
            .roots
            .iter()
            .find(|root| root.name == name)
            .ok_or_else(|| Failure::unknown_root(name))
    }

    pub(super) fn access(&self) -> &Access {
        &self.inner.access
    }

    pub(super) fn hosts(&self) -> &Hosts {
        &self.inner.hosts
    }

    pub(super) fn executions(&self) -> &Executions {
        &self.inner.executions
    }
}
