//! The listening server: opened on loopback, stopped without giving up what it has begun.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::connections::{self, Bounds};
use super::console::{Console, LoginLink, ServedRoot};
use super::routes::router;
use super::secret::SecretError;

/// What Linux says where the machine has no IPv6 at all.
const EAFNOSUPPORT: i32 = 97;

/// How long to wait for running executions. They survive being cut off; waiting only saves somebody from resuming them.
const EXECUTIONS_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long to wait for open connections after that.
const CONNECTIONS_WAIT_MAX: Duration = Duration::from_secs(2);

/// How a server is opened.
#[derive(Debug)]
pub struct ServerOptions {
    /// What it serves.
    pub roots: Vec<ServedRoot>,
    /// The name approvals are recorded under.
    pub operator: String,
    /// A loopback address.
    pub bind: IpAddr,
    /// 0 for any free one.
    pub port: u16,
}

/// Why a server cannot be opened, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Everybody who reaches the address could approve and execute, and this server cannot tell users apart.
    #[error(
        "the console is not opened on {address}: it is not a loopback address, and no users are configured who could log in from elsewhere; bind to 127.0.0.1 and reach it through an SSH tunnel"
    )]
    NotLoopback {
        /// The address asked for.
        address: IpAddr,
    },
    /// Two roots under one name.
    #[error("two roots are named {name:?}; give each its own name")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The address is taken, or is not an address of this machine.
    #[error(
        "the console cannot listen on {address}; choose another port with --port, or --port 0 for any free one"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// No login link can be made.
    #[error("no login link can be made")]
    Link(#[source] SecretError),
    /// The server ended though nobody stopped it.
    #[error("the server ended by itself")]
    Ended(#[source] io::Error),
}

impl ServeError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotLoopback { .. } => "not_loopback",
            Self::DuplicateName { .. } => "duplicate_name",
            Self::Bind { .. } => "address_unavailable",
            Self::Link(_) | Self::Ended(_) => "internal",
        }
    }
}

/// A server that listens, and answers once it is run.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    address: SocketAddr,
    console: Console,
    link: LoginLink,
}

/// Makes login links for a server that is running.
#[derive(Debug, Clone)]
pub struct LinkMaker(Console);

impl LinkMaker {
    /// Makes one more login link. Those that were made before stay good.
    ///
    /// # Errors
    /// [`SecretError`] if there is no randomness.
    pub fn new_link(&self) -> Result<LoginLink, SecretError> {
        self.0.new_link()
    }
}

impl Server {
    /// Opens the server. Nothing is answered before [`Server::run`], but connections are already taken.
    ///
    /// # Errors
    /// See [`ServeError`].
    pub async fn open(options: ServerOptions) -> Result<Self, ServeError> {
        let ServerOptions {
            roots,
            operator,
            bind,
            port,
        } = options;
        if !bind.is_loopback() {
            return Err(ServeError::NotLoopback { address: bind });
        }
        if let Some(name) = duplicate(&roots) {
            return Err(ServeError::DuplicateName { name });
        }
        let address = SocketAddr::new(bind, port);
        let unavailable = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(unavailable)?;
        let address = listener.local_addr().map_err(unavailable)?;
        let mut listeners = vec![listener];
        let made = match other_loopback(address).await {
            Other::Ours(listener) => {
                listeners.extend(listener);
                Console::new(roots, operator, address)
            }
            Other::Taken => Console::at_plain_address(roots, operator, address),
        };
        let (console, link) = made.map_err(ServeError::Link)?;
        Ok(Self {
            listeners,
            address,
            console,
            link,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The host and port that only this start of the server has. Browsers resolve it to this machine; other programs may
    /// not.
    #[must_use]
    pub fn own_host(&self) -> &str {
        self.console.own_host()
    }

    /// Makes login links while the server runs.
    #[must_use]
    pub fn link_maker(&self) -> LinkMaker {
        LinkMaker(self.console.clone())
    }

    /// The link that logs one browser in.
    #[must_use]
    pub fn login_link(&self) -> &LoginLink {
        &self.link
    }

    /// Answers until it is interrupted, then waits for the executions under way, though not for ever, and not if it is
    /// interrupted a second time.
    ///
    /// # Errors
    /// [`ServeError::Ended`] if the server ends by itself.
    pub async fn run(self, mut interrupts: mpsc::Receiver<()>) -> Result<(), ServeError> {
        let (stop, stopped) = watch::channel(false);
        let mut serving = tokio::spawn(connections::serve(
            self.listeners,
            router(self.console.clone()),
            Bounds::of_this_process(),
            stopped,
        ));
        tokio::select! {
            ended = &mut serving => {
                let error = match ended {
                    Ok(()) => io::Error::other("it was not told to"),
                    Err(error) => io::Error::other(error),
                };
                return Err(ServeError::Ended(error));
            }
            () = next(&mut interrupts) => {}
        }
        tracing::info!("stopping; executions under way are waited for");
        tokio::select! {
            all_ended = self.console.executions().close(EXECUTIONS_WAIT_MAX) => {
                if !all_ended {
                    tracing::warn!("executions under way were cut off; apply them again to resume");
                }
            }
            () = next(&mut interrupts) => tracing::warn!("executions under way were cut off; apply them again to resume"),
        }
        stop.send(true).ok();
        if tokio::time::timeout(CONNECTIONS_WAIT_MAX, &mut serving)
            .await
            .is_err()
        {
            serving.abort();
        }
        Ok(())
    }
}

/// Who has the port at the other loopback address.
enum Other {
    /// This server, or nobody on a machine that has no such address.
    Ours(Option<TcpListener>),
    /// Another program may.
    Taken,
}

/// Browsers lead every name below `localhost` to `127.0.0.1` and to `::1`, in an order of their own. A login link at such a name is
/// only safe if no other program can answer there.
async fn other_loopback(address: SocketAddr) -> Other {
    let other = match address.ip() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => return Other::Taken,
    };
    match TcpListener::bind(SocketAddr::new(other, address.port())).await {
        Ok(listener) => Other::Ours(Some(listener)),
        // Nobody can listen at an address that the machine does not have.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
            ) || error.raw_os_error() == Some(EAFNOSUPPORT) =>
        {
            Other::Ours(None)
        }
        Err(error) => {
            tracing::warn!(%error, %other, "another program has this port at the other loopback address, so the console is served at its plain address alone");
            Other::Taken
        }
    }
}

/// Waits for an interrupt; for ever, if none can come any more.
async fn next(interrupts: &mut mpsc::Receiver<()>) {
    if interrupts.recv().await.is_none() {
        std::future::pending().await
    }
}

fn duplicate(roots: &[ServedRoot]) -> Option<String> {
    let repeats = |(index, root): &(usize, &ServedRoot)| {
        roots
            .iter()
            .take(*index)
            .any(|other| other.name() == root.name())
    };
    roots
        .iter()
        .enumerate()
        .find(repeats)
        .map(|(_, root)| root.name().to_owned())
}
