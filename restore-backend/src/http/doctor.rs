//! `GET …/doctor`: whether a root is in order, and with `upgrade=true` whether it is ready for an upgrade.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use sidecar::doctor::DoctorScope;

use super::answer;
use super::console::Console;
use super::failure::Failure;
use crate::service;
use root_objects::clock;

/// What is asked about a root.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// Whether the list that precedes an upgrade is wanted too.
    upgrade: bool,
}

pub(super) async fn show(
    State(console): State<Console>,
    Path(root): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(Asked { upgrade }) =
        asked.map_err(|error| Failure::bad_request("bad_query", error.body_text()))?;
    let scope = if upgrade {
        DoctorScope::Upgrade
    } else {
        DoctorScope::Today
    };
    let report = console
        .root(&root)?
        .look(async move |root| Box::pin(service::doctor(&root, scope, clock::now())).await)
        .await?;
    answer::json(report).await
}
