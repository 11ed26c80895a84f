//! What happened to a table: the Lance transaction behind each of its versions.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use lance::dataset::transaction::Operation;
use lance::dataset::transaction::Transaction;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::location::TableLocation;
use super::version::VersionFile;

/// Versions read at the same time. Each is usually one small object; but the Lance manifest of a
/// huge table takes a hundred MiB and more, and this many are in memory together.
const VERSIONS_AT_ONCE: usize = 4;
/// Most transactions listed in one call. A person reads a few; a table left alone by its catalog
/// for years may have many thousands.
const TRANSACTIONS_MAX: usize = 1_000;
/// Shown for an operation that this build of Lance does not know.
const UNKNOWN_OPERATION: &str = "Unknown";

/// One version's transaction, or that the version is gone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TransactionEntry {
    /// The version is there.
    Known(TransactionSummary),
    /// The version was cleaned away, or never was.
    Gone {
        /// The version that was asked for.
        version: u64,
    },
}

impl TransactionEntry {
    /// The version this entry is about.
    pub fn version(&self) -> u64 {
        match self {
            Self::Known(summary) => summary.version,
            Self::Gone { version } => *version,
        }
    }
}

/// One Lance transaction, as far as a person or a rule needs it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TransactionSummary {
    /// The version it made.
    pub version: u64,
    /// Its identity; empty for a version that records no transaction.
    pub uuid: String,
    /// The Lance operation, such as `Append` or `Restore`.
    pub operation: String,
    /// The version a `Restore` brought back.
    pub restored_version: Option<u64>,
    /// The version its writer had read.
    pub read_version: u64,
    /// When it was committed, by the writer's clock.
    pub timestamp_micros: i64,
    /// What the writer attached to it.
    pub properties: BTreeMap<String, String>,
    /// Rows in the version it made, if the version knows.
    pub row_count: Option<u64>,
    /// Rows it added or removed, when the version before was read as well.
    pub row_delta: Option<i64>,
}

/// The transactions of a range of versions.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TransactionList {
    /// The newest of the range, oldest first.
    pub entries: Vec<TransactionEntry>,
    /// Older versions of the range that were left out.
    pub omitted: u64,
}

impl LanceRoot {
    /// The transaction that made `version`: one read.
    ///
    /// # Errors
    /// The version is there and cannot be read or decoded.
    pub async fn transaction(
        &self,
        location: &TableLocation,
        version: u64,
    ) -> Result<TransactionEntry, TableError> {
        let place = self.place(location)?;
        self.transaction_at(&place, version).await
    }

    pub(super) async fn transaction_at(
        &self,
        place: &Place,
        version: u64,
    ) -> Result<TransactionEntry, TableError> {
        Ok(match self.version_file(place, version).await? {
            Some(file) => TransactionEntry::Known(summary(&file)),
            None => TransactionEntry::Gone { version },
        })
    }

    /// The transactions that made the versions after `after`, up to and including `through`.
    ///
    /// At most `max` of them, the newest; one read each, and one of the version before the first
    /// for its row count.
    ///
    /// # Errors
    /// One of the versions is there and cannot be read or decoded.
    pub async fn transactions(
        &self,
        location: &TableLocation,
        after: u64,
        through: u64,
        max: usize,
    ) -> Result<TransactionList, TableError> {
        let place = self.place(location)?;
        let asked = through.saturating_sub(after);
        let listed = asked.min(max.min(TRANSACTIONS_MAX) as u64);
        if listed == 0 {
            return Ok(TransactionList {
                entries: Vec::new(),
                omitted: asked,
            });
        }
        // Version 0 does not exist; the first version has nothing before it.
        let first = through - listed;
        let entries: Vec<TransactionEntry> = stream::iter(first.max(1)..=through)
            .map(|version| self.transaction_at(&place, version))
            .buffered(VERSIONS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(TransactionList {
            entries: with_row_deltas(entries, first),
            omitted: asked - listed,
        })
    }
}

// Drops the entry of `before`, which was read for its row count alone.
fn with_row_deltas(entries: Vec<TransactionEntry>, before: u64) -> Vec<TransactionEntry> {
    let mut rows_before: Option<u64> = (before == 0).then_some(0);
    let mut listed = Vec::with_capacity(entries.len());
    for mut entry in entries {
        let rows = match &entry {
            TransactionEntry::Known(summary) => summary.row_count,
            TransactionEntry::Gone { .. } => None,
        };
        if let TransactionEntry::Known(summary) = &mut entry {
            summary.row_delta = rows
                .zip(rows_before)
                .and_then(|(rows, before)| rows.checked_signed_diff(before));
        }
        rows_before = rows;
        if entry.version() > before {
            listed.push(entry);
        }
    }
    listed
}

/// The transaction that made a version, as its file has it.
pub(super) fn summary(file: &VersionFile) -> TransactionSummary {
    let manifest = &file.manifest;
    let mut summary = TransactionSummary {
        version: manifest.version,
        uuid: String::new(),
        operation: UNKNOWN_OPERATION.to_owned(),
        restored_version: None,
        read_version: 0,
        timestamp_micros: i64::try_from(manifest.timestamp_nanos / 1_000).unwrap_or(i64::MAX),
        properties: BTreeMap::new(),
        row_count: file.row_count(),
        row_delta: None,
    };
    if let Some(stored) = &file.transaction {
        summary.uuid.clone_from(&stored.uuid);
        summary.read_version = stored.read_version;
        summary.properties = stored
            .transaction_properties
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if let Ok(transaction) = Transaction::try_from(stored.clone()) {
            summary.operation = transaction.operation.name().to_owned();
            if let Operation::Restore { version } = transaction.operation {
                summary.restored_version = Some(version);
            }
        }
    }
    summary
}
