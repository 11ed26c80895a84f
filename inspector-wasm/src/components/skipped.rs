//! What lies beside the journals, should not be there, and was skipped.

use sidecar::Reason;
use yew::{Html, html};

use super::parts::each;
use crate::words::visible;

/// The names in it come from a file system, where anybody may choose any name.
pub fn skipped(reasons: &[Reason]) -> Html {
    if reasons.is_empty() {
        return Html::default();
    }
    html! {
        <>
            <p>{ "These lie where the journals are and are no part of one. They were skipped:" }</p>
            <ul>{ each(&mut reasons.iter().map(|reason| html! { <li>{ visible(&reason.detail) }</li> })) }</ul>
        </>
    }
}
