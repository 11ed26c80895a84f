//! Pending: the list, and beside it what is open of it.

use sidecar::Timestamp;
use sidecar::api::RootSummary;
use yew::{Callback, Html, MouseEvent, Properties, component, html, use_callback, use_reducer};

use super::overview::Overview;
use super::recovery::Recovery;
use crate::components::{FailureNotice, List, ListTools};
use crate::hooks::{Alive, use_polled};
use crate::route::Route;
use crate::services::{backend, dom};
use crate::state::pending::{Action, PendingState, pause_ms};

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The root.
    pub summary: RootSummary,
    /// What is open.
    pub operation: Option<String>,
}

/// Pending: the list, and beside it what is open of it.
#[component]
pub fn Pending(props: &Props) -> Html {
    let state = use_reducer(PendingState::default);
    let refresh = {
        let dispatcher = state.dispatcher();
        use_polled(&props.summary.name, move |root: String, alive: Alive| {
            let dispatcher = dispatcher.clone();
            async move {
                dispatcher.dispatch(Action::Asked);
                let started = dom::now_ms();
                let answer = backend::recoveries(&root).await;
                if alive.get() {
                    dispatcher.dispatch(Action::Answered(answer, Timestamp::from_micros(dom::now_micros())));
                }
                Some(pause_ms(dom::now_ms() - started))
            }
        })
    };
    let onquery = use_callback(state.dispatcher(), |query, dispatcher| dispatcher.dispatch(Action::Query(query)));
    let onsort = use_callback(state.dispatcher(), |sort, dispatcher| dispatcher.dispatch(Action::Sort(sort)));
    let root = &props.summary.name;
    let selected = props.operation.as_ref().and_then(|operation| state.listing.position(|_, entry| entry.key() == operation));
    let href = {
        let (listing, root) = (state.listing.clone(), root.clone());
        Callback::from(move |position: usize| {
            let operation = listing.get(position).map(|entry| entry.key().to_owned()).unwrap_or_default();
            Route::Recovery { root: root.clone(), operation }.href()
        })
    };
    let onclick = refresh.reform(|_: MouseEvent| ());
    html! {
        <div class={yew::classes!("shell", props.operation.is_some().then_some("detail"))}>
            <aside aria-label="Pending recoveries">
                <ListTools listing={state.listing.clone()} query={state.listing.query().to_owned()} onquery={onquery.clone()} {onsort}>
                    <button type="button" class="quiet" {onclick} aria-busy={state.asking.then_some("true")}>{ "Refresh" }</button>
                </ListTools>
                if let Some(failure) = &state.failure {
                    <FailureNotice failure={failure.clone()}>
                        if let Some(read_at) = state.read_at { <p>{ format!("What is listed was read at {read_at}.") }</p> }
                    </FailureNotice>
                }
                <List listing={state.listing.clone()} label="Pending recoveries" {selected} {href} />
            </aside>
            <main>
                if let Some(operation) = &props.operation {
                    <Recovery key={operation.clone()} root={root.clone()} operation={operation.clone()} onchanged={refresh} />
                } else {
                    <Overview summary={props.summary.clone()} listing={state.listing.clone()} read_at={state.read_at} {onquery} />
                }
            </main>
        </div>
    }
}
