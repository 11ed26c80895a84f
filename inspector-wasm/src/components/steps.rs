//! The steps of a plan: what each does, and when it is done at all.

use sidecar::api::StepReport;
use yew::{Html, html};

use super::parts::{each, tall};
use crate::words::{self, visible};

/// Steps seen at a time; more are scrolled.
pub const TALL: usize = 6;

/// The steps of a plan.
pub fn steps(steps: &[StepReport]) -> Html {
    if steps.is_empty() {
        return Html::default();
    }
    let step = |step: &StepReport| {
        html! {
            <li data-kind={step.step.kind()}>
                <span class="what">{ visible(&step.sentence) }</span>{ " " }
                <span class="condition">{ visible(&step.condition) }</span>
                { each(&mut step.objects.iter().map(|object| html! { <code class="object">{ visible(object) }</code> })) }
            </li>
        }
    };
    html! {
        <section class="steps" aria-labelledby="steps-heading">
            <h3 id="steps-heading">{ format!("{}, in this order", words::counted(steps.len(), "step")) }</h3>
            { tall(steps.len() > TALL, html! { <ol data-testid="steps">{ each(&mut steps.iter().map(step)) }</ol> }) }
        </section>
    }
}
