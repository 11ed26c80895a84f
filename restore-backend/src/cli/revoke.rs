//! `revoke`: takes the approvals of one plan back.

use clap::Args;
use sidecar::short_names::{DigestName, OperationName};

use super::approve::write_no;
use super::arguments::person_name;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::names;
use crate::service;
use crate::service::Answer;
use root_objects::clock;

/// Take every approval of a plan back, as long as nobody carries it out
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The root, as a path or a URI
    root: String,
    /// The operation, or the first characters of its id
    operation: OperationName,
    /// The digest of the plan that was approved, or its first 12 digits
    #[arg(long)]
    digest: DigestName,
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
        let operation = names::operation(context, &root, self.operation).await?;
        let digest = names::digest_on_record(context, &root, &operation, self.digest).await?;
        let digest = match digest {
            Answer::Done(digest) => digest,
            Answer::No(refusal) => return write_no(context, "Not revoked", &refusal),
        };
        let answer = context
            .record(&root, async move |root| {
                Box::pin(service::revoke(
                    &root,
                    &operation,
                    digest,
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
