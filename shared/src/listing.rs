//! All sidecar files of one root together: who is refused, who waits for whom.

mod age;
mod branch_order;

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{Code, Reason};
use crate::digest::{Digest, Tag};
use crate::ids::OperationId;
use crate::limits::Limits;
use crate::sidecar::{Glimpse, GlimpsedPin, Sidecar, SidecarError, TablePin, WriterKind};
use crate::timestamp::Timestamp;
use branch_order::BranchOrder;

/// One file directly under `__recovery/`, read as far as it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarFile {
    /// Name of the file, without folders.
    pub file: String,
    /// Digest of its bytes; `None` if they could not be read, or are too many for a sidecar.
    pub digest: Option<Digest>,
    /// Its bytes, for the record and for showing them raw; empty where there is no digest.
    pub bytes: Vec<u8>,
    /// Identity of an unread file, as storage tells it. Changes whenever the file is rewritten.
    pub stored_as: Option<String>,
    /// When it was last written, as storage tells it; `None` where no file of that name was listed.
    pub modified_at: Option<Timestamp>,
    /// The sidecar, or why it is none.
    pub content: Result<Sidecar, Reason>,
    /// The fields that can be read without the rules of its version.
    pub glimpse: Glimpse,
}

impl SidecarFile {
    /// Reads a file's bytes.
    #[must_use]
    pub fn read(file: &str, bytes: Vec<u8>, limits: &Limits) -> Self {
        let (content, glimpse) = Sidecar::parse_with_glimpse(file, &bytes, limits);
        let content = content.map_err(|error| Reason::new(error.code(), error.to_string()));
        Self {
            file: file.to_owned(),
            digest: Some(Digest::of(Tag::Sidecar, &bytes)),
            content,
            glimpse,
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

    /// Why the file could not be read, if it could not; the tables that it names are unknown then.
    #[must_use]
    pub fn not_read(&self) -> Option<&Reason> {
        let reason = self.content.as_ref().err()?;
        reason.is_unreadable().then_some(reason)
    }

    /// The operation that the file is named after and says it is of; a misnamed file is of none.
    #[must_use]
    pub fn own_operation(&self) -> Option<OperationId> {
        let operation_id = self.operation_id()?;
        (self.file == operation_id.file_name()).then_some(operation_id)
    }

    fn stem(&self) -> &str {
        self.file.strip_suffix(".json").unwrap_or(&self.file)
    }

    pub(crate) fn pins(&self) -> Vec<GlimpsedPin> {
        match &self.content {
            Ok(sidecar) => sidecar
                .tables
                .iter()
                .map(|pin| GlimpsedPin {
                    table_key: pin.table_key.clone(),
                    table_branch: pin.table_branch().owned(),
                })
                .collect(),
            Err(_) => self.glimpse.tables.clone(),
        }
    }

    pub(crate) fn is_schema_apply(&self) -> bool {
        match &self.content {
            Ok(sidecar) => sidecar.writer_kind.changes_the_schema(),
            Err(_) => {
                let kind = self.glimpse.writer_kind.as_deref();
                kind.and_then(WriterKind::named)
                    .is_some_and(WriterKind::changes_the_schema)
            }
        }
    }

    /// Without the bytes and the unknown fields, which only a plan needs: a list holds many files.
    #[must_use]
    pub fn lean(mut self) -> Self {
        self.bytes = Vec::new();
        if let Ok(sidecar) = &mut self.content {
            match sidecar.refusal(&self.file) {
                Some(reason) => self.content = Err(reason),
                None => {
                    sidecar.forget_unknown();
                    self.glimpse.tables = Vec::new();
                }
            }
        }
        self
    }

    /// Bytes that it takes in memory, about.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        let per_pin = size_of::<TablePin>();
        let pin_bytes = |pin: &TablePin| {
            per_pin + pin.table_key.len() + pin.table_path.len() + text_bytes(&pin.table_branch)
        };
        let content = match &self.content {
            Ok(sidecar) => {
                let more = sidecar.additional_registrations.iter().map(|registration| {
                    per_pin + registration.table_key.len() + registration.table_path.len()
                });
                let less = sidecar.tombstones.iter();
                sidecar.tables.iter().map(pin_bytes).sum::<usize>()
                    + more.sum::<usize>()
                    + less
                        .map(|tombstone| per_pin + tombstone.table_key.len())
                        .sum::<usize>()
            }
            Err(reason) => reason.detail.len(),
        };
        let glimpse = &self.glimpse;
        let texts = [
            &glimpse.operation_id,
            &glimpse.writer_kind,
            &glimpse.branch,
            &glimpse.actor_id,
            &glimpse.started_at,
        ];
        let pins = glimpse.tables.iter().map(|pin| {
            size_of::<GlimpsedPin>() + pin.table_key.len() + text_bytes(&pin.table_branch)
        });
        let held = size_of::<Self>()
            + self.file.len()
            + self.bytes.len()
            + content
            + texts.into_iter().map(text_bytes).sum::<usize>()
            + pins.sum::<usize>();
        held as u64
    }

    /// Stands for a file that is not read because those before it take all the memory that a look may use. It is read once they
    /// are resolved, or when it is asked for by itself.
    #[must_use]
    pub fn not_held(file: &str, limits: &Limits) -> Self {
        let reason = Reason::new(
            Code::WaitingFor,
            format!(
                "the sidecars before {file} take all of the {} MiB that are looked at together; resolve those first",
                limits.sidecars_held_bytes_max >> 20
            ),
        );
        Self::unread(file, reason)
    }

    /// Keys of the tables it names, as far as they can be told.
    pub fn table_keys(&self) -> impl ExactSizeIterator<Item = &str> {
        let (pins, glimpsed): (&[TablePin], &[GlimpsedPin]) = match &self.content {
            Ok(sidecar) => (&sidecar.tables, &[]),
            Err(_) => (&[], &self.glimpse.tables),
        };
        let keys: Vec<&str> = pins
            .iter()
            .map(|pin| pin.table_key.as_str())
            .chain(glimpsed.iter().map(|pin| pin.table_key.as_str()))
            .collect();
        keys.into_iter()
    }

    /// What is known of the tables it names.
    fn tables_known(&self) -> TablesKnown {
        match &self.content {
            Ok(_) => TablesKnown::All,
            Err(reason) if reason.code.leaves_a_file_unread() => TablesKnown::NotRead,
            Err(_) if self.glimpse.all_tables && self.glimpse.writer_kind.is_some() => {
                TablesKnown::All
            }
            Err(_) => TablesKnown::AsFarAsGlimpsed,
        }
    }

    /// Whether it names one of these tables, on whatever branch, as far as that can be told.
    #[must_use]
    pub fn overlaps(&self, table_keys: &BTreeSet<&str>) -> Overlap {
        let shares = |pin: &GlimpsedPin| table_keys.contains(pin.table_key.as_str());
        match self.tables_known() {
            TablesKnown::NotRead => Overlap::NotRead,
            _ if self.is_schema_apply() || self.pins().iter().any(shares) => Overlap::Shared,
            TablesKnown::AsFarAsGlimpsed => Overlap::Lost,
            TablesKnown::All => Overlap::None,
        }
    }
}

fn text_bytes(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

/// What is known of the tables that a file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TablesKnown {
    /// All of them.
    All,
    /// Those that are seen, and perhaps there were others: the bytes are all there, and are no sidecar.
    AsFarAsGlimpsed,
    /// None, as long as it cannot be read.
    NotRead,
}

/// Whether a file names a table that something else touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// It names none of them.
    None,
    /// It names one.
    Shared,
    /// It cannot be read now, so it may.
    NotRead,
    /// It is broken for good, and may have.
    Lost,
}

/// What older files of its root mean for one sidecar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing<'a> {
    /// The file that has to be resolved before it: its operation id, or its file name; see [`ListedSidecar::waiting_for`].
    pub waiting_for: Option<&'a str>,
    /// Whether an older file is broken, so that nobody can tell what it named.
    pub older_unreadable: bool,
}

impl<'a> From<Option<&'a str>> for Standing<'a> {
    fn from(waiting_for: Option<&'a str>) -> Self {
        Self {
            waiting_for,
            older_unreadable: false,
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
    /// The file that has to be resolved before it: its operation id, or its file name. That is the oldest unresolved one that shares a
    /// table with it, or may because it cannot be read, or another one of the same branch of a graph of version 9.
    pub waiting_for: Option<String>,
    /// Whether an older file is broken, so that nobody can tell whether it named the same tables.
    pub older_unreadable: bool,
}

impl ListedSidecar {
    /// What older files mean for it.
    #[must_use]
    pub fn standing(&self) -> Standing<'_> {
        Standing {
            waiting_for: self.waiting_for.as_deref(),
            older_unreadable: self.older_unreadable,
        }
    }

    /// The sidecar to judge; `None` for a file that was refused from its listing alone, or holds none.
    #[must_use]
    pub fn to_judge(&self) -> Option<&Sidecar> {
        match self.refusal {
            Some(_) => None,
            None => self.file.content.as_ref().ok(),
        }
    }

    /// Why nothing about the file is decided: it is refused, or holds no sidecar, or cannot be read.
    #[must_use]
    pub fn reason(&self) -> Reason {
        let refusal = self.refusal.clone();
        refusal
            .or_else(|| self.file.content.clone().err())
            .unwrap_or_else(|| {
                let detail = format!("{} cannot be read", self.file.file);
                Reason::new(Code::Unreadable, detail)
            })
    }
}

/// Puts the files of one root in order of time and finds who is refused and who waits (PROTOCOL.md, section 4.2).
///
/// A misnamed or duplicate file never refuses the well-named one. A file that cannot be read now may name any table, so it holds up
/// every younger one; without an operation id it may be the oldest of all. A file that was read whole and is not a
/// sidecar holds up only the tables seen in it; every younger sidecar must acknowledge it.
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
                older_unreadable: false,
            }
        })
        .collect();
    listed.sort_by_cached_key(|entry| (entry.file.operation_id(), entry.file.file.clone()));

    let mut overlaps = Overlaps::default();
    let mut branches = BranchOrder::default();
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
        let known = entry.file.tables_known();
        if entry
            .refusal
            .as_ref()
            .is_some_and(|refusal| refusal.code == Code::WaitingFor)
        {
            // The file it waits for is older and already in the list.
            entry.waiting_for = overlaps.any.as_ref().map(|(_, name)| name.clone());
            if entry.waiting_for.is_some() {
                entry.refusal = None;
            }
        } else if entry.refusal.is_none() {
            entry.waiting_for = overlaps.oldest(&pins, schema_apply);
            entry.older_unreadable = overlaps.lost;
        }
        if let Ok(sidecar) = &entry.file.content
            && let Some(older) = branches.before(sidecar)
            && entry.refusal.is_none()
            && entry.waiting_for.is_none()
        {
            entry.waiting_for = Some(older.to_owned());
        }
        let is_there = entry.file.digest.is_some() || entry.file.stored_as.is_some();
        if is_there && !entry.file.is_surely_not_of_version_9() {
            branches.add(&entry.file.glimpse, &name);
        }
        match known {
            TablesKnown::NotRead => overlaps.add_unread((place, name)),
            TablesKnown::AsFarAsGlimpsed => {
                overlaps.lost = true;
                if schema_apply || !pins.is_empty() {
                    overlaps.add((place, name), pins, schema_apply);
                }
            }
            TablesKnown::All if entry.file.content.is_err() && !schema_apply && pins.is_empty() => {
            }
            TablesKnown::All => overlaps.add((place, name), pins, schema_apply),
        }
    }
    let_version_9_go_first(&mut listed);
    listed
}

/// Makes half an undo wait for the file of version 9 that was written for the graph as it is, also for a younger one.
///
/// What stands for such an undo is of version 1. To recover it adds a graph commit to its branch, and then the other write could only be
/// rolled back. The undo itself needs no particular head. A file that waits for somebody else is not waited for: it may wait for this
/// very undo, with which it shares a table.
fn let_version_9_go_first(listed: &mut [ListedSidecar]) {
    let is_free = |entry: &ListedSidecar| entry.refusal.is_none() && entry.waiting_for.is_none();
    let yielding = |entry: &ListedSidecar| {
        let sidecar = entry.to_judge().filter(|_| is_free(entry))?;
        if sidecar.version_9.is_some() {
            return None;
        }
        let mut others = listed.iter().filter(|other| is_free(other));
        let first = others.find(|other| other.file.rests_on_the_graph_of(sidecar.branch()))?;
        first.file.operation_id().map(String::from)
    };
    let waits: Vec<Option<String>> = listed.iter().map(yielding).collect();
    for (entry, waits_for) in listed.iter_mut().zip(waits) {
        if waits_for.is_some() {
            entry.waiting_for = waits_for;
        }
    }
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

/// The oldest operation that names each table, found while files are gone through in order of time: its place and its name.
#[derive(Default)]
struct Overlaps {
    by_table: BTreeMap<(String, Option<String>), (usize, String)>,
    schema_apply: Option<(usize, String)>,
    unread: Option<(usize, String)>,
    any: Option<(usize, String)>,
    /// Whether a broken file was met, so that not all of its tables are known.
    lost: bool,
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
            .chain(&self.unread)
            .min()
            .map(|(_, name)| name.clone())
    }

    fn add_unread(&mut self, name: (usize, String)) {
        self.unread.get_or_insert_with(|| name.clone());
        self.any.get_or_insert(name);
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
