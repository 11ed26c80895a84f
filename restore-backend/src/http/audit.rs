//! `GET …/audit` and `GET …/audit/{operation}`: the journals, page by page.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use sidecar::OperationId;

use super::answer;
use super::console::Console;
use super::failure::Failure;
use crate::service;

/// Which page of the operations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// The `next` of the page before.
    after: Option<OperationId>,
    /// Operations at most.
    limit: Option<usize>,
}

/// Which records of one operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Records {
    /// The `next_record` of the answer before.
    from: Option<u64>,
}

/// The newest operation first. The reader verifies each journal by itself, which has to be read whole for that.
pub(super) async fn list(
    State(console): State<Console>,
    Path(root): Path<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(page) = page.map_err(|error| not_understood(&error))?;
    let limit = page.limit.unwrap_or(service::AUDIT_PAGE_MAX);
    let audited = console
        .root(&root)?
        .look(async move |root| {
            Box::pin(service::audit_page(&root, page.after.as_ref(), limit)).await
        })
        .await?;
    answer::json(audited).await
}

pub(super) async fn show(
    State(console): State<Console>,
    Path((root, operation)): Path<(String, String)>,
    records: Result<Query<Records>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(records) = records.map_err(|error| not_understood(&error))?;
    let operation: OperationId = operation
        .parse()
        .map_err(|_| Failure::unknown_operation(&operation))?;
    let from = records.from.unwrap_or(1);
    let audited = console
        .root(&root)?
        .look(async move |root| Box::pin(service::audit_records(&root, &operation, from)).await)
        .await?;
    answer::json(audited).await
}

fn not_understood(error: &QueryRejection) -> Failure {
    Failure::bad_request("bad_query", error.body_text())
}
