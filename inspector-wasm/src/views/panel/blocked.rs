//! A plan that cannot be approved: why, and where to go instead.

use sidecar::{Code, Disposition};
use yew::{Html, html};

use super::approve::consent;
use super::parts::{digest, other_choice, set_aside, start_over};
use super::surroundings::Surroundings;
use crate::components::{Tone, alert, notice, reasons, steps};
use crate::route::Route;
use crate::state::plan_check::PlanCheck;
use crate::words::{self, visible};

/// Nothing can be done: the reasons.
pub(super) fn blocked(around: &Surroundings<'_>) -> Html {
    let Some(plan) = &around.state.plan.value else {
        return Html::default();
    };
    let first = plan
        .blockers
        .iter()
        .find_map(|reason| reason.about.as_deref());
    let may_be_set_aside = plan.may_be_set_aside();
    let is_beyond_this_build = plan
        .blockers
        .iter()
        .any(|reason| reason.code == Code::NotYetSupported);
    let title = if is_beyond_this_build {
        "This build does not carry this plan out"
    } else if plan.disposition.has_effect() {
        "This plan cannot be carried out now"
    } else if may_be_set_aside {
        "This cannot be recovered here"
    } else {
        "Nothing can be done here"
    };
    html! {
        <>
            { notice(title, Tone::Calm, html! {
                <>
                    { reasons(&plan.blockers) }
                    if around.state.may_pass_by_itself() { <p>{ "This page looks again by itself." }</p> }
                </>
            }) }
            <p class="actions">
                if let Some(first) = first {
                    <a class="button" href={Route::Recovery { root: around.root.to_owned(), operation: first.to_owned() }.href()}>{ if plan.disposition == Disposition::Waiting { "Open the older one" } else { "Open that one" } }</a>
                }
                if may_be_set_aside {
                    { set_aside(around) }
                }
                { start_over(around, "Look again") }
            </p>
            { steps(&plan.steps) }
            { digest(plan, &around.state.check) }
            { consent(around) }
            { other_choice(around) }
        </>
    }
}

/// The plan does not have the digest that the server gave it.
pub(super) fn distrusted(around: &Surroundings<'_>) -> Html {
    let (Some(plan), PlanCheck::Differs { reason }) =
        (&around.state.plan.value, &around.state.check)
    else {
        return Html::default();
    };
    html! {
        <>
            { alert("The server shows another plan than its digest stands for", Tone::Stop, html! {
                <>
                    <p>{ visible(&words::sentence(reason)) }</p>
                    <p>{ "Load the page again. If this stays, page and server are of different versions, or the server is not to be trusted." }</p>
                </>
            }) }
            { digest(plan, &around.state.check) }
            { start_over(around, "Make a new plan") }
        </>
    }
}
