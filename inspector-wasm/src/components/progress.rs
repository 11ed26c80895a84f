//! How far an execution came, step by step.

use sidecar::api::{ExecutionReport, StepProgress, StepState};
use yew::{Html, html};

use super::parts::{each, tall};
use super::steps::TALL;
use crate::words::{self, visible};

/// How far an execution came.
pub fn progress(execution: &ExecutionReport) -> Html {
    let steps = &execution.steps;
    if steps.is_empty() {
        return html! { <p class="quiet-text">{ "The steps are being read…" }</p> };
    }
    let done = steps
        .iter()
        .filter(|step| step.state == StepState::Done)
        .count();
    let total = steps.len();
    html! {
        <div class="progress" data-testid="progress">
            { bar(done, total, "Steps done") }
            <p class="quiet-text">{ format!("{} of {} done", words::grouped(done), words::counted(total, "step")) }</p>
            { tall(total > TALL, html! { <ol class="walk">{ each(&mut steps.iter().map(item)) }</ol> }) }
        </div>
    }
}

/// A bar that fills.
pub fn bar(done: usize, total: usize, name: &'static str) -> Html {
    html! { <progress max={total.to_string()} value={done.to_string()} aria-label={name}></progress> }
}

fn item(step: &StepProgress) -> Html {
    let state = match step.state {
        StepState::Waiting => "waiting",
        StepState::Started => "started",
        StepState::Done => "done",
    };
    html! {
        <li class={state} data-state={state}>
            <span class="mark" aria-hidden="true"></span>
            <span>{ visible(&step.sentence) }<span class="unseen">{ format!(": {state}") }</span></span>
        </li>
    }
}
