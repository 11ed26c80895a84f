//! `GET …/audit` and `GET …/audit/{operation}`: the journals.

use axum::Json;
use axum::extract::{Path, State};
use sidecar::OperationId;
use sidecar::api::AuditReport;

use super::console::Console;
use super::failure::Failure;
use crate::service;

pub(super) async fn list(
    State(console): State<Console>,
    Path(root): Path<String>,
) -> Result<Json<AuditReport>, Failure> {
    report(&console, &root, None).await
}

pub(super) async fn show(
    State(console): State<Console>,
    Path((root, operation)): Path<(String, String)>,
) -> Result<Json<AuditReport>, Failure> {
    let operation: OperationId = operation
        .parse()
        .map_err(|_| Failure::unknown_operation(&operation))?;
    report(&console, &root, Some(operation)).await
}

/// One journal is verified; for all of them the reader asks one by one, since each has to be read whole.
async fn report(
    console: &Console,
    root: &str,
    operation: Option<OperationId>,
) -> Result<Json<AuditReport>, Failure> {
    console
        .root(root)?
        .look(async move |root| {
            Box::pin(service::audit(
                &root,
                operation.as_ref(),
                operation.is_some(),
            ))
            .await
        })
        .await
        .map(Json)
}
