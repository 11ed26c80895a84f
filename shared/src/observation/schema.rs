//! What a `SchemaApply` left beside the tables it pinned (PROTOCOL.md, section 6.1).

use serde::{Deserialize, Serialize};

use super::{HeadObservation, NextSchema, Pinned};
use crate::code::Reason;
use crate::dataset_files::DatasetFiles;
use crate::digest::Digest;
use crate::schema_file::SchemaFile;
use crate::timestamp::Timestamp;

/// Schema files, registrations, tombstones, and the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaObservation {
    /// `_schema.pg`.
    pub source: FileObservation,
    /// `_schema.ir.json`.
    pub ir: FileObservation,
    /// `__schema_state.json`.
    pub state: FileObservation,
    /// Whether the live `_schema.ir.json` already declares every table the sidecar registers.
    pub live_ir_declares_tables: bool,
    /// One entry per table the sidecar registers, in its order.
    pub registrations: Vec<RegistrationObservation>,
    /// One entry per table the sidecar removes, in its order.
    pub tombstones: Vec<TombstoneObservation>,
    /// What the files say once every staged copy is in place; `None` where nothing is staged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextSchema>,
    /// When the branch `__schema_apply_lock__` of the catalog was made, if it is there.
    pub locked_since: Option<Timestamp>,
}

impl SchemaObservation {
    /// One of the three files.
    #[must_use]
    pub const fn file(&self, file: SchemaFile) -> FileObservation {
        match file {
            SchemaFile::Source => self.source,
            SchemaFile::Ir => self.ir,
            SchemaFile::State => self.state,
        }
    }

    /// Name of a file as it is found now: of the staged copy, if there is one.
    #[must_use]
    pub const fn found_as(&self, file: SchemaFile) -> &'static str {
        match self.file(file).staged {
            Some(_) => file.staged(),
            None => file.live(),
        }
    }

    /// Whether a copy of any of the files is staged.
    #[must_use]
    pub fn is_staged(&self) -> bool {
        SchemaFile::ALL
            .into_iter()
            .any(|file| self.file(file).staged.is_some())
    }
}

/// One schema file and the copy staged beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileObservation {
    /// Digest of the live file, if it is there.
    pub live: Option<Digest>,
    /// Digest of `….staging`, if it is there.
    pub staged: Option<Digest>,
}

/// A table the sidecar registers, as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationObservation {
    /// The registration's key.
    pub table_key: String,
    /// The visible version of that key.
    pub pinned: Pinned,
    /// The latest version of the dataset where the sidecar says it is.
    pub head: HeadObservation,
    /// Set if the catalog says that key, or another one, is elsewhere or right there.
    pub location_conflict: Option<Reason>,
    /// The files of its dataset. Looked at only where taking the write back may remove them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<DatasetFiles>,
}

/// A table the sidecar removes, as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TombstoneObservation {
    /// The tombstone's key.
    pub table_key: String,
    /// The visible version of that key.
    pub pinned: Pinned,
}
