//! The panel of one recovery: the steps, the digest, and whatever can be done next.

use std::rc::Rc;

use sidecar::api::{EndReport, EndRequest, ExecutionReport, PlanReport};
use sidecar::{ApplyReport, Choice, Digest, Disposition, OutcomeKind, Requirement, SidecarFate};
use wasm_bindgen_futures::spawn_local;
use yew::{Callback, Html, MouseEvent, UseReducerDispatcher, html};

use crate::components::{
    Copyable, Form, Tone, alert, approval_form, approvals, failure_notice, folded, notice, outcome,
    progress, reasons, steps,
};
use crate::route::Route;
use crate::services::{backend, dom};
use crate::state::plan_check::PlanCheck;
use crate::state::recovery::{Action, Doing, RecoveryState, Stage, succeeded};
use crate::words::{self, visible};

/// The recovery that the panel belongs to, and the ways to change it.
pub struct Surroundings<'a> {
    /// The recovery as it is known.
    pub state: &'a RecoveryState,
    /// Takes changes of the state.
    pub dispatcher: UseReducerDispatcher<RecoveryState>,
    /// Asks for the plan anew.
    pub look: Callback<()>,
    /// Name of the root.
    pub root: &'a str,
    /// The operation or file that the address names.
    pub named: &'a str,
    /// The operation the plan is for.
    pub operation: &'a str,
    /// Something changed that the list shows too.
    pub onchanged: &'a Callback<()>,
}

/// The panel of one recovery.
pub fn panel(around: &Surroundings<'_>) -> Html {
    let state = around.state;
    let stage = state.stage();
    let title = match (stage, &state.plan.value) {
        (Stage::Running, _) => "Being carried out".to_owned(),
        (Stage::Resume, _) => "Begun, not finished".to_owned(),
        (Stage::Ended, _) => "Result".to_owned(),
        (Stage::Distrusted, _) => "Do not approve this".to_owned(),
        (_, Some(plan)) => capitalised(&words::purpose(plan)),
        (_, None) => "Plan".to_owned(),
    };
    let body = match stage {
        Stage::Blocked => blocked(around),
        Stage::Distrusted => distrusted(around),
        Stage::Approve => approve(around),
        Stage::Execute => execute(around),
        Stage::Running => running(around),
        Stage::Resume => resume(around),
        Stage::Ended => ended(around),
    };
    html! {
        <section class="card panel" aria-labelledby="panel-heading" data-testid="panel" data-stage={format!("{stage:?}").to_lowercase()}>
            <h2 id="panel-heading">{ title }</h2>
            if let Some(report) = &state.ended { { ended_attempt(report) } }
            { body }
        </section>
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| {
            [first.to_ascii_uppercase()]
                .into_iter()
                .chain(characters)
                .collect()
        })
        .unwrap_or_default()
}

/// Forgets what was said about the old plan and asks for a new one.
fn start_over(around: &Surroundings<'_>, label: &'static str) -> Html {
    let (dispatcher, look) = (around.dispatcher.clone(), around.look.clone());
    let onclick = Callback::from(move |_: MouseEvent| {
        dispatcher.dispatch(Action::StartedOver);
        look.emit(());
    });
    let busy = around.state.plan.asking.then_some("true");
    html! { <button type="button" {onclick} aria-busy={busy}>{ label }</button> }
}

fn refusal(around: &Surroundings<'_>) -> Html {
    match &around.state.refusal {
        Some(failure) => failure_notice(failure, start_over(around, "Make a new plan")),
        None => Html::default(),
    }
}

fn digest(plan: &PlanReport, check: &PlanCheck) -> Html {
    let Some(digest) = plan.digest else {
        return Html::default();
    };
    let mark = match check {
        PlanCheck::Agrees { .. } => {
            html! { <p class="checked" data-testid="digest-check" data-check="agrees">{ "Checked here: this is the digest of exactly what is shown." }</p> }
        }
        PlanCheck::Differs { .. } => {
            html! { <p class="checked failed" data-testid="digest-check" data-check="differs">{ "Checked here: it is not the digest of what is shown." }</p> }
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

fn blocked(around: &Surroundings<'_>) -> Html {
    let Some(plan) = &around.state.plan.value else {
        return Html::default();
    };
    let first = plan
        .blockers
        .iter()
        .find_map(|reason| reason.about.as_deref());
    let may_be_set_aside = plan.purpose.is_recovery() && plan.disposition.may_be_set_aside();
    let title = if plan.disposition.has_effect() {
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

fn set_aside(around: &Surroundings<'_>) -> Html {
    let route = Route::Dismissal {
        root: around.root.to_owned(),
        operation: around.named.to_owned(),
    };
    html! { <a class="button" href={route.href()}>{ "Set aside…" }</a> }
}

fn distrusted(around: &Surroundings<'_>) -> Html {
    let (Some(plan), PlanCheck::Differs { reason }) =
        (&around.state.plan.value, &around.state.check)
    else {
        return Html::default();
    };
    html! {
        <>
            { alert("What the server shows is not what its digest stands for", Tone::Stop, html! {
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

/// The approvals of the plan, the button that revokes them, and why the last request was refused.
fn consent(around: &Surroundings<'_>) -> Html {
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
                    <p>{ "That is on record. Nothing was changed, and nothing can be carried out until the plan is approved again." }</p>
                }) }
            }
            { refusal(around) }
        </>
    }
}

/// The button that takes the approvals back, behind a line that has to be unfolded first.
fn revocation(around: &Surroundings<'_>, named: Digest) -> Html {
    let busy = around.state.doing == Some(Doing::Revoking);
    let (dispatcher, root, operation, look, onchanged) = (
        around.dispatcher.clone(),
        around.root.to_owned(),
        around.operation.to_owned(),
        around.look.clone(),
        around.onchanged.clone(),
    );
    let onclick = Callback::from(move |_: MouseEvent| {
        if busy {
            return;
        }
        let (dispatcher, root, operation, look, onchanged) = (
            dispatcher.clone(),
            root.clone(),
            operation.clone(),
            look.clone(),
            onchanged.clone(),
        );
        dispatcher.dispatch(Action::Began(Doing::Revoking));
        spawn_local(async move {
            match backend::revoke(&root, &operation, named).await {
                Ok(()) => {
                    dispatcher.dispatch(Action::Revoked);
                    dom::say("The approval is revoked.");
                    look.emit(());
                    onchanged.emit(());
                }
                Err(failure) => dispatcher.dispatch(Action::Refused(failure)),
            }
        });
    });
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

fn approve(around: &Surroundings<'_>) -> Html {
    let (Some(plan), PlanCheck::Agrees { .. }) = (&around.state.plan.value, &around.state.check)
    else {
        return Html::default();
    };
    let Some(named) = plan.digest else {
        return Html::default();
    };
    let onapprove = {
        let (request, dispatcher) = (around.state.request(), around.dispatcher.clone());
        let (root, operation, look, onchanged) = (
            around.root.to_owned(),
            around.operation.to_owned(),
            around.look.clone(),
            around.onchanged.clone(),
        );
        Callback::from(move |()| {
            let (request, dispatcher) = (request.clone(), dispatcher.clone());
            let (root, operation, look, onchanged) = (
                root.clone(),
                operation.clone(),
                look.clone(),
                onchanged.clone(),
            );
            dispatcher.dispatch(Action::Began(Doing::Approving));
            spawn_local(async move {
                match backend::approve(&root, &operation, named, &request).await {
                    Ok(()) => {
                        dispatcher.dispatch(Action::Approved);
                        dom::say("The plan is approved.");
                        look.emit(());
                        onchanged.emit(());
                    }
                    Err(failure) => dispatcher.dispatch(Action::Refused(failure)),
                }
            });
        })
    };
    html! {
        <>
            { steps(&plan.steps) }
            { digest(plan, &around.state.check) }
            { consent(around) }
            { approval_form(&Form {
                requires: &plan.requires,
                stated: &around.state.stated,
                reason: &around.state.reason,
                label: "Approval",
                button: "Approve this plan",
                underway: "Approving…",
                busy: around.state.doing == Some(Doing::Approving),
                onstate: onstate(around),
                onreason: onreason(around),
                onsubmit: onapprove,
            }) }
            if plan.purpose.is_recovery() && plan.requires.contains(&Requirement::BranchRecreated) {
                <p class="actions">
                    { "If it is another branch, nothing of this write belongs there." }
                    { set_aside(around) }
                </p>
            }
            { other_choice(around) }
        </>
    }
}

fn onstate(around: &Surroundings<'_>) -> Callback<(Requirement, bool)> {
    let dispatcher = around.dispatcher.clone();
    Callback::from(move |(requirement, stated)| {
        dispatcher.dispatch(Action::Stated(requirement, stated))
    })
}

fn onreason(around: &Surroundings<'_>) -> Callback<String> {
    let dispatcher = around.dispatcher.clone();
    Callback::from(move |reason| dispatcher.dispatch(Action::Reasoned(reason)))
}

/// The form that ends an attempt, behind a line that has to be unfolded first.
fn ending(around: &Surroundings<'_>, named: Digest) -> Html {
    let onend = {
        let (reason, dispatcher) = (around.state.reason.clone(), around.dispatcher.clone());
        let (root, operation, look, onchanged) = (
            around.root.to_owned(),
            around.operation.to_owned(),
            around.look.clone(),
            around.onchanged.clone(),
        );
        Callback::from(move |()| {
            let (request, dispatcher) = (
                EndRequest {
                    reason: reason.trim().to_owned(),
                    writers_stopped: true,
                },
                dispatcher.clone(),
            );
            let (root, operation, look, onchanged) = (
                root.clone(),
                operation.clone(),
                look.clone(),
                onchanged.clone(),
            );
            dispatcher.dispatch(Action::Began(Doing::Ending));
            spawn_local(async move {
                match backend::end(&root, &operation, named, &request).await {
                    Ok(report) => {
                        dispatcher.dispatch(Action::EndedBy(Rc::new(report)));
                        dom::say("The attempt is ended.");
                        look.emit(());
                        onchanged.emit(());
                    }
                    Err(failure) => dispatcher.dispatch(Action::Refused(failure)),
                }
            });
        })
    };
    folded(
        "End this attempt…",
        html! {
            <div class="revocation">
                <p class="quiet-text">{ "For an attempt that cannot be carried on: a step keeps failing, or it was begun at another root. What was done stays done, what was begun and not recorded stays unknown, and your name and reason go on record. Then a new plan is made from what is there, and approved anew. If somebody still carries this plan out, stop that first." }</p>
                { approval_form(&Form {
                    requires: &[Requirement::WritersStopped, Requirement::Reason],
                    stated: &around.state.stated,
                    reason: &around.state.reason,
                    label: "End this attempt",
                    button: "End this attempt",
                    underway: "Ending…",
                    busy: around.state.doing == Some(Doing::Ending),
                    onstate: onstate(around),
                    onreason: onreason(around),
                    onsubmit: onend,
                }) }
            </div>
        },
    )
}

/// How far the attempt came that a person just ended.
fn ended_attempt(report: &EndReport) -> Html {
    let shown = ExecutionReport {
        operation_id: report.operation_id.to_string(),
        running: false,
        steps: report.steps.clone(),
        report: None,
        failure: None,
    };
    notice(
        "The attempt is ended",
        Tone::Calm,
        html! { <><p>{ words::sentence(&report.detail) }</p>{ progress(&shown) }</> },
    )
}

/// The link to the plan that can be chosen instead. Each plan is approved by itself.
fn other_choice(around: &Surroundings<'_>) -> Html {
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
            "This is not what the verdict says. It would roll this merge forward.",
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

/// The button that has the plan carried out, or taken up where it was left.
fn carry_out(around: &Surroundings<'_>, named: Digest, label: &'static str) -> Html {
    let busy = around.state.doing == Some(Doing::Starting);
    let (dispatcher, root, operation) = (
        around.dispatcher.clone(),
        around.root.to_owned(),
        around.operation.to_owned(),
    );
    let onclick = Callback::from(move |_: MouseEvent| {
        if busy {
            return;
        }
        let (dispatcher, root, operation) = (dispatcher.clone(), root.clone(), operation.clone());
        dispatcher.dispatch(Action::Began(Doing::Starting));
        spawn_local(async move {
            match backend::execute(&root, &operation, named).await {
                Ok(execution) => dispatcher.dispatch(Action::Followed(Ok(Rc::new(execution)))),
                Err(failure) => dispatcher.dispatch(Action::Refused(failure)),
            }
        });
    });
    html! { <button type="button" class="primary" {onclick} aria-busy={busy.then_some("true")}>{ if busy { "Starting…" } else { label } }</button> }
}

fn execute(around: &Surroundings<'_>) -> Html {
    let Some(plan) = &around.state.plan.value else {
        return Html::default();
    };
    html! {
        <>
            { steps(&plan.steps) }
            { digest(plan, &around.state.check) }
            { consent(around) }
            if let Some(named) = plan.digest { { carry_out(around, named, "Carry it out") } }
            <p class="quiet-text">{ "Before every step the store is looked at again; if anything is not as planned, nothing further is done." }</p>
            { other_choice(around) }
        </>
    }
}

fn running(around: &Surroundings<'_>) -> Html {
    let Some(execution) = &around.state.execution else {
        return Html::default();
    };
    html! {
        <>
            if around.state.out_of_touch {
                { alert("The server does not answer", Tone::Back, html! { <p>{ "What it is doing does not depend on this page. The page keeps asking." }</p> }) }
            }
            { progress(execution) }
        </>
    }
}

fn resume(around: &Surroundings<'_>) -> Html {
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
            <p>{ "Carrying it on repeats nothing: what is done already is recognised." }</p>
            if let Some(execution) = &around.state.execution { { progress(execution) } }
            { refusal(around) }
            <p class="actions">
                if let Some(named) = named { { carry_out(around, named, "Carry it on") } }
                { start_over(around, "Look again") }
            </p>
            if let Some(named) = named.filter(|_| around.state.can_be_ended()) { { ending(around, named) } }
        </>
    }
}

fn ended(around: &Surroundings<'_>) -> Html {
    let Some(execution) = &around.state.execution else {
        return Html::default();
    };
    let Some(report) = &execution.report else {
        return Html::default();
    };
    html! {
        <>
            { outcome(report, around.state.plan.value.as_ref().map(|plan| &plan.purpose)) }
            { refusal(around) }
            { afterwards(around, report) }
            { folded("What was done, step by step", progress(execution)) }
        </>
    }
}

fn afterwards(around: &Surroundings<'_>, report: &ApplyReport) -> Html {
    let record = Route::Record {
        root: around.root.to_owned(),
        operation: around.operation.to_owned(),
    }
    .href();
    let again = report.outcome == OutcomeKind::Unknown
        || (succeeded(report.outcome) && report.sidecar == SidecarFate::Kept);
    let left = around
        .state
        .plan
        .value
        .as_ref()
        .filter(|_| succeeded(report.outcome))
        .and_then(|plan| words::left(&plan.purpose, plan.steps.iter().map(|step| &step.step)));
    html! {
        <p class="actions">
            if again { { carry_out(around, report.digest, "Carry it on") } }
            if !succeeded(report.outcome) { { start_over(around, "Make a new plan") } }
            if let Some(left) = left {
                <a class="button" href={Route::Recovery { root: around.root.to_owned(), operation: left.to_string() }.href()}>{ "Open the sidecar it left" }</a>
            }
            <a class="button" href={record}>{ "See the record" }</a>
        </p>
    }
}
