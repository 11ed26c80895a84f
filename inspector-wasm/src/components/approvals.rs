//! Who approved a plan.

use sidecar::api::PlanReport;
use sidecar::{Approval, Plan};
use std::rc::Rc;
use yew::{Html, Properties, component, html};

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The report with its approvals.
    pub report: Rc<PlanReport>,
    /// The plan they are of.
    pub plan: Rc<Plan>,
}

/// Who approved a plan, and what their approval leaves out.
#[component]
pub fn Approvals(props: &Props) -> Html {
    if props.report.approvals.is_empty() {
        return Html::default();
    }
    let item = |approval: &Approval| {
        let missing = approval.missing(&props.plan);
        html! {
            <li>
                <strong>{ &approval.approved_by }</strong>{ " approved " }<time>{ approval.approved_at.to_string() }</time>
                if let Some(reason) = &approval.reason { <q>{ reason }</q> }
                if !missing.is_empty() {
                    <span class="missing">{ "does not state: " }{ for missing.iter().map(|requirement| html! { <>{ requirement.statement() }{ " " }</> }) }</span>
                }
            </li>
        }
    };
    html! { <ul class="approvals" data-testid="approvals">{ for props.report.approvals.iter().map(item) }</ul> }
}
