//! Who approved a plan.

use sidecar::{Approval, Plan, explanation};
use yew::{Html, html};

use super::parts::each;
use crate::words::visible;

/// Who approved a plan, and what their approval leaves out.
pub fn approvals(approvals: &[Approval], plan: &Plan) -> Html {
    if approvals.is_empty() {
        return Html::default();
    }
    let item = |approval: &Approval| {
        let missing: Vec<&str> = approval
            .missing(plan)
            .iter()
            .map(|requirement| requirement.statement())
            .collect();
        html! {
            <li>
                <strong>{ visible(&approval.approved_by) }</strong>{ " approved " }<time>{ approval.approved_at.to_string() }</time>
                if let Some(reason) = &approval.reason { <q>{ visible(reason) }</q> }
                if !missing.is_empty() { <span class="missing">{ "does not state: " }{ missing.join(" ") }</span> }
            </li>
        }
    };
    html! {
        <>
            <ul class="approvals" data-testid="approvals">{ each(&mut approvals.iter().map(item)) }</ul>
            <p class="condition" data-testid="who-can-approve">{ explanation::WHO_CAN_APPROVE }</p>
        </>
    }
}
