//! What an approver states, and the button.

use std::collections::BTreeSet;

use sidecar::Requirement;
use yew::{Callback, Event, Html, InputEvent, Properties, SubmitEvent, component, html};

use crate::services::dom;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// What the plan requires.
    pub requires: Vec<Requirement>,
    /// What is stated so far.
    pub stated: BTreeSet<Requirement>,
    /// The reason so far.
    pub reason: String,
    /// Whether the approval is on its way.
    pub busy: bool,
    /// A statement was made, or taken back.
    pub onstate: Callback<(Requirement, bool)>,
    /// The reason was edited.
    pub onreason: Callback<String>,
    /// Everything required is stated, and the button was pressed.
    pub onapprove: Callback<()>,
}

/// What an approver states, and the button. The browser itself holds back a form that lacks a
/// required statement, and says which.
#[component]
pub fn ApprovalForm(props: &Props) -> Html {
    let onsubmit = {
        let (onapprove, busy) = (props.onapprove.clone(), props.busy);
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if !busy {
                onapprove.emit(());
            }
        })
    };
    let statement = |requirement: &Requirement| {
        let requirement = *requirement;
        let onchange = {
            let onstate = props.onstate.clone();
            Callback::from(move |event: Event| onstate.emit((requirement, dom::is_checked(&event))))
        };
        html! {
            <label class="statement">
                <input type="checkbox" name={requirement.name()} required=true checked={props.stated.contains(&requirement)} {onchange} />
                <span>{ requirement.statement() }</span>
            </label>
        }
    };
    let wants_reason = props.requires.contains(&Requirement::Reason);
    let statements = props.requires.iter().filter(|requirement| **requirement != Requirement::Reason);
    let oninput = {
        let onreason = props.onreason.clone();
        Callback::from(move |event: InputEvent| onreason.emit(dom::value(&event)))
    };
    html! {
        <form class="approval" aria-label="Approval" {onsubmit}>
            { for statements.map(statement) }
            <label class="reason">
                <span>{ if wants_reason { "Reason, kept in the record" } else { "Reason, kept in the record (optional)" } }</span>
                <textarea name="reason" rows="2" maxlength="2000" required={wants_reason} value={props.reason.clone()} {oninput} />
            </label>
            <button type="submit" class="primary" aria-busy={props.busy.then_some("true")}>{ if props.busy { "Approving…" } else { "Approve this plan" } }</button>
        </form>
    }
}
