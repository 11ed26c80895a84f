//! Check: what is not in order in a root, and what has to be so before its engine is upgraded.

use sidecar::api::RootSummary;
use sidecar::doctor::LOOKED_AT;
use yew::{Callback, Html, MouseEvent, NodeRef, Properties, component, html, use_node_ref};

use crate::components::{checklist, failure_notice, findings};
use crate::hooks::{Check as Look, use_check, use_screen};
use crate::route::Route;
use crate::services::dom;
use crate::state::check::{Report, headline, summary};
use crate::words::visible;

/// Findings of one kind that are drawn, and beside an empty list.
const MANY: usize = 100;
const FEW: usize = 3;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The root.
    pub summary: RootSummary,
    /// Whether the list before an upgrade is shown too.
    pub upgrade: bool,
}

/// Check: what is not in order in a root.
#[component]
pub fn Check(props: &Props) -> Html {
    let root = &props.summary.name;
    let look = use_check(root, Some(props.upgrade));
    let heading = use_screen(&format!("check {root}"), &format!("Check of {root}"));
    let list = use_node_ref();
    html! {
        <main class="lone wide check">
            <a class="back always" href={Route::Pending { root: root.clone() }.href()}>{ "All pending" }</a>
            <h1 ref={heading} tabindex="-1" data-testid="headline">{ headline(&look.load) }</h1>
            if let Some(checked) = &look.load.value { <p class="lead">{ visible(&checked.report.explanation) }</p> }
            <p class="quiet-text"><code>{ visible(&props.summary.uri) }</code></p>
            { found(&look, root, MANY, Html::default()) }
            if let Some(checked) = &look.load.value {
                { upgrade(&checked.report, props, look.load.asking, &list) }
            }
        </main>
    }
}

/// The findings about a root without a pending sidecar, in short.
pub(super) fn in_short(look: &Look, root: &str) -> Html {
    let screen = Route::Check {
        root: root.to_owned(),
        upgrade: false,
    };
    html! {
        <section class="check" aria-labelledby="check-heading" data-testid="check">
            <h2 id="check-heading">{ headline(&look.load) }</h2>
            { found(look, root, FEW, html! { <a class="button" href={screen.href()}>{ "Check this root" }</a> }) }
        </section>
    }
}

/// The findings, at most `max` of a kind, with the time of the check, and why it could not be repeated.
fn found(look: &Look, root: &str, max: usize, beside: Html) -> Html {
    let load = &look.load;
    let when = load.value.as_ref().map(|checked| {
        html! { <p class="quiet-text">{ format!("Looked at {}: {LOOKED_AT}", checked.at) }</p> }
    });
    html! {
        <>
            if let Some(failure) = &load.failure { { failure_notice(failure, Html::default()) } }
            if load.asking && load.value.is_none() {
                <p role="status">{ "The catalog, every table and the journals are being looked at. A large root takes a while." }</p>
            }
            if let Some(checked) = &load.value { { findings(&checked.report.findings, root, max) } }
            { when }
            <p class="actions">
                if load.value.is_some() || load.failure.is_some() {
                    <button type="button" onclick={look.again.reform(|_: MouseEvent| ())} aria-busy={load.asking.then_some("true")}>{ "Look again" }</button>
                }
                { beside }
            </p>
        </>
    }
}

/// The list before an upgrade, once somebody asks for it: it takes reading the history in the catalog version by version.
fn upgrade(report: &Report, props: &Props, asking: bool, heading: &NodeRef) -> Html {
    let content = match &report.upgrade {
        Some(lines) => html! { <><p>{ summary(lines) }</p>{ checklist(lines) }</> },
        None if props.upgrade => {
            let says = if asking {
                "The list is being gone through…"
            } else {
                "The list could not be gone through."
            };
            html! { <p role="status">{ says }</p> }
        }
        None => {
            let route = Route::Check {
                root: props.summary.name.clone(),
                upgrade: true,
            };
            // The link goes away, and the keyboard with it.
            let heading = heading.clone();
            let onclick = Callback::from(move |_: MouseEvent| dom::focus(&heading));
            html! {
                <>
                    <p>{ "A list of what has to be so before a newer engine takes this graph over. The history in the catalog is read version by version for it, so it takes longer." }</p>
                    <p class="actions"><a class="button" href={route.href()} {onclick}>{ "Go through the list" }</a></p>
                </>
            }
        }
    };
    html! {
        <section aria-labelledby="upgrade-heading" data-testid="upgrade">
            <h2 id="upgrade-heading" ref={heading} tabindex="-1">{ "Before an upgrade of the engine" }</h2>
            { content }
        </section>
    }
}
