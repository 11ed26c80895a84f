//! Tables that a merge changed, or may have changed, and that its sidecar does not name.

use sidecar::api::{LeftOutReport, PlanReport};
use yew::{Html, html};

use super::parts::each;

/// One line for each; nothing for other plans.
pub fn left_out(plan: &PlanReport) -> Html {
    if plan.left_out.is_empty() {
        return Html::default();
    }
    let item = |left_out: &LeftOutReport| html! { <li>{ &left_out.sentence }</li> };
    html! {
        <section class="card left-out" aria-labelledby="left-out-heading" data-testid="left-out">
            <h2 id="left-out-heading">{ "Not in the sidecar of this merge" }</h2>
            <ul class="reasons">{ each(&mut plan.left_out.iter().map(item)) }</ul>
        </section>
    }
}
