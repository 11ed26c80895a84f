//! The steps of a plan: what each does, and when it is done at all.

use sidecar::api::StepReport;
use yew::{Html, html};

use super::parts::{each, folded};
use crate::words::{self, visible};

/// Steps seen at once; more are folded away, so that no box has to be scrolled within the page.
const SHOWN: usize = 12;

/// The steps of a plan, and every file that they write.
pub fn steps(steps: &[StepReport]) -> Html {
    if steps.is_empty() {
        return Html::default();
    }
    let step = |step: &StepReport| {
        html! {
            <li data-kind={step.step.kind()}>
                <span class="what">{ visible(&step.sentence) }</span>{ " " }
                <span class="condition">{ visible(&step.condition) }</span>
            </li>
        }
    };
    let objects: Vec<Html> = steps
        .iter()
        .flat_map(|step| &step.objects)
        .map(|object| html! { <li><code class="object">{ visible(object) }</code></li> })
        .collect();
    let list = |steps: &[StepReport]| html! { <ol>{ each(&mut steps.iter().map(step)) }</ol> };
    let (first, more) = steps.split_at(steps.len().min(SHOWN));
    html! {
        <section class="steps" aria-labelledby="steps-heading">
            <h3 id="steps-heading">{ format!("{}, in this order", words::counted(steps.len(), "step")) }</h3>
            <div data-testid="steps">
                { list(first) }
                if !more.is_empty() { { folded(format!("{} more", words::counted(more.len(), "step")), list(more)) } }
            </div>
            if !objects.is_empty() { { folded("Every file that is written or removed", html! { <ul class="objects">{ for objects }</ul> }) } }
        </section>
    }
}
