//! The filter and the order of a list.

use yew::{Callback, Event, Html, InputEvent, Properties, component, html};

use crate::services::dom;
use crate::state::listing::{Listing, Sort};
use crate::words;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The list.
    pub listing: Listing,
    /// The filter as typed; the list may follow later.
    pub query: String,
    /// The filter was edited.
    pub onquery: Callback<String>,
    /// Another order was chosen.
    pub onsort: Callback<Sort>,
    /// More tools.
    #[prop_or_default]
    pub children: Html,
}

/// The filter and the order of a list.
#[component]
pub fn ListTools(props: &Props) -> Html {
    let oninput = {
        let onquery = props.onquery.clone();
        Callback::from(move |event: InputEvent| onquery.emit(dom::value(&event)))
    };
    let onchange = {
        let onsort = props.onsort.clone();
        Callback::from(move |event: Event| {
            let chosen = dom::value(&event);
            if let Some(sort) = Sort::ALL.into_iter().find(|sort| sort.label() == chosen) {
                onsort.emit(sort);
            }
        })
    };
    let (shown, total) = (props.listing.len(), props.listing.total());
    let count = if shown == total { words::grouped(total) } else { format!("{} of {}", words::grouped(shown), words::grouped(total)) };
    html! {
        <div class="tools">
            <input type="search" aria-label="Filter" placeholder="Filter: actor, table, kind, id…" autocomplete="off" spellcheck="false" value={props.query.clone()} {oninput} />
            <div class="row">
                <span class="count" role="status">{ count }<span class="unseen">{ " in the list" }</span></span>
                <select aria-label="Order" {onchange}>
                    { for Sort::ALL.iter().map(|sort| html! { <option value={sort.label()} selected={*sort == props.listing.sort()}>{ sort.label() }</option> }) }
                </select>
                { props.children.clone() }
            </div>
        </div>
    }
}
