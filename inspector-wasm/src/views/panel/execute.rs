//! A plan that is approved: carrying it out, following it, and taking up or ending an attempt that stopped.

use std::rc::Rc;

use sidecar::api::EndRequest;
use sidecar::{Digest, Requirement};
use yew::{Html, MouseEvent, html};

use super::approve::consent;
use super::parts::{Named, digest, form, other_choice, refusal, start_over};
use super::surroundings::{Ask, Surroundings, asking};
use crate::components::{Tone, alert, failure_notice, folded, progress, steps, toned};
use crate::services::backend;
use crate::state::recovery::{Action, Doing};
use crate::words::{self, visible};

/// The plan is approved and can be carried out.
pub(super) fn execute(around: &Surroundings<'_>) -> Html {
    let Some(plan) = &around.state.plan.value else {
        return Html::default();
    };
    html! {
        <>
            { steps(&plan.steps) }
            { consent(around) }
            { digest(plan, &around.state.check) }
            <p class="quiet-text">{ "The store is read again before every step. If anything is not as planned, no further step is done." }</p>
            { other_choice(around) }
        </>
    }
}

/// It is being carried out.
pub(super) fn running(around: &Surroundings<'_>) -> Html {
    let Some(execution) = &around.state.execution else {
        return Html::default();
    };
    html! {
        <>
            if let Some(failure) = &around.state.out_of_touch {
                { failure_notice(failure, html! { <p>{ "The execution does not depend on this page." }</p> }) }
            }
            { progress(execution) }
        </>
    }
}

/// It was begun and nobody carries it out.
pub(super) fn resume(around: &Surroundings<'_>) -> Html {
    let named = around
        .state
        .plan
        .value
        .as_ref()
        .and_then(|plan| plan.digest);
    let failure = around
        .state
        .execution
        .as_ref()
        .and_then(|execution| execution.failure.clone());
    html! {
        <>
            if let Some(failure) = failure {
                { alert("It stopped before it was finished", Tone::Stop, html! { <p>{ visible(&words::sentence(&failure)) }</p> }) }
            }
            <p>{ "Carrying it on repeats nothing: steps that are done already are recognised." }</p>
            if let Some(execution) = &around.state.execution { { progress(execution) } }
            { refusal(around) }
            <p class="actions">{ start_over(around, "Look again") }</p>
            if let Some(named) = named.filter(|_| around.state.can_be_ended()) { { ending(around, named) } }
        </>
    }
}

/// The button that has the plan carried out, or taken up where it was left.
pub(super) fn carry_out(
    around: &Surroundings<'_>,
    named: Digest,
    label: &'static str,
    tone: Tone,
) -> Html {
    let busy = around.state.doing == Some(Doing::Starting);
    let ask: Ask = Box::new(move |root, operation| {
        Box::pin(async move {
            backend::execute(&root, &operation, named)
                .await
                .map(|execution| Action::Followed(Ok(Rc::new(execution))))
        })
    });
    let onclick = asking(around, Doing::Starting, ask).reform(|_: MouseEvent| ());
    html! { <button type="button" class={toned("primary", tone)} {onclick} aria-busy={busy.then_some("true")} data-testid="carry-out">{ if busy { "Starting…" } else { label } }</button> }
}

/// The form that ends an attempt, behind a line that has to be unfolded first.
fn ending(around: &Surroundings<'_>, digest: Digest) -> Html {
    // The form is only sent once the box is ticked.
    let request = EndRequest {
        reason: around.state.reason.trim().to_owned(),
        writers_stopped: true,
    };
    let ask: Ask = Box::new(move |root, operation| {
        let request = request.clone();
        Box::pin(async move {
            backend::end(&root, &operation, digest, &request)
                .await
                .map(|report| Action::EndedBy(Rc::new(report)))
        })
    });
    let requires = [Requirement::WritersStopped, Requirement::Reason];
    let busy = around.state.doing == Some(Doing::Ending);
    let named = Named {
        id: "ending",
        label: "End this attempt",
        button: html! {
            <button type="submit" class="primary stop" aria-busy={busy.then_some("true")}>{ if busy { "Ending…" } else { "End this attempt" } }</button>
        },
    };
    folded(
        "End this attempt…",
        html! {
            <div class="revocation">
                <p class="quiet-text">{ "For an attempt that cannot be carried on: a step keeps failing, or it was begun at another root. If somebody still carries this plan out, stop that first. Steps that are done stay done. Of a step that was begun and not recorded, nobody knows whether it was done. Your name and reason go on record. Then a new plan is made from the state of the store, and has to be approved." }</p>
                { form(around, &requires, named, Doing::Ending, ask) }
            </div>
        },
    )
}
