//! What the server found on the tables of a sidecar of version 9, and what the file says, in the server's words.

use sidecar::api::{FactLine, PlanReport};
use yew::{Html, html};

use super::parts::each;
use crate::words::visible;

/// The verdict, what engines do about it, and what to do now; nothing for plans of other versions.
pub fn verdict_of_found(plan: &PlanReport) -> Html {
    let lines = lines(plan, true);
    if lines.is_empty() {
        return Html::default();
    }
    html! {
        <section class="card found" aria-labelledby="found-heading" data-testid="found">
            <h2 id="found-heading">{ "What happened, and what to do" }</h2>
            <dl>{ each(&mut lines.into_iter()) }</dl>
        </section>
    }
}

/// The facts that the verdict rests on: folded, since the cards of the tables show most of them.
pub fn found(plan: &PlanReport) -> Html {
    let lines = lines(plan, false);
    if lines.is_empty() {
        return Html::default();
    }
    let was_judged = plan.facts.iter().any(FactLine::is_of_the_verdict);
    let summary = match was_judged {
        true => "What was found, and what the file says",
        false => "What the file says",
    };
    html! {
        <details class="card found" data-testid="found-in-detail">
            <summary>{ summary }</summary>
            <dl>{ each(&mut lines.into_iter()) }</dl>
        </details>
    }
}

fn lines(plan: &PlanReport, is_of_the_verdict: bool) -> Vec<Html> {
    let line = |line: &FactLine| {
        html! { <div><dt>{ visible(&line.label) }</dt><dd>{ visible(&line.text) }</dd></div> }
    };
    let facts = plan.facts.iter();
    facts
        .filter(|fact| fact.is_of_the_verdict() == is_of_the_verdict)
        .map(line)
        .collect()
}
