//! What can be done now, in a bar that stays in view however long the evidence is.

use sidecar::age_text;
use sidecar::api::PlanReport;
use sidecar::follow_up::undo_id;
use yew::{Html, html};

use super::execute::carry_out;
use super::parts::{APPROVAL, start_over_first};
use super::surroundings::Surroundings;
use crate::components::{Tone, deed_tone, progress_bar, toned};
use crate::route::Route;
use crate::state::plan_check::PlanCheck;
use crate::state::recovery::{Doing, Stage};
use crate::words;

/// The bar with the button of this stage; nothing where there is no button.
pub fn deed(around: &Surroundings<'_>) -> Html {
    let state = around.state;
    let plan = state.plan.value.as_deref();
    let (says, button) = match (state.stage(), plan) {
        (Stage::Approve, Some(plan)) => (before(around, plan), approve(around, plan)),
        (Stage::Execute, Some(plan)) => {
            let button = plan
                .digest
                .map(|digest| carry_out(around, digest, words::done_now(plan), deed_tone(plan)));
            (approved_by(plan), button.unwrap_or_default())
        }
        (Stage::Running, _) => (
            state
                .execution
                .as_deref()
                .map(progress_bar)
                .unwrap_or_default(),
            Html::default(),
        ),
        (Stage::Resume, Some(plan)) => {
            let button = plan
                .digest
                .map(|digest| carry_out(around, digest, "Carry it on", deed_tone(plan)));
            (
                html! { "Nobody carries it out right now." },
                button.unwrap_or_default(),
            )
        }
        (Stage::Ended, _) => {
            let report = state
                .execution
                .as_ref()
                .and_then(|execution| execution.report.as_ref());
            match report {
                Some(report) if report.is_open() => {
                    let tone = plan.map_or(Tone::Forward, deed_tone);
                    (
                        html! { "It is not over yet." },
                        carry_out(around, report.digest, "Carry it on", tone),
                    )
                }
                Some(report) if !report.outcome.is_success() => (
                    html! { "Not all of it was done." },
                    start_over_first(around, "Make a new plan"),
                ),
                Some(_) | None => (
                    plan.and_then(done).map(Html::from).unwrap_or_default(),
                    afterwards(around, plan),
                ),
            }
        }
        (Stage::Blocked | Stage::Distrusted, _)
        | (Stage::Approve | Stage::Execute | Stage::Resume, None) => return Html::default(),
    };
    html! {
        <div class="deed" role="group" aria-label="What can be done now" data-testid="deed">
            <div class="says">{ says }</div>
            { button }
        </div>
    }
}

/// When it was done, and in how long.
fn done(plan: &PlanReport) -> Option<String> {
    let attempt = plan.attempt.as_ref()?;
    let (begun, finished) = (attempt.begun_at, attempt.finished_at?);
    let tenths = finished.micros().saturating_sub(begun.micros()) / 100_000;
    let took = match tenths {
        0 => "less than 0.1 s".to_owned(),
        1..600 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ => age_text(tenths / 10),
    };
    let mut says = format!("Done {finished}, in {took}");
    let names = approvers(plan);
    if !names.is_empty() {
        says.push_str(&format!(", approved by {names}"));
    }
    Some(says)
}

/// The way back, and the way on.
fn afterwards(around: &Surroundings<'_>, plan: Option<&PlanReport>) -> Html {
    let undo = plan
        .and_then(|plan| plan.attempt.as_ref()?.undo.as_ref())
        .map(|operation| Route::Recovery {
            root: around.root.to_owned(),
            operation: undo_id(operation).to_string(),
        });
    let all = Route::Pending {
        root: around.root.to_owned(),
    };
    html! {
        <p class="actions">
            if let Some(undo) = undo { <a class="button" href={undo.href()} data-testid="undo">{ "Undo…" }</a> }
            if let Some((href, title)) = around.next {
                <a class="button primary" href={href.clone()} data-testid="next">{ "Next: " }{ words::visible(title) }</a>
            } else {
                <a class="button primary" href={all.href()} data-testid="next">{ "See whether anything is left" }</a>
            }
        </p>
    }
}

/// How much there is to read and to state before the approval.
fn before(around: &Surroundings<'_>, plan: &PlanReport) -> Html {
    let stated = |requirement| around.state.stated.contains(requirement);
    let open = plan
        .requires
        .iter()
        .filter(|requirement| match requirement {
            sidecar::Requirement::Reason => around.state.reason.trim().is_empty(),
            requirement => !stated(requirement),
        })
        .count();
    html! {
        <>
            { words::counted(plan.steps.len(), "step") }
            if open > 0 { { format!(" · {} to make first", words::counted(open, "statement")) } }
        </>
    }
}

fn approved_by(plan: &PlanReport) -> Html {
    html! { <>{ "Approved by " }<strong>{ approvers(plan) }</strong></> }
}

/// The names of those who approved a plan.
fn approvers(plan: &PlanReport) -> String {
    let mut names: Vec<String> = Vec::new();
    for approval in &plan.approvals {
        let name = words::visible(&approval.approved_by);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// The button of the form in the panel. The browser leads from it to the statement that is missing.
fn approve(around: &Surroundings<'_>, plan: &PlanReport) -> Html {
    let PlanCheck::Agrees { .. } = &around.state.check else {
        return Html::default();
    };
    let busy = around.state.doing == Some(Doing::Approving);
    html! {
        <button type="submit" form={APPROVAL} class={toned("primary", deed_tone(plan))} aria-busy={busy.then_some("true")} data-testid="approve">
            { if busy { "Approving…" } else { words::approve(plan) } }
        </button>
    }
}
