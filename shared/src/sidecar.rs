//! One recovery sidecar: parsed broadly, acted on narrowly (PROTOCOL.md, section 2). Of version 9 it has the fields that all
//! versions have.

mod bytes;
mod error;
pub(crate) mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::branch::{Branch, is_branch_name};
use crate::code::{Code, Reason};
use crate::dialect::Dialect;
use crate::ids::OperationId;
use crate::limits::Limits;
use crate::location::is_a_table_place;
use crate::timestamp::Timestamp;
use crate::version_9::{self, Sidecar9};

pub use crate::writer_kind::WriterKind;
pub use bytes::SidecarBytes;
pub use error::{SidecarError, SidecarSchemaError};
pub use wire::{Glimpse, GlimpsedPin};

/// The `schema_version` of sidecars that this build writes itself. Every engine that reads version 2 reads it too.
pub const WRITTEN_SCHEMA_VERSION: u32 = Dialect::Version1.schema_version();

/// The announcement of a writer before it committed its first table.
///
/// Serialises back to the shape released writers write: absent optional lists stay absent, unknown fields are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Sidecar {
    /// That of a [`Dialect`]; other versions are refused before this type exists.
    pub schema_version: u32,
    /// The operation; the file is named after it.
    pub operation_id: OperationId,
    /// When the writer started.
    pub started_at: Timestamp,
    /// Branch of the graph; `None` is main.
    #[serde(default)]
    pub branch: Option<String>,
    /// Who wrote.
    #[serde(default)]
    pub actor_id: Option<String>,
    /// What kind of write it was; decides which classification rule applies.
    pub writer_kind: WriterKind,
    /// The tables the writer was about to commit.
    pub tables: Vec<TablePin>,
    /// `BranchMerge`: head graph commit of the source branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_source_commit_id: Option<String>,
    /// `SchemaApply`: tables it was about to create.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_registrations: Vec<Registration>,
    /// `SchemaApply`: tables it was about to remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tombstones: Vec<Tombstone>,
    /// Fields this build does not know, as found.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
    /// Version 9: everything that the file says. The fields above hold the part that it has in common with other versions.
    #[serde(skip)]
    pub version_9: Option<Arc<Sidecar9>>,
}

/// One table of the write: where it stood, and where the writer's commit would take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablePin {
    /// `node:Person`, `edge:Knows`.
    pub table_key: String,
    /// Full URI or absolute path of the dataset as the writer saw it. Compared with the catalog, never opened.
    pub table_path: String,
    /// The published version when the writer started.
    pub expected_version: u64,
    /// The Lance HEAD its commit would make.
    pub post_commit_pin: u64,
    /// Version 2, `BranchMerge`: the HEAD that its last commit to the table made; `None` until the writer confirmed that all its
    /// commits were there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_version: Option<u64>,
    /// Lance branch of the dataset; `None` is main.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_branch: Option<String>,
    /// Fields this build does not know, as found.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// A table a `SchemaApply` was about to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Key of the new table.
    pub table_key: String,
    /// Its dataset, relative to the root.
    pub table_path: String,
    /// Lance branch of the dataset; `None` is main.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_branch: Option<String>,
    /// Fields this build does not know, as found.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// A table a `SchemaApply` was about to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Key of the table.
    pub table_key: String,
    /// The tombstone's version; the table's visible version must be one less (PROTOCOL.md, section 5).
    pub tombstone_version: u64,
    /// Fields this build does not know, as found.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

impl Serialize for Sidecar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.version_9 {
            Some(version_9) => version_9.serialize(serializer),
            None => Self::serialize(self, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Sidecar {
    /// Reads the shape of version 1, whatever version it names: see [`Sidecar::parse`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl Sidecar {
    /// Parses the bytes of `file`. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// See [`SidecarError`]. The version is peeked first, so a newer shape is reported as its version and not as a wrong shape.
    pub fn parse(file: &str, bytes: &[u8], limits: &Limits) -> Result<Self, SidecarError> {
        let json = wire::json(file, bytes, limits)?;
        Self::of_json(file, bytes, &json, limits)
    }

    /// The same, with the fields that can be read without the rules of its version; the bytes are read as JSON once for both.
    pub(crate) fn parse_with_glimpse(
        file: &str,
        bytes: &[u8],
        limits: &Limits,
    ) -> (Result<Self, SidecarError>, Glimpse) {
        match wire::json(file, bytes, limits) {
            Ok(json) => {
                let glimpse = Glimpse::of_json(&json, limits);
                (Self::of_json(file, bytes, &json, limits), glimpse)
            }
            Err(error) => (Err(error), Glimpse::default()),
        }
    }

    fn of_json(
        file: &str,
        bytes: &[u8],
        json: &Value,
        limits: &Limits,
    ) -> Result<Self, SidecarError> {
        let found = wire::peek_schema_version(file, json)?;
        match Dialect::of(found) {
            None => {
                return Err(SidecarSchemaError {
                    file: file.to_owned(),
                    found,
                }
                .into());
            }
            Some(Dialect::Version9) => {
                let sidecar = version_9::of_json(file, bytes, json, limits).map_err(|why| {
                    SidecarError::NoVersion9 {
                        file: file.to_owned(),
                        why: Box::new(why),
                    }
                })?;
                return Ok(Self::from(sidecar));
            }
            Some(Dialect::Version1 | Dialect::Version2) => {}
        }
        let sidecar: Self =
            serde_json::from_slice(bytes).map_err(|error| SidecarError::WrongShape {
                file: file.to_owned(),
                reason: error.to_string(),
            })?;
        sidecar.check(file, limits)?;
        Ok(sidecar)
    }

    fn check(&self, file: &str, limits: &Limits) -> Result<(), SidecarError> {
        let tables =
            self.tables.len() + self.additional_registrations.len() + self.tombstones.len();
        if tables > limits.tables_max {
            return Err(SidecarError::TooManyTables {
                file: file.to_owned(),
                tables,
                tables_max: limits.tables_max,
            });
        }
        let wrong = |reason: String| {
            Err(SidecarError::WrongShape {
                file: file.to_owned(),
                reason,
            })
        };
        let texts = self
            .tables
            .iter()
            .flat_map(|pin| [&pin.table_key, &pin.table_path])
            .chain(
                self.additional_registrations
                    .iter()
                    .flat_map(|registration| [&registration.table_key, &registration.table_path]),
            )
            .chain(self.tombstones.iter().map(|tombstone| &tombstone.table_key));
        for text in texts {
            if text.is_empty() || text.chars().count() > limits.text_chars_max {
                return wrong(format!(
                    "a table key or path is empty or longer than {} characters",
                    limits.text_chars_max
                ));
            }
            if text.chars().any(char::is_control) {
                return wrong(format!(
                    "the table key or path {text:?} has control characters"
                ));
            }
        }
        let branches = self
            .tables
            .iter()
            .map(|pin| &pin.table_branch)
            .chain(
                self.additional_registrations
                    .iter()
                    .map(|registration| &registration.table_branch),
            )
            .chain([&self.branch]);
        for branch in branches.flatten() {
            if branch.chars().count() > limits.text_chars_max || !is_branch_name(branch) {
                let shown: String = branch.chars().take(64).collect();
                return wrong(format!("{shown:?} is not the name of a branch"));
            }
        }
        for text in [&self.actor_id, &self.merge_source_commit_id]
            .into_iter()
            .flatten()
        {
            if text.chars().count() > limits.text_chars_max {
                return wrong(format!(
                    "actor_id or merge_source_commit_id is longer than {} characters",
                    limits.text_chars_max
                ));
            }
        }
        let mut seen = BTreeSet::new();
        for pin in &self.tables {
            if !seen.insert((&pin.table_key, pin.table_branch())) {
                return wrong(format!("{} is pinned twice", pin.table_key));
            }
        }
        Ok(())
    }

    /// The rules that its version follows.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        // A sidecar is parsed only if its version has a dialect.
        Dialect::of(self.schema_version.into()).unwrap_or(Dialect::Version1)
    }

    /// Branch of the graph, however the writer spelled it.
    #[must_use]
    pub fn branch(&self) -> Branch<'_> {
        Branch::of(self.branch.as_deref())
    }

    /// Names of non-empty fields this build does not implement; a file that has any is shown and never acted on.
    ///
    /// Tables to add and to remove have rules for a `SchemaApply` only (PROTOCOL.md, section 6.1), `confirmed_version` for a
    /// `BranchMerge` of version 2 only.
    #[must_use]
    pub fn unimplemented_fields(&self) -> Vec<String> {
        let of = |prefix: String, unknown: &BTreeMap<String, Value>| {
            unknown
                .iter()
                .filter(|(_, value)| !is_empty(value))
                .map(|(name, _)| format!("{prefix}{name}"))
                .collect::<Vec<_>>()
        };
        let mut fields = of(String::new(), &self.unknown);
        if !self.writer_kind.changes_the_schema() {
            let foreign = [
                (
                    "additional_registrations",
                    self.additional_registrations.is_empty(),
                ),
                ("tombstones", self.tombstones.is_empty()),
            ];
            fields.extend(
                foreign
                    .into_iter()
                    .filter(|(_, is_empty)| !is_empty)
                    .map(|(name, _)| name.to_owned()),
            );
        }
        let confirms = self.dialect().confirms(self.writer_kind);
        fields.extend(self.tables.iter().enumerate().flat_map(|(index, pin)| {
            let mut fields = of(format!("tables[{index}]."), &pin.unknown);
            if pin.confirmed_version.is_some() && !confirms {
                fields.push(format!("tables[{index}].confirmed_version"));
            }
            fields
        }));
        fields.extend(self.additional_registrations.iter().enumerate().flat_map(
            |(index, registration)| {
                of(
                    format!("additional_registrations[{index}]."),
                    &registration.unknown,
                )
            },
        ));
        fields.extend(
            self.tombstones
                .iter()
                .enumerate()
                .flat_map(|(index, tombstone)| {
                    of(format!("tombstones[{index}]."), &tombstone.unknown)
                }),
        );
        fields
    }

    /// Drops the fields that this build does not know: a list holds many sidecars and shows none of these fields.
    pub(crate) fn forget_unknown(&mut self) {
        self.unknown.clear();
        self.tables.iter_mut().for_each(|pin| pin.unknown.clear());
        self.additional_registrations
            .iter_mut()
            .for_each(|registration| registration.unknown.clear());
        self.tombstones
            .iter_mut()
            .for_each(|tombstone| tombstone.unknown.clear());
    }

    /// Why nothing is decided about this sidecar, wherever its tables stand.
    pub(crate) fn refusal(&self, file: &str) -> Option<Reason> {
        let fields = self.unimplemented_fields();
        if let Some((first, more)) = fields.split_first() {
            let more = if more.is_empty() {
                String::new()
            } else {
                format!(" and {} more", more.len())
            };
            return Some(Reason::new(
                Code::UnimplementedField,
                format!(
                    "{file} carries {first:?}{more}, which this build does not implement; recover it with the engine that wrote it"
                ),
            ));
        }
        // The rules of the shape of version 9 say on which branches its tables may be.
        if self.version_9.is_some() {
            return None;
        }
        let pins = self.tables.iter();
        let named = pins.map(|pin| (&pin.table_key, pin.table_branch())).chain(
            self.additional_registrations
                .iter()
                .map(|registration| (&registration.table_key, registration.table_branch())),
        );
        for (table_key, branch) in named {
            if branch != self.branch() {
                return Some(Reason::new(
                    Code::TableBranchDiffers,
                    format!(
                        "{file} is about branch {} of the graph, and names {table_key} on Lance branch {}: released engines name one branch in both places. Published like this, readers would see another branch's table; find out who wrote this file",
                        self.branch(),
                        branch
                    ),
                ));
            }
        }
        self.additional_registrations
            .iter()
            .find(|registration| !is_a_table_place(&registration.table_path))
            .map(|registration| {
                Reason::new(
                    Code::LocationOutsideRoot,
                    format!(
                        "{file} would add {} at {:?}, which is no place for a table inside the root",
                        registration.table_key, registration.table_path
                    ),
                )
            })
    }
}

impl TablePin {
    /// The last version that the write makes, as far as its sidecar tells: where the writer confirmed that its commits ended, or
    /// where it announced to end.
    #[must_use]
    pub fn last_own_version(&self) -> u64 {
        self.confirmed_version.unwrap_or(self.post_commit_pin)
    }

    /// Lance branch of the dataset, however the writer spelled it.
    #[must_use]
    pub fn table_branch(&self) -> Branch<'_> {
        Branch::of(self.table_branch.as_deref())
    }
}

impl Registration {
    /// Lance branch of the dataset, however the writer spelled it.
    #[must_use]
    pub fn table_branch(&self) -> Branch<'_> {
        Branch::of(self.table_branch.as_deref())
    }
}

/// `false` and `0` say something; null, `""`, `[]` and `{}` are how writers spell an absent field.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
