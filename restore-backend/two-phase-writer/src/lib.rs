//! Writing several Lance tables as one operation, so that a crash at any point can be recovered.
//!
//! Lance commits one table at a time. A program that writes two tables and dies in between leaves
//! readers with half a write. This writer makes the write one operation, in four phases:
//!
//! | phase | call | a crash right after leaves |
//! |---|---|---|
//! | A | [`TwoPhaseWriter::begin`] announces the write in a *sidecar*, `__recovery/{operation_id}.json` | a sidecar, no table moved |
//! | B | [`Prepared::commit`] commits one table, once for each | a sidecar, some or all tables moved |
//! | C | [`Prepared::publish`] makes all of them visible, in one commit of the catalog | a sidecar, everything visible |
//! | D | [`Published::finish`] deletes the sidecar | nothing: the write is finished |
//!
//! Readers look up the version of each table in the catalog, so they see none of the write before
//! phase C and all of it after. Whoever finds a sidecar can tell from it, from the catalog and from
//! the tables whether the write is to be finished or undone; that is what Sidecar Inspector does.
//!
//! # Adopting it
//!
//! 1. Give the root a catalog, once, with [`LanceRoot::create_catalog`]: every table by a key and a
//!    path below the root.
//! 2. Read tables at the versions in [`LanceRoot::catalog`], never at their latest.
//! 3. Write through this writer, and only through it. Hand each table's change over as a
//!    [`TableWrite`](fenced_lance::TableWrite): rows, a predicate, or any transaction that Lance can stage uncommitted.
//! 4. Handle [`PhaseOutcome::Lost`]: somebody else was first, and nothing of theirs was harmed. Read the
//!    catalog again and decide whether to start a new operation.
//!
//! ```no_run
//! use fenced_lance::{LanceRoot, LanceRootOptions, TableWrite};
//! use two_phase_writer::{NewOperation, PhaseOutcome, TwoPhaseWriter};
//!
//! # async fn write(people: Vec<arrow_array::RecordBatch>) -> Result<(), Box<dyn std::error::Error>> {
//! let lance = LanceRoot::open("s3://bucket/graphs/one", LanceRootOptions::default()).await?;
//! let writer = TwoPhaseWriter::new(lance);
//!
//! let operation = NewOperation::mutation(["node:Person", "edge:Knows"]);
//! let PhaseOutcome::Done(mut prepared) = writer.begin(operation).await? else {
//!     return Ok(()); // Another operation holds one of the tables.
//! };
//! for (table_key, write) in [
//!     ("node:Person", TableWrite::append(people)),
//!     ("edge:Knows", TableWrite::delete("dst = 'ada'")),
//! ] {
//!     let PhaseOutcome::Done(_version) = prepared.commit(table_key, write).await? else {
//!         return Ok(()); // Left to recovery, which knows what to do with it.
//!     };
//! }
//! let PhaseOutcome::Done(published) = prepared.publish().await? else {
//!     return Ok(());
//! };
//! published.finish().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Losing, and errors
//!
//! Every commit is fenced: it lands at exactly the version after the one that was read, or not at all. So a writer that was taken
//! for dead, and whose operation somebody is recovering, loses instead of doing harm. It finds out in one of two ways: by the
//! recovery's *claim* on its operation, looked for right before every commit is sent and before the sidecar is deleted, or by a
//! fence. If the claim came while a table's commit was on its way, the writer learns of it by looking once more after the commit
//! landed. Then it leaves a sidecar for that table alone, to be rolled back.
//!
//! After [`PhaseOutcome::Lost`], and after any error, the sidecar stays where it is and the rest is left
//! to recovery. That is why there is nothing to clean up, and why dropping an operation at any
//! point, or calling `stop`, leaves exactly what a crash there would leave.

mod announced;
mod error;
mod late_commit;
mod phase_outcome;
mod pinned_table;
mod prepared;
mod published;
mod read_catalog;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use sidecar::Branch;
use sidecar::OperationId;
use sidecar::Sidecar;
use sidecar::TablePin;
use sidecar::Timestamp;
use sidecar::WRITTEN_SCHEMA_VERSION;
use sidecar::WriterKind;
use ulid::Ulid;

use fenced_lance::Catalog;
use fenced_lance::Head;
use fenced_lance::LanceRoot;
use fenced_lance::TableLocation;
use root_objects::clock;
use root_objects::sidecar_dir::write_sidecar;

pub use error::WriterError;
pub use phase_outcome::Loss;
pub use phase_outcome::PhaseOutcome;
pub use prepared::Prepared;
pub use published::Finished;
pub use published::Published;

use announced::Announced;
use pinned_table::PinnedTable;
use read_catalog::read_catalog;

/// Writes operations over several tables of one root.
#[derive(Clone, Debug)]
pub struct TwoPhaseWriter {
    lance: LanceRoot,
}

/// What an operation is going to write.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// Its id; a fresh one by default.
    pub operation_id: Option<OperationId>,
    /// When it started; now by default. Recovery leaves young operations alone.
    pub started_at: Option<Timestamp>,
    /// The branch of the catalog; `None` is the default one.
    pub branch: Option<String>,
    /// Who writes.
    pub actor_id: Option<String>,
    /// Whether this is a change or a bulk load.
    pub kind: OperationKind,
    /// The keys of the tables, each of which is committed exactly once.
    pub tables: Vec<String>,
}

/// The kinds of operation this writer makes: those that commit every table exactly once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OperationKind {
    /// Rows are added, changed or removed.
    Mutation,
    /// Rows are loaded in bulk.
    Load,
}

impl NewOperation {
    /// A change to these tables on the default branch, started now.
    pub fn mutation<T: Into<String>>(tables: impl IntoIterator<Item = T>) -> Self {
        Self {
            operation_id: None,
            started_at: None,
            branch: None,
            actor_id: None,
            kind: OperationKind::Mutation,
            tables: tables.into_iter().map(Into::into).collect(),
        }
    }
}

impl TwoPhaseWriter {
    /// A writer for the tables of `lance`.
    pub fn new(lance: LanceRoot) -> Self {
        Self { lance }
    }

    /// Phase A: announces the operation. On return its sidecar is durable and no table has moved.
    ///
    /// # Errors
    ///
    /// See [`WriterError`]. No sidecar is there then, unless writing the sidecar itself failed.
    pub async fn begin(
        &self,
        operation: NewOperation,
    ) -> Result<PhaseOutcome<Prepared>, WriterError> {
        let distinct: BTreeSet<&String> = operation.tables.iter().collect();
        if distinct.is_empty() || distinct.len() != operation.tables.len() {
            return Err(WriterError::TablesUnclear);
        }
        let catalog = read_catalog(&self.lance, operation.branch.as_deref()).await?;
        let mut tables = BTreeMap::new();
        let mut pins = Vec::with_capacity(operation.tables.len());
        for table_key in &operation.tables {
            let table = pinned_table(&catalog, table_key)?;
            let head = self.lance.head(&table.location).await;
            match head.map_err(WriterError::Table)? {
                Head::At { version } if version == table.expected => {}
                Head::At { version } => {
                    if version == table.expected + 1 {
                        late_commit::announce_for_others(&self.lance, table_key, &table).await?;
                    }
                    return Ok(PhaseOutcome::Lost(Loss::Pending {
                        table_key: table_key.clone(),
                        pin: table.expected,
                        head: version,
                    }));
                }
                Head::DatasetMissing | Head::BranchMissing => {
                    return Ok(PhaseOutcome::Lost(Loss::Overtaken {
                        table_key: table_key.clone(),
                        expected: table.expected,
                        found: None,
                    }));
                }
            }
            pins.push(TablePin {
                table_key: table_key.clone(),
                table_path: format!("{}/{}", self.lance.root_uri(), table.location.path),
                expected_version: table.expected,
                post_commit_pin: table.expected + 1,
                confirmed_version: None,
                table_branch: table.location.branch.clone(),
                unknown: BTreeMap::new(),
            });
            tables.insert(table_key.clone(), table);
        }
        let started_at = operation.started_at.unwrap_or_else(clock::now);
        let operation_id = match operation.operation_id {
            Some(operation_id) => operation_id,
            None => fresh_operation_id(started_at)?,
        };
        let sidecar = Sidecar {
            schema_version: WRITTEN_SCHEMA_VERSION,
            operation_id: operation_id.clone(),
            started_at,
            branch: operation.branch.clone(),
            actor_id: operation.actor_id,
            writer_kind: match operation.kind {
                OperationKind::Mutation => WriterKind::Mutation,
                OperationKind::Load => WriterKind::Load,
            },
            tables: pins,
            merge_source_commit_id: None,
            additional_registrations: Vec::new(),
            tombstones: Vec::new(),
            unknown: BTreeMap::new(),
            version_9: None,
        };
        let objects = self.lance.objects();
        write_sidecar(&objects, &sidecar)
            .await
            .map_err(WriterError::Sidecar)?;
        Ok(PhaseOutcome::Done(Prepared {
            announced: Announced {
                lance: self.lance.clone(),
                objects,
                operation_id,
                sidecar,
            },
            branch: operation.branch,
            tables,
            committed: BTreeSet::new(),
        }))
    }
}

fn pinned_table(catalog: &Catalog, table_key: &str) -> Result<PinnedTable, WriterError> {
    let unknown = || WriterError::UnknownTable {
        table_key: table_key.to_owned(),
    };
    let pin = catalog.pins.get(table_key).ok_or_else(unknown)?;
    let path = catalog.locations.get(table_key).ok_or_else(unknown)?;
    // Recovery refuses a sidecar whose tables are on another branch than it names.
    if pin.table_branch != catalog.branch {
        return Err(WriterError::TableNotOnBranch {
            table_key: table_key.to_owned(),
            branch: Branch::of(catalog.branch.as_deref()).to_string(),
        });
    }
    Ok(PinnedTable {
        location: TableLocation::on(path, pin.table_branch.as_deref()),
        expected: pin.version,
    })
}

fn fresh_operation_id(started_at: Timestamp) -> Result<OperationId, WriterError> {
    let started_at = UNIX_EPOCH + Duration::from_micros(started_at.micros());
    Ulid::from_datetime(started_at)
        .to_string()
        .parse()
        .map_err(WriterError::OperationId)
}
