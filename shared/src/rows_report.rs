//! `rows`: which rows the plan of an operation changes for readers, table by table, and which unpublished rows it takes back.
//!
//! A number is either known exactly or said to be not known, with the reason. Nothing here is estimated.

mod contents;
mod words;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::disposition::Disposition;
use crate::plan::Purpose;
use crate::text::version_text;
use crate::verdict::Action;

pub use contents::{ReadersAfter, TableContents, UnpublishedContents, contents};

/// Rows of each kind in a sample.
pub const SAMPLE_ROWS_MAX: usize = 50;
/// Columns in a sample.
pub const SAMPLE_COLUMNS_MAX: usize = 20;
/// Characters of one cell, and of the name of a column, in a sample.
pub const CELL_CHARS_MAX: usize = 200;
/// Tables of one report with a sample. Those of others are asked for by their key.
pub const SAMPLED_TABLES_MAX: usize = 20;
/// Columns named in one list of a report.
pub const COLUMNS_NAMED_MAX: usize = 100;

/// Which rows the plan of an operation changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsReport {
    /// The operation of the plan.
    pub operation_id: String,
    /// The root's URI.
    pub root: String,
    /// What the plan is for.
    #[serde(default)]
    pub purpose: Purpose,
    /// The disposition.
    pub disposition: Disposition,
    /// Digest of the plan; null for a refused file that names no operation.
    pub digest: Option<Digest>,
    /// Whether the plan was begun. Then `now` is what readers saw when it was made.
    pub begun: bool,
    /// Rows of each kind that a sample has at the most; 0 where none was asked for.
    pub sample: usize,
    /// Tables that have no sample because of their number. Ask for each by its key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_sampled: Vec<String>,
    /// The same for people, in a sentence or two.
    pub explanation: String,
    /// The tables, as the plan names them.
    pub tables: Vec<TableRows>,
}

/// One table of a [`RowsReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRows {
    /// Key of the table.
    pub table_key: String,
    /// Its Lance branch in the plan; null is main.
    pub branch: Option<String>,
    /// What is done to it.
    pub action: Action,
    /// The version that readers see; null if they see no such table.
    pub now: Option<ShownVersion>,
    /// The version whose content they see once the plan is carried out; null if they see no such table then.
    pub after: Option<ShownVersion>,
    /// How the rows that readers see change.
    pub readers: RowChanges,
    /// Rows that no reader sees, before or after, and that the plan takes back, brings back or leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpublished: Option<UnpublishedRows>,
    /// The same for people.
    pub sentence: String,
}

/// A version, with the number of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownVersion {
    /// The version.
    pub version: u64,
    /// Its Lance branch; null is main.
    pub branch: Option<String>,
    /// How many rows it has.
    pub rows: RowTotal,
}

/// How many rows a version has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum RowTotal {
    /// So many.
    Exactly {
        /// Rows.
        rows: u64,
    },
    /// It cannot be told.
    NotKnown {
        /// Why not.
        why: WhyNotKnown,
        /// The same for people.
        detail: String,
    },
}

/// Rows of commits that are not published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpublishedRows {
    /// What becomes of them.
    pub fate: UnpublishedFate,
    /// The content without them; null is no table at all.
    pub from: Option<ShownVersion>,
    /// The content with them.
    pub to: ShownVersion,
    /// How they would have changed what readers see.
    pub changes: RowChanges,
}

/// What becomes of commits that no reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnpublishedFate {
    /// They are taken back. Their versions stay as old ones.
    TakenBack,
    /// They come back as HEAD, unpublished.
    ComesBack,
    /// They stay as they are: the plan does nothing to the table.
    Stays,
}

/// How the rows of one content differ from those of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum RowChanges {
    /// Both are the same.
    Same,
    /// It is known which row of the one is which row of the other.
    Rows(MatchedRows),
    /// Rows are gone and rows are new, and nothing tells whether some of them are the same rows with other values.
    Unmatched(UnmatchedRows),
    /// It is not known.
    NotKnown {
        /// Why not.
        why: WhyNotKnown,
        /// The same for people.
        detail: String,
    },
}

/// Changes of rows that were matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchedRows {
    /// Rows that are new.
    pub inserted: u64,
    /// Rows with other values.
    pub updated: UpdatedRows,
    /// Rows that are gone.
    pub deleted: u64,
    /// How rows were matched.
    pub matched_by: MatchedBy,
    /// How the columns change.
    #[serde(default, skip_serializing_if = "ColumnChanges::is_empty")]
    pub columns: ColumnChanges,
    /// Some of the rows, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<RowSample>,
}

/// Changes of rows that could not be matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmatchedRows {
    /// Rows of the later content that the earlier one has not, or not as often.
    pub new: u64,
    /// Rows of the earlier content that the later one has not, or not as often.
    pub gone: u64,
    /// Why they could not be matched.
    pub why: WhyNotKnown,
    /// The same for people.
    pub detail: String,
    /// How the columns change.
    #[serde(default, skip_serializing_if = "ColumnChanges::is_empty")]
    pub columns: ColumnChanges,
    /// Some of the rows, if asked for: the new ones as inserted, those that are gone as deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<RowSample>,
}

/// How many rows have other values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum UpdatedRows {
    /// So many.
    Exactly {
        /// Rows.
        rows: u64,
    },
    /// Columns were not compared in rows that were written anew.
    Between {
        /// Rows with another value in a column that was compared.
        at_least: u64,
        /// The same with all rows that were written anew.
        at_most: u64,
        /// The columns that were not compared.
        not_compared: Vec<String>,
    },
}

/// How it was told which row of one content is which row of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MatchedBy {
    /// Every row that is not in the same place in both is in one of them only.
    Place,
    /// By the values of these columns, which name every compared row once.
    Key {
        /// The columns.
        columns: Vec<String>,
    },
    /// By Lance's stable row ids.
    RowId,
}

/// How the columns change. Columns in only one of the contents are not compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColumnChanges {
    /// Columns that are new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Columns that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Columns of another type. They are not compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retyped: Vec<String>,
}

impl ColumnChanges {
    /// Whether no column changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.retyped.is_empty()
    }
}

/// Some of the rows that change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSample {
    /// The columns that are shown, in the order of the cells.
    pub columns: Vec<SampleColumn>,
    /// How many columns are left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub columns_left_out: usize,
    /// Rows that are new.
    pub inserted: Vec<Vec<Cell>>,
    /// Rows with other values.
    pub updated: Vec<UpdatedRow>,
    /// Rows that are gone.
    pub deleted: Vec<Vec<Cell>>,
    /// Why rows are missing from the sample, or all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<String>,
}

/// A column of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleColumn {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub data_type: String,
}

/// A row with other values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatedRow {
    /// Its cells before.
    pub before: Vec<Cell>,
    /// Its cells after.
    pub after: Vec<Cell>,
    /// Which of them differ; null where they were not compared.
    pub changed: Vec<Option<bool>>,
}

/// The value in one column of one row. Text is as it was found: whoever draws it makes it harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cell {
    /// No value.
    Null,
    /// A value.
    Text {
        /// It, or its beginning.
        text: String,
        /// Whether the rest is left out.
        #[serde(default, skip_serializing_if = "is_false")]
        is_cut: bool,
    },
    /// A vector or bytes: what they are, and how long.
    Summary {
        /// For people.
        text: String,
    },
    /// The content has no such column.
    NoColumn,
}

/// Why a number is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNotKnown {
    /// More rows would have to be read than one look reads.
    TooManyRows,
    /// More bytes would have to be read than one look reads.
    TooManyBytes,
    /// It took longer than one look waits for it.
    OutOfTime,
    /// The table has neither stable row ids nor a key column that names each row once.
    NoRowIdentity,
    /// A row id names different rows, as after a Restore by an old Lance.
    RowIdsReused,
    /// Columns of a kind that is not compared are in rows that cannot be matched.
    ColumnsNotCompared,
    /// A version, or a file of it, cannot be read.
    Unreadable,
    /// The catalog shows another version than the one that the plan found.
    Moved,
}

impl WhyNotKnown {
    /// The name as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooManyRows => "too_many_rows",
            Self::TooManyBytes => "too_many_bytes",
            Self::OutOfTime => "out_of_time",
            Self::NoRowIdentity => "no_row_identity",
            Self::RowIdsReused => "row_ids_reused",
            Self::ColumnsNotCompared => "columns_not_compared",
            Self::Unreadable => "unreadable",
            Self::Moved => "moved",
        }
    }
}

impl RowTotal {
    /// The rows, if they are known.
    #[must_use]
    pub const fn rows(&self) -> Option<u64> {
        match self {
            Self::Exactly { rows } => Some(*rows),
            Self::NotKnown { .. } => None,
        }
    }
}

impl RowChanges {
    /// Too many rows for one look.
    #[must_use]
    pub fn too_many_rows(rows: u64, rows_max: u64) -> Self {
        Self::not_known(
            WhyNotKnown::TooManyRows,
            format!(
                "{rows} rows differ in their place and would have to be read, more than the {rows_max} that one look reads"
            ),
        )
    }

    /// Too many bytes for one look.
    #[must_use]
    pub fn too_many_bytes(bytes_max: u64) -> Self {
        Self::not_known(
            WhyNotKnown::TooManyBytes,
            format!("the rows that would have to be read have more than {bytes_max} bytes"),
        )
    }

    /// One row id, two rows.
    #[must_use]
    pub fn row_ids_reused() -> Self {
        Self::not_known(
            WhyNotKnown::RowIdsReused,
            "a Lance row id names different rows in the two versions, as after a Restore by an old Lance",
        )
    }

    /// Nothing was found out.
    #[must_use]
    pub fn not_known(why: WhyNotKnown, detail: impl Into<String>) -> Self {
        Self::NotKnown {
            why,
            detail: detail.into(),
        }
    }

    /// The sample, if there is one.
    #[must_use]
    pub const fn sample(&self) -> Option<&RowSample> {
        match self {
            Self::Rows(rows) => rows.sample.as_ref(),
            Self::Unmatched(rows) => rows.sample.as_ref(),
            Self::Same | Self::NotKnown { .. } => None,
        }
    }
}

/// Why the rows of a version are not known, for people.
#[must_use]
pub fn moved_detail(planned: Option<u64>, found: Option<u64>) -> String {
    format!(
        "the catalog shows version {}, and the plan found {}",
        version_text(found),
        version_text(planned)
    )
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}
