//! How an execution ended: per table, and for catalog, record and sidecar.

use sidecar::text::version_text;
use sidecar::{ApplyReport, Purpose, SidecarFate, TableOutcome};
use yew::{Html, html};

use super::badge::{outcome_badge, outcome_tone};
use super::differences::differences;
use super::facts::{facts, plain};
use super::parts::{folded, rows, table, toned};
use crate::words::{self, visible};

/// Tables listed before the rest is folded away.
const TABLES_SHOWN: usize = 30;

/// How the execution of a plan for this ended.
pub fn outcome(report: &ApplyReport, purpose: Option<&Purpose>) -> Html {
    // An undo and a release have no sidecar file, and a release looks at no table.
    let (has_file, is_release) = match purpose {
        None | Some(Purpose::Recover | Purpose::Dismiss { .. }) => (true, false),
        Some(Purpose::Undo { .. }) => (false, false),
        Some(Purpose::Release { .. }) => (false, true),
    };
    let tone = outcome_tone(Some(report.outcome), purpose);
    let (shown, others) = report
        .tables
        .split_at(report.tables.len().min(TABLES_SHOWN));
    let sidecar = match report.sidecar {
        SidecarFate::Replaced => "gone, and another file bears its name",
        SidecarFate::NoFile => "none",
        other => other.name(),
    };
    html! {
        <div class={toned("outcome", tone)} data-testid="outcome" data-outcome={report.outcome.name()}>
            <p>{ outcome_badge(Some(report.outcome), purpose) }</p>
            <p class="sentence">{ visible(&words::with_short_digests(&report.detail)) }</p>
            { differences(&report.differences) }
            if !shown.is_empty() && !is_release { { outcomes(shown) } }
            if !others.is_empty() && !is_release {
                { folded(format!("{} more", words::counted(others.len(), "table")), outcomes(others)) }
            }
            { facts([
                ("catalog", plain(Some(words::effect(report.catalog.effect)))),
                ("audit record", plain(Some(words::effect(report.audit.effect)))),
                ("sidecar", plain(has_file.then_some(sidecar))),
            ]) }
        </div>
    }
}

fn outcomes(tables: &[TableOutcome]) -> Html {
    let row = |table: &TableOutcome| {
        html! {
            <tr>
                <th scope="row">{ visible(&table.table_key) }</th>
                <td class="number">{ version_text(table.from_version) }</td>
                <td class="number">{ version_text(table.to_version) }</td>
                <td class="number">{ version_text(table.published_version) }</td>
                <td>{ words::changed(table.effect) }</td>
            </tr>
        }
    };
    let heads = ["table", "was at", "now holds", "readers see", "changed"];
    table(
        "What happened to every table",
        "outcomes",
        &heads,
        rows(&mut tables.iter().map(row)),
    )
}
