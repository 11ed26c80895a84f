//! `dismiss`: a plan that sets a refused or aborted sidecar aside.

use clap::Args;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::plan;
use crate::service;
use root_objects::clock;

/// Plan to set a refused or aborted sidecar aside, its bytes kept in the journal
#[derive(Debug, Args)]
pub(super) struct Dismiss {
    /// The root, as a path or a URI
    root: String,
    /// The file's name, or its operation
    file: String,
}

impl Dismiss {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let file = self.file;
        let report = context
            .look(&root, async move |root| {
                Box::pin(service::dismiss(&root, &file, clock::now())).await
            })
            .await?;
        context.print(&report, |page| {
            plan::write(page, context, &report, &self.root)
        })?;
        Ok(Exit::Done)
    }
}
