//! The panel of one recovery: the steps, the digest, and whatever can be done next.

use std::rc::Rc;

use sidecar::api::PlanReport;
use sidecar::{ApplyReport, Code, Digest, Disposition, OutcomeKind, SidecarFate};
use wasm_bindgen_futures::spawn_local;
use yew::{Callback, Html, MouseEvent, Properties, UseReducerDispatcher, component, html, use_context};

use crate::components::{
    ApprovalForm, Approvals, Copyable, ExecutionProgress, FailureNotice, Notice, Outcome, Reasons, Steps, Tone,
};
use crate::context::Voice;
use crate::route::Route;
use crate::services::backend;
use crate::state::entry::Standing;
use crate::state::plan_check::PlanCheck;
use crate::state::recovery::{Action, Doing, RecoveryState, Stage, succeeded};

#[derive(PartialEq, Properties)]
pub struct Props {
    /// What is known.
    pub state: RecoveryState,
    /// Where news go.
    pub dispatcher: UseReducerDispatcher<RecoveryState>,
    /// Asks for the plan anew.
    pub look: Callback<()>,
    /// Name of the root.
    pub root: String,
    /// The operation.
    pub operation: String,
    /// Something changed that the list shows too.
    pub onchanged: Callback<()>,
}

/// The panel of one recovery.
#[component]
pub fn Panel(props: &Props) -> Html {
    let voice = use_context::<Voice>();
    let state = &props.state;
    let stage = state.stage();
    let title = match (stage, &state.plan.value) {
        (Stage::Running, _) => "Being carried out".to_owned(),
        (Stage::Resume, _) => "Begun, not finished".to_owned(),
        (Stage::Ended, _) => "Result".to_owned(),
        (Stage::Distrusted, _) => "Do not approve this".to_owned(),
        (_, Some(plan)) => capitalised(&Standing::Judged(plan.disposition).label()),
        (_, None) => "Plan".to_owned(),
    };
    let body = match stage {
        Stage::Blocked => blocked(props),
        Stage::Distrusted => distrusted(props),
        Stage::Approve => approve(props, voice),
        Stage::Execute => execute(props),
        Stage::Running => running(props),
        Stage::Resume => resume(props),
        Stage::Ended => ended(props),
    };
    html! {
        <section class="card panel" aria-labelledby="panel-heading" data-testid="panel" data-stage={format!("{stage:?}").to_lowercase()}>
            <h2 id="panel-heading">{ title }</h2>
            { body }
        </section>
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Forgets what was said about the old plan and asks for a new one.
fn start_over(props: &Props, label: &'static str) -> Html {
    let (dispatcher, look) = (props.dispatcher.clone(), props.look.clone());
    let onclick = Callback::from(move |_: MouseEvent| {
        dispatcher.dispatch(Action::StartedOver);
        look.emit(());
    });
    let busy = props.state.plan.asking.then_some("true");
    html! { <button type="button" {onclick} aria-busy={busy}>{ label }</button> }
}

fn refusal(props: &Props) -> Html {
    match &props.state.refusal {
        Some(failure) => html! { <FailureNotice failure={(**failure).clone()}>{ start_over(props, "Make a new plan") }</FailureNotice> },
        None => Html::default(),
    }
}

fn digest(plan: &PlanReport, check: &PlanCheck) -> Html {
    let Some(digest) = plan.digest else { return Html::default() };
    let mark = match check {
        PlanCheck::Agrees { .. } => html! { <p class="checked" data-testid="digest-check" data-check="agrees">{ "Checked here: this is the digest of exactly what is shown." }</p> },
        PlanCheck::Differs { .. } => html! { <p class="checked failed" data-testid="digest-check" data-check="differs">{ "Checked here: it is not the digest of what is shown." }</p> },
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

fn blocked(props: &Props) -> Html {
    let Some(plan) = &props.state.plan.value else { return Html::default() };
    let older = plan.blockers.iter().find(|reason| reason.code == Code::WaitingFor).and_then(|reason| reason.detail.split_whitespace().next());
    html! {
        <>
            <Notice title={if plan.disposition.has_effect() { "This plan cannot be carried out now" } else { "Nothing can be done here" }} tone={Tone::Calm}>
                <Reasons reasons={plan.blockers.clone()} />
                if props.state.may_pass_by_itself() { <p>{ "This page looks again by itself." }</p> }
            </Notice>
            <p class="actions">
                if let Some(older) = older.filter(|_| plan.disposition == Disposition::Waiting) {
                    <a class="button" href={Route::Recovery { root: props.root.clone(), operation: older.to_owned() }.href()}>{ "Open the older one" }</a>
                }
                { start_over(props, "Look again") }
            </p>
            <Steps plan={plan.clone()} />
            { digest(plan, &props.state.check) }
        </>
    }
}

fn distrusted(props: &Props) -> Html {
    let (Some(plan), PlanCheck::Differs { reason }) = (&props.state.plan.value, &props.state.check) else { return Html::default() };
    html! {
        <>
            <Notice title="What the server shows is not what its digest stands for" tone={Tone::Stop} alert=true>
                <p>{ crate::words::sentence(reason) }</p>
                <p>{ "Load the page again. If this stays, page and server are of different versions, or the server is not to be trusted." }</p>
            </Notice>
            { digest(plan, &props.state.check) }
            { start_over(props, "Make a new plan") }
        </>
    }
}

fn approve(props: &Props, voice: Option<Voice>) -> Html {
    let (Some(plan), PlanCheck::Agrees { plan: checked, .. }) = (&props.state.plan.value, &props.state.check) else { return Html::default() };
    let Some(named) = plan.digest else { return Html::default() };
    let onapprove = {
        let (state, dispatcher) = (props.state.clone(), props.dispatcher.clone());
        let (root, operation, look, onchanged) = (props.root.clone(), props.operation.clone(), props.look.clone(), props.onchanged.clone());
        Callback::from(move |()| {
            let (request, dispatcher, voice) = (state.request(), dispatcher.clone(), voice.clone());
            let (root, operation, look, onchanged) = (root.clone(), operation.clone(), look.clone(), onchanged.clone());
            dispatcher.dispatch(Action::Began(Doing::Approving));
            spawn_local(async move {
                match backend::approve(&root, &operation, named, &request).await {
                    Ok(_) => {
                        dispatcher.dispatch(Action::Approved);
                        if let Some(voice) = voice {
                            voice.say("The plan is approved.");
                        }
                        look.emit(());
                        onchanged.emit(());
                    }
                    Err(failure) => dispatcher.dispatch(Action::Refused(failure)),
                }
            });
        })
    };
    let stated = {
        let dispatcher = props.dispatcher.clone();
        Callback::from(move |(requirement, stated)| dispatcher.dispatch(Action::Stated(requirement, stated)))
    };
    let reasoned = {
        let dispatcher = props.dispatcher.clone();
        Callback::from(move |reason| dispatcher.dispatch(Action::Reasoned(reason)))
    };
    html! {
        <>
            <Steps plan={plan.clone()} />
            { digest(plan, &props.state.check) }
            <Approvals report={plan.clone()} plan={checked.clone()} />
            { refusal(props) }
            <ApprovalForm requires={plan.requires.clone()} stated={props.state.stated.clone()} reason={props.state.reason.clone()}
                busy={props.state.doing == Some(Doing::Approving)} onstate={stated} onreason={reasoned} {onapprove} />
        </>
    }
}

/// The button that has the plan carried out, or taken up where it was left.
fn carry_out(props: &Props, named: Digest, label: &'static str) -> Html {
    let busy = props.state.doing == Some(Doing::Starting);
    let (dispatcher, root, operation) = (props.dispatcher.clone(), props.root.clone(), props.operation.clone());
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

fn execute(props: &Props) -> Html {
    let (Some(plan), PlanCheck::Agrees { plan: checked, .. }) = (&props.state.plan.value, &props.state.check) else { return Html::default() };
    html! {
        <>
            <Steps plan={plan.clone()} />
            { digest(plan, &props.state.check) }
            <Approvals report={plan.clone()} plan={checked.clone()} />
            { refusal(props) }
            if let Some(named) = plan.digest { { carry_out(props, named, "Carry it out") } }
            <p class="quiet-text">{ "Before every step the store is looked at again; if anything is not as planned, nothing further is done." }</p>
        </>
    }
}

fn running(props: &Props) -> Html {
    let Some(execution) = &props.state.execution else { return Html::default() };
    html! {
        <>
            if props.state.out_of_touch {
                <Notice title="The server does not answer" tone={Tone::Back} alert=true>
                    <p>{ "What it is doing does not depend on this page. The page keeps asking." }</p>
                </Notice>
            }
            <ExecutionProgress execution={execution.clone()} />
        </>
    }
}

fn resume(props: &Props) -> Html {
    let named = props.state.plan.value.as_ref().and_then(|plan| plan.digest);
    let failure = props.state.execution.as_ref().and_then(|execution| execution.failure.clone());
    html! {
        <>
            if let Some(failure) = failure {
                <Notice title="It stopped before it was finished" tone={Tone::Stop} alert=true><p>{ crate::words::sentence(&failure) }</p></Notice>
            }
            <p>{ "Carrying it on repeats nothing: what is done already is recognised." }</p>
            if let Some(execution) = &props.state.execution { <ExecutionProgress execution={execution.clone()} /> }
            { refusal(props) }
            <p class="actions">
                if let Some(named) = named { { carry_out(props, named, "Carry it on") } }
                { start_over(props, "Look again") }
            </p>
        </>
    }
}

fn ended(props: &Props) -> Html {
    let Some(execution) = &props.state.execution else { return Html::default() };
    let Some(report) = &execution.report else { return Html::default() };
    html! {
        <>
            <Outcome report={report.clone()} />
            { refusal(props) }
            { afterwards(props, report) }
            <details><summary>{ "What was done, step by step" }</summary><ExecutionProgress execution={execution.clone()} /></details>
        </>
    }
}

fn afterwards(props: &Props, report: &ApplyReport) -> Html {
    let record = Route::Record { root: props.root.clone(), operation: props.operation.clone() }.href();
    let again = report.outcome == OutcomeKind::Unknown || (succeeded(report.outcome) && report.sidecar == SidecarFate::Kept);
    html! {
        <p class="actions">
            if again { { carry_out(props, report.digest, "Carry it on") } }
            if !succeeded(report.outcome) { { start_over(props, "Make a new plan") } }
            <a class="button" href={record}>{ "See the record" }</a>
        </p>
    }
}
