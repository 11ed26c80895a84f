//! Something a person has to know, with what can be done about it.

use yew::{AttrValue, Html, Properties, component, html};

use super::badge::Tone;
use super::differences::{Differences, Reasons};
use crate::state::failure::Failure;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// What it is, in a few words.
    pub title: AttrValue,
    /// Its colour.
    pub tone: Tone,
    /// Set for what has to be heard at once.
    #[prop_or_default]
    pub alert: bool,
    /// The rest of it.
    #[prop_or_default]
    pub children: Html,
}

/// Something a person has to know.
#[component]
pub fn Notice(props: &Props) -> Html {
    html! {
        <div class={yew::classes!("notice", props.tone.class())} role={props.alert.then_some("alert")}>
            <p class="title">{ &props.title }</p>
            { props.children.clone() }
        </div>
    }
}

#[derive(Debug, PartialEq, Properties)]
pub struct FailureProps {
    /// What went wrong.
    pub failure: Failure,
    /// What can be done.
    #[prop_or_default]
    pub children: Html,
}

/// Why the server did not do, or say, what was asked.
#[component]
pub fn FailureNotice(props: &FailureProps) -> Html {
    let (reasons, differences) = match &props.failure {
        Failure::Problem(problem) => (problem.reasons.clone(), problem.differences.clone()),
        _ => Default::default(),
    };
    html! {
        <Notice title={props.failure.title()} tone={Tone::Stop} alert=true>
            <p>{ props.failure.detail() }</p>
            <Reasons {reasons} />
            <Differences {differences} />
            { props.children.clone() }
        </Notice>
    }
}
