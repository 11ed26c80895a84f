//! `GET …/recoveries/{operation}/rows`: which rows its plan changes for readers, with `sample=N` some of them, with `table=KEY` of one
//! table only.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use sidecar::Choice;
use sidecar::rows_report::SAMPLE_ROWS_MAX;

use super::answer;
use super::console::Console;
use super::failure::Failure;
use crate::service;
use crate::service::{Answer, RowsAsked};
use fenced_lance::RowBounds;
use root_objects::clock;

/// What is asked about the rows of a plan.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// The only table that is looked at.
    table: Option<String>,
    /// Rows of each kind that are shown.
    sample: usize,
    /// What a person chose; each choice is a plan of its own.
    choice: Choice,
}

pub(super) async fn show(
    State(console): State<Console>,
    Path((root, operation_or_file)): Path<(String, String)>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(Asked {
        table,
        sample,
        choice,
    }) = asked.map_err(|error| Failure::bad_request("bad_query", error.body_text()))?;
    if sample > SAMPLE_ROWS_MAX {
        return Err(Failure::bad_request(
            "bad_query",
            format!("sample is at most {SAMPLE_ROWS_MAX}"),
        ));
    }
    let asked = RowsAsked {
        choice,
        table,
        bounds: RowBounds {
            sample_rows: sample,
            ..RowBounds::DEFAULT
        },
        ..RowsAsked::default()
    };
    let answer = console
        .root(&root)?
        .look(async move |root| {
            Box::pin(service::rows(
                &root,
                &operation_or_file,
                asked,
                clock::now(),
            ))
            .await
        })
        .await?;
    match answer {
        Answer::Done(report) => answer::json(report).await,
        Answer::No(refusal) => Err(Failure::refusal(refusal)),
    }
}
