//! An execution that ended: the result, and where to go from there.

use sidecar::ApplyReport;
use sidecar::api::{EndReport, ExecutionReport};
use yew::{Html, html};

use super::parts::refusal;
use super::surroundings::Surroundings;
use crate::components::{Tone, folded, notice, outcome, progress};
use crate::route::Route;
use crate::words;

/// The result.
pub(super) fn ended(around: &Surroundings<'_>) -> Html {
    let Some(execution) = &around.state.execution else {
        return Html::default();
    };
    let Some(report) = &execution.report else {
        return Html::default();
    };
    html! {
        <>
            { outcome(report, around.state.plan.value.as_ref().map(|plan| &plan.purpose)) }
            { refusal(around) }
            { afterwards(around, report) }
            { folded("What was done, step by step", progress(execution)) }
        </>
    }
}

fn afterwards(around: &Surroundings<'_>, report: &ApplyReport) -> Html {
    let record = Route::Record {
        root: around.root.to_owned(),
        operation: around.operation.to_owned(),
    }
    .href();
    let left = around
        .state
        .plan
        .value
        .as_ref()
        .filter(|_| report.outcome.is_success())
        .and_then(|plan| words::left(&plan.purpose, plan.steps.iter().map(|step| &step.step)));
    html! {
        <p class="actions">
            if let Some(left) = left {
                <a class="button" href={Route::Recovery { root: around.root.to_owned(), operation: left.to_string() }.href()}>{ "Open the sidecar it left" }</a>
            }
            <a class="button" href={record}>{ "See the record" }</a>
        </p>
    }
}

/// How far the attempt came that a person just ended.
pub(super) fn ended_attempt(report: &EndReport) -> Html {
    let shown = ExecutionReport {
        operation_id: report.operation_id.to_string(),
        running: false,
        steps: report.steps.clone(),
        report: None,
        failure: None,
    };
    notice(
        "The attempt is ended",
        Tone::Calm,
        html! { <><p>{ words::sentence(&report.detail) }</p>{ progress(&shown) }</> },
    )
}
