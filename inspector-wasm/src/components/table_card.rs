//! One table of a plan: where it stands, the rule that fired, and what is done to it.

use sidecar::api::TableReport;
use sidecar::observation::TransactionObservation;
use yew::{Html, Properties, component, html};

use super::badge::{Badge, classification_tone};
use super::rail::RailFigure;
use crate::words;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The table with its transactions.
    pub report: TableReport,
    /// The width there is for its rail.
    pub width: f64,
}

/// One table of a plan.
#[component]
pub fn TableCard(props: &Props) -> Html {
    let TableReport { table, effect, transactions } = &props.report;
    let classification = table.classification.map_or("not classified", sidecar::ClassificationLabel::name);
    html! {
        <article class="card table" data-table={table.table_key.clone()}>
            <header>
                <h3>{ &table.table_key }if let Some(branch) = &table.branch { <span class="branch">{ " on " }{ branch }</span> }</h3>
                <Badge text={classification} tone={classification_tone(table.classification)} />
                <code class="rule">{ &table.rule }</code>
            </header>
            <RailFigure report={props.report.clone()} width={props.width} />
            <p class="effect">{ effect }</p>
            { transactions_table(transactions) }
        </article>
    }
}

fn transactions_table(transactions: &[TransactionObservation]) -> Html {
    if transactions.is_empty() {
        return Html::default();
    }
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
                    { operation }
                    if let Some(rows) = transaction.and_then(|transaction| transaction.row_delta) { { format!(", {rows:+} rows") } }
                    { for transaction.iter().flat_map(|transaction| &transaction.properties).map(|(name, value)| html! {
                        <code class="property">{ format!("{name} = {value}") }</code>
                    }) }
                </td>
                <td>{ transaction.and_then(|transaction| transaction.timestamp).map(|timestamp| timestamp.to_string()).unwrap_or_default() }</td>
                <td><code>{ transaction.map(|transaction| transaction.uuid.clone()).unwrap_or_default() }</code></td>
            </tr>
        }
    };
    html! {
        <details class="transactions">
            <summary>{ words::counted(transactions.len(), "Lance transaction") }</summary>
            <div class="scroller">
                <table>
                    <thead><tr>
                        <th scope="col">{ "version" }</th><th scope="col">{ "operation" }</th>
                        <th scope="col">{ "made" }</th><th scope="col">{ "transaction" }</th>
                    </tr></thead>
                    <tbody>{ for transactions.iter().map(row) }</tbody>
                </table>
            </div>
        </details>
    }
}
