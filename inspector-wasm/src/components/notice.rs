//! Something a person has to know, with what can be done about it.

use yew::{Html, html};

use super::differences::{differences, reasons};
use super::parts::toned;
use super::tone::Tone;
use crate::state::failure::Failure;
use crate::words::visible;

/// Something a person has to know.
pub fn notice(title: &str, tone: Tone, content: Html) -> Html {
    html! {
        <div class={toned("notice", tone)}>
            <p class="title">{ visible(title) }</p>
            { content }
        </div>
    }
}

/// Something a person has to hear of at once.
pub fn alert(title: &str, tone: Tone, content: Html) -> Html {
    html! { <div role="alert">{ notice(title, tone, content) }</div> }
}

/// Why the server refused or could not be asked, with the buttons that help.
pub fn failure_notice(failure: &Failure, actions: Html) -> Html {
    let why = match failure {
        Failure::Problem(problem) => {
            html! { <>{ reasons(&problem.reasons) }{ differences(&problem.differences) }</> }
        }
        Failure::Unreachable
        | Failure::NotOurServer { .. }
        | Failure::NoStorage
        | Failure::Garbled { .. } => Html::default(),
    };
    alert(
        &failure.title(),
        Tone::Stop,
        html! { <><p>{ visible(&failure.detail()) }</p>{ why }{ actions }</> },
    )
}
