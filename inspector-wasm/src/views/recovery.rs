//! One recovery: what happened, the evidence, and the panel that leads to its end.

use std::cell::Cell;
use std::rc::Rc;

use sidecar::api::{PlanReport, Progress};
use sidecar::{Branch, OperationId, Purpose, Timestamp, age_text};
use yew::{
    AttrValue, Callback, Html, Properties, UseReducerDispatcher, component, html, use_effect_with,
    use_mut_ref, use_reducer,
};

use super::panel::{Surroundings, deed, panel};
use crate::components::{
    Copyable, Tables, Tone, alert, dated, facts, failure_notice, folded, found, left_out, plain,
    purpose_badge, raw_bytes, time, verdict_of_found,
};
use crate::hooks::{Alive, Asking, use_polled, use_screen};
use crate::route::{Route, parted};
use crate::services::backend::Wanted;
use crate::services::{backend, dom};
use crate::state::afterwards::as_left;
use crate::state::entry::progress_label;
use crate::state::failure::Failure;
use crate::state::pending::plan_pause_ms;
use crate::state::plan_check::PlanCheck;
use crate::state::recovery::{Action, RecoveryState, Stage};
use crate::state::shared_text::{command, markdown};

/// Pause between two looks at an execution, while the server answers and while it does not.
const FOLLOW_MS: u32 = 500;
const FOLLOW_SLOWLY_MS: u32 = 3_000;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// Name of the root.
    pub root: String,
    /// Operation id, or file name where there is none.
    pub operation: String,
    /// The kind of plan that is asked for.
    pub wanted: Wanted,
    /// Something changed that the list shows too.
    pub onchanged: Callback<()>,
    /// The address and the title of the one that comes next in the list.
    pub next: Option<(AttrValue, AttrValue)>,
}

const STORED: &str = "The sidecar as it is stored";

/// Files up to this size are unfolded where there are no tables to look at; longer ones take a while to draw.
const UNFOLDED_BYTES_MAX: usize = 16 << 10;

/// Shown in place of the plan's consequence once the attempt has ended, until the plan is read anew.
const ENDED: &str = "This attempt has ended: see the result.";
const OF_THEN: &str = "Below is where the tables stood when it was planned.";

type Dispatcher = UseReducerDispatcher<RecoveryState>;

/// One recovery.
#[component]
pub fn Recovery(props: &Props) -> Html {
    let state = use_reducer(RecoveryState::default);
    let in_flight = use_mut_ref(|| Rc::new(Cell::new(false))).borrow().clone();
    let stage = state.stage();
    // The screen is another one for another root, operation or wish.
    let look = {
        // Once a plan is carried out, its operation says what was done. The file that it was about may be gone.
        let done = state.plan.value.as_ref().filter(|_| state.has_succeeded());
        let (operation, wanted) = match done {
            Some(plan) => (plan.operation_id.clone(), Wanted::Recovery),
            None => (props.operation.clone(), props.wanted),
        };
        let is_done = done.is_some();
        let (root, dispatcher) = (props.root.clone(), state.dispatcher());
        let ask = move |alive| -> Asking {
            Box::pin(look(
                root.clone(),
                operation.clone(),
                wanted,
                alive,
                dispatcher.clone(),
            ))
        };
        use_polled(is_done.to_string(), Box::new(ask))
    };
    // A file that names no operation is set aside under an operation of its own.
    let operation = state
        .plan
        .value
        .as_ref()
        .map_or(&props.operation, |plan| &plan.operation_id);
    {
        let (root, operation, dispatcher) =
            (props.root.clone(), operation.clone(), state.dispatcher());
        let running = stage == Stage::Running;
        let ask = move |alive| -> Asking {
            Box::pin(follow(
                root.clone(),
                operation.clone(),
                running,
                alive,
                dispatcher.clone(),
            ))
        };
        use_polled(running.to_string(), Box::new(ask));
    }
    use_announcement(stage, &state, &props.onchanged);

    let plan = state.plan.value.clone();
    let title = match (&plan, &state.plan.failure) {
        // The plan was read before it was carried out, and is read anew now.
        (Some(plan), _) if plan.attempt.is_none() && state.has_succeeded() => {
            "The plan was carried out.".to_owned()
        }
        (Some(plan), _) => plan.headline.clone(),
        (None, Some(failure)) if failure.is_not_found() && state.execution.is_some() => {
            "This recovery is finished.".to_owned()
        }
        (None, Some(failure)) if failure.is_not_found() => {
            "Nothing by this name is pending.".to_owned()
        }
        (None, Some(_)) => "The plan could not be read.".to_owned(),
        (None, None) => "Looking at the tables…".to_owned(),
    };
    let heading = use_screen(
        &format!("{} {} {:?}", props.root, props.operation, props.wanted),
        &title,
    );
    let disposition = plan.as_ref().map(|plan| plan.disposition.name());
    let is_over = stage == Stage::Ended && state.has_succeeded();
    let report = state
        .execution
        .as_ref()
        .and_then(|execution| execution.report.as_ref());
    let left = plan.as_ref().zip(report);
    let left = left.and_then(|(plan, report)| as_left(plan, report));
    let around = Surroundings {
        state: &state,
        dispatcher: state.dispatcher(),
        look,
        root: &props.root,
        named: &props.operation,
        operation,
        onchanged: &props.onchanged,
        next: props.next.as_ref(),
        in_flight,
    };
    html! {
        <>
        <article class="recovery" data-disposition={disposition} data-testid="recovery">
            if props.wanted == Wanted::Dismissal && plan.is_some() && stage != Stage::Ended {
                <a class="back always" href={Route::Recovery { root: props.root.clone(), operation: props.operation.clone() }.href()}>{ "Back to the sidecar" }</a>
            } else if props.wanted == Wanted::RollBack && stage != Stage::Ended {
                <a class="back always" href={Route::Recovery { root: props.root.clone(), operation: props.operation.clone() }.href()}>{ "Back to the verdict" }</a>
            } else {
                <a class="back" href={Route::Pending { root: props.root.clone() }.href()}>{ "All pending" }</a>
            }
            if let Some(plan) = &plan {
                <p class="verdict">{ purpose_badge(plan) }</p>
            }
            <h1 ref={heading} tabindex="-1" data-testid="headline">{ dated(&title) }</h1>
            if let Some(plan) = &plan {
                <p class="lead" data-testid="consequence">{ dated(&lead(plan, stage)) }</p>
                { planned_anew(plan, &props.root) }
                { undone(plan, &props.root) }
                { named_facts(plan, stage) }
                { to_share(plan, stage) }
            }
            if let Some(failure) = &state.plan.failure { { failed(failure, &state, props) } }
            <div class="columns">
                // What was done comes before the tables as they were left.
                if is_over { { panel(&around) } }
                if let Some(plan) = plan.as_ref().filter(|plan| !plan.tables.is_empty() || plan.sidecar.is_some()) {
                    <div class="evidence">
                        if is_over {
                            if let Some(plan) = left.filter(|plan| shows_tables(plan)) { <Tables {plan} after=true /> }
                            { folded("The plan as it was approved", html! { <div class="evidence" data-testid="old-plan">{ evidence(plan, &state.check) }</div> }) }
                        } else {
                            { evidence(plan, &state.check) }
                        }
                    </div>
                }
                if !is_over && (plan.is_some() || state.execution.is_some()) { { panel(&around) } }
            </div>
        </article>
        { deed(&around) }
        </>
    }
}

/// The address, the command line and the text of what is shown, for other people and programs.
fn to_share(plan: &PlanReport, stage: Stage) -> Html {
    let address = dom::address();
    let (screen, _) = parted(&address);
    let part = |name: &'static str, what: &'static str, text: String| {
        html! { <><h3>{ name }</h3><Copyable {text} {what} block=true /></> }
    };
    folded(
        "Link, command, Markdown",
        html! {
            <div class="share" data-testid="share">
                { part("Link", "the link", screen.to_owned()) }
                { part("On the command line", "the command", command(plan, stage)) }
                { part("For a ticket, as Markdown", "the Markdown", markdown(plan, screen)) }
            </div>
        },
    )
}

/// Everything that a plan rests on.
fn evidence(plan: &Rc<PlanReport>, check: &PlanCheck) -> Html {
    html! {
        <>
            { verdict_of_found(plan) }
            if shows_tables(plan) { <Tables plan={plan.clone()} /> }
            { left_out(plan) }
            { found(plan) }
            { stored(plan, check) }
        </>
    }
}

/// Leads from a finished undo or release that is no longer in effect to the operation that plans it anew. It stands above the
/// plan and its result, because a reader would otherwise take these for the present state.
fn planned_anew(plan: &PlanReport, root: &str) -> Html {
    let Some(anew) = &plan.planned_anew_as else {
        return Html::default();
    };
    let route = Route::Recovery {
        root: root.to_owned(),
        operation: anew.to_string(),
    };
    const CHANGED: &str = "The store has changed since";
    const WHY: &str = "A backup was restored, or the recovery was carried out again.";
    let (title, why, again) = match plan.purpose {
        Purpose::Undo { .. } => (CHANGED, WHY, "To undo it again, approve the new plan."),
        Purpose::Release { .. } => (
            CHANGED,
            WHY,
            "To drop its tags again, approve the new plan.",
        ),
        // The undo was interrupted after its first restore, and was resolved like any other write.
        Purpose::Recover | Purpose::Dismiss { .. } => (
            "This undo did not come to its end",
            "It was interrupted, and what it had begun was resolved instead.",
            "To undo the recovery after all, approve the new plan.",
        ),
    };
    alert(
        title,
        Tone::Stop,
        html! {
            <>
                <p>{ why }{ " " }{ again }</p>
                <p><a class="button" href={route.href()} data-testid="planned-anew">{ "Open the new plan" }</a></p>
            </>
        },
    )
}

/// Leads from a finished operation to the one that took it back, for the same reason.
fn undone(plan: &PlanReport, root: &str) -> Html {
    let undone_by = plan
        .attempt
        .iter()
        .flat_map(|attempt| &attempt.undone_by)
        .map(|by| {
            let route = Route::Recovery {
                root: root.to_owned(),
                operation: by.operation_id.to_string(),
            };
            html! { <a class="button" href={route.href()}>{ "Open operation " }{ by.operation_id.to_string() }</a> }
        });
    let links: Vec<Html> = undone_by.collect();
    if links.is_empty() {
        return Html::default();
    }
    let is_undone = plan
        .attempt
        .as_ref()
        .is_some_and(|attempt| attempt.is_undone());
    let title = if is_undone {
        "Taken back since"
    } else {
        "An undo followed"
    };
    alert(
        title,
        Tone::Back,
        html! {
            <>
                <p>{ "The result below is from when this plan was carried out." }</p>
                <p class="actions" data-testid="undone-by">{ for links }</p>
            </>
        },
    )
}

#[yew::hook]
fn use_announcement(stage: Stage, state: &RecoveryState, onchanged: &Callback<()>) {
    let outcome = state
        .execution
        .as_ref()
        .and_then(|execution| execution.report.as_ref())
        .map(|report| report.detail.clone());
    let onchanged = onchanged.clone();
    use_effect_with(stage, move |stage| {
        let text = match stage {
            Stage::Running => Some("The plan is being carried out.".to_owned()),
            Stage::Ended => outcome,
            _ => None,
        };
        if let Some(text) = text {
            dom::say(&text);
        }
        if *stage == Stage::Ended {
            // What was done stands at the top.
            dom::scroll_to_top();
            onchanged.emit(());
        }
    });
}

async fn look(
    root: String,
    operation: String,
    wanted: Wanted,
    alive: Alive,
    dispatcher: Dispatcher,
) -> Option<u32> {
    dispatcher.dispatch(Action::Asked);
    let started = dom::now_ms();
    let answer = backend::plan(&root, &operation, wanted).await;
    let (begun, operation) = match &answer {
        Ok(plan) => (
            matches!(plan.progress, Progress::UnderWay | Progress::Finished),
            plan.operation_id.clone(),
        ),
        // Somebody may have finished it since the list was read.
        Err(failure) => (
            failure.is_not_found() && operation.parse::<OperationId>().is_ok(),
            operation,
        ),
    };
    let execution = if begun {
        backend::execution(&root, &operation).await.ok()
    } else {
        None
    };
    if alive.get() {
        dispatcher.dispatch(Action::Planned(answer));
        if let Some(execution) = execution {
            dispatcher.dispatch(Action::Followed(Ok(Rc::new(execution))));
        }
    }
    // Time, other people and other tabs change what can be done, in every stage.
    Some(plan_pause_ms(dom::now_ms() - started))
}

async fn follow(
    root: String,
    operation: String,
    running: bool,
    alive: Alive,
    dispatcher: Dispatcher,
) -> Option<u32> {
    if !running {
        return None;
    }
    dom::rest(FOLLOW_MS).await;
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

fn named_facts(plan: &PlanReport, stage: Stage) -> Html {
    // A file that cannot be read names no branch, main included.
    let branch = plan
        .branch
        .as_deref()
        .or(plan.writer_kind.as_ref().map(|_| Branch::default().text()));
    // An approval may be of an earlier plan. Once a recovery has ended, its result says more than its progress.
    let progress = match plan.progress {
        Progress::Approved if stage != Stage::Execute => None,
        progress => progress_label(progress).filter(|_| stage != Stage::Ended),
    };
    let started_at = plan
        .started_at
        .clone()
        .and_then(|text| Timestamp::try_from(text).ok());
    let operation = html! { <Copyable text={plan.operation_id.clone()} what="the operation id" /> };
    facts([
        (
            if plan.digest.is_some() {
                "operation"
            } else {
                "file"
            },
            Some(operation),
        ),
        ("kind", plain(plan.writer_kind.as_deref())),
        ("branch", plain(branch)),
        ("actor", plain(plan.actor_id.as_deref())),
        ("started", time(started_at)),
        ("age", plain(plan.age_seconds.map(age_text).as_deref())),
        ("progress", plain(progress)),
    ])
}

fn failed(failure: &Failure, state: &RecoveryState, props: &Props) -> Html {
    if failure.is_not_found() {
        // Only operations have a record.
        let record = if props.operation.parse::<OperationId>().is_ok() {
            Route::Record {
                root: props.root.clone(),
                operation: props.operation.clone(),
            }
        } else {
            Route::Audit {
                root: props.root.clone(),
            }
        };
        return html! {
            <div>
                if state.execution.is_none() { { failure_notice(failure, Html::default()) } }
                <p class="actions">
                    <a class="button" href={record.href()}>{ if matches!(record, Route::Record { .. }) { "See its record" } else { "See the records" } }</a>
                    <a class="button" href={Route::Pending { root: props.root.clone() }.href()}>{ "See what is pending" }</a>
                </p>
            </div>
        };
    }
    let before = state
        .plan
        .value
        .as_ref()
        .map(|_| html! { <p>{ "The plan shown here was read earlier." }</p> });
    failure_notice(failure, before.unwrap_or_default())
}

fn lead(plan: &PlanReport, stage: Stage) -> String {
    let lead = match (&plan.attempt, stage) {
        (None, Stage::Ended) => ENDED,
        _ => &plan.consequence,
    };
    let is_under_way = plan.attempt.is_some() && stage != Stage::Ended;
    if is_under_way && shows_tables(plan) {
        format!("{lead} {OF_THEN}")
    } else {
        lead.to_owned()
    }
}

/// A release only drops tags, so no table is looked at for it.
fn shows_tables(plan: &PlanReport) -> bool {
    !plan.tables.is_empty() && !matches!(plan.purpose, Purpose::Release { .. })
}

fn stored(plan: &PlanReport, check: &PlanCheck) -> Html {
    let Some(bytes) = &plan.sidecar else {
        return Html::default();
    };
    let about = match check {
        PlanCheck::Agrees { plan, .. } => html! {
            <p class="quiet-text">{ "Its digest, checked here, is the one in the plan: " }<code class="break">{ plan.sidecar.to_string() }</code></p>
        },
        PlanCheck::NoDigest | PlanCheck::Differs { .. } => Html::default(),
    };
    match plan.purpose {
        Purpose::Undo { .. } | Purpose::Release { .. } => raw_bytes(
            "Its sidecar, which is in the journal only",
            bytes,
            about,
            false,
        ),
        Purpose::Recover | Purpose::Dismiss { .. } => {
            // Without tables, the file is all there is to look at, if it is text.
            let open = plan.tables.is_empty()
                && bytes
                    .text()
                    .is_some_and(|text| text.len() <= UNFOLDED_BYTES_MAX);
            raw_bytes(STORED, bytes, about, open)
        }
    }
}
