//! The parts that several stages of the panel show.

use sidecar::api::PlanReport;
use sidecar::{Choice, Requirement};
use yew::{Callback, Html, MouseEvent, html};

use super::surroundings::{Ask, Surroundings, asking};
use crate::components::{Copyable, Form, approval_form, failure_notice};
use crate::route::Route;
use crate::state::plan_check::PlanCheck;
use crate::state::recovery::{Action, Doing};

/// The words of a form.
pub(super) struct Wording {
    /// The purpose of the form, for people who do not see it.
    pub(super) label: &'static str,
    /// The text of its button.
    pub(super) button: &'static str,
    /// The text of the button while the request is on its way.
    pub(super) underway: &'static str,
}

/// The statements that something requires, and the button that does it.
pub(super) fn form(
    around: &Surroundings<'_>,
    requires: &[Requirement],
    wording: &Wording,
    doing: Doing,
    ask: Ask,
) -> Html {
    let onstate = {
        let dispatcher = around.dispatcher.clone();
        Callback::from(move |(requirement, stated)| {
            dispatcher.dispatch(Action::Stated(requirement, stated));
        })
    };
    let onreason = {
        let dispatcher = around.dispatcher.clone();
        Callback::from(move |reason| dispatcher.dispatch(Action::Reasoned(reason)))
    };
    approval_form(&Form {
        requires,
        stated: &around.state.stated,
        reason: &around.state.reason,
        label: wording.label,
        button: wording.button,
        underway: wording.underway,
        busy: around.state.doing == Some(doing),
        onstate,
        onreason,
        onsubmit: asking(around, doing, ask),
    })
}

/// Drops the statements and refusals about the old plan, and asks for a new plan.
pub(super) fn start_over(around: &Surroundings<'_>, label: &'static str) -> Html {
    let (dispatcher, look) = (around.dispatcher.clone(), around.look.clone());
    let onclick = Callback::from(move |_: MouseEvent| {
        dispatcher.dispatch(Action::StartedOver);
        look.emit(());
    });
    let busy = around.state.plan.asking.then_some("true");
    html! { <button type="button" {onclick} aria-busy={busy}>{ label }</button> }
}

pub(super) fn refusal(around: &Surroundings<'_>) -> Html {
    match &around.state.refusal {
        Some(failure) => failure_notice(failure, start_over(around, "Make a new plan")),
        None => Html::default(),
    }
}

pub(super) fn digest(plan: &PlanReport, check: &PlanCheck) -> Html {
    let Some(digest) = plan.digest else {
        return Html::default();
    };
    let mark = match check {
        PlanCheck::Agrees { .. } => {
            html! { <p class="checked" data-testid="digest-check" data-check="agrees">{ "Checked here: this is the digest of exactly the plan that is shown." }</p> }
        }
        PlanCheck::Differs { .. } => {
            html! { <p class="checked failed" data-testid="digest-check" data-check="differs">{ "Checked here: this is not the digest of the plan that is shown." }</p> }
        }
        PlanCheck::NoDigest => Html::default(),
    };
    html! {
        <section class="digest" aria-labelledby="digest-heading">
            <h3 id="digest-heading">{ "Digest of this plan" }</h3>
            <Copyable text={digest.to_string()} what="the digest" block=true />
            { mark }
        </section>
    }
}

pub(super) fn set_aside(around: &Surroundings<'_>) -> Html {
    let route = Route::Dismissal {
        root: around.root.to_owned(),
        operation: around.named.to_owned(),
    };
    html! { <a class="button" href={route.href()}>{ "Set aside…" }</a> }
}

/// The link to the plan that can be chosen instead. Each plan is approved by itself.
pub(super) fn other_choice(around: &Surroundings<'_>) -> Html {
    let Some(plan) = &around.state.plan.value else {
        return Html::default();
    };
    let root = around.root.to_owned();
    let operation = plan.operation_id.clone();
    let (words, label, route) = match plan.other_choices.first() {
        None => return Html::default(),
        Some(Choice::RollBack) => (
            "Nothing of this merge is published yet, so it can be rolled back instead.",
            "Look at the roll back",
            Route::RollBack { root, operation },
        ),
        Some(Choice::Verdict) => (
            "The verdict would roll this merge forward. This plan rolls it back by choice.",
            "Look at the roll forward",
            Route::Recovery { root, operation },
        ),
    };
    html! {
        <div data-testid="other-choice">
            <p class="quiet-text">{ words }</p>
            <p class="actions"><a class="button" href={route.href()}>{ label }</a></p>
        </div>
    }
}
