//! A plan that can be approved: the form, the approvals so far, and how they are taken back.

use sidecar::Digest;
use yew::{Html, MouseEvent, html};

use super::parts::{APPROVAL, Named, digest, form, other_choice, refusal, replaced, set_aside};
use super::surroundings::{Ask, Surroundings, asking};
use crate::components::{Tone, approvals, folded, notice, steps};
use crate::services::backend;
use crate::state::plan_check::PlanCheck;
use crate::state::recovery::{Action, Doing};
use crate::words;

/// The plan, and the form that approves it.
pub(super) fn approve(around: &Surroundings<'_>) -> Html {
    let (Some(plan), PlanCheck::Agrees { .. }) = (&around.state.plan.value, &around.state.check)
    else {
        return Html::default();
    };
    let Some(approved) = plan.digest else {
        return Html::default();
    };
    let request = around.state.request();
    let ask: Ask = Box::new(move |root, operation| {
        let request = request.clone();
        Box::pin(async move {
            backend::approve(&root, &operation, approved, &request)
                .await
                .map(|()| Action::Approved)
        })
    });
    let named = Named {
        id: APPROVAL,
        label: "Approval",
        button: Html::default(),
    };
    html! {
        <>
            { replaced(around) }
            { steps(&plan.steps) }
            { consent(around) }
            { form(around, &plan.requires, named, Doing::Approving, ask) }
            { digest(plan, &around.state.check) }
            if plan.may_be_set_aside_instead() {
                <p class="actions">
                    { "If it is another branch, nothing of this write belongs there." }
                    { set_aside(around) }
                </p>
            }
            { other_choice(around) }
        </>
    }
}

/// The approvals of the plan, the button that revokes them, and why the last request was refused.
pub(super) fn consent(around: &Surroundings<'_>) -> Html {
    let (Some(plan), PlanCheck::Agrees { plan: checked, .. }) =
        (&around.state.plan.value, &around.state.check)
    else {
        return refusal(around);
    };
    html! {
        <>
            { approvals(&plan.approvals, checked) }
            if plan.approvals_left_out > 0 {
                <p class="quiet-text">{ format!("{} are in its journal.", words::counted(plan.approvals_left_out, "older approval")) }</p>
            }
            if let Some(named) = plan.digest.filter(|_| !plan.approvals.is_empty()) {
                { revocation(around, named) }
            } else if around.state.revoked {
                { notice("The approval is revoked", Tone::Calm, html! {
                    <p>{ "The revocation is on record. No table was changed, and nothing can be carried out until the plan is approved again." }</p>
                }) }
            }
            { refusal(around) }
        </>
    }
}

/// The button that takes the approvals back, behind a line that has to be unfolded first.
fn revocation(around: &Surroundings<'_>, named: Digest) -> Html {
    let busy = around.state.doing == Some(Doing::Revoking);
    let ask: Ask = Box::new(move |root, operation| {
        Box::pin(async move {
            backend::revoke(&root, &operation, named)
                .await
                .map(|()| Action::Revoked)
        })
    });
    let onclick = asking(around, Doing::Revoking, ask).reform(|_: MouseEvent| ());
    folded(
        "Revoke approval…",
        html! {
            <div class="revocation">
                <p class="quiet-text">{ "Every approval of this plan ends, those of others too, and your name goes on record. Nothing can be carried out until the plan is approved again." }</p>
                <button type="button" {onclick} aria-busy={busy.then_some("true")}>{ if busy { "Revoking…" } else { "Revoke approval" } }</button>
            </div>
        },
    )
}
