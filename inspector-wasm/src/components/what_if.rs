//! What the verdict over a lone sidecar would be, for each position of pin and Lance HEAD.

use sidecar::{HeadPosition, PinPosition, WhatIf};
use yew::{Html, Properties, component, html};

use super::badge::{Badge, standing_tone};
use crate::state::entry::Standing;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// Every position, those of one pin together.
    pub rows: Vec<WhatIf>,
    /// The table the numbers are of.
    pub table: Option<String>,
}

/// What the verdict would be.
#[component]
pub fn WhatIfTable(props: &Props) -> Html {
    let groups = props.rows.chunk_by(|left, right| left.pin == right.pin);
    let numbers = props.table.as_ref().map(|table| format!("in numbers, for {table}"));
    html! {
        <div class="scroller" tabindex="0" role="region" aria-label="What the verdict would be">
            <table class="what-if" data-testid="what-if">
                <thead><tr>
                    <th scope="col">{ "If every pin is" }</th>
                    <th scope="col">{ "and every Lance HEAD is" }</th>
                    if let Some(numbers) = numbers { <th scope="col">{ numbers }</th> }
                    <th scope="col">{ "each table is" }</th>
                    <th scope="col">{ "and the write is" }</th>
                </tr></thead>
                { for groups.map(|rows| html! { <tbody>{ for rows.iter().enumerate().map(|(index, row)| what_if_row(row, (index == 0).then_some(rows.len()))) }</tbody> }) }
            </table>
        </div>
    }
}

fn what_if_row(row: &WhatIf, group: Option<usize>) -> Html {
    let standing = Standing::Judged(row.disposition);
    html! {
        <tr>
            if let Some(rows) = group { <th scope="rowgroup" rowspan={rows.to_string()}>{ pin(row.pin) }</th> }
            <td>{ head(row.head) }</td>
            if let Some((pin, head)) = row.numbers { <td><code>{ format!("pin {pin}, HEAD {head}") }</code></td> }
            <td>{ row.classification.unwrap_or("not all the same") }</td>
            <td><Badge text={standing.label()} tone={standing_tone(standing)} /></td>
        </tr>
    }
}

const fn pin(position: PinPosition) -> &'static str {
    match position {
        PinPosition::BelowExpected => "below what the writer saw",
        PinPosition::AtExpected => "where the writer saw it",
        PinPosition::AtPostCommit => "where the writer meant to publish it",
        PinPosition::AbovePostCommit => "above that: others published since",
    }
}

const fn head(position: HeadPosition) -> &'static str {
    match position {
        HeadPosition::BelowPin => "below the pin",
        HeadPosition::AtPin => "at the pin",
        HeadPosition::OneAbovePin => "one above the pin",
        HeadPosition::SeveralAbovePin => "several above the pin",
    }
}
