//! How an execution ended: per table, and for catalog, record and sidecar.

use sidecar::explanation::outcome_sentence;
use sidecar::{ApplyReport, SidecarFate, TableOutcome};
use yew::{Html, classes, html};

use super::badge::{badge, outcome_tone};
use super::differences::differences;
use super::facts::{facts, plain};
use crate::words;

/// Tables listed before the rest is folded away.
const TABLES_SHOWN: usize = 30;

/// How an execution ended.
#[must_use]
pub fn outcome(report: &ApplyReport) -> Html {
    let tone = outcome_tone(Some(report.outcome));
    let sentence = outcome_sentence(report);
    let (shown, folded) = report
        .tables
        .split_at(report.tables.len().min(TABLES_SHOWN));
    let sidecar = match report.sidecar {
        SidecarFate::Retired => "retired",
        SidecarFate::Kept => "kept",
    };
    html! {
        <div class={classes!("outcome", tone.class())} data-testid="outcome" data-outcome={report.outcome.name()}>
            <p>{ badge(words::outcome(Some(report.outcome)), tone) }</p>
            <p class="sentence">{ &sentence }</p>
            if !report.detail.is_empty() && report.detail != sentence { <p>{ &report.detail }</p> }
            { differences(&report.differences) }
            if !shown.is_empty() { { outcomes(shown) } }
            if !folded.is_empty() {
                <details><summary>{ format!("{} more", words::counted(folded.len(), "table")) }</summary>{ outcomes(folded) }</details>
            }
            { facts([
                ("catalog", plain(Some(words::effect(report.catalog.effect)))),
                ("audit record", plain(Some(words::effect(report.audit.effect)))),
                ("sidecar", plain(Some(sidecar))),
            ]) }
        </div>
    }
}

fn outcomes(tables: &[TableOutcome]) -> Html {
    let row = |table: &TableOutcome| {
        html! {
            <tr>
                <th scope="row">{ &table.table_key }</th>
                <td class="number">{ words::version(table.from_version) }</td>
                <td class="number">{ words::version(table.to_version) }</td>
                <td class="number">{ words::version(table.published_version) }</td>
                <td>{ words::effect(table.effect) }</td>
            </tr>
        }
    };
    html! {
        <div class="scroller" tabindex="0" role="region" aria-label="What happened to every table">
            <table class="outcomes">
                <thead><tr><th scope="col">{ "table" }</th><th scope="col">{ "from" }</th><th scope="col">{ "content of" }</th><th scope="col">{ "pin" }</th><th scope="col">{ "effect" }</th></tr></thead>
                <tbody>{ for tables.iter().map(row) }</tbody>
            </table>
        </div>
    }
}
