//! The address that logs one browser in.

use std::fmt;
use std::net::SocketAddr;

use sidecar::api::LOGIN_TOKEN_FRAGMENT;

use crate::http::secret::Secret;

/// The address that logs one browser in, once. Its debug text does not show the token.
pub struct LoginLink {
    address: SocketAddr,
    own_host: String,
    token: Secret,
}

impl LoginLink {
    pub(in crate::http) fn new(address: SocketAddr, own_host: String, token: Secret) -> Self {
        Self {
            address,
            own_host,
            token,
        }
    }

    /// The whole address, token included, at the host that this server has to itself. Browsers resolve it to this machine;
    /// other programs may not.
    #[must_use]
    pub fn expose(&self) -> String {
        format!(
            "http://{}/{LOGIN_TOKEN_FRAGMENT}{}",
            self.own_host,
            self.token.expose()
        )
    }

    /// The same at the plain address. Every program resolves it; but it shares cookies with the host's other ports, and stored
    /// scripts with former servers of this port.
    #[must_use]
    pub fn expose_plain(&self) -> String {
        format!(
            "http://{}/{LOGIN_TOKEN_FRAGMENT}{}",
            self.address,
            self.token.expose()
        )
    }
}

impl fmt::Debug for LoginLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "LoginLink(http://{}/{LOGIN_TOKEN_FRAGMENT}..)",
            self.own_host
        )
    }
}
