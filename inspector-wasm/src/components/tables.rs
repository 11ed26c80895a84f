//! Every table of a plan: those that change first, each with its rail; the others as short rows where there are many.

use std::rc::Rc;

use sidecar::api::{PlanReport, TableReport};
use sidecar::{Action, explanation};
use yew::{Callback, Html, MouseEvent, Properties, component, html, use_node_ref, use_state_eq};

use super::badge::{table_badge, table_tone};
use super::parts::each;
use super::table_card::table_card;
use super::tone::Tone;
use crate::hooks::use_width;
use crate::words::{self, visible};

/// Up to so many tables, those that do not change have a card as well.
const FEW: usize = 4;

/// Cards drawn at first, and with every further press. The others are rows until then.
const BATCH: usize = 12;

/// Rows of tables that do not change that are drawn unfolded.
const UNFOLDED: usize = 400;

/// The padding and border of a card, either side together.
const CARD_EDGES: f64 = 42.0;

#[derive(Debug, Properties)]
pub struct Props {
    /// The plan.
    pub plan: Rc<PlanReport>,
    /// Whether the tables are as the plan left them.
    #[prop_or_default]
    pub after: bool,
}

impl PartialEq for Props {
    /// By identity: a plan that is read again is drawn again.
    fn eq(&self, other: &Self) -> bool {
        self.after == other.after && Rc::ptr_eq(&self.plan, &other.plan)
    }
}

/// Every table of a plan.
#[component]
pub fn Tables(props: &Props) -> Html {
    let column = use_node_ref();
    let width = use_width(&column) as f64;
    let drawn = use_state_eq(|| BATCH);
    let tables = &props.plan.tables;
    let (changed, still): (Vec<&TableReport>, Vec<&TableReport>) =
        tables.iter().partition(|report| changes(report));
    let (cards, rows) = if tables.len() <= FEW {
        (changed.into_iter().chain(still).collect(), Vec::new())
    } else {
        (changed, still)
    };
    let id = if props.after {
        "left-heading"
    } else {
        "tables-heading"
    };
    let left = cards.len().saturating_sub(*drawn);
    let more = {
        let drawn = drawn.clone();
        Callback::from(move |_: MouseEvent| drawn.set(*drawn + BATCH))
    };
    html! {
        <section class="tables" aria-labelledby={id} ref={column}>
            <header class="section">
                <h2 {id}>{ words::counted(tables.len(), "table") }if props.after { { ", as they were left" } }</h2>
                { legend() }
            </header>
            { each(&mut cards.iter().take(*drawn).map(|report| table_card(report, (width - CARD_EDGES).max(0.0), props.after))) }
            if left > 0 {
                { compact("more that change", &cards[*drawn..], props.after) }
                <button type="button" onclick={more}>{ format!("Show the rails of {} more", words::grouped(left.min(BATCH))) }</button>
            }
            { compact("do not change", &rows, props.after) }
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

/// Whether something is done to a table, or something is wrong with it.
fn changes(report: &TableReport) -> bool {
    let table = &report.table;
    table.action != Action::None || table_tone(table) == Tone::Stop || !table.unexpected.is_empty()
}

/// Tables without their rails, those of one kind together: a kind says once what its tables have in common.
fn compact(which: &str, tables: &[&TableReport], after: bool) -> Html {
    if tables.is_empty() {
        return Html::default();
    }
    let mut kinds: Vec<(&TableReport, Vec<&TableReport>)> = Vec::new();
    for report in tables {
        let same = |first: &TableReport| {
            first.effect == report.effect
                && explanation::table_stands(&first.table)
                    == explanation::table_stands(&report.table)
        };
        match kinds.iter_mut().find(|(first, _)| same(first)) {
            Some((_, those)) => those.push(report),
            None => kinds.push((report, vec![report])),
        }
    }
    let row = |report: &&TableReport| {
        let table = &report.table;
        html! {
            <li data-table={table.table_key.clone()}>
                <strong>{ visible(&table.table_key) }</strong>
                if let Some(branch) = &table.branch { <span class="branch">{ " on " }{ visible(branch) }</span> }
                { " " }<code>{ visible(&table.rule) }</code>
            </li>
        }
    };
    let kind = |(first, those): &(&TableReport, Vec<&TableReport>)| {
        html! {
            <>
                <p>if !after { { table_badge(&first.table) }{ " " } }{ visible(&first.effect) }</p>
                <ul class="compact">{ each(&mut those.iter().map(row)) }</ul>
            </>
        }
    };
    html! {
        <details class="card unchanged" open={tables.len() <= UNFOLDED} data-testid="compact">
            <summary>{ words::counted(tables.len(), "table") }if !after { { format!(" {which}") } }</summary>
            { each(&mut kinds.iter().map(kind)) }
        </details>
    }
}
