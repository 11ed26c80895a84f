//! One table of a plan: where it stands, the rule that fired, and what is done to it.

use sidecar::api::TableReport;
use sidecar::observation::TransactionObservation;
use sidecar::{Timestamp, age_text, explanation};
use yew::{Html, html};

use super::badge::table_badge;
use super::parts::{each, rows, table};
use super::rail::rail_figure;
use crate::services::dom;
use crate::words::{self, visible};

/// One table of a plan, with a rail as wide as this. Where it stands now needs no classification.
pub fn table_card(report: &TableReport, width: f64, after: bool) -> Html {
    let TableReport {
        table: planned,
        effect,
        transactions,
    } = report;
    html! {
        <article class="card table" key={key(report)} data-table={planned.table_key.clone()}>
            <header>
                <h3>{ visible(&planned.table_key) }if let Some(branch) = &planned.branch { <span class="branch">{ " on " }{ visible(branch) }</span> }</h3>
                if !after { { table_badge(planned) } }
                <code class="rule">{ visible(&planned.rule) }</code>
            </header>
            if planned.catalog_change.is_none() { { rail_figure(report, width) } }
            <p class="effect">{ visible(effect) }</p>
            { unexpected(report) }
            { transactions_table(&report.table.table_key, transactions) }
        </article>
    }
}

/// The commits of this table that the approver has to acknowledge, and when the last of them was made: who commits now is alive.
fn unexpected(report: &TableReport) -> Html {
    let planned = &report.table;
    if planned.unexpected.is_empty() {
        return Html::default();
    }
    let is_of_them = |seen: &&TransactionObservation| {
        let mut commits = planned.unexpected.iter();
        commits.any(|commit| commit.version == seen.version)
    };
    let made = report.transactions.iter().filter(is_of_them);
    let last = made
        .filter_map(|seen| seen.transaction.as_ref()?.timestamp)
        .max();
    let when = last.map(|last| {
        let age = last.age_seconds(Timestamp::from_micros(dom::now_micros()));
        let which = match planned.unexpected.len() {
            1 => "It",
            _ => "The last of them",
        };
        format!(" {which} was committed {last}, {} ago.", age_text(age))
    });
    html! {
        <p class="unexpected" role="note">{ visible(&explanation::unexpected_sentence(planned)) }{ when }</p>
    }
}

fn transactions_table(table_key: &str, transactions: &[TransactionObservation]) -> Html {
    if transactions.is_empty() {
        return Html::default();
    }
    html! {
        <details class="transactions">
            <summary>{ words::counted(transactions.len(), "Lance transaction") }</summary>
            { lance_transactions(table_key, transactions) }
        </details>
    }
}

/// Lance transactions of one table, each with who made it.
pub fn lance_transactions(table_key: &str, transactions: &[TransactionObservation]) -> Html {
    let row = |entry: &TransactionObservation| {
        let transaction = entry.transaction.as_ref();
        let operation = transaction.map_or_else(
            || "not readable any more".to_owned(),
            |transaction| match transaction.restored_version {
                Some(version) => format!("{} of version {version}", transaction.operation),
                None => transaction.operation.clone(),
            },
        );
        html! {
            <tr>
                <td class="number">{ entry.version }</td>
                <td>
                    { visible(&operation) }
                    if let Some(rows) = transaction.and_then(|transaction| transaction.row_delta) { { format!(", {rows:+} rows") } }
                    { each(&mut transaction.iter().flat_map(|transaction| &transaction.properties).map(|(name, value)| html! {
                        <code class="property">{ visible(&format!("{name} = {value}")) }</code>
                    })) }
                </td>
                <td>{ transaction.and_then(|transaction| transaction.timestamp).map(|timestamp| timestamp.to_string()).unwrap_or_default() }</td>
                <td><code>{ transaction.map(|transaction| visible(&transaction.uuid)).unwrap_or_default() }</code></td>
            </tr>
        }
    };
    let heads = ["version", "operation", "made", "transaction"];
    let name = visible(&format!("Lance transactions of {table_key}"));
    table(
        &name,
        "lance-transactions",
        &heads,
        rows(&mut transactions.iter().map(row)),
    )
}

fn key(report: &TableReport) -> String {
    format!(
        "{}\n{}",
        report.table.table_key,
        report.table.branch.as_deref().unwrap_or_default()
    )
}
