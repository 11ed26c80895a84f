//! `GET …/recoveries` and `GET …/recoveries/{operation_or_file}`: what is pending, and what would be done about it.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use sidecar::Choice;
use sidecar::api::PlanReport;

use super::answer;
use super::console::Console;
use super::failure::Failure;
use super::if_match::entity_tag;
use crate::service;
use crate::service::Answer;
use root_objects::clock;

pub(super) async fn list(
    State(console): State<Console>,
    Path(root): Path<String>,
) -> Result<Response, Failure> {
    let list = console
        .root(&root)?
        .look(async move |root| Box::pin(service::list(&root, clock::now())).await)
        .await?;
    answer::json(list).await
}

/// What is asked about one recovery.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// What a person chose; each choice is a plan of its own.
    choice: Choice,
}

/// The entity tag is the plan's digest. A request that names it is still answered in full: ages, approvals and progress
/// change while the plan stays.
pub(super) async fn show(
    State(console): State<Console>,
    Path((root, operation_or_file)): Path<(String, String)>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Failure> {
    let Ok(Query(Asked { choice })) = asked else {
        return Err(Failure::of_status(
            StatusCode::BAD_REQUEST,
            Some(
                "the only question that can be asked here is choice=verdict or choice=roll_back"
                    .to_owned(),
            ),
        ));
    };
    let answer = console
        .root(&root)?
        .look(async move |root| {
            Box::pin(service::plan_choosing(
                &root,
                &operation_or_file,
                choice,
                clock::now(),
            ))
            .await
        })
        .await?;
    answered(answer).await
}

/// A plan, or why there is none.
pub(super) async fn answered(answer: Answer<PlanReport>) -> Result<Response, Failure> {
    match answer {
        Answer::Done(report) => tagged(report).await,
        Answer::No(report) => Err(Failure::refusal(report)),
    }
}

/// A plan with its digest as the entity tag.
pub(super) async fn tagged(report: PlanReport) -> Result<Response, Failure> {
    let tag = report.digest.and_then(entity_tag);
    let mut response = answer::json(report).await?;
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}
