//! Audit: what was done in a root, from its journals, each chain verified here.

use std::rc::Rc;

use sidecar::api::RootSummary;
use wasm_bindgen_futures::spawn_local;
use yew::{
    Callback, Html, MouseEvent, Properties, component, html, use_effect_with, use_state,
    use_state_eq,
};

use crate::components::{Journal, Tone, alert, each, failure_notice, skipped};
use crate::hooks::{Alive, Asking, use_polled, use_screen};
use crate::route::Route;
use crate::services::{backend, dom};
use crate::state::journal_check::{JournalCheck, StoredAudit};
use crate::state::load::Load;
use crate::words::{self, visible};

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
    let load = use_state(Load::<StoredAudit>::default);
    let drawn = use_state_eq(|| BATCH);
    let refresh = {
        let load = load.clone();
        let (root, operation) = (props.summary.name.clone(), props.operation.clone());
        let ask = move |alive: Alive| -> Asking {
            let (load, root, operation) = (load.clone(), root.clone(), operation.clone());
            Box::pin(async move {
                let answer = match &operation {
                    Some(operation) => backend::audit_of(&root, operation).await,
                    None => backend::audit_page(&root, None).await,
                };
                if alive.get() {
                    let mut next = (*load).clone();
                    next.answered(answer.map(Rc::new));
                    load.set(next);
                }
                None
            })
        };
        // The screen is another one for another root or operation.
        use_polled(String::new(), Box::new(ask))
    };
    let checks = use_checks(load.value.as_ref());
    let title = match &props.operation {
        Some(operation) => format!("The record of {operation}"),
        None => format!("What was done in {}", props.summary.name),
    };
    let heading = use_screen(
        &format!("audit {} {:?}", props.summary.name, props.operation),
        &title,
    );
    let operations = load
        .value
        .as_ref()
        .map(|report| report.operations.as_slice())
        .unwrap_or_default();
    let left = operations.len().saturating_sub(*drawn);
    let more = {
        let (drawn, load) = (drawn.clone(), load.clone());
        let root = props.summary.name.clone();
        Callback::from(move |_: MouseEvent| {
            drawn.set(*drawn + BATCH);
            let next = load.value.as_ref().and_then(|page| page.next.clone());
            let Some(after) = next.filter(|_| left <= BATCH) else {
                return;
            };
            let (load, root) = (load.clone(), root.clone());
            spawn_local(async move {
                let answer = backend::audit_page(&root, Some(&after)).await;
                let mut next = (*load).clone();
                let so_far = next.value.clone();
                next.answered(answer.map(|page| match so_far {
                    Some(so_far) => Rc::new((*so_far).clone().with(page)),
                    None => Rc::new(page),
                }));
                load.set(next);
            });
        })
    };
    let has_next = load.value.as_ref().is_some_and(|page| page.next.is_some());
    html! {
        <main class="lone wide audit">
            if props.operation.is_some() {
                <a class="back always" href={Route::Audit { root: props.summary.name.clone() }.href()}>{ "All records" }</a>
            }
            <h1 ref={heading} tabindex="-1">{ visible(&title) }</h1>
            <p class="lead">{ "Every record carries the digest of the one before it. The chains are verified here, in your browser, over the stored bytes." }</p>
            { summary(operations.len(), &checks) }
            if let Some(failure) = &load.failure { { failure_notice(failure, Html::default()) } }
            if load.value.is_none() && load.failure.is_none() { <p role="status">{ "Reading the journals…" }</p> }
            if load.value.is_some() && operations.is_empty() {
                <p>{ "No recovery was ever approved in this root, so there is nothing on record." }</p>
            }
            if let Some(report) = &load.value { { skipped(&report.skipped) } }
            { each(&mut operations.iter().enumerate().take(*drawn).map(|(index, operation)| html! {
                <Journal key={operation.operation_id.clone()} operation={operation.clone()} check={checks.get(index).cloned()} root={props.summary.name.clone()}
                    open={props.operation.is_some()} href={Route::Record { root: props.summary.name.clone(), operation: operation.operation_id.clone() }.href()} />
            })) }
            <p class="actions">
                if left > 0 || has_next {
                    <button type="button" onclick={more}>
                        { if has_next { "Show more".to_owned() } else { format!("Show {} more of {}", words::grouped(left.min(BATCH)), words::grouped(left)) } }
                    </button>
                }
                <button type="button" class="quiet" onclick={refresh.reform(|_: MouseEvent| ())}>{ "Refresh" }</button>
            </p>
        </main>
    }
}

/// The latest journal first, as they are drawn; as far as they are verified.
type Checks = Rc<Vec<JournalCheck>>;

/// Verifies every chain of a report, a slice of time at a time.
#[yew::hook]
fn use_checks(report: Option<&Rc<StoredAudit>>) -> Checks {
    let checks = use_state(Checks::default);
    let setter = checks.setter();
    use_effect_with(report.cloned(), move |report| {
        let alive = Rc::new(std::cell::Cell::new(true));
        if let Some(report) = report.clone() {
            let alive = alive.clone();
            spawn_local(async move {
                let mut found = Vec::new();
                let mut since = dom::now_ms();
                for operation in &report.operations {
                    found.push(JournalCheck::of_journal(operation));
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
    let broken = checks
        .iter()
        .filter(|check| matches!(check, JournalCheck::Broken { .. }))
        .count();
    if broken > 0 {
        let title = format!(
            "{} of {} cannot be trusted",
            words::grouped(broken),
            words::counted(total, "journal")
        );
        return alert(
            &title,
            Tone::Stop,
            html! {
                <p>{ "Each says below which of its records does not hold. Conclude nothing from such a journal before a person has looked at the store." }</p>
            },
        );
    }
    let text = if checks.len() < total {
        format!(
            "{} of {} verified…",
            words::grouped(checks.len()),
            words::counted(total, "journal")
        )
    } else {
        format!("{} verified.", words::counted(total, "journal"))
    };
    html! { <p class="checked" role="status" data-testid="chains">{ text }</p> }
}
