//! Files and folders beside the journals that belong to none, and were skipped.

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
            <p>{ "These lie among the journals and belong to none. They were skipped:" }</p>
            <ul>{ each(&mut reasons.iter().map(|reason| html! { <li>{ visible(&reason.detail) }</li> })) }</ul>
        </>
    }
}
