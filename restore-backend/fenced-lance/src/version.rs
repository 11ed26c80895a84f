//! The Lance manifest of one version.

use lance_table::format::IndexMetadata;
use lance_table::format::Manifest;
use lance_table::format::pb;
use lance_table::io::commit::ManifestLocation;

/// The Lance manifest of one version, as stored.
#[derive(Debug)]
pub(super) struct VersionFile {
    pub(super) manifest: Manifest,
    pub(super) indices: Vec<IndexMetadata>,
    pub(super) transaction: Option<pb::Transaction>,
    pub(super) location: ManifestLocation,
}

impl VersionFile {
    /// Rows visible in this version, if the manifest knows.
    pub(super) fn row_count(&self) -> Option<u64> {
        self.manifest
            .fragments
            .iter()
            .map(|fragment| fragment.num_rows().map(|rows| rows as u64))
            .sum()
    }

    /// Whether the file names a transaction that was not found.
    pub(super) fn lacks_its_transaction(&self) -> bool {
        self.transaction.is_none() && self.manifest.transaction_file.is_some()
    }

    /// The uuid of the transaction that made this version.
    pub(super) fn transaction_uuid(&self) -> Option<&str> {
        self.transaction
            .as_ref()
            .map(|transaction| transaction.uuid.as_str())
    }
}
