//! `…/recoveries/{operation}/execution`: carries out an approved plan, and tells how far it came.

use std::convert::Infallible;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use sidecar::OperationId;
use sidecar::api::ExecutionReport;
use tokio::sync::watch;

use super::console::{Console, ServedRoot};
use super::executions::Start;
use super::failure::Failure;
use super::if_match::IfMatch;
use crate::service;
use root_objects::clock;

/// Begins the execution in the background and answers at once. Whether the plan is approved, current and executable is
/// found out by the execution itself, right before its effects, and is in its report.
pub(super) async fn create(
    State(console): State<Console>,
    Path((root, operation)): Path<(String, String)>,
    IfMatch(digest): IfMatch,
) -> Result<Response, Failure> {
    let served = console.root(&root)?;
    let operation = parse(&operation)?;
    let waiting = journaled(served, &operation).await?;
    let conflict = |code, detail: String| {
        Err(Failure::new(
            StatusCode::CONFLICT,
            code,
            "Execution under way",
            detail,
        ))
    };
    match console
        .executions()
        .start(served, &operation, digest, waiting)
    {
        Start::Running(progress) => {
            let report = progress.borrow().clone();
            Ok((StatusCode::ACCEPTED, Json(report)).into_response())
        }
        Start::OtherPlan { digest } => conflict(
            "execution_under_way",
            format!(
                "plan {digest} of operation {operation} is being executed; wait for its outcome"
            ),
        ),
        Start::Full => Err(Failure::busy(
            "as many executions as this server takes on are running; try again when one has ended",
        )),
        Start::Closing => Err(Failure::busy(
            "the server is about to stop and begins nothing; execute the plan after it has started again",
        )),
    }
}

pub(super) async fn show(
    State(console): State<Console>,
    Path((root, operation)): Path<(String, String)>,
) -> Result<Json<ExecutionReport>, Failure> {
    report(&console, &root, &parse(&operation)?).await.map(Json)
}

/// Every report as an event, until the final one. Reports that follow each other faster than the client reads are
/// skipped: each of them is complete.
pub(super) async fn events(
    State(console): State<Console>,
    Path((root, operation)): Path<(String, String)>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let operation = parse(&operation)?;
    let live = console
        .executions()
        .of(console.root(&root)?.name(), &operation)
        .filter(|progress| progress.borrow().running);
    let reports = match live {
        Some(progress) => follow(progress).left_stream(),
        None => {
            let report = report(&console, &root, &operation).await?;
            stream::once(async { report }).right_stream()
        }
    };
    let events = reports.filter_map(|report| async move {
        let event = Event::default().json_data(report);
        event
            .map(Ok)
            .map_err(|error| tracing::error!(%error, "a report cannot be sent"))
            .ok()
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

fn follow(mut progress: watch::Receiver<ExecutionReport>) -> impl Stream<Item = ExecutionReport> {
    // The report that is there already counts as new.
    progress.mark_changed();
    stream::unfold(Some(progress), |progress| async {
        let mut progress = progress?;
        progress.changed().await.ok()?;
        let report = progress.borrow_and_update().clone();
        let rest = report.running.then_some(progress);
        Some((report, rest))
    })
}

/// The report that the journal gives. An operation without a journal is pending and not approved, or does not exist.
async fn journaled(
    served: &ServedRoot,
    operation: &OperationId,
) -> Result<ExecutionReport, Failure> {
    let operation = operation.clone();
    served
        .look(
            async move |root| match Box::pin(service::execution(&root, &operation)).await {
                Err(error) if error.is_not_found() => {
                    Box::pin(service::plan(&root, operation.as_str(), clock::now())).await?;
                    Ok(ExecutionReport {
                        operation_id: operation.to_string(),
                        running: false,
                        steps: Vec::new(),
                        report: None,
                        failure: None,
                    })
                }
                known => known,
            },
        )
        .await
}

/// The report of an execution under way is this server's own. Every other report is the journal's, also of work done before
/// this server started. The journal does not tell of an execution that was refused or failed, so its report is kept in memory.
async fn report(
    console: &Console,
    root: &str,
    operation: &OperationId,
) -> Result<ExecutionReport, Failure> {
    let served = console.root(root)?;
    let own = console
        .executions()
        .of(served.name(), operation)
        .map(|progress| progress.borrow().clone());
    if let Some(own) = own.as_ref().filter(|own| own.running) {
        return Ok(own.clone());
    }
    match (journaled(served, operation).await, own) {
        (Ok(journaled), Some(own)) if journaled.report.is_none() => Ok(own),
        (Ok(journaled), _) => Ok(journaled),
        // The store does not answer, but this server still knows how its own execution ended.
        (Err(_), Some(own)) => Ok(own),
        (Err(failure), None) => Err(failure),
    }
}

fn parse(operation: &str) -> Result<OperationId, Failure> {
    operation
        .parse()
        .map_err(|_| Failure::unknown_operation(operation))
}
