//! What is pending in a root, at a glance; or that nothing is.

use sidecar::api::RootSummary;
use sidecar::{Reason, Timestamp};
use yew::{Callback, Html, MouseEvent, Properties, component, html};

use super::check::in_short;
use crate::components::{each, skipped, standing_badge};
use crate::hooks::{use_check, use_screen};
use crate::route::Route;
use crate::state::entry::Standing;
use crate::state::listing::Listing;
use crate::words::{self, visible};

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The root.
    pub summary: RootSummary,
    /// Its list.
    pub listing: Listing,
    /// What was skipped beside it.
    pub skipped: Vec<Reason>,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// Whether the last look at it failed.
    pub has_failed: bool,
    /// Sets the filter.
    pub onquery: Callback<String>,
}

/// What is pending in a root, at a glance.
#[component]
pub fn Overview(props: &Props) -> Html {
    let heading = use_screen(
        &format!("pending {}", props.summary.name),
        &tab_title(props),
    );
    let total = props.listing.total();
    // While the store cannot be read, the last answer says nothing about it.
    let is_known = props.read_at.is_some() && !props.has_failed;
    let is_empty = props.read_at.is_some() && total == 0;
    // Polling the list asks for no second check.
    let check = use_check(&props.summary.name, is_empty.then_some(false));
    let title = match (props.read_at, total) {
        _ if props.has_failed => "The store cannot be read.".to_owned(),
        (None, _) => "Looking at the store…".to_owned(),
        (Some(_), 0) => "No sidecar is left.".to_owned(),
        (Some(_), 1) => "One recovery is pending.".to_owned(),
        (Some(_), total) => format!("{} recoveries are pending.", words::grouped(total)),
    };
    let screen = Route::Check {
        root: props.summary.name.clone(),
        upgrade: false,
    };
    html! {
        <div class="overview">
            <h1 ref={heading} tabindex="-1">{ title }</h1>
            if props.has_failed {
                <p class="lead">{ "The list says why. Until it can be read again, nobody knows what is pending in it. This page looks again by itself." }</p>
            }
            if is_known && total == 0 {
                <p class="lead">{ "No write in this root waits for a recovery, and no recovery is under way. That alone does not say that the root is in order." }</p>
            } else if total > 0 {
                <p class="lead">{ "Each is a write to several tables whose writer stopped before it was done. Choose one to see what happened, and what can be done about it." }</p>
                <ul class="counts">{ each(&mut props.listing.counts().into_iter().map(|(standing, count)| count_line(standing, count, &props.onquery))) }</ul>
                <p>{ "Commits that no sidecar covers, locks that were left and missing tables are not in the list. " }<a href={screen.href()}>{ "Check this root" }</a></p>
            }
            // While the list cannot be read, the earlier findings stay, with their time.
            if is_empty {
                { in_short(&check, &props.summary.name) }
                <p><a href={Route::Audit { root: props.summary.name.clone() }.href()}>{ "See what was recovered before" }</a></p>
            }
            { skipped(&props.skipped) }
            <p class="quiet-text">
                <code>{ visible(&props.summary.uri) }</code>
                if let Some(read_at) = props.read_at { { format!(" · read at {read_at}") } }
            </p>
        </div>
    }
}

/// The title in the tab: how many there are comes first, because tabs are narrow.
fn tab_title(props: &Props) -> String {
    let (shown, total) = (props.listing.len(), props.listing.total());
    let count = match props.read_at {
        None => String::new(),
        Some(_) if shown == total => format!("({}) ", words::grouped(total)),
        Some(_) => format!("({} of {}) ", words::grouped(shown), words::grouped(total)),
    };
    format!("{count}Pending in {}", props.summary.name)
}

fn count_line(standing: Standing, count: usize, onquery: &Callback<String>) -> Html {
    let label = standing.label();
    let onclick = onquery.reform(move |_: MouseEvent| label.clone());
    html! {
        <li>
            <button type="button" {onclick}>
                <span class="count">{ words::grouped(count) }</span>
                { standing_badge(standing) }
                <span class="unseen">{ ", show only these" }</span>
            </button>
        </li>
    }
}
