//! All sidecar files of one root together: who is refused, who waits for whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{Code, Reason};
use crate::digest::{Digest, Tag};
use crate::follow_up::covers_what_is_never_whole;
use crate::ids::OperationId;
use crate::limits::Limits;
use crate::sidecar::{Glimpse, GlimpsedPin, Sidecar, SidecarError, WriterKind};
use crate::timestamp::Timestamp;

/// One file directly under `__recovery/`, read as far as it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarFile {
    /// Name of the file, without folders.
    pub file: String,
    /// Digest of its bytes; `None` if they could not be read, or are too many for a sidecar.
    pub digest: Option<Digest>,
    /// Its bytes, for the record and for showing them raw; empty where there is no digest.
    pub bytes: Vec<u8>,
    /// What storage calls this state of a file that was not read: the same for the same bytes as long as nobody writes them anew.
    pub stored_as: Option<String>,
    /// When it was last written, as storage tells it; `None` where no file of that name was listed.
    pub modified_at: Option<Timestamp>,
    /// The sidecar, or why it is none.
    pub content: Result<Sidecar, Reason>,
    /// What shows without knowing the rules of its version.
    pub glimpse: Glimpse,
}

impl SidecarFile {
    /// Reads a file's bytes.
    #[must_use]
    pub fn read(file: &str, bytes: Vec<u8>, limits: &Limits) -> Self {
        let content = Sidecar::parse(file, &bytes, limits)
            .map_err(|error| Reason::new(error.code(), error.to_string()));
        Self {
            file: file.to_owned(),
            digest: Some(Digest::of(Tag::Sidecar, &bytes)),
            content,
            glimpse: Glimpse::of(&bytes, limits),
            bytes,
            stored_as: None,
            modified_at: None,
        }
    }

    /// Stands for a file of more bytes than a sidecar may have, which is not read; storage calls its state `stored_as`.
    #[must_use]
    pub fn too_large(file: &str, stored_as: String, limits: &Limits) -> Self {
        let error = SidecarError::TooLarge {
            file: file.to_owned(),
            bytes_max: limits.sidecar_bytes_max,
        };
        Self {
            stored_as: Some(stored_as),
            ..Self::unread(file, Reason::new(error.code(), error.to_string()))
        }
    }

    /// Stands for a file whose bytes could not be had.
    #[must_use]
    pub fn unread(file: &str, reason: Reason) -> Self {
        Self {
            file: file.to_owned(),
            digest: None,
            bytes: Vec::new(),
            stored_as: None,
            modified_at: None,
            content: Err(reason),
            glimpse: Glimpse::default(),
        }
    }

    /// The operation the file says it is of, else the one its name says.
    #[must_use]
    pub fn operation_id(&self) -> Option<OperationId> {
        match &self.content {
            Ok(sidecar) => Some(sidecar.operation_id.clone()),
            Err(_) => self
                .glimpse
                .operation_id
                .as_deref()
                .and_then(|text| text.parse().ok())
                .or_else(|| self.stem().parse().ok()),
        }
    }

    /// Whole seconds since its writer is known to have been at work; `None` if nothing tells.
    ///
    /// That is when the writer began, by its own clock, or when the store says that the file was last written, whichever is
    /// younger: a clock that is wrong makes a file older only if both are. One that lies in the future makes it as young as can be.
    ///
    /// No writer is behind a sidecar of ours that covers what must never be published, so the store's time says nothing about it.
    #[must_use]
    pub fn age_seconds(&self, now: Timestamp) -> Option<u64> {
        let modified_at = self.modified_at.filter(|_| !self.is_covering());
        let times = self.said_to_start_at().into_iter().chain(modified_at);
        times.map(|time| time.age_seconds(now)).min()
    }

    /// As the sidecar says, or as whatever it is says in the same field.
    fn said_to_start_at(&self) -> Option<Timestamp> {
        match &self.content {
            Ok(sidecar) => Some(sidecar.started_at),
            Err(_) => self
                .glimpse
                .started_at
                .clone()
                .and_then(|text| text.try_into().ok()),
        }
    }

    fn is_covering(&self) -> bool {
        self.content.as_ref().is_ok_and(covers_what_is_never_whole)
    }

    fn stem(&self) -> &str {
        self.file.strip_suffix(".json").unwrap_or(&self.file)
    }

    fn pins(&self) -> Vec<GlimpsedPin> {
        match &self.content {
            Ok(sidecar) => sidecar
                .tables
                .iter()
                .map(|pin| GlimpsedPin {
                    table_key: pin.table_key.clone(),
                    table_branch: pin.table_branch().map(str::to_owned),
                })
                .collect(),
            Err(_) => self.glimpse.tables.clone(),
        }
    }

    fn is_schema_apply(&self) -> bool {
        match &self.content {
            Ok(sidecar) => sidecar.writer_kind == WriterKind::SchemaApply,
            Err(_) => self.glimpse.writer_kind.as_deref() == Some(WriterKind::SchemaApply.name()),
        }
    }
}

/// A file with its place among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSidecar {
    /// The file.
    pub file: SidecarFile,
    /// Why nothing about it is decided or done.
    pub refusal: Option<Reason>,
    /// The oldest unresolved sidecar that shares a table with it: its operation id, or its file name.
    pub waiting_for: Option<String>,
}

/// Puts the files of one root in order of time and finds who is refused and who waits (protocol section 4).
///
/// A misnamed or duplicate file never refuses the well-named one, and a file whose tables cannot be read holds up nobody.
#[must_use]
pub fn assemble(files: Vec<SidecarFile>) -> Vec<ListedSidecar> {
    let well_named: BTreeSet<OperationId> = files
        .iter()
        .filter_map(|file| {
            let operation_id = file.operation_id()?;
            (file.stem() == operation_id.as_str()).then_some(operation_id)
        })
        .collect();
    let mut listed: Vec<ListedSidecar> = files
        .into_iter()
        .map(|file| {
            let refusal = refusal(&file, &well_named);
            ListedSidecar {
                file,
                refusal,
                waiting_for: None,
            }
        })
        .collect();
    listed.sort_by_cached_key(|entry| (entry.file.operation_id(), entry.file.file.clone()));

    let mut overlaps = Overlaps::default();
    for (place, entry) in listed.iter_mut().enumerate() {
        let name = entry
            .file
            .operation_id()
            .map_or_else(|| entry.file.file.clone(), String::from);
        if entry
            .refusal
            .as_ref()
            .is_some_and(|refusal| refusal.code == Code::DuplicateOperationId)
        {
            continue;
        }
        let pins = entry.file.pins();
        let schema_apply = entry.file.is_schema_apply();
        if entry.refusal.is_none() {
            entry.waiting_for = overlaps.oldest(&pins, schema_apply);
        }
        if entry.file.content.is_ok() || schema_apply || !pins.is_empty() {
            overlaps.add((place, name), pins, schema_apply);
        }
    }
    listed
}

fn refusal(file: &SidecarFile, well_named: &BTreeSet<OperationId>) -> Option<Reason> {
    if let Some(operation_id) = file
        .operation_id()
        .filter(|operation_id| operation_id.as_str() != file.stem())
    {
        return Some(if well_named.contains(&operation_id) {
            Reason::new(
                Code::DuplicateOperationId,
                format!(
                    "{} carries operation {operation_id}, which {} has too; the well-named file is the one that counts",
                    file.file,
                    operation_id.file_name()
                ),
            )
        } else {
            Reason::new(
                Code::Misnamed,
                format!(
                    "{} carries operation {operation_id} and would have to be named {}; find out who renamed it before anything is done",
                    file.file,
                    operation_id.file_name()
                ),
            )
        });
    }
    match &file.content {
        Err(reason) => Some(reason.clone()),
        Ok(sidecar) => sidecar.refusal(&file.file),
    }
}

/// The oldest operation per table, met, met in order of time: its place in that order, and its name.
#[derive(Default)]
struct Overlaps {
    by_table: BTreeMap<(String, Option<String>), (usize, String)>,
    schema_apply: Option<(usize, String)>,
    any: Option<(usize, String)>,
}

impl Overlaps {
    fn oldest(&self, pins: &[GlimpsedPin], schema_apply: bool) -> Option<String> {
        if schema_apply {
            return self.any.as_ref().map(|(_, name)| name.clone());
        }
        let by_table = pins.iter().filter_map(|pin| {
            self.by_table
                .get(&(pin.table_key.clone(), pin.table_branch.clone()))
        });
        by_table
            .chain(&self.schema_apply)
            .min()
            .map(|(_, name)| name.clone())
    }

    fn add(&mut self, name: (usize, String), pins: Vec<GlimpsedPin>, schema_apply: bool) {
        for pin in pins {
            self.by_table
                .entry((pin.table_key, pin.table_branch))
                .or_insert_with(|| name.clone());
        }
        if schema_apply {
            self.schema_apply.get_or_insert_with(|| name.clone());
        }
        self.any.get_or_insert(name);
    }
}
