//! One recovery: what happened, the evidence, and the panel that leads to its end.

use std::rc::Rc;

use sidecar::api::{PlanReport, Progress};
use sidecar::{Timestamp, age_text};
use yew::{Callback, Html, Properties, UseReducerDispatcher, component, html, use_context, use_effect_with, use_reducer};

use super::panel::Panel;
use crate::components::{Badge, Copyable, Fact, Facts, FailureNotice, Raw, Tables, standing_tone};
use crate::context::Voice;
use crate::hooks::{Alive, use_polled, use_screen};
use crate::route::Route;
use crate::services::backend;
use crate::state::entry::Standing;
use crate::state::plan_check::PlanCheck;
use crate::state::recovery::{Action, RecoveryState, Stage, passes_by_itself};
use crate::words;

/// Pause between two looks at a plan that time alone may change.
const LOOK_AGAIN_MS: u32 = 15_000;

/// Pause between two looks at an execution, while the server answers and while it does not.
const FOLLOW_MS: u32 = 500;
const FOLLOW_SLOWLY_MS: u32 = 3_000;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// Name of the root.
    pub root: String,
    /// Operation id, or file name where there is none.
    pub operation: String,
    /// Something changed that the list shows too.
    pub onchanged: Callback<()>,
}

type Dispatcher = UseReducerDispatcher<RecoveryState>;

/// One recovery.
#[component]
pub fn Recovery(props: &Props) -> Html {
    let state = use_reducer(RecoveryState::default);
    let place = (props.root.clone(), props.operation.clone());
    let look = {
        let dispatcher = state.dispatcher();
        use_polled(&place, move |(root, operation), alive| look(root, operation, alive, dispatcher.clone()))
    };
    let stage = state.stage();
    {
        let dispatcher = state.dispatcher();
        use_polled(&(place, stage == Stage::Running), move |((root, operation), running), alive| {
            follow(root, operation, running, alive, dispatcher.clone())
        });
    }
    use_announcement(stage, &state, &props.onchanged);

    let plan = state.plan.value.clone();
    let title = match (&plan, &state.plan.failure) {
        (Some(plan), _) => plan.headline.clone(),
        (None, Some(failure)) if failure.is_not_found() && state.execution.is_some() => "This recovery is finished.".to_owned(),
        (None, Some(failure)) if failure.is_not_found() => "Nothing by this name is pending.".to_owned(),
        (None, Some(_)) => "The plan could not be read.".to_owned(),
        (None, None) => "Looking at the tables…".to_owned(),
    };
    let heading = use_screen(&format!("{} {}", props.root, props.operation), &title);
    let disposition = plan.as_ref().map(|plan| plan.disposition.name());
    html! {
        <article class="recovery" data-disposition={disposition} data-testid="recovery">
            <a class="back" href={Route::Pending { root: props.root.clone() }.href()}>{ "All pending" }</a>
            if let Some(plan) = &plan {
                <p class="verdict"><Badge text={Standing::Judged(plan.disposition).label()} tone={standing_tone(Standing::Judged(plan.disposition))} /></p>
            }
            <h1 ref={heading} tabindex="-1" data-testid="headline">{ title }</h1>
            if let Some(plan) = &plan { <p class="lead" data-testid="consequence">{ &plan.consequence }</p>{ facts(plan) } }
            if let Some(failure) = &state.plan.failure { { failed(failure, &state, props) } }
            <div class="columns">
                if let Some(plan) = &plan {
                    <div class="evidence">
                        <Tables plan={plan.clone()} />
                        { raw(plan, &state.check) }
                    </div>
                }
                if plan.is_some() || state.execution.is_some() {
                    <Panel state={(*state).clone()} dispatcher={state.dispatcher()} {look}
                        root={props.root.clone()} operation={props.operation.clone()} onchanged={props.onchanged.clone()} />
                }
            </div>
        </article>
    }
}

#[yew::hook]
fn use_announcement(stage: Stage, state: &RecoveryState, onchanged: &Callback<()>) {
    let voice = use_context::<Voice>();
    let outcome = state.execution.as_ref().and_then(|execution| execution.report.as_ref()).map(sidecar::explanation::outcome_sentence);
    let onchanged = onchanged.clone();
    use_effect_with(stage, move |stage| {
        let text = match stage {
            Stage::Running => Some("The plan is being carried out.".to_owned()),
            Stage::Ended => outcome,
            _ => None,
        };
        if let (Some(voice), Some(text)) = (voice, text) {
            voice.say(text);
        }
        if *stage == Stage::Ended {
            onchanged.emit(());
        }
    });
}

async fn look(root: String, operation: String, alive: Alive, dispatcher: Dispatcher) -> Option<u32> {
    dispatcher.dispatch(Action::Asked);
    let answer = backend::plan(&root, &operation).await.map(Rc::new);
    let begun = match &answer {
        Ok(plan) => matches!(plan.progress, Progress::UnderWay | Progress::Finished),
        // Somebody may have finished it since the list was read.
        Err(failure) => failure.is_not_found(),
    };
    let pause = answer.as_ref().ok().filter(|plan| passes_by_itself(plan)).map(|_| LOOK_AGAIN_MS);
    let execution = if begun { backend::execution(&root, &operation).await.ok() } else { None };
    if alive.get() {
        dispatcher.dispatch(Action::Planned(answer));
        if let Some(execution) = execution {
            dispatcher.dispatch(Action::Followed(Ok(Rc::new(execution))));
        }
    }
    pause
}

async fn follow(root: String, operation: String, running: bool, alive: Alive, dispatcher: Dispatcher) -> Option<u32> {
    if !running {
        return None;
    }
    crate::services::dom::rest(FOLLOW_MS).await;
    if !alive.get() {
        return None;
    }
    let answer = backend::execution(&root, &operation).await.map(Rc::new);
    let pause = if answer.is_ok() { 0 } else { FOLLOW_SLOWLY_MS };
    if alive.get() {
        dispatcher.dispatch(Action::Followed(answer));
    }
    Some(pause)
}

fn facts(plan: &PlanReport) -> Html {
    let started_at = plan.started_at.clone().and_then(|text| Timestamp::try_from(text).ok());
    html! {
        <Facts>
            <Fact name="operation"><Copyable text={plan.operation_id.clone()} what="the operation id" /></Fact>
            if let Some(kind) = &plan.writer_kind { <Fact name="kind">{ kind }</Fact> }
            <Fact name="branch">{ plan.branch.as_deref().unwrap_or("main") }</Fact>
            if let Some(actor) = &plan.actor_id { <Fact name="actor">{ actor }</Fact> }
            if let Some(started_at) = started_at { <Fact name="started"><time>{ started_at.to_string() }</time></Fact> }
            if let Some(age) = plan.age_seconds { <Fact name="age">{ age_text(age) }</Fact> }
            if let Some(progress) = words::progress(plan.progress) { <Fact name="progress">{ progress }</Fact> }
        </Facts>
    }
}

fn failed(failure: &crate::state::failure::Failure, state: &RecoveryState, props: &Props) -> Html {
    if failure.is_not_found() {
        return html! {
            <div>
                if state.execution.is_none() { <FailureNotice failure={failure.clone()} /> }
                <p class="actions">
                    <a class="button" href={Route::Record { root: props.root.clone(), operation: props.operation.clone() }.href()}>{ "See its record" }</a>
                    <a class="button" href={Route::Pending { root: props.root.clone() }.href()}>{ "See what is pending" }</a>
                </p>
            </div>
        };
    }
    html! {
        <FailureNotice failure={failure.clone()}>
            if state.plan.value.is_some() { <p>{ "What is shown was read before." }</p> }
        </FailureNotice>
    }
}

fn raw(plan: &PlanReport, check: &PlanCheck) -> Html {
    let Some(text) = plan.sidecar.clone() else { return Html::default() };
    html! {
        <Raw name="The sidecar as it is stored" {text}>
            if let PlanCheck::Agrees { plan, .. } = check {
                <p class="quiet-text">{ "Its digest, checked here, is the one in the plan: " }<code class="break">{ plan.sidecar.to_string() }</code></p>
            }
        </Raw>
    }
}
