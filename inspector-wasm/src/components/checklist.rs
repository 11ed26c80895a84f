//! The list that is gone through before a root is upgraded.

use sidecar::doctor::CheckStatus;
use yew::{Html, html};

use super::badge::badge;
use super::parts::each;
use super::tone::Tone;
use crate::state::check::Line;
use crate::words::visible;

/// Each line with its answer, in the order in which a person goes through them.
pub fn checklist(lines: &[Line]) -> Html {
    html! { <ol class="card checklist" data-testid="checklist">{ each(&mut lines.iter().map(line)) }</ol> }
}

fn line(line: &Line) -> Html {
    let tone = match line.status {
        CheckStatus::Yes => Tone::Well,
        CheckStatus::No => Tone::Stop,
        CheckStatus::NotKnown => Tone::Back,
    };
    let answer = line.status.name();
    html! {
        <li data-status={answer}>
            { badge(answer.replace('_', " "), tone) }
            <div>
                <p>
                    <strong>{ visible(&line.statement) }</strong>
                    if let Some(branch) = &line.branch { { " on " }<code>{ visible(branch) }</code> }
                </p>
                if !line.detail.is_empty() { <p>{ visible(&line.detail) }</p> }
                if let Some(resolve) = &line.resolve { <p><strong>{ "What to do: " }</strong>{ visible(resolve) }</p> }
            </div>
        </li>
    }
}
