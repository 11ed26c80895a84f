//! The form in which a person makes statements before something is done in their name.

use sidecar::{REASON_CHARS_MAX, Requirement};
use yew::{Callback, Event, Html, InputEvent, SubmitEvent, html};

use super::parts::each;
use crate::services::dom;

/// What an [`approval_form`] shows and whom it tells.
#[derive(Debug)]
pub struct Form<'a> {
    /// What the plan requires.
    pub requires: &'a [Requirement],
    /// What is stated so far.
    pub stated: &'a [Requirement],
    /// The reason so far.
    pub reason: &'a str,
    /// The purpose of the form, for people who do not see it.
    pub label: &'static str,
    /// The form's name in the page, for a button outside of it.
    pub id: &'static str,
    /// Its button, unless that is outside of it.
    pub button: Html,
    /// When the last commit was made that this page knows of, and how long ago, for who says that every writer is stopped.
    pub last_commit: Option<&'a str>,
    /// A statement was made, or taken back.
    pub onstate: Callback<(Requirement, bool)>,
    /// The reason was edited.
    pub onreason: Callback<String>,
    /// Everything required is stated, and the button was pressed.
    pub onsubmit: Callback<()>,
}

/// The statements of an approver, and the button. The browser itself holds back a form that lacks a required statement, and says
/// which.
pub fn approval_form(form: &Form<'_>) -> Html {
    let onsubmit = {
        let onsubmit = form.onsubmit.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            onsubmit.emit(());
        })
    };
    let statement = |requirement: &Requirement| {
        let requirement = *requirement;
        let onchange = {
            let onstate = form.onstate.clone();
            Callback::from(move |event: Event| onstate.emit((requirement, dom::is_checked(&event))))
        };
        html! {
            <label class="statement">
                <input type="checkbox" name={requirement.name()} required=true checked={form.stated.contains(&requirement)} {onchange} />
                <span>
                    { requirement.statement() }
                    if let (Requirement::WritersStopped, Some(seen)) = (requirement, form.last_commit) { <small>{ " Last commit seen: " }{ seen }{ "." }</small> }
                </span>
            </label>
        }
    };
    let wants_reason = form.requires.contains(&Requirement::Reason);
    let statements = form
        .requires
        .iter()
        .filter(|requirement| **requirement != Requirement::Reason);
    let oninput = {
        let onreason = form.onreason.clone();
        Callback::from(move |event: InputEvent| onreason.emit(dom::value(&event)))
    };
    html! {
        <form class="approval" id={form.id} aria-label={form.label} {onsubmit}>
            { each(&mut statements.map(statement)) }
            <label class="reason">
                <span>{ if wants_reason { "Reason, kept in the record" } else { "Reason, kept in the record (optional)" } }</span>
                <textarea name="reason" rows="2" maxlength={REASON_CHARS_MAX.to_string()} required={wants_reason} value={form.reason.to_owned()} {oninput} />
            </label>
            { form.button.clone() }
        </form>
    }
}
