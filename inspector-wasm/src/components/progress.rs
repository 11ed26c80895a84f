//! How far an execution came, step by step.

use sidecar::api::{ExecutionReport, StepProgress, StepState};
use yew::{Html, html};

use super::parts::each;
use crate::words::{self, visible};

/// How far an execution came, step by step.
pub fn progress(execution: &ExecutionReport) -> Html {
    let steps = &execution.steps;
    if steps.is_empty() {
        return html! { <p class="quiet-text">{ "The steps are being read…" }</p> };
    }
    let class = if execution.running {
        "walk running"
    } else {
        "walk"
    };
    html! {
        <div class="progress" data-testid="progress">
            { progress_bar(execution) }
            <ol {class}>{ each(&mut steps.iter().map(item)) }</ol>
        </div>
    }
}

/// How far an execution came, in numbers.
pub fn progress_bar(execution: &ExecutionReport) -> Html {
    let steps = &execution.steps;
    let done = steps
        .iter()
        .filter(|step| step.state == StepState::Done)
        .count();
    let total = steps.len();
    html! {
        <>
            { bar(done, total, "Steps done") }
            <p class="quiet-text">{ format!("{} of {} done", words::grouped(done), words::counted(total, "step")) }</p>
        </>
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
