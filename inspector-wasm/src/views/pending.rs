//! Pending: the list, and beside it the recovery that is open.

use sidecar::api::RootSummary;
use sidecar::{Disposition, Timestamp};
use yew::{Callback, Html, MouseEvent, Properties, component, html, use_effect_with, use_reducer};

use super::overview::Overview;
use super::recovery::Recovery;
use crate::components::{List, Tone, alert, failure_notice, list_tools, none_matches};
use crate::hooks::{Alive, Asking, arranged_now, use_polled};
use crate::route::{Arranged, Route};
use crate::services::backend::Wanted;
use crate::services::{backend, dom};
use crate::state::entry::{Entry, Standing};
use crate::state::pending::{Action, PendingState, pause_ms};
use crate::words::{self, visible};

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The root.
    pub summary: RootSummary,
    /// What is open: its operation id or file name, and what is planned for it.
    pub open: Option<(String, Wanted)>,
    /// How the address says that the list is arranged.
    pub arranged: Arranged,
}

/// Pending: the list, and beside it the recovery that is open.
#[component]
pub fn Pending(props: &Props) -> Html {
    let state = use_reducer(PendingState::default);
    let refresh = {
        let dispatcher = state.dispatcher();
        let root = props.summary.name.clone();
        let ask = move |alive: Alive| -> Asking {
            let (dispatcher, root) = (dispatcher.clone(), root.clone());
            Box::pin(async move {
                dispatcher.dispatch(Action::Asked);
                let started = dom::now_ms();
                let answer = backend::recoveries(&root).await;
                if alive.get() {
                    dispatcher.dispatch(Action::Answered(
                        answer,
                        Timestamp::from_micros(dom::now_micros()),
                    ));
                }
                Some(pause_ms(dom::now_ms() - started))
            })
        };
        use_polled(props.summary.name.clone(), Box::new(ask))
    };
    {
        // An address that was opened says how its list is arranged. Letters that were typed since then are in the address, too, and
        // must not be lost, so it is read again.
        let dispatcher = state.dispatcher();
        let place = (props.open.clone(), props.arranged.clone());
        use_effect_with(place, move |_| {
            let Arranged { query, sort } = arranged_now();
            dispatcher.dispatch(Action::Arranged(query, sort));
        });
    }
    // A list that a person arranges says so in the address.
    let arrange = {
        let dispatcher = state.dispatcher();
        Callback::from(move |arranged: Arranged| {
            dom::arrange(&arranged.text());
            dispatcher.dispatch(Action::Arranged(arranged.query, arranged.sort));
        })
    };
    let (query, sort) = (state.listing.query().to_owned(), state.listing.sort());
    let onquery = arrange.reform(move |query| Arranged { query, sort });
    let onsort = arrange.reform(move |sort| Arranged {
        query: query.clone(),
        sort,
    });
    let root = &props.summary.name;
    let selected = props.open.as_ref().and_then(|(operation, _)| {
        state
            .listing
            .position(|_, entry| entry.key() == operation || entry.file == *operation)
    });
    let href = {
        let (listing, root) = (state.listing.clone(), root.clone());
        Callback::from(move |position: usize| {
            let operation = listing
                .get(position)
                .map(|entry| entry.key().to_owned())
                .unwrap_or_default();
            Route::Recovery {
                root: root.clone(),
                operation,
            }
            .href()
        })
    };
    let unread = match (state.read_at, &state.failure) {
        (Some(_), _) => None,
        (None, None) => Some("Reading…"),
        (None, Some(_)) => Some("Not read"),
    };
    let next = props.open.as_ref().and_then(|(operation, _)| {
        let is_other = |entry: &Entry| entry.key() != operation && entry.file != *operation;
        let can_go_on = |entry: &Entry| entry.standing != Standing::Judged(Disposition::Refused);
        let found = state
            .listing
            .position(|_, entry| is_other(entry) && can_go_on(entry))?;
        let title = words::title(state.listing.get(found)?);
        Some((href.emit(found).into(), title.into()))
    });
    let onclick = refresh.reform(|_: MouseEvent| ());
    let class = if props.open.is_some() {
        "shell detail"
    } else if state.read_at.is_some() && state.listing.total() == 0 {
        "shell empty"
    } else {
        "shell"
    };
    html! {
        <div {class}>
            <aside aria-label="Pending recoveries">
                { list_tools(&state.listing, unread, &onquery, &onsort, html! {
                    <button type="button" class="quiet" {onclick} aria-busy={state.asking.then_some("true")}>{ "Refresh" }</button>
                }) }
                if let Some(failure) = &state.failure {
                    { failure_notice(failure, state.read_at.map(|read_at| html! { <p>{ format!("The list was read at {read_at}.") }</p> }).unwrap_or_default()) }
                }
                if let Some(reason) = &state.catalog {
                    { alert("The catalog cannot be read", Tone::Stop, html! { <p>{ visible(&words::sentence(&reason.detail)) }</p> }) }
                }
                { none_matches(&state.listing, &onquery) }
                <List listing={state.listing.clone()} label="Pending recoveries" {selected} {href} back={props.open.as_ref().map(|_| Route::Pending { root: root.clone() }.href())} />
            </aside>
            <main>
                if let Some((operation, wanted)) = &props.open {
                    <Recovery key={format!("{operation}\n{wanted:?}")} root={root.clone()} operation={operation.clone()} wanted={*wanted} onchanged={refresh} {next} />
                } else {
                    <Overview summary={props.summary.clone()} listing={state.listing.clone()} skipped={state.skipped.clone()} read_at={state.read_at} has_failed={state.failure.is_some()} {onquery} />
                }
            </main>
        </div>
    }
}
