//! Audit: what was done in a root, from its journals, each chain verified here.

use std::collections::BTreeMap;
use std::rc::Rc;

use sidecar::api::{AuditReport, RootSummary};
use wasm_bindgen_futures::spawn_local;
use yew::{Callback, Html, MouseEvent, Properties, component, html, use_effect_with, use_state, use_state_eq};

use crate::components::{FailureNotice, Journal, Notice, Tone};
use crate::hooks::{Alive, use_polled, use_screen};
use crate::route::Route;
use crate::services::{backend, dom};
use crate::state::chain::ChainCheck;
use crate::state::load::Load;
use crate::words;

/// Journals drawn at first, and with every further press.
const BATCH: usize = 100;

/// How long chains are verified before the browser gets to draw, in milliseconds.
const SLICE_MS: f64 = 12.0;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The root.
    pub summary: RootSummary,
    /// The one operation that is looked at, if it is one.
    pub operation: Option<String>,
}

/// Audit: what was done in a root.
#[component]
pub fn Audit(props: &Props) -> Html {
    let load = use_state(Load::<AuditReport>::default);
    let drawn = use_state_eq(|| BATCH);
    let refresh = {
        let load = load.clone();
        let place = (props.summary.name.clone(), props.operation.clone());
        use_polled(&place, move |(root, operation): (String, Option<String>), alive: Alive| {
            let load = load.clone();
            async move {
                let answer = backend::audit(&root, operation.as_deref()).await;
                if alive.get() {
                    let mut next = (*load).clone();
                    next.answered(answer.map(Rc::new));
                    load.set(next);
                }
                None
            }
        })
    };
    let checks = use_checks(load.value.as_ref());
    let title = match &props.operation {
        Some(operation) => format!("The record of {operation}"),
        None => format!("What was done in {}", props.summary.name),
    };
    let heading = use_screen(&format!("audit {} {:?}", props.summary.name, props.operation), &title);
    let operations = load.value.as_ref().map(|report| report.operations.as_slice()).unwrap_or_default();
    let left = operations.len().saturating_sub(*drawn);
    let more = {
        let drawn = drawn.clone();
        Callback::from(move |_: MouseEvent| drawn.set(*drawn + BATCH))
    };
    html! {
        <main class="lone wide audit">
            if props.operation.is_some() {
                <a class="back always" href={Route::Audit { root: props.summary.name.clone() }.href()}>{ "All records" }</a>
            }
            <h1 ref={heading} tabindex="-1">{ title }</h1>
            <p class="lead">{ "Every record carries the digest of the one before it. The chains are verified here, in your browser, over the stored bytes." }</p>
            { summary(operations.len(), &checks) }
            if let Some(failure) = &load.failure { <FailureNotice failure={failure.clone()} /> }
            if load.value.is_none() && load.failure.is_none() { <p role="status">{ "Reading the journals…" }</p> }
            if load.value.is_some() && operations.is_empty() {
                <p>{ "No recovery was ever approved in this root, so there is nothing on record." }</p>
            }
            { for operations.iter().rev().take(*drawn).map(|operation| html! {
                <Journal key={operation.operation_id.clone()} operation={operation.clone()} check={checks.get(&operation.operation_id).cloned()}
                    open={props.operation.is_some()} href={Route::Record { root: props.summary.name.clone(), operation: operation.operation_id.clone() }.href()} />
            }) }
            <p class="actions">
                if left > 0 { <button type="button" onclick={more}>{ format!("Show {} more of {}", words::grouped(left.min(BATCH)), words::grouped(left)) }</button> }
                <button type="button" class="quiet" onclick={refresh.reform(|_: MouseEvent| ())}>{ "Refresh" }</button>
            </p>
        </main>
    }
}

type Checks = Rc<BTreeMap<String, ChainCheck>>;

/// Verifies every chain of a report, a slice of time at a time.
#[yew::hook]
fn use_checks(report: Option<&Rc<AuditReport>>) -> Checks {
    let checks = use_state(Checks::default);
    let setter = checks.setter();
    use_effect_with(report.cloned(), move |report| {
        let alive = Rc::new(std::cell::Cell::new(true));
        if let Some(report) = report.clone() {
            let alive = alive.clone();
            spawn_local(async move {
                let mut found = BTreeMap::new();
                let mut since = dom::now_ms();
                // The latest are drawn first.
                for operation in report.operations.iter().rev() {
                    found.insert(operation.operation_id.clone(), ChainCheck::of_operation(operation));
                    if dom::now_ms() - since > SLICE_MS {
                        setter.set(Rc::new(found.clone()));
                        dom::rest(0).await;
                        since = dom::now_ms();
                    }
                    if !alive.get() {
                        return;
                    }
                }
                setter.set(Rc::new(found));
            });
        }
        move || alive.set(false)
    });
    (*checks).clone()
}

fn summary(total: usize, checks: &Checks) -> Html {
    if total == 0 {
        return Html::default();
    }
    let broken = checks.values().filter(|check| matches!(check, ChainCheck::Broken { .. })).count();
    if broken > 0 {
        let title = format!("{} of {} cannot be trusted", words::grouped(broken), words::counted(total, "journal"));
        return html! { <Notice title={title} tone={Tone::Stop} alert=true><p>{ "Each says below which of its records does not hold. Nothing should be concluded from it before a person has looked at the store." }</p></Notice> };
    }
    let text = if checks.len() < total {
        format!("{} of {} verified…", words::grouped(checks.len()), words::counted(total, "journal"))
    } else {
        format!("{} verified.", words::counted(total, "journal"))
    };
    html! { <p class="checked" role="status" data-testid="chains">{ text }</p> }
}
