//! A write to one table that is staged on the version a writer read and committed by someone else.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::FutureExt;
use futures::TryFutureExt;
use futures::future::BoxFuture;
use futures::future::ready;
use lance::Dataset;
use lance::dataset::DeleteBuilder;
use lance::dataset::InsertBuilder;
use lance::dataset::WriteMode;
use lance::dataset::WriteParams;
use lance::dataset::transaction::Transaction;
use lance_core::Result;

use sidecar::root_layout::PROPERTY_WRITER_OPERATION_ID;

use super::LanceRoot;
use super::TableError;
use super::commit::CommitOutcome;
use super::commit::Refusal;
use super::commit::Signature;
use super::data::Row;
use super::data::rows_to_batch;
use super::handler::PreCommitCheck;
use super::head::HeadSearch;
use super::location::TableLocation;
use super::staged::Staged;

type Stage = dyn Fn(Arc<Dataset>, WriteParams) -> BoxFuture<'static, Result<Staged>> + Send + Sync;

/// One writer's change of one table.
///
/// Making this value does nothing. It is staged on the version the writer expects the table to be at, and committed at exactly
/// the next one.
#[derive(Clone)]
pub struct TableWrite {
    stage: Arc<Stage>,
}

impl fmt::Debug for TableWrite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TableWrite").finish_non_exhaustive()
    }
}

impl TableWrite {
    /// Adds rows.
    pub fn append(batches: Vec<RecordBatch>) -> Self {
        Self::insert(WriteMode::Append, batches)
    }

    /// Replaces all rows.
    pub fn overwrite(batches: Vec<RecordBatch>) -> Self {
        Self::insert(WriteMode::Overwrite, batches)
    }

    /// Adds plain rows.
    pub fn append_rows(rows: &[Row]) -> Self {
        Self::insert_rows(WriteMode::Append, rows)
    }

    /// Replaces all rows by plain ones.
    pub fn overwrite_rows(rows: &[Row]) -> Self {
        Self::insert_rows(WriteMode::Overwrite, rows)
    }

    /// Removes the rows that match a SQL predicate.
    pub fn delete(predicate: impl Into<String>) -> Self {
        let predicate = predicate.into();
        Self::new(move |dataset, _| {
            let predicate = predicate.clone();
            async move {
                let delete = DeleteBuilder::new(dataset, predicate)
                    .execute_uncommitted()
                    .await?;
                Ok(Staged {
                    transaction: delete.transaction,
                    affected_rows: delete.affected_rows,
                })
            }
            .boxed()
        })
    }

    /// Commits a transaction that was staged elsewhere. It must have read the expected version.
    pub fn staged(transaction: Transaction) -> Self {
        Self::new(move |_, _| ready(Ok(Staged::plain(transaction.clone()))).boxed())
    }

    /// Stages a transaction on the dataset at the expected version; for everything Lance can do
    /// uncommitted, such as a merge.
    pub fn stage<F>(stage: F) -> Self
    where
        F: Fn(Arc<Dataset>) -> BoxFuture<'static, Result<Transaction>> + Send + Sync + 'static,
    {
        Self::new(move |dataset, _| stage(dataset).map_ok(Staged::plain).boxed())
    }

    fn insert(mode: WriteMode, batches: Vec<RecordBatch>) -> Self {
        Self::new(move |dataset, params| insert(dataset, params, mode, batches.clone()).boxed())
    }

    fn insert_rows(mode: WriteMode, rows: &[Row]) -> Self {
        let rows = rows.to_vec();
        Self::new(move |dataset, params| {
            let batch = rows_to_batch(&rows);
            async move { insert(dataset, params, mode, vec![batch?]).await }.boxed()
        })
    }

    fn new<F>(stage: F) -> Self
    where
        F: Fn(Arc<Dataset>, WriteParams) -> BoxFuture<'static, Result<Staged>>
            + Send
            + Sync
            + 'static,
    {
        Self {
            stage: Arc::new(stage),
        }
    }
}

async fn insert(
    dataset: Arc<Dataset>,
    params: WriteParams,
    mode: WriteMode,
    batches: Vec<RecordBatch>,
) -> Result<Staged> {
    let params = WriteParams { mode, ..params };
    InsertBuilder::new(dataset)
        .with_params(&params)
        .execute_uncommitted(batches)
        .await
        .map(Staged::plain)
}

impl LanceRoot {
    /// Stages a write on version `expected` of a table and commits it at exactly the next one, unless the last look before the
    /// commit is sent says no. Staging may take as long as a load takes; nothing is decided before it is over.
    ///
    /// # Errors
    /// HEAD cannot be read, or the write cannot be staged. No commit was attempted.
    pub async fn commit_write(
        &self,
        location: &TableLocation,
        expected: u64,
        write: TableWrite,
        operation_id: &str,
        check: Arc<dyn PreCommitCheck>,
    ) -> std::result::Result<CommitOutcome, TableError> {
        let place = self.place(location)?;
        let head = match self.find_head(&place).await? {
            HeadSearch::At { location, .. } => location.version,
            HeadSearch::DatasetMissing => {
                return Ok(CommitOutcome::Refused {
                    reason: Refusal::TableMissing,
                });
            }
            HeadSearch::BranchMissing => {
                return Ok(CommitOutcome::Refused {
                    reason: Refusal::BranchMissing,
                });
            }
        };
        if head != expected {
            return self.head_moved(&place, expected).await;
        }
        let file = self.known_version(&place, head).await?;
        let dataset = self.dataset_at(&place, &file).await?;
        let mut staged = (write.stage)(Arc::new(dataset.clone()), self.write_params())
            .await
            .map_err(|source| TableError::lance(&place.name, "staging a write", source))?;
        if staged.transaction.read_version != expected {
            return Ok(CommitOutcome::Refused {
                reason: Refusal::Lance {
                    reason: format!(
                        "the transaction was staged on version {}",
                        staged.transaction.read_version
                    ),
                },
            });
        }
        writer_signature(operation_id, "commit").sign_over(&mut staged.transaction);
        let handler = self.handler().asking(check);
        self.commit_with(&place, dataset, staged, handler).await
    }
}

/// The signature of a two-phase writer's own commits; never that of a recovery's effects.
pub(super) fn writer_signature(operation_id: &str, step: &str) -> Signature {
    Signature::new([
        (PROPERTY_WRITER_OPERATION_ID, operation_id),
        ("sidecar.step", step),
    ])
}
