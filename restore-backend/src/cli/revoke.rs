//! `revoke`: takes the approvals of one plan back.

use clap::Args;
use sidecar::{Digest, OperationId};

use super::approve::write_no;
use super::arguments::person_name;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use crate::service;
use crate::service::Answer;
use root_objects::clock;

/// Take every approval of a plan back, as long as nobody carries it out
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The root, as a path or a URI
    root: String,
    /// The operation
    operation: OperationId,
    /// The digest of the plan that was approved
    #[arg(long)]
    digest: Digest,
    /// Who takes it back
    #[arg(long = "as", value_name = "NAME", value_parser = person_name)]
    revoker: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Revoke {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let answer = context
            .record(&root, async move |root| {
                Box::pin(service::revoke(
                    &root,
                    &self.operation,
                    self.digest,
                    &self.revoker,
                    self.reason,
                    clock::now(),
                ))
                .await
            })
            .await?;
        match answer {
            Answer::Done(report) => {
                context.print(&report, |page| {
                    page.line(&format!(
                        "{} revoked the approvals of operation {}.",
                        report.revoked_by, report.operation_id
                    ));
                })?;
                Ok(Exit::Done)
            }
            Answer::No(refusal) => write_no(context, "Not revoked", &refusal),
        }
    }
}
