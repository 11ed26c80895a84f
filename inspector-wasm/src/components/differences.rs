//! Why something is refused, and what moved since it was planned.

use sidecar::{Difference, Reason};
use yew::{Html, html};

use super::parts::{each, rows, table};
use crate::words::{self, visible};

/// Reasons in words, each with its code for whoever looks it up.
pub fn reasons(reasons: &[Reason]) -> Html {
    if reasons.is_empty() {
        return Html::default();
    }
    let item = |reason: &Reason| {
        html! { <li data-code={reason.code.name()}>{ visible(&words::sentence(&reason.detail)) }{ " " }<code class="code">{ reason.code.name() }</code></li> }
    };
    html! { <ul class="reasons">{ each(&mut reasons.iter().map(item)) }</ul> }
}

/// What moved, as planned and as found.
pub fn differences(differences: &[Difference]) -> Html {
    if differences.is_empty() {
        return Html::default();
    }
    let row = |difference: &Difference| {
        html! {
            <tr>
                <th scope="row">
                    if let Some(key) = &difference.table_key { <span class="key">{ visible(key) }</span>{ " " } }
                    { visible(&words::field(&difference.field)) }
                </th>
                <td>{ visible(&difference.planned) }</td>
                <td><span class="arrow" aria-hidden="true">{ "→ " }</span>{ visible(&difference.found) }</td>
            </tr>
        }
    };
    table(
        "What moved",
        "differences",
        &["What moved", "planned", "found"],
        rows(&mut differences.iter().map(row)),
    )
}
