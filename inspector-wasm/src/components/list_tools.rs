//! The filter and the order of a list.

use yew::{Callback, Event, Html, InputEvent, html};

use super::parts::each;
use crate::services::dom;
use crate::state::listing::{Listing, Sort};
use crate::words;

/// The filter and the order of a list, and whatever other tools it has.
pub fn list_tools(
    listing: &Listing,
    onquery: &Callback<String>,
    onsort: &Callback<Sort>,
    others: Html,
) -> Html {
    let oninput = {
        let onquery = onquery.clone();
        Callback::from(move |event: InputEvent| onquery.emit(dom::value(&event)))
    };
    let onchange = {
        let onsort = onsort.clone();
        Callback::from(move |event: Event| {
            let chosen = dom::value(&event);
            if let Some(sort) = Sort::ALL.into_iter().find(|sort| sort.label() == chosen) {
                onsort.emit(sort);
            }
        })
    };
    let (shown, total) = (listing.len(), listing.total());
    let count = if shown == total {
        words::grouped(total)
    } else {
        format!("{} of {}", words::grouped(shown), words::grouped(total))
    };
    html! {
        <div class="tools">
            <input type="search" aria-label="Filter" placeholder="Filter: actor, table, kind, id…" autocomplete="off" spellcheck="false" value={listing.query().to_owned()} {oninput} />
            <div class="row">
                <span class="count" role="status">{ count }<span class="unseen">{ " in the list" }</span></span>
                <select aria-label="Order" {onchange}>
                    { each(&mut Sort::ALL.iter().map(|sort| html! { <option value={sort.label()} selected={*sort == listing.sort()}>{ sort.label() }</option> })) }
                </select>
                { others }
            </div>
        </div>
    }
}
