//! What the verdict over a lone sidecar would be, for each position of pin and Lance HEAD.

use sidecar::{HeadPosition, PinPosition, WhatIf};
use yew::{Html, html};

use super::badge::standing_badge;
use crate::state::entry::Standing;

/// What the verdict would be. Rows of one pin are together; the numbers are those of `table`.
#[must_use]
pub fn what_if_table(rows: &[WhatIf], table: Option<&str>) -> Html {
    let groups = rows.chunk_by(|left, right| left.pin == right.pin);
    let group = |rows: &[WhatIf]| {
        html! { <tbody>{ for rows.iter().enumerate().map(|(index, row)| what_if_row(row, (index == 0).then_some(rows.len()))) }</tbody> }
    };
    html! {
        <div class="scroller" tabindex="0" role="region" aria-label="Every position of pin and HEAD">
            <table class="what-if" data-testid="what-if">
                <thead><tr>
                    <th scope="col">{ "If every pin is" }</th>
                    <th scope="col">{ "and every Lance HEAD is" }</th>
                    if let Some(table) = table { <th scope="col">{ format!("in numbers, for {table}") }</th> }
                    <th scope="col">{ "each table is" }</th>
                    <th scope="col">{ "and the write is" }</th>
                </tr></thead>
                { for groups.map(group) }
            </table>
        </div>
    }
}

fn what_if_row(row: &WhatIf, group: Option<usize>) -> Html {
    html! {
        <tr>
            if let Some(rows) = group { <th scope="rowgroup" rowspan={rows.to_string()}>{ pin(row.pin) }</th> }
            <td>{ head(row.head) }</td>
            if let Some((pin, head)) = row.numbers { <td><code>{ format!("pin {pin}, HEAD {head}") }</code></td> }
            <td>{ row.classification.unwrap_or("not all the same") }</td>
            <td>{ standing_badge(Standing::Judged(row.disposition)) }</td>
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
