//! `serve`: the console over real roots.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use serde::Serialize;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::Exit;
use super::arguments::{NamedRoot, named_root, person_name};
use super::context::Context;
use super::error::CliError;
use crate::http::{ServedRoot, Server, ServerOptions};
use crate::root::Root;

/// Serve the console over some roots, on this machine alone
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// A root, as a path or a URI, and the name it is shown under
    #[arg(long = "root", value_name = "NAME=URI", required = true, num_args = 1.., value_parser = named_root)]
    roots: Vec<NamedRoot>,
    /// The address to listen on; a loopback address
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    #[command(flatten)]
    listening: Listening,
}

/// How the console is reached, and under which name approvals are recorded.
#[derive(Debug, Args)]
pub(super) struct Listening {
    /// The port to listen on; 0 for any free one
    #[arg(long, default_value_t = 7878)]
    port: u16,
    /// The name approvals in the browser are recorded under; without it, the user's
    #[arg(long = "as", value_name = "NAME", value_parser = person_name)]
    operator: Option<String>,
}

/// What `--json` prints once the console is up.
#[derive(Debug, Serialize)]
struct ServingDocument {
    address: String,
    login: String,
    roots: Vec<ServingRoot>,
}

#[derive(Debug, Serialize)]
struct ServingRoot {
    name: String,
    uri: String,
}

impl Serve {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        if context.relocated_from().is_some() && self.roots.len() > 1 {
            return Err(CliError::Usage(
                "--relocated-from says where one root stood before; serve moved roots one by one"
                    .to_owned(),
            ));
        }
        let mut roots = Vec::with_capacity(self.roots.len());
        for NamedRoot { name, uri } in self.roots {
            roots.push((name, context.open(&uri).await?));
        }
        serve(context, self.bind, self.listening, roots).await
    }
}

/// Serves until the program is told to stop.
pub(super) async fn serve(
    context: &Context,
    bind: IpAddr,
    listening: Listening,
    roots: Vec<(String, Root)>,
) -> Result<Exit, CliError> {
    let operator = listening.operator.unwrap_or_else(user_name);
    let serving = roots
        .iter()
        .map(|(name, root)| ServingRoot {
            name: name.clone(),
            uri: root.id().to_string(),
        })
        .collect();
    let roots = roots
        .into_iter()
        .map(|(name, root)| ServedRoot::new(name, root))
        .collect();
    let server = Server::open(ServerOptions {
        roots,
        operator: operator.clone(),
        bind,
        port: listening.port,
    })
    .await?;

    // Before anybody is told that it is up, and stops it.
    let interrupts = interrupts();
    let document = ServingDocument {
        address: format!("http://{}", server.address()),
        login: server.login_link().expose(),
        roots: serving,
    };
    context.print(&document, |page| {
        page.line(&format!("open {}", document.login))
    })?;
    context.note(&format!("The link logs one browser in, once; approvals there are recorded as by {operator}. Ctrl-C stops the console."));
    server.run(interrupts).await?;
    Ok(Exit::Done)
}

fn user_name() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(|variable| person_name(&std::env::var(variable).ok()?).ok());
    named.unwrap_or_else(|| "operator".to_owned())
}

/// One message each time somebody presses Ctrl-C or the system asks the program to end, from this call on.
fn interrupts() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(1);
    #[cfg(unix)]
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        match signal(kind) {
            Ok(mut signals) => {
                let sender = sender.clone();
                tokio::spawn(async move {
                    while signals.recv().await.is_some() {
                        // One that is already waiting says the same.
                        sender.try_send(()).ok();
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the console cannot be told to stop and will end abruptly")
            }
        }
    }
    #[cfg(not(unix))]
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            sender.try_send(()).ok();
        }
    });
    receiver
}
