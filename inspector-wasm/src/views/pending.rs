//! Pending: the list, and beside it the recovery that is open.

use sidecar::Timestamp;
use sidecar::api::RootSummary;
use yew::{Callback, Html, MouseEvent, Properties, component, html, use_callback, use_reducer};

use super::overview::Overview;
use super::recovery::Recovery;
use crate::components::{List, Tone, alert, failure_notice, list_tools};
use crate::hooks::{Alive, Asking, use_polled};
use crate::route::Route;
use crate::services::backend::Wanted;
use crate::services::{backend, dom};
use crate::state::pending::{Action, PendingState, pause_ms};
use crate::words::{self, visible};

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The root.
    pub summary: RootSummary,
    /// What is open: its operation id or file name, and what is planned for it.
    pub open: Option<(String, Wanted)>,
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
    let onquery = use_callback(state.dispatcher(), |query, dispatcher| {
        dispatcher.dispatch(Action::Query(query))
    });
    let onsort = use_callback(state.dispatcher(), |sort, dispatcher| {
        dispatcher.dispatch(Action::Sort(sort))
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
                { list_tools(&state.listing, &onquery, &onsort, html! {
                    <button type="button" class="quiet" {onclick} aria-busy={state.asking.then_some("true")}>{ "Refresh" }</button>
                }) }
                if let Some(failure) = &state.failure {
                    { failure_notice(failure, state.read_at.map(|read_at| html! { <p>{ format!("The list was read at {read_at}.") }</p> }).unwrap_or_default()) }
                }
                if let Some(reason) = &state.catalog {
                    { alert("The catalog cannot be read", Tone::Stop, html! { <p>{ visible(&words::sentence(&reason.detail)) }</p> }) }
                }
                <List listing={state.listing.clone()} label="Pending recoveries" {selected} {href} />
            </aside>
            <main>
                if let Some((operation, wanted)) = &props.open {
                    <Recovery key={format!("{operation}\n{wanted:?}")} root={root.clone()} operation={operation.clone()} wanted={*wanted} onchanged={refresh} />
                } else {
                    <Overview summary={props.summary.clone()} listing={state.listing.clone()} skipped={state.skipped.clone()} read_at={state.read_at} has_failed={state.failure.is_some()} {onquery} />
                }
            </main>
        </div>
    }
}
