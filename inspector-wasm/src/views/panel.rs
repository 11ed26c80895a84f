//! The panel of one recovery: the steps, the digest, and whatever can be done next.

mod approve;
mod blocked;
mod deed;
mod ended;
mod execute;
mod parts;
mod surroundings;

use sidecar::api::{PlanReport, Progress};
use yew::{Html, html};

pub use deed::deed;
pub use surroundings::Surroundings;

use crate::state::recovery::Stage;
use crate::words;

/// The panel of one recovery.
pub fn panel(around: &Surroundings<'_>) -> Html {
    let state = around.state;
    let stage = state.stage();
    let title = match (stage, &state.plan.value) {
        (Stage::Running, _) => "Being carried out".to_owned(),
        (Stage::Resume, Some(plan)) if plan.progress == Progress::Finished => {
            "Done, and its file is there".to_owned()
        }
        (Stage::Resume, _) => "Begun, not finished".to_owned(),
        (Stage::Ended, Some(plan)) if is_no_longer_true(plan) => "Result at that time".to_owned(),
        (Stage::Ended, _) => "Result".to_owned(),
        (Stage::Distrusted, _) => "Do not approve this".to_owned(),
        (_, Some(plan)) => words::panel_title(plan).to_owned(),
        (_, None) => "Plan".to_owned(),
    };
    let body = match stage {
        Stage::Blocked => blocked::blocked(around),
        Stage::Distrusted => blocked::distrusted(around),
        Stage::Approve => approve::approve(around),
        Stage::Execute => execute::execute(around),
        Stage::Running => execute::running(around),
        Stage::Resume => execute::resume(around),
        Stage::Ended => ended::ended(around),
    };
    html! {
        <section class="card panel" aria-labelledby="panel-heading" data-testid="panel" data-stage={format!("{stage:?}").to_lowercase()}>
            <h2 id="panel-heading">{ title }</h2>
            if let Some(report) = &state.ended { { ended::ended_attempt(report) } }
            { body }
        </section>
    }
}

/// Whether the result is no longer true: another operation took it back, or its effects are gone.
fn is_no_longer_true(plan: &PlanReport) -> bool {
    let undone = plan.attempt.as_ref();
    plan.planned_anew_as.is_some() || undone.is_some_and(|attempt| !attempt.undone_by.is_empty())
}
