//! What the handlers share: the roots, the doors, and the executions under way.

mod access;
mod hosts;
mod login_link;
mod served_root;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::executions::Executions;
use super::failure::Failure;
use super::secret::{SecretError, random_name};

use access::Access;
use hosts::Hosts;

pub(super) use access::{Identity, Login};
pub use login_link::LoginLink;
pub use served_root::ServedRoot;

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
    address: SocketAddr,
    /// A name that only this start of the server has, with its port.
    own_host: String,
    executions: Executions,
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
        let own_host = format!("{}.localhost:{}", random_name::<12>()?, address.port());
        Self::at(roots, operator, address, own_host)
    }

    /// The same if other programs may listen on the port at another loopback address. A name of its own could lead to them, so
    /// the console has only its plain address.
    ///
    /// # Errors
    /// [`SecretError`] if no login link can be made.
    pub(super) fn at_plain_address(
        roots: Vec<ServedRoot>,
        operator: String,
        address: SocketAddr,
    ) -> Result<(Self, LoginLink), SecretError> {
        Self::at(roots, operator, address, address.to_string())
    }

    fn at(
        roots: Vec<ServedRoot>,
        operator: String,
        address: SocketAddr,
        own_host: String,
    ) -> Result<(Self, LoginLink), SecretError> {
        let inner = Inner {
            roots,
            access: Access::new(operator)?,
            hosts: Hosts::of(address, &own_host),
            address,
            own_host,
            executions: Executions::default(),
        };
        let console = Self {
            inner: Arc::new(inner),
        };
        let link = console.new_link()?;
        Ok((console, link))
    }

    /// Makes one more login link. Those that were made before stay good.
    ///
    /// # Errors
    /// [`SecretError`] if there is no randomness.
    pub fn new_link(&self) -> Result<LoginLink, SecretError> {
        let token = self.access().new_token(Instant::now())?;
        Ok(LoginLink::new(
            self.inner.address,
            self.inner.own_host.clone(),
            token,
        ))
    }

    /// The host and port that only this start of the server has. Browsers resolve it to this machine, keep nothing for it
    /// from before, and share its cookies with no other port. The plain address where there is none.
    #[must_use]
    pub fn own_host(&self) -> &str {
        &self.inner.own_host
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
            .find(|root| root.name() == name)
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
