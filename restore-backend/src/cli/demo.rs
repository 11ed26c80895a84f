//! `demo`: sample stores whose writers died half-way, served like real ones.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;
use tempfile::TempDir;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::serve::{Listening, serve};
use crate::demo;
use root_objects::clock;

/// Make crashed sample stores, and serve the console over them
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The folder to make the stores in, and to leave them in
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    listening: Listening,
}

impl Demo {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        if !context.former_places().is_empty() {
            return Err(CliError::Usage(
                "--relocated-from has no meaning for sample stores, which are made where they are"
                    .to_owned(),
            ));
        }
        let (folder, temporary) = match self.dir {
            Some(folder) => (folder, None),
            None => {
                let temporary = TempDir::with_prefix("sidecar-inspector-demo-")
                    .map_err(CliError::DemoFolder)?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        context.note(&format!("Making sample stores in {}.", folder.display()));
        let stores = Box::pin(demo::make_stores(&folder, clock::now())).await?;
        let mut roots = Vec::with_capacity(stores.len());
        for store in stores {
            roots.push((
                store.name,
                context.open(&store.path.to_string_lossy()).await?,
            ));
        }
        if temporary.is_some() {
            context.note("They are removed when the console stops; keep them with --dir FOLDER.");
        }
        let exit = serve(
            context,
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            self.listening,
            roots,
        )
        .await;
        drop(temporary);
        exit
    }
}
