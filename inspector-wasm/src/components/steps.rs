//! The steps of a plan: what each does, and when it is done at all.

use std::rc::Rc;

use sidecar::api::PlanReport;
use yew::{Html, Properties, component, html};

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The plan.
    pub plan: Rc<PlanReport>,
}

/// The steps of a plan.
#[component]
pub fn Steps(props: &Props) -> Html {
    let steps = &props.plan.steps;
    if steps.is_empty() {
        return Html::default();
    }
    html! {
        <section class="steps" aria-labelledby="steps-heading">
            <h3 id="steps-heading">{ "Steps, in this order" }</h3>
            <div class={yew::classes!("scroller", (steps.len() > 12).then_some("tall"))} tabindex={(steps.len() > 12).then_some("0")}>
                <ol data-testid="steps">
                    { for steps.iter().map(|step| html! {
                        <li data-kind={step.step.kind()}>
                            <span class="what">{ &step.sentence }</span>{ " " }
                            <span class="condition">{ &step.condition }</span>
                        </li>
                    }) }
                </ol>
            </div>
        </section>
    }
}
