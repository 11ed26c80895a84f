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
//! 1. Give the root a catalog, once, with [`LanceRoom::create_catalog`]: every table by a key and a
//!    path below the root.
//! 2. Read tables at the versions in [`LanceRoom::catalog`], never at their latest.
//! 3. Write through this writer, and only through it. Hand each table's change over as a
//!    [`TableWrite`]: rows, a predicate, or any transaction that Lance can stage uncommitted.
//! 4. Handle [`Progress::Lost`]: somebody else was first, and nothing of theirs was harmed. Read the
//!    catalog again and decide whether to start a new operation.
//!
//! ```no_run
//! use restore_backend::lance_room::{LanceRoom, RoomOptions, TableWrite};
//! use restore_backend::two_phase_writer::{NewOperation, Progress, TwoPhaseWriter};
//!
//! # async fn write(people: Vec<arrow_array::RecordBatch>) -> Result<(), Box<dyn std::error::Error>> {
//! let room = LanceRoom::open("s3://bucket/graphs/one", RoomOptions::default()).await?;
//! let writer = TwoPhaseWriter::new(room);
//!
//! let operation = NewOperation::mutation(["node:Person", "edge:Knows"]);
//! let Progress::Done(mut prepared) = writer.begin(operation).await? else {
//!     return Ok(()); // Another operation holds one of the tables.
//! };
//! for (table_key, write) in [
//!     ("node:Person", TableWrite::append(people)),
//!     ("edge:Knows", TableWrite::delete("dst = 'ada'")),
//! ] {
//!     let Progress::Done(_version) = prepared.commit(table_key, write).await? else {
//!         return Ok(()); // Left to recovery, which knows what to do with it.
//!     };
//! }
//! let Progress::Done(published) = prepared.publish().await? else {
//!     return Ok(());
//! };
//! published.finish().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Losing, and errors
//!
//! Every commit is fenced: it lands at exactly the version after the one that was read, or not at
//! all. So a writer that was taken for dead, and whose operation somebody is recovering, loses
//! instead of doing harm. It finds out in one of two ways: by the recovery's *claim* on its
//! operation, looked for before every commit and before the sidecar is deleted, or by a fence.
//!
//! After [`Progress::Lost`], and after any error, the sidecar stays where it is and the rest is left
//! to recovery. That is why there is nothing to clean up, and why dropping an operation at any
//! point, or calling `stop`, leaves exactly what a crash there would leave.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sidecar::OperationId;
use sidecar::OperationIdError;
use sidecar::SUPPORTED_SCHEMA_VERSION;
use sidecar::Sidecar;
use sidecar::TablePin;
use sidecar::Timestamp;
use sidecar::WriterKind;
use thiserror::Error;
use ulid::Ulid;

use crate::clock;
use crate::journal_store::CLAIM_OBJECT;
use crate::journal_store::JOURNAL_FOLDER;
use crate::lance_room::Catalog;
use crate::lance_room::CatalogReading;
use crate::lance_room::CommitOutcome;
use crate::lance_room::EffectIdentity;
use crate::lance_room::Head;
use crate::lance_room::LanceRoom;
use crate::lance_room::PinUpdate;
use crate::lance_room::PublishRequest;
use crate::lance_room::Refusal;
use crate::lance_room::TableError;
use crate::lance_room::TableLocation;
use crate::lance_room::TableWrite;
use crate::sidecar_dir::SidecarDirError;
use crate::sidecar_dir::delete_sidecar;
use crate::sidecar_dir::write_sidecar;

/// How often a publish is tried again because somebody published other tables meanwhile. Each
/// attempt reads the catalog anew; a root this busy for longer needs its writers to take turns.
const PUBLISH_ATTEMPTS_MAX: usize = 16;

/// Writes operations over several tables of one root.
#[derive(Clone, Debug)]
pub struct TwoPhaseWriter {
    room: LanceRoom,
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

/// How far a step came.
#[must_use = "a lost operation must not be continued"]
#[derive(Debug)]
pub enum Progress<T> {
    /// The step is done.
    Done(T),
    /// Somebody else was first. The operation is left to recovery.
    Lost(Loss),
}

/// To whom an operation was lost.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Recovery has taken the operation over.
    Claimed {
        /// The operation.
        operation_id: OperationId,
    },
    /// A table, or its pin, moved on.
    Overtaken {
        /// The table.
        table_key: String,
        /// The version it had to be at.
        expected: u64,
        /// Where it is; `None` if it is gone.
        found: Option<u64>,
    },
    /// A table stands above its pin: another operation has committed it and not published yet.
    Pending {
        /// The table.
        table_key: String,
        /// Its pin.
        pin: u64,
        /// Its latest version.
        head: u64,
    },
    /// Others published without pause for as long as a publish was tried.
    Crowded {
        /// The latest catalog version seen.
        catalog_version: u64,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claimed { operation_id } => {
                write!(formatter, "recovery has claimed operation {operation_id}")
            }
            Self::Overtaken {
                table_key,
                expected,
                found: Some(found),
            } => write!(
                formatter,
                "{table_key} is at version {found}, expected {expected}"
            ),
            Self::Overtaken {
                table_key,
                expected,
                found: None,
            } => write!(
                formatter,
                "{table_key} is gone, expected version {expected}"
            ),
            Self::Pending {
                table_key,
                pin,
                head,
            } => write!(
                formatter,
                "{table_key} is at version {head}, above its pin {pin}: another operation is pending"
            ),
            Self::Crowded { catalog_version } => write!(
                formatter,
                "the catalog keeps moving, last seen at version {catalog_version}"
            ),
        }
    }
}

/// An operation could not be continued. Unless it had not begun, it is left to recovery.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriterError {
    /// The operation names no table, or one of them twice.
    #[error("an operation needs tables, each named once")]
    TablesUnclear,
    /// The root has no catalog, or not on this branch.
    #[error("the root has no catalog on the branch {}", branch.as_deref().unwrap_or("main"))]
    NoCatalog {
        /// The branch.
        branch: Option<String>,
    },
    /// The catalog does not show the table.
    #[error("the catalog shows no table {table_key}")]
    UnknownTable {
        /// The table.
        table_key: String,
    },
    /// On a branch of the catalog, a table is written on its own Lance branch of that name. A
    /// commit to the default branch would be taken for unfinished work there.
    #[error("{table_key} has no Lance branch {branch}")]
    TableNotOnBranch {
        /// The table.
        table_key: String,
        /// The branch.
        branch: String,
    },
    /// The table is not one of this operation's, or is committed already.
    #[error("{table_key} is not left to commit in operation {operation_id}")]
    NotLeftToCommit {
        /// The operation.
        operation_id: OperationId,
        /// The table.
        table_key: String,
    },
    /// Not all tables are committed.
    #[error("{table_key} is not committed yet in operation {operation_id}")]
    NotCommitted {
        /// The operation.
        operation_id: OperationId,
        /// One of the tables.
        table_key: String,
    },
    /// A commit is not possible.
    #[error("{what} was refused")]
    Refused {
        /// The table, or the catalog.
        what: String,
        /// Why.
        #[source]
        reason: Refusal,
    },
    /// A commit was sent and may or may not have landed.
    #[error("whether the commit of {what} landed is unknown: {reason}")]
    Unknown {
        /// The table, or the catalog.
        what: String,
        /// What stands in the way of knowing.
        reason: String,
    },
    /// A table or the catalog could not be read or written.
    #[error("the tables cannot be worked on")]
    Table(#[source] TableError),
    /// The sidecar could not be written or deleted.
    #[error("the sidecar cannot be worked on")]
    Sidecar(#[source] SidecarDirError),
    /// Whether there is a claim could not be found out.
    #[error("looking for a claim on operation {operation_id} failed")]
    Claim {
        /// The operation.
        operation_id: OperationId,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// A bug of ours.
    #[error("internal error: a fresh operation id is not one")]
    OperationId(#[source] OperationIdError),
}

impl TwoPhaseWriter {
    /// A writer for the tables of `room`.
    pub fn new(room: LanceRoom) -> Self {
        Self { room }
    }

    /// Phase A: announces the operation. On return its sidecar is durable and no table has moved.
    ///
    /// # Errors
    ///
    /// See [`WriterError`]. Unless the failure was in writing the sidecar itself, there is none.
    pub async fn begin(&self, operation: NewOperation) -> Result<Progress<Prepared>, WriterError> {
        let distinct: BTreeSet<&String> = operation.tables.iter().collect();
        if distinct.is_empty() || distinct.len() != operation.tables.len() {
            return Err(WriterError::TablesUnclear);
        }
        let catalog = read_catalog(&self.room, operation.branch.as_deref()).await?;
        let mut tables = BTreeMap::new();
        let mut pins = Vec::with_capacity(operation.tables.len());
        for table_key in &operation.tables {
            let table = pinned_table(&catalog, table_key)?;
            let head = self.room.head(&table.location).await;
            match head.map_err(WriterError::Table)? {
                Head::At { version } if version == table.expected => {}
                Head::At { version } => {
                    return Ok(Progress::Lost(Loss::Pending {
                        table_key: table_key.clone(),
                        pin: table.expected,
                        head: version,
                    }));
                }
                Head::DatasetMissing | Head::BranchMissing => {
                    return Ok(Progress::Lost(Loss::Overtaken {
                        table_key: table_key.clone(),
                        expected: table.expected,
                        found: None,
                    }));
                }
            }
            pins.push(TablePin {
                table_key: table_key.clone(),
                table_path: format!("{}/{}", self.room.root_uri(), table.location.path),
                expected_version: table.expected,
                post_commit_pin: table.expected + 1,
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
            schema_version: SUPPORTED_SCHEMA_VERSION,
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
        };
        let objects = self.room.objects();
        write_sidecar(&objects, &sidecar)
            .await
            .map_err(WriterError::Sidecar)?;
        Ok(Progress::Done(Prepared {
            announced: Announced {
                room: self.room.clone(),
                objects,
                operation_id,
            },
            branch: operation.branch,
            tables,
            committed: BTreeSet::new(),
        }))
    }
}

/// One table of an operation, as it was when the operation began.
#[derive(Clone, Debug)]
struct PinnedTable {
    location: TableLocation,
    expected: u64,
}

/// An operation whose sidecar is there.
#[derive(Clone, Debug)]
struct Announced {
    room: LanceRoom,
    objects: Arc<dyn ObjectStore>,
    operation_id: OperationId,
}

impl Announced {
    /// Whether recovery has taken this operation over: one request.
    async fn claim(&self) -> Result<Option<Loss>, WriterError> {
        let path = Path::from_iter([JOURNAL_FOLDER, self.operation_id.as_str(), CLAIM_OBJECT]);
        match self.objects.head(&path).await {
            Ok(_) => Ok(Some(Loss::Claimed {
                operation_id: self.operation_id.clone(),
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(WriterError::Claim {
                operation_id: self.operation_id.clone(),
                source,
            }),
        }
    }
}

/// Phases B and C: an announced operation whose tables are to be committed and published.
#[derive(Debug)]
pub struct Prepared {
    announced: Announced,
    branch: Option<String>,
    tables: BTreeMap<String, PinnedTable>,
    committed: BTreeSet<String>,
}

impl Prepared {
    /// The operation.
    pub fn operation_id(&self) -> &OperationId {
        &self.announced.operation_id
    }

    /// The version of a table its write is staged on; its commit makes the next one.
    pub fn expected_version(&self, table_key: &str) -> Option<u64> {
        self.tables.get(table_key).map(|table| table.expected)
    }

    /// Phase B, one table: commits its write at exactly the version after its pin, and returns
    /// that version.
    ///
    /// # Errors
    ///
    /// See [`WriterError`].
    pub async fn commit(
        &mut self,
        table_key: &str,
        write: TableWrite,
    ) -> Result<Progress<u64>, WriterError> {
        let table = self
            .tables
            .get(table_key)
            .filter(|_| !self.committed.contains(table_key))
            .ok_or_else(|| WriterError::NotLeftToCommit {
                operation_id: self.announced.operation_id.clone(),
                table_key: table_key.to_owned(),
            })?;
        if let Some(loss) = self.announced.claim().await? {
            return Ok(Progress::Lost(loss));
        }
        let outcome = self
            .announced
            .room
            .commit_write(
                &table.location,
                table.expected,
                write,
                self.announced.operation_id.as_str(),
            )
            .await
            .map_err(WriterError::Table)?;
        match outcome {
            CommitOutcome::Committed { version } | CommitOutcome::AlreadyDone { version } => {
                self.committed.insert(table_key.to_owned());
                Ok(Progress::Done(version))
            }
            CommitOutcome::HeadMoved {
                expected, found, ..
            } => Ok(Progress::Lost(Loss::Overtaken {
                table_key: table_key.to_owned(),
                expected,
                found: Some(found),
            })),
            CommitOutcome::Refused { reason } => Err(WriterError::Refused {
                what: table_key.to_owned(),
                reason,
            }),
            CommitOutcome::Unknown { reason } => Err(WriterError::Unknown {
                what: table_key.to_owned(),
                reason,
            }),
        }
    }

    /// Phase C: makes all tables visible in one commit of the catalog.
    ///
    /// The catalog is read first, then a claim is looked for, then the publish is sent for exactly
    /// the version that was read. A recovery writes its claim first and then moves the catalog on.
    /// So either the claim is seen here, or the catalog moved after it was read and the publish
    /// does not land.
    ///
    /// # Errors
    ///
    /// See [`WriterError`].
    pub async fn publish(self) -> Result<Progress<Published>, WriterError> {
        if let Some(table_key) = self
            .tables
            .keys()
            .find(|table_key| !self.committed.contains(*table_key))
        {
            return Err(WriterError::NotCommitted {
                operation_id: self.announced.operation_id,
                table_key: table_key.clone(),
            });
        }
        let room = &self.announced.room;
        let mut catalog_version = 0;
        for _ in 0..PUBLISH_ATTEMPTS_MAX {
            let catalog = read_catalog(room, self.branch.as_deref()).await?;
            catalog_version = catalog.version;
            if let Some(loss) = self.announced.claim().await? {
                return Ok(Progress::Lost(loss));
            }
            let request = self.publish_request(catalog_version);
            let outcome = room.publish_as_writer(&request).await;
            match outcome.map_err(WriterError::Table)? {
                CommitOutcome::Committed { version } | CommitOutcome::AlreadyDone { version } => {
                    return Ok(Progress::Done(Published {
                        announced: self.announced,
                        catalog_version: version,
                    }));
                }
                CommitOutcome::HeadMoved { .. } => {}
                CommitOutcome::Refused {
                    reason:
                        Refusal::PinMoved {
                            table_key,
                            expected,
                            found,
                        },
                } => {
                    return Ok(Progress::Lost(Loss::Overtaken {
                        table_key,
                        expected: expected.unwrap_or_default(),
                        found,
                    }));
                }
                CommitOutcome::Refused { reason } => {
                    return Err(WriterError::Refused {
                        what: "the catalog".to_owned(),
                        reason,
                    });
                }
                CommitOutcome::Unknown { reason } => {
                    return Err(WriterError::Unknown {
                        what: "the catalog".to_owned(),
                        reason,
                    });
                }
            }
        }
        Ok(Progress::Lost(Loss::Crowded { catalog_version }))
    }

    fn publish_request(&self, read_version: u64) -> PublishRequest {
        let updates = self.tables.iter().map(|(table_key, table)| PinUpdate {
            table_key: table_key.clone(),
            from_pin: table.expected,
            to_version: table.expected + 1,
            table_branch: table.location.branch.clone(),
        });
        PublishRequest {
            branch: self.branch.clone(),
            read_version,
            updates: updates.collect(),
            registrations: Vec::new(),
            tombstones: Vec::new(),
            identity: EffectIdentity {
                operation_id: self.announced.operation_id.to_string(),
                plan_digest: String::new(),
            },
        }
    }

    /// Leaves the operation as it is, like a crash would, and returns its id.
    pub fn stop(self) -> OperationId {
        self.announced.operation_id
    }
}

/// Phase D: a published operation whose sidecar is to be deleted.
#[derive(Debug)]
pub struct Published {
    announced: Announced,
    catalog_version: u64,
}

impl Published {
    /// The operation.
    pub fn operation_id(&self) -> &OperationId {
        &self.announced.operation_id
    }

    /// The catalog version that made the write visible.
    pub fn catalog_version(&self) -> u64 {
        self.catalog_version
    }

    /// Deletes the sidecar, unless recovery has taken the operation over; the write stays visible
    /// either way, and recovery finds that out.
    ///
    /// # Errors
    ///
    /// See [`WriterError`].
    pub async fn finish(self) -> Result<Progress<Finished>, WriterError> {
        if let Some(loss) = self.announced.claim().await? {
            return Ok(Progress::Lost(loss));
        }
        let operation_id = self.announced.operation_id;
        delete_sidecar(&self.announced.objects, &operation_id.file_name())
            .await
            .map_err(WriterError::Sidecar)?;
        Ok(Progress::Done(Finished {
            operation_id,
            catalog_version: self.catalog_version,
        }))
    }

    /// Leaves the operation as it is, like a crash would, and returns its id.
    pub fn stop(self) -> OperationId {
        self.announced.operation_id
    }
}

/// An operation that is visible and has left nothing behind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finished {
    /// The operation.
    pub operation_id: OperationId,
    /// The catalog version that made the write visible.
    pub catalog_version: u64,
}

async fn read_catalog(room: &LanceRoom, branch: Option<&str>) -> Result<Catalog, WriterError> {
    match room.catalog(branch).await.map_err(WriterError::Table)? {
        CatalogReading::Present(catalog) => Ok(catalog),
        CatalogReading::NoCatalog | CatalogReading::NoBranch { .. } => {
            Err(WriterError::NoCatalog {
                branch: branch.map(str::to_owned),
            })
        }
    }
}

fn pinned_table(catalog: &Catalog, table_key: &str) -> Result<PinnedTable, WriterError> {
    let unknown = || WriterError::UnknownTable {
        table_key: table_key.to_owned(),
    };
    let pin = catalog.pins.get(table_key).ok_or_else(unknown)?;
    let path = catalog.locations.get(table_key).ok_or_else(unknown)?;
    if let Some(branch) = &catalog.branch
        && pin.table_branch.as_ref() != Some(branch)
    {
        return Err(WriterError::TableNotOnBranch {
            table_key: table_key.to_owned(),
            branch: branch.clone(),
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
