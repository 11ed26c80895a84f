//! The filter and the order of a list.

use yew::{Callback, Event, Html, InputEvent, MouseEvent, html};

use super::parts::each;
use crate::services::dom;
use crate::state::listing::{Listing, Sort};
use crate::words::{self, visible};

/// The filter and the order of a list, and whatever other tools it has. `unread` says why there is no count.
pub fn list_tools(
    listing: &Listing,
    unread: Option<&'static str>,
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
    let count = if let Some(unread) = unread {
        unread.to_owned()
    } else if shown == total {
        words::grouped(total)
    } else {
        format!("{} of {}", words::grouped(shown), words::grouped(total))
    };
    html! {
        <div class="tools">
            <input type="search" aria-label="Filter" placeholder="ada -refused age>1h" title="Words that a line has, or with a minus has not: actor, table, kind, branch, verdict, approved, id. age>1h and age<2d ask for its age. Press / to come here." aria-keyshortcuts="/" autocomplete="off" spellcheck="false" value={listing.query().to_owned()} {oninput} />
            <div class="row">
                <span class="count" role="status">{ count }if unread.is_none() { <span class="unseen">{ " in the list" }</span> }</span>
                <select aria-label="Order" {onchange}>
                    { each(&mut Sort::ALL.iter().map(|sort| html! { <option value={sort.label()} selected={*sort == listing.sort()}>{ sort.label() }</option> })) }
                </select>
                { others }
            </div>
        </div>
    }
}

/// Says that a filter leaves nothing of a list, with the way back to all of it.
pub fn none_matches(listing: &Listing, onquery: &Callback<String>) -> Html {
    if listing.total() == 0 || !listing.is_empty() {
        return Html::default();
    }
    let onclick = onquery.reform(|_: MouseEvent| String::new());
    html! {
        <div class="nothing" role="status">
            <p>{ visible(&format!("Nothing matches “{}”.", listing.query())) }</p>
            <button type="button" {onclick}>{ format!("Show all {}", words::grouped(listing.total())) }</button>
        </div>
    }
}
