//! `GET …/recoveries/{operation}/undo`, `…/release` and `…/dismissal`: plans that follow from something finished or stuck.
//!
//! Each names an operation of its own, under which it is approved and carried out.

use axum::extract::{Path, State};
use axum::response::Response;
use sidecar::OperationId;
use sidecar::api::PlanReport;

use super::console::Console;
use super::failure::Failure;
use super::recoveries::tagged;
use crate::service::Answer;
use crate::{clock, service};

pub(super) async fn undo(
    State(console): State<Console>,
    Path((root, operation)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let served = console.root(&root)?;
    let _turn = served.turn().await?;
    let operation = parsed(&operation)?;
    answered(Box::pin(service::undo(served.root(), &operation, clock::now())).await?)
}

pub(super) async fn release(
    State(console): State<Console>,
    Path((root, operation)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let served = console.root(&root)?;
    let _turn = served.turn().await?;
    let operation = parsed(&operation)?;
    answered(Box::pin(service::release(served.root(), &operation, clock::now())).await?)
}

pub(super) async fn dismissal(
    State(console): State<Console>,
    Path((root, operation_or_file)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let served = console.root(&root)?;
    let _turn = served.turn().await?;
    let report = Box::pin(service::dismiss(
        served.root(),
        &operation_or_file,
        clock::now(),
    ))
    .await?;
    Ok(tagged(report))
}

fn parsed(operation: &str) -> Result<OperationId, Failure> {
    operation
        .parse()
        .map_err(|_| Failure::unknown_operation(operation))
}

fn answered(answer: Answer<PlanReport>) -> Result<Response, Failure> {
    match answer {
        Answer::Done(report) => Ok(tagged(report)),
        Answer::No(report) => Err(Failure::refusal(report)),
    }
}
