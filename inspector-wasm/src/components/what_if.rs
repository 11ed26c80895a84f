//! What the verdict over a lone sidecar would be, for each position of pin and Lance HEAD.

use sidecar::version_9::WhatIf9;
use sidecar::{HeadPosition, PinPosition, WhatIf};
use yew::{Html, html};

use super::badge::standing_badge;
use super::parts::{each, rows, table};
use crate::state::entry::Standing;

/// A table of the verdicts. Rows of one pin are together; the numbers are those of `table_key`.
pub fn what_if_table(what_if: &[WhatIf], table_key: Option<&str>) -> Html {
    let groups = what_if.chunk_by(|left, right| left.pin == right.pin);
    let group = |group: &[WhatIf]| {
        rows(
            &mut group
                .iter()
                .enumerate()
                .map(|(index, row)| what_if_row(row, (index == 0).then_some(group.len()))),
        )
    };
    let numbers = table_key.map(|table_key| format!("in numbers, for {table_key}"));
    let mut heads = vec![
        "If every pin is",
        "and every Lance HEAD is",
        "each table is",
        "and the write is",
    ];
    if let Some(numbers) = &numbers {
        heads.insert(2, numbers);
    }
    table(
        "The verdict for each position of pin and Lance HEAD",
        "what-if",
        &heads,
        each(&mut groups.map(group)),
    )
}

/// The same for a file of version 9, where transactions decide and not positions.
pub fn what_if_9_table(what_if: &[WhatIf9]) -> Html {
    let row = |row: &WhatIf9| {
        html! {
            <tr>
                <th scope="row">{ row.case.sentence() }</th>
                <td>{ standing_badge(Standing::Judged(row.disposition)) }</td>
            </tr>
        }
    };
    table(
        "The verdict in each case",
        "what-if",
        &["If", "the write is"],
        rows(&mut what_if.iter().map(row)),
    )
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
