//! The history that released engines keep of a graph: graph commits, their actors, recoveries (PROTOCOL.md, section 6.2).
//!
//! A row is added at exactly the version after the one that was searched for it in vain. So it is there only once, however many
//! executors add it and however often.

mod reading;
mod request;
mod rows;

use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use lance::Dataset;
use lance::dataset::InsertBuilder;
use lance::dataset::WriteMode;
use lance::dataset::WriteParams;
use lance_core::Error as LanceError;
use lance_table::feature_flags::ensure_can_write_manifest;
use sidecar::root_layout::{
    GRAPH_COMMIT_ACTORS_FOLDER as ACTORS, GRAPH_COMMIT_RECOVERIES_FOLDER as RECOVERIES,
    GRAPH_COMMITS_FOLDER as COMMITS,
};
use sidecar::{Digest, GraphCommitId, OperationId, Tag, Timestamp};

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::catalog::CATALOG_PATH;
use super::catalog::OpenCatalog;
use super::commit::CommitOutcome;
use super::commit::EffectIdentity;
use super::commit::EffectKind;
use super::head::HeadSearch;
use super::location::TableLocation;
use super::staged::Staged;

pub use reading::BranchHistory;
pub use request::HistoryRequest;
pub use request::HistoryRow;

/// How often a row is tried again after others added theirs first.
const TRIES_MAX: usize = 16;

/// The outcome of adding a row.
#[must_use = "a row that is not there must not be taken for written"]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HistoryAppend {
    /// It is there now.
    Appended {
        /// The version of its table.
        version: u64,
    },
    /// It was there before.
    AlreadyThere,
    /// Others added theirs first at every try.
    Moved,
    /// It cannot be added until somebody repairs the history; trying again does not help.
    Missing {
        /// What is missing, or is not as it must be.
        detail: String,
    },
    /// It was sent, and whether it landed cannot be told.
    Unknown {
        /// Why that cannot be told.
        reason: String,
    },
}

/// The version of a table that was read, and what was found in it.
struct Read {
    dataset: Dataset,
    batches: Vec<RecordBatch>,
}

enum Table {
    Present(Box<Read>),
    Missing(&'static str),
    /// It is there, and lacks this column.
    Lacks(String),
}

/// Stands for the operation in sample rows, which are only checked against a table's columns.
const NO_OPERATION: &str = "00000000000000000000000000";

impl LanceRoot {
    /// Whether the root keeps such a history: one listing.
    ///
    /// # Errors
    /// The versions of the table of graph commits cannot be listed.
    pub async fn keeps_graph_history(&self) -> Result<bool, TableError> {
        let place = self.place(&TableLocation::main(COMMITS))?;
        Ok(matches!(
            self.find_head(&place).await?,
            HeadSearch::At { .. }
        ))
    }

    /// Why the rows of a recovery cannot be added to the history, if so: the graph commit's branch is missing, or a table cannot
    /// take the rows. One listing and one read for each of the three tables; none of their rows is read.
    ///
    /// Some rows name the merged commit and others do not, so both kinds are checked.
    ///
    /// Where the catalog holds the graph commits (`in_catalog`), only the table of recoveries is looked at.
    ///
    /// # Errors
    /// One of the tables is there and cannot be read: then nobody knows.
    pub async fn graph_history_obstacle(
        &self,
        branch: Option<&str>,
        merged_parent: Option<&str>,
        in_catalog: bool,
    ) -> Result<Option<String>, TableError> {
        let operation: OperationId = match NO_OPERATION.parse() {
            Ok(operation) => operation,
            Err(_) => return Ok(None),
        };
        let sample = |row| HistoryRequest {
            branch: branch.map(str::to_owned),
            commit: GraphCommitId::of_recovery(
                &operation,
                Digest::of(Tag::Plan, &[]),
                None,
                Timestamp::from_micros(0),
            ),
            fixed: None,
            published: None,
            in_catalog,
            created_at_micros: 0,
            row,
            identity: EffectIdentity {
                operation_id: String::new(),
                plan_digest: String::new(),
            },
        };
        let commit = |merged_parent: Option<&str>| {
            sample(HistoryRow::Commit {
                manifest_branch: branch.map(str::to_owned),
                manifest_version: 0,
                merged_parent: merged_parent.map(str::to_owned),
            })
        };
        let text = String::new;
        let actor = sample(HistoryRow::Actor { actor: text() });
        let recovery = |for_actor| {
            sample(HistoryRow::Recovery {
                kind: text(),
                for_actor,
                operation_id: text(),
                writer_kind: text(),
                outcomes_json: text(),
            })
        };
        let commits = [Some(commit(None)), merged_parent.map(|id| commit(Some(id)))];
        let commits: Vec<_> = commits.into_iter().flatten().collect();
        let recoveries = [recovery(None), recovery(Some(text()))];
        if in_catalog {
            return self.obstacle_in(RECOVERIES, None, &recoveries).await;
        }
        let (in_commits, in_actors, in_recoveries) = futures::try_join!(
            self.obstacle_in(COMMITS, branch, &commits),
            self.obstacle_in(ACTORS, None, std::slice::from_ref(&actor)),
            self.obstacle_in(RECOVERIES, None, &recoveries),
        )?;
        Ok(in_commits.or(in_actors).or(in_recoveries))
    }

    async fn obstacle_in(
        &self,
        folder: &'static str,
        branch: Option<&str>,
        samples: &[HistoryRequest],
    ) -> Result<Option<String>, TableError> {
        let place = self.place(&TableLocation::on(folder, branch))?;
        let version = match self.find_head(&place).await? {
            HeadSearch::At { location, .. } => location.version,
            // The first row makes the other two tables.
            HeadSearch::DatasetMissing if folder != COMMITS => return Ok(None),
            HeadSearch::DatasetMissing => return Ok(Some(format!("{folder} is missing"))),
            HeadSearch::BranchMissing => {
                let branch = sidecar::Branch::of(branch);
                return Ok(Some(format!("{folder} has no branch {branch}")));
            }
        };
        let file = self.known_version(&place, version).await?;
        if let Err(error) = ensure_can_write_manifest(&file.manifest) {
            return Ok(Some(format!(
                "{folder} needs a newer Lance: {}",
                sidecar::error_text(&error)
            )));
        }
        let schema = &file.manifest.schema;
        let obstacle = samples
            .iter()
            .find_map(|sample| rows::obstacle(schema, sample));
        Ok(obstacle.map(|why| format!("{folder}: {why}")))
    }

    /// Adds a row, unless it is there.
    ///
    /// # Errors
    ///
    /// An error means that no commit was attempted.
    pub async fn append_graph_history(
        &self,
        request: &HistoryRequest,
    ) -> Result<HistoryAppend, TableError> {
        match &request.row {
            HistoryRow::Commit { .. } => self.append_commit(request).await,
            HistoryRow::Actor { .. } => self.append_about_commit(request, ACTORS).await,
            HistoryRow::Recovery { .. } => self.append_about_commit(request, RECOVERIES).await,
        }
    }

    async fn append_commit(&self, request: &HistoryRequest) -> Result<HistoryAppend, TableError> {
        let place = self.place(&TableLocation::on(COMMITS, request.branch.as_deref()))?;
        for _ in 0..TRIES_MAX {
            let read = match self.read(&place, &rows::COMMIT_COLUMNS).await? {
                Table::Present(read) => read,
                Table::Missing(what) => return Ok(missing(COMMITS, what)),
                Table::Lacks(column) => return Ok(lacks(COMMITS, &column)),
            };
            let history = match rows::history(&read.batches, request) {
                Ok(history) => history,
                Err(why) => return Ok(malformed(COMMITS, &why)),
            };
            if history.own.is_some() {
                self.make_version_durable_at(&place, read.dataset.version_id())
                    .await?;
                return Ok(HistoryAppend::AlreadyThere);
            }
            let row = match rows::commit(read.dataset.schema(), request, history.head) {
                Ok(row) => row,
                Err(why) => return Ok(malformed(COMMITS, &why)),
            };
            if let Some(outcome) = self.append_row(&place, *read, row, request).await? {
                return Ok(outcome);
            }
        }
        Ok(HistoryAppend::Moved)
    }

    async fn append_about_commit(
        &self,
        request: &HistoryRequest,
        folder: &'static str,
    ) -> Result<HistoryAppend, TableError> {
        let (commit, sibling) = match self.own_commit(request).await? {
            Ok(own) => own,
            Err(missing) => return Ok(missing),
        };
        let place = self.place(&TableLocation::main(folder))?;
        for _ in 0..TRIES_MAX {
            let read = match self.read(&place, rows::columns(&request.row)).await? {
                Table::Present(read) => read,
                Table::Missing(_) => {
                    self.create_beside(&place, &sibling, rows::schema(&request.row))
                        .await?;
                    continue;
                }
                Table::Lacks(column) => return Ok(lacks(folder, &column)),
            };
            match rows::is_written(&read.batches, &commit, &request.row) {
                Ok(false) => {}
                Ok(true) => {
                    self.make_version_durable_at(&place, read.dataset.version_id())
                        .await?;
                    return Ok(HistoryAppend::AlreadyThere);
                }
                Err(why) => return Ok(malformed(folder, &why)),
            }
            let row = match rows::about_commit(read.dataset.schema(), request, &commit) {
                Ok(row) => row,
                Err(why) => return Ok(malformed(folder, &why)),
            };
            if let Some(outcome) = self.append_row(&place, *read, row, request).await? {
                return Ok(outcome);
            }
        }
        Ok(HistoryAppend::Moved)
    }

    /// The graph commit of this recovery, and the table that holds it.
    async fn own_commit(
        &self,
        request: &HistoryRequest,
    ) -> Result<Result<(String, Dataset), HistoryAppend>, TableError> {
        if request.in_catalog {
            return self.own_commit_in_catalog(request).await;
        }
        let place = self.place(&TableLocation::on(COMMITS, request.branch.as_deref()))?;
        let read = match self.read(&place, &rows::COMMIT_COLUMNS).await? {
            Table::Present(read) => read,
            Table::Missing(what) => return Ok(Err(missing(COMMITS, what))),
            Table::Lacks(column) => return Ok(Err(lacks(COMMITS, &column))),
        };
        let history = match rows::history(&read.batches, request) {
            Ok(history) => history,
            Err(why) => return Ok(Err(malformed(COMMITS, &why))),
        };
        Ok(match history.own {
            Some(commit) => Ok((commit, read.dataset)),
            None => Err(missing(COMMITS, "the graph commit of this recovery")),
        })
    }

    async fn own_commit_in_catalog(
        &self,
        request: &HistoryRequest,
    ) -> Result<Result<(String, Dataset), HistoryAppend>, TableError> {
        let place = self.catalog_place(request.branch.as_deref())?;
        let opened = match self.open_catalog(&place).await? {
            OpenCatalog::Present(opened) => *opened,
            OpenCatalog::NoCatalog => return Ok(Err(missing(CATALOG_PATH, "the table"))),
            OpenCatalog::NoBranch { .. } => return Ok(Err(missing(CATALOG_PATH, "the branch"))),
        };
        let own = opened
            .catalog
            .graph_commits
            .iter()
            .find(|commit| match &request.fixed {
                Some(fixed) => commit.id == *fixed,
                None => {
                    Some(commit.manifest_version) == request.published
                        && request.commit.is_same_recovery(&commit.id)
                }
            });
        Ok(match own {
            Some(commit) => Ok((commit.id.clone(), opened.dataset)),
            None => Err(missing(CATALOG_PATH, "the graph commit of this recovery")),
        })
    }

    /// `None` if somebody else committed first.
    async fn append_row(
        &self,
        place: &Place,
        read: Read,
        row: RecordBatch,
        request: &HistoryRequest,
    ) -> Result<Option<HistoryAppend>, TableError> {
        let params = WriteParams {
            mode: WriteMode::Append,
            ..self.write_params()
        };
        let insert = InsertBuilder::new(Arc::new(read.dataset.clone())).with_params(&params);
        let mut transaction = Box::pin(insert.execute_uncommitted(vec![row]))
            .await
            .map_err(|source| TableError::lance(&place.name, "staging a row", source))?;
        let signature = request.identity.signature(EffectKind::GraphHistory);
        signature.sign_over(&mut transaction);
        let staged = Staged::plain(transaction);
        Ok(
            match self.commit_fenced(place, read.dataset, staged).await? {
                CommitOutcome::Committed { version } | CommitOutcome::AlreadyDone { version } => {
                    Some(HistoryAppend::Appended { version })
                }
                CommitOutcome::HeadMoved { .. } => None,
                CommitOutcome::Refused { reason } => Some(HistoryAppend::Missing {
                    detail: reason.to_string(),
                }),
                CommitOutcome::Unknown { reason } => Some(HistoryAppend::Unknown { reason }),
            },
        )
    }

    async fn read(&self, place: &Place, columns: &[&str]) -> Result<Table, TableError> {
        let version = match self.find_head(place).await? {
            HeadSearch::At { location, .. } => location.version,
            HeadSearch::DatasetMissing => return Ok(Table::Missing("the table")),
            HeadSearch::BranchMissing => return Ok(Table::Missing("the branch")),
        };
        let file = self.known_version(place, version).await?;
        let schema = &file.manifest.schema;
        if let Some(column) = columns.iter().find(|name| schema.field(name).is_none()) {
            return Ok(Table::Lacks((*column).to_owned()));
        }
        let dataset = self.dataset_at(place, &file).await?;
        let failed = |source| TableError::lance(&place.name, "reading its rows", source);
        let mut scan = dataset.scan();
        scan.project(columns).map_err(failed)?;
        let stream = Box::pin(scan.try_into_stream()).await.map_err(failed)?;
        let batches = stream.try_collect().await.map_err(failed)?;
        Ok(Table::Present(Box::new(Read { dataset, batches })))
    }

    /// Makes an empty table in the same format as `sibling`, which the engine that owns the graph reads. Somebody else may have
    /// made it in the meantime.
    async fn create_beside(
        &self,
        place: &Place,
        sibling: &Dataset,
        schema: arrow_schema::Schema,
    ) -> Result<(), TableError> {
        let failed = |source| TableError::lance(&place.name, "making the table", source);
        let manifest = sibling.manifest();
        let version = manifest
            .data_storage_format
            .lance_file_format()
            .to_selector();
        let params = WriteParams {
            mode: WriteMode::Create,
            enable_stable_row_ids: manifest.uses_stable_row_ids(),
            data_storage_version: Some(version),
            ..self.write_params()
        };
        let insert = InsertBuilder::new(place.uri.as_str()).with_params(&params);
        let empty = RecordBatch::new_empty(Arc::new(schema));
        match Box::pin(insert.execute(vec![empty])).await {
            Ok(_) | Err(LanceError::DatasetAlreadyExists { .. }) => Ok(()),
            Err(LanceError::CommitConflict { .. }) => Ok(()),
            Err(source) => Err(failed(source)),
        }
    }
}

fn missing(folder: &str, what: &str) -> HistoryAppend {
    HistoryAppend::Missing {
        detail: format!("{what} is missing in {folder}"),
    }
}

fn lacks(folder: &str, column: &str) -> HistoryAppend {
    malformed(folder, &format!("there is no column {column}"))
}

fn malformed(folder: &str, why: &str) -> HistoryAppend {
    HistoryAppend::Missing {
        detail: format!("{folder}: {why}"),
    }
}
