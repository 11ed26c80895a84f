//! What the server found on the tables of a sidecar of version 9, and what the file says, in the server's words.

use sidecar::api::{FactLine, PlanReport};
use yew::{Html, html};

use super::parts::each;
use crate::words::visible;

/// One line for each; nothing for other plans.
pub fn found(plan: &PlanReport) -> Html {
    if plan.facts.is_empty() {
        return Html::default();
    }
    let line = |line: &FactLine| {
        html! { <div><dt>{ visible(&line.label) }</dt><dd>{ visible(&line.text) }</dd></div> }
    };
    html! {
        <section class="card found" aria-labelledby="found-heading" data-testid="found">
            <h2 id="found-heading">{ "What was found, and what the file says" }</h2>
            <dl>{ each(&mut plan.facts.iter().map(line)) }</dl>
        </section>
    }
}
