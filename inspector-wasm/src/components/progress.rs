//! How far an execution came, step by step.

use std::rc::Rc;

use sidecar::api::{ExecutionReport, StepProgress, StepState};
use yew::{Html, Properties, component, html};

use crate::words;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The execution.
    pub execution: Rc<ExecutionReport>,
}

/// How many steps of an execution are done.
#[must_use]
pub fn done(execution: &ExecutionReport) -> usize {
    execution.steps.iter().filter(|step| step.state == StepState::Done).count()
}

/// How far an execution came.
#[component]
pub fn ExecutionProgress(props: &Props) -> Html {
    let steps = &props.execution.steps;
    if steps.is_empty() {
        return html! { <p class="quiet-text">{ "The steps are being read…" }</p> };
    }
    let (done, total) = (done(&props.execution), steps.len());
    html! {
        <div class="progress" data-testid="progress">
            <progress max={total.to_string()} value={done.to_string()} aria-label="Steps done">{ format!("{done} of {total}") }</progress>
            <p class="quiet-text">{ format!("{} of {} done", words::grouped(done), words::counted(total, "step")) }</p>
            <div class={yew::classes!("scroller", (total > 12).then_some("tall"))} tabindex={(total > 12).then_some("0")}>
                <ol class="walk">{ for steps.iter().map(item) }</ol>
            </div>
        </div>
    }
}

fn item(step: &StepProgress) -> Html {
    let (class, word) = match step.state {
        StepState::Waiting => ("waiting", "waiting"),
        StepState::Started => ("started", "started"),
        StepState::Done => ("done", "done"),
    };
    html! {
        <li {class} data-state={class}>
            <span class="mark" aria-hidden="true"></span>
            <span>{ &step.sentence }<span class="unseen">{ format!(": {word}") }</span></span>
        </li>
    }
}
