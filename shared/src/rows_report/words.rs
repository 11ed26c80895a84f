//! The sentences about rows.

use super::{
    ColumnChanges, MatchedRows, RowChanges, RowTotal, RowsReport, ShownVersion, TableRows,
    UnpublishedFate, UnpublishedRows, UpdatedRows,
};
use crate::disposition::Disposition;
use crate::plan::Purpose;
use crate::text::shown;

/// Names of columns in a sentence, and characters of each.
const COLUMNS_IN_A_SENTENCE: usize = 5;
const NAME_CHARS_MAX: usize = 64;

impl TableRows {
    /// The same with its sentence put together anew.
    #[must_use]
    pub fn with_sentence(mut self) -> Self {
        let mut sentence = readers_sentence(&self);
        if let Some(unpublished) = &self.unpublished {
            sentence.push(' ');
            sentence.push_str(&unpublished_sentence(unpublished));
        }
        self.sentence = sentence;
        self
    }

    /// Whether readers see other rows or columns afterwards, as far as is known.
    #[must_use]
    pub fn changes_for_readers(&self) -> bool {
        self.readers.changes_anything() || self.now.is_some() != self.after.is_some()
    }
}

impl RowChanges {
    /// Whether anything differs, or may.
    #[must_use]
    pub fn changes_anything(&self) -> bool {
        match self {
            Self::Same => false,
            Self::Rows(rows) => rows.changes_anything(),
            Self::Unmatched(_) | Self::NotKnown { .. } => true,
        }
    }
}

impl MatchedRows {
    fn changes_anything(&self) -> bool {
        let updated = match &self.updated {
            UpdatedRows::Exactly { rows } => *rows,
            UpdatedRows::Between { at_most, .. } => *at_most,
        };
        self.inserted > 0 || self.deleted > 0 || updated > 0 || !self.columns.is_empty()
    }
}

impl RowsReport {
    /// The same with its sentences put together anew.
    #[must_use]
    pub fn with_words(mut self) -> Self {
        self.explanation = explanation(&self);
        self
    }
}

fn explanation(report: &RowsReport) -> String {
    let changed = report
        .tables
        .iter()
        .filter(|table| table.changes_for_readers())
        .count();
    let tables = |count: usize| match count {
        1 => "one table".to_owned(),
        count => format!("{count} tables"),
    };
    let readers = match (report.tables.len(), changed) {
        (0, _) => return "The plan names no table, so no rows change.".to_owned(),
        (_, 0) => "Readers see no change.".to_owned(),
        (total, changed) => format!("Readers see changes in {} of {total}.", tables(changed)),
    };
    let taken_back = match (&report.purpose, report.disposition) {
        (Purpose::Recover, Disposition::RollBack) => {
            " Each table that returns says which unpublished rows are taken back."
        }
        _ => "",
    };
    let begun = if report.begun {
        " The plan was begun: this compares the versions that it found with those that it leaves."
    } else {
        ""
    };
    format!("{readers}{taken_back}{begun}")
}

fn readers_sentence(table: &TableRows) -> String {
    match (&table.now, &table.after) {
        (None, None) => "Readers see no such table, before and after.".to_owned(),
        (None, Some(after)) => format!("Readers see a new table of {}.", rows_of(after)),
        (Some(now), None) => format!("Readers lose the table and its {}.", rows_of(now)),
        (Some(now), Some(after)) => match &table.readers {
            changes if !changes.changes_anything() => "Readers see no change.".to_owned(),
            RowChanges::NotKnown { detail, .. } => format!(
                "Readers go from {} to {}. Which rows change is not known: {detail}.",
                rows_of(now),
                rows_of(after)
            ),
            changes => format!(
                "Readers go from {} to {}: {}.",
                rows_of(now),
                rows_of(after),
                changes_text(changes)
            ),
        },
    }
}

fn unpublished_sentence(unpublished: &UnpublishedRows) -> String {
    let label = match unpublished.fate {
        UnpublishedFate::TakenBack => "Taken back",
        UnpublishedFate::ComesBack => "Comes back unpublished",
        UnpublishedFate::Stays => "Stays unpublished",
    };
    let text = match &unpublished.changes {
        changes if !changes.changes_anything() => "no rows".to_owned(),
        RowChanges::NotKnown { detail, .. } => {
            let from = unpublished
                .from
                .as_ref()
                .map_or_else(|| "no rows".to_owned(), rows_of);
            format!(
                "{} that had become {}; which of them is not known: {detail}",
                from,
                rows_of(&unpublished.to)
            )
        }
        changes => changes_text(changes),
    };
    format!("{label}: {text}.")
}

/// Changes of rows, for people.
fn changes_text(changes: &RowChanges) -> String {
    match changes {
        RowChanges::Same => "no change".to_owned(),
        RowChanges::Rows(rows) => {
            let mut parts = Vec::new();
            if rows.inserted > 0 {
                parts.push(format!("{} inserted", count(rows.inserted)));
            }
            match &rows.updated {
                UpdatedRows::Exactly { rows: 0 } | UpdatedRows::Between { at_most: 0, .. } => {}
                UpdatedRows::Exactly { rows } => parts.push(format!("{} updated", count(*rows))),
                UpdatedRows::Between {
                    at_least,
                    at_most,
                    not_compared,
                } => parts.push(format!(
                    "{at_least} to {at_most} rows updated (not compared: {})",
                    names(not_compared)
                )),
            }
            if rows.deleted > 0 {
                parts.push(format!("{} deleted", count(rows.deleted)));
            }
            parts.extend(columns_text(&rows.columns));
            if parts.is_empty() {
                return "no change".to_owned();
            }
            parts.join(", ")
        }
        RowChanges::Unmatched(rows) => {
            let mut parts = vec![format!("{} new and {} gone", count(rows.new), rows.gone)];
            parts.extend(columns_text(&rows.columns));
            format!(
                "{}; whether some of them are the same rows with other values is not known: {}",
                parts.join(", "),
                rows.detail
            )
        }
        RowChanges::NotKnown { detail, .. } => format!("not known: {detail}"),
    }
}

fn columns_text(columns: &ColumnChanges) -> Vec<String> {
    let of = |words: &str, columns: &[String]| {
        let plural = if columns.len() == 1 { "" } else { "s" };
        (!columns.is_empty()).then(|| format!("column{plural} {words}: {}", names(columns)))
    };
    [
        of("added", &columns.added),
        of("removed", &columns.removed),
        of("of another type", &columns.retyped),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn names(columns: &[String]) -> String {
    let mut named: Vec<String> = columns
        .iter()
        .take(COLUMNS_IN_A_SENTENCE)
        .map(|name| shown(name, NAME_CHARS_MAX))
        .collect();
    let more = columns.len().saturating_sub(COLUMNS_IN_A_SENTENCE);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join(", ")
}

fn rows_of(version: &ShownVersion) -> String {
    match &version.rows {
        RowTotal::Exactly { rows } => count(*rows),
        RowTotal::NotKnown { detail, .. } => format!("rows that were not counted ({detail})"),
    }
}

fn count(rows: u64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}
