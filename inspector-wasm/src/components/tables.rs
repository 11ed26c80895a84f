//! Every table of a plan: those that change first where there are many, the others folded away.

use std::rc::Rc;

use sidecar::Action;
use sidecar::api::{PlanReport, TableReport};
use yew::{Callback, Html, MouseEvent, Properties, component, html, use_node_ref, use_state_eq};

use super::badge::table_badge;
use super::parts::{each, rows, table};
use super::table_card::table_card;
use crate::hooks::use_width;
use crate::words::{self, visible};

/// From so many tables on, those that do not change are folded away.
const MANY: usize = 100;

/// Cards drawn at first, and with every further press.
const BATCH: usize = 60;

/// The padding and border of a card, either side together.
const CARD_EDGES: f64 = 42.0;

#[derive(Debug, Properties)]
pub struct Props {
    /// The plan.
    pub plan: Rc<PlanReport>,
}

impl PartialEq for Props {
    /// By identity: a plan that is read again is drawn again.
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.plan, &other.plan)
    }
}

/// Every table of a plan.
#[component]
pub fn Tables(props: &Props) -> Html {
    let column = use_node_ref();
    let width = use_width(&column) as f64;
    let drawn = use_state_eq(|| BATCH);
    let tables = &props.plan.tables;
    let folds = tables.len() >= MANY;
    let (folded, cards): (Vec<_>, Vec<_>) = tables.iter().partition(|report| {
        folds
            && report.table.action == Action::None
            && (report.table.classification.is_some() || report.table.catalog_change.is_some())
    });
    let left = cards.len().saturating_sub(*drawn);
    let more = {
        let drawn = drawn.clone();
        Callback::from(move |_: MouseEvent| drawn.set(*drawn + BATCH))
    };
    html! {
        <section class="tables" aria-labelledby="tables-heading" ref={column}>
            <header class="section">
                <h2 id="tables-heading">{ words::counted(tables.len(), "table") }</h2>
                { legend() }
            </header>
            { each(&mut cards.iter().take(*drawn).map(|report| table_card(report, (width - CARD_EDGES).max(0.0)))) }
            if left > 0 {
                <button type="button" onclick={more}>{ format!("Show {} more of {}", words::grouped(left.min(BATCH)), words::counted(left, "table")) }</button>
            }
            { unchanged(&folded) }
        </section>
    }
}

fn legend() -> Html {
    let mark = |class: &'static str, shape: Html, name: &'static str| {
        html! { <li><svg class="rail mark" width="22" height="14" viewBox="0 0 22 14" aria-hidden="true"><g {class}>{ shape }</g></svg>{ name }</li> }
    };
    html! {
        <ul class="legend" aria-label="What the marks mean">
            { mark("pin", html! { <circle class="stop pin" cx="11" cy="7" r="5.5" /> }, "published: the pin") }
            { mark("head", html! { <circle class="stop head" cx="11" cy="7" r="5" /> }, "Lance HEAD") }
            { mark("between", html! { <line class="unpublished" x1="1" x2="21" y1="7" y2="7" /> }, "committed, not published") }
            { mark("bracket", html! { <path class="intended" d="M1.5 11V3.5H20.5V11" /> }, "what the writer intended") }
        </ul>
    }
}

fn unchanged(tables: &[&TableReport]) -> Html {
    if tables.is_empty() {
        return Html::default();
    }
    let row = |report: &&TableReport| {
        let planned = &report.table;
        html! {
            <tr>
                <th scope="row">{ visible(&planned.table_key) }</th>
                <td>{ table_badge(planned) }</td>
                <td><code>{ visible(&planned.rule) }</code></td>
                <td>{ visible(&report.effect) }</td>
            </tr>
        }
    };
    let heads = ["table", "stands", "rule", "effect"];
    html! {
        <details class="card unchanged">
            <summary>{ format!("{} unchanged", words::counted(tables.len(), "table")) }</summary>
            { table("Unchanged tables", "unchanged-tables", &heads, rows(&mut tables.iter().map(row))) }
        </details>
    }
}
