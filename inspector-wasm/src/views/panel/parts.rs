//! The parts that several stages of the panel show.

use sidecar::api::PlanReport;
use sidecar::{Choice, Requirement, Timestamp, age_text};
use yew::{Callback, Html, MouseEvent, html};

use super::surroundings::{Ask, Surroundings, asking};
use crate::components::{Copyable, Form, Tone, alert, approval_form, failure_notice};
use crate::route::Route;
use crate::services::dom;
use crate::state::plan_check::PlanCheck;
use crate::state::recovery::{Action, Doing};

/// A form beside what it is about.
pub(super) struct Named {
    /// Its name in the page.
    pub(super) id: &'static str,
    /// Its purpose, for people who do not see it.
    pub(super) label: &'static str,
    /// Its button, unless that stays in view.
    pub(super) button: Html,
}

/// The name of the form whose button stays in view.
pub(super) const APPROVAL: &str = "approval";

/// The statements that something requires, and the button that does it.
pub(super) fn form(
    around: &Surroundings<'_>,
    requires: &[Requirement],
    named: Named,
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
        id: named.id,
        label: named.label,
        button: named.button,
        last_commit: last_commit(around).as_deref(),
        onstate,
        onreason,
        onsubmit: asking(around, doing, ask),
    })
}

/// When the latest commit was made that the tables of the plan show, and how long ago.
fn last_commit(around: &Surroundings<'_>) -> Option<String> {
    let plan = around.state.plan.value.as_ref()?;
    let transactions = plan.tables.iter().flat_map(|table| &table.transactions);
    let last = transactions
        .filter_map(|seen| seen.transaction.as_ref()?.timestamp)
        .max()?;
    let age = last.age_seconds(Timestamp::from_micros(dom::now_micros()));
    Some(format!("{last}, {} ago", age_text(age)))
}

/// Drops the statements and refusals about the old plan, and asks for a new plan.
pub(super) fn start_over(around: &Surroundings<'_>, label: &'static str) -> Html {
    starting_over(around, label, None)
}

/// The same as the one thing to do now.
pub(super) fn start_over_first(around: &Surroundings<'_>, label: &'static str) -> Html {
    starting_over(around, label, Some("primary"))
}

fn starting_over(
    around: &Surroundings<'_>,
    label: &'static str,
    class: Option<&'static str>,
) -> Html {
    let (dispatcher, look) = (around.dispatcher.clone(), around.look.clone());
    let onclick = Callback::from(move |_: MouseEvent| {
        dispatcher.dispatch(Action::StartedOver);
        look.emit(());
    });
    let busy = around.state.plan.asking.then_some("true");
    html! { <button type="button" {class} {onclick} aria-busy={busy}>{ label }</button> }
}

pub(super) fn refusal(around: &Surroundings<'_>) -> Html {
    match around.state.refusal.as_deref() {
        // Starting over would lose what was typed, and help nobody.
        Some(failure) if failure.is_silence() || failure.asks_for_login() => failure_notice(
            failure,
            html! { <p>{ "Nobody knows yet whether what you asked for was done. As soon as the server answers, this page shows what is on record." }</p> },
        ),
        Some(failure) => failure_notice(failure, start_over(around, "Make a new plan")),
        None => Html::default(),
    }
}

/// Says that the plan on this page is another one than before, to a person who may have begun to state things about that.
pub(super) fn replaced(around: &Surroundings<'_>) -> Html {
    if !around.state.replaced {
        return Html::default();
    }
    alert(
        "This is another plan than before",
        Tone::Back,
        html! { <p>{ "The store moved, or its file did. Read this plan anew: statements about the old one do not count for it. The reason that was typed is kept." }</p> },
    )
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
