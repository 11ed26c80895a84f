//! `serve`: the console over real roots.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use serde::Serialize;
use tokio::sync::mpsc;

use super::arguments::{NamedRoot, named_root, person_name};
use super::context::{Context, note};
use super::error::CliError;
use super::exit::Exit;
use super::signals;
use crate::http::{LinkMaker, LoginLink, ServedRoot, Server, ServerOptions};
use crate::root::Root;
use sidecar::error_text;

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
    /// The plain address, which every program resolves.
    address: String,
    login: String,
    /// The same for a browser, at a host that only this start of the console has.
    own_host: OwnHost,
    roots: Vec<ServingRoot>,
}

#[derive(Debug, Serialize)]
struct OwnHost {
    address: String,
    login: String,
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
            uri: root.address().to_string(),
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

    // Listened for before the address is printed: a program that reads it may stop the console at once.
    let signals = signals::listen()?;
    let document = ServingDocument {
        address: format!("http://{}", server.address()),
        login: server.login_link().expose_plain(),
        own_host: OwnHost {
            address: format!("http://{}", server.own_host()),
            login: server.login_link().expose(),
        },
        roots: serving,
    };
    context.print(&document, |page| {
        for line in login_lines(server.login_link()) {
            page.line(&line);
        }
    })?;
    context.note(&format!("The link logs one browser in, once; approvals there are recorded as by {operator}. Ctrl-C stops the console."));
    context.note(&format!(
        "Ctrl-\\ prints a new link, and so does kill -USR1 {}.",
        std::process::id()
    ));
    let printing = tokio::spawn(print_links(server.link_maker(), signals.links));
    let ended = server.run(signals.interrupts).await;
    printing.abort();
    ended?;
    Ok(Exit::Done)
}

/// The link as it is printed. Not every browser finds the host that the console has to itself.
fn login_lines(link: &LoginLink) -> Vec<String> {
    let (own, plain) = (link.expose(), link.expose_plain());
    let mut lines = vec![format!("open {own}")];
    if plain != own {
        lines.push(format!(
            "  or {plain}, in a browser that does not find that host"
        ));
    }
    lines
}

/// Prints a new login link to standard error whenever one is asked for: a program may read standard output.
async fn print_links(maker: LinkMaker, mut asked: mpsc::Receiver<()>) {
    while asked.recv().await.is_some() {
        match maker.new_link() {
            Ok(link) => login_lines(&link).iter().for_each(|line| note(line)),
            Err(error) => {
                tracing::error!(error = error_text(&error), "no login link can be made");
            }
        }
    }
}

fn user_name() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(|variable| person_name(&std::env::var(variable).ok()?).ok());
    named.unwrap_or_else(|| "operator".to_owned())
}
