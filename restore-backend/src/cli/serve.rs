//! `serve`: the console over real roots.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use serde::Serialize;
use tokio::sync::mpsc;

use super::arguments::{NamedRoot, named_root, person_name};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::note;
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
        let mut former = former_places(&self.roots, context.former_places())?;
        let mut roots = Vec::with_capacity(self.roots.len());
        for NamedRoot { name, uri } in self.roots {
            let relocated_from = former.remove(&name);
            roots.push((name, context.open_moved(&uri, relocated_from).await?));
        }
        serve(context, self.bind, self.listening, roots).await
    }
}

/// Where each of these roots stood before, by its name. A single root needs no name in front of its former address.
fn former_places(
    roots: &[NamedRoot],
    given: &[String],
) -> Result<BTreeMap<String, String>, CliError> {
    let is_served = |name: &str| roots.iter().any(|root| root.name == name);
    let mut places = BTreeMap::new();
    for text in given {
        let named = text.split_once('=').filter(|(name, _)| is_served(name));
        let (name, place) = match (named, roots) {
            (Some((name, place)), _) => (name, place),
            (None, [only]) => (only.name.as_str(), text.as_str()),
            (None, _) => {
                let names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
                return Err(CliError::Usage(format!(
                    "--relocated-from {text}: with several roots, say which one stood there, as in NAME={text}; NAME is one of {}",
                    names.join(", ")
                )));
            }
        };
        if places.insert(name.to_owned(), place.to_owned()).is_some() {
            return Err(CliError::Usage(format!(
                "--relocated-from is given twice for the root {name}"
            )));
        }
    }
    Ok(places)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn places(roots: &[&str], given: &[&str]) -> Result<Vec<(String, String)>, String> {
        let roots: Vec<NamedRoot> = roots.iter().map(|text| named_root(text).unwrap()).collect();
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        let places = former_places(&roots, &given).map_err(|error| error.text())?;
        Ok(places.into_iter().collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, place): &(&str, &str)| ((*name).to_owned(), (*place).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn each_root_has_its_own_former_place_and_a_single_one_needs_no_name() {
        let two = ["a=/srv/a", "b=/srv/b"];
        for (roots, given, wanted) in [
            (
                &two[..],
                &["b=/old/b", "a=s3://x/y=1"][..],
                &[("a", "s3://x/y=1"), ("b", "/old/b")][..],
            ),
            (&two, &["b=/old"], &[("b", "/old")]),
            (&two, &[], &[]),
            (&two[..1], &["/old"], &[("a", "/old")]),
            (&two[..1], &["a=/old"], &[("a", "/old")]),
            (&two[..1], &["s3://x/y=1"], &[("a", "s3://x/y=1")]),
        ] {
            assert_eq!(places(roots, given), Ok(pairs(wanted)), "{given:?}");
        }
        for (roots, given, said) in [
            (&two[..], &["/old"][..], "NAME is one of a, b"),
            (&two, &["c=/old"], "NAME is one of a, b"),
            (&two, &["a=/old", "a=/older"], "twice for the root a"),
            (&two[..1], &["/old", "/older"], "twice for the root a"),
        ] {
            let error = places(roots, given).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
