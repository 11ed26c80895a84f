//! Fenced commits: their outcomes, how they name themselves, and how an unclear one is settled.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use lance::Dataset;
use lance::dataset::CommitBuilder;
use lance::dataset::transaction::Operation;
use lance::dataset::transaction::Transaction;
use lance::dataset::transaction::TransactionBuilder;
use lance_core::Error as LanceError;
use lance_table::io::commit::ManifestNamingScheme;
use thiserror::Error;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::fence::Fence;
use super::handler::RootHandler;
use super::head::HeadSearch;
use super::location::TableLocation;
use super::staged::Staged;
use super::transactions::TransactionEntry;

use sidecar::root_layout::PROPERTY_RECOVERY_EFFECT;
use sidecar::root_layout::PROPERTY_RECOVERY_OPERATION_ID;
use sidecar::root_layout::PROPERTY_RECOVERY_PLAN_DIGEST;
use sidecar::root_layout::STAMP_WITH_IDENTITIES;
use sidecar::root_layout::STAMPS_ACTED_ON;

/// Longest a single commit may take. A store retries a failing request for three minutes by itself.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(600);

/// Which operation, and which approved plan, an effect belongs to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct EffectIdentity {
    /// The operation being recovered or undone.
    pub operation_id: String,
    /// The digest of the plan that was approved.
    pub plan_digest: String,
}

impl EffectIdentity {
    pub(super) fn signature(&self, kind: EffectKind) -> Signature {
        Signature::new([
            (PROPERTY_RECOVERY_OPERATION_ID, self.operation_id.as_str()),
            (PROPERTY_RECOVERY_PLAN_DIGEST, self.plan_digest.as_str()),
            (PROPERTY_RECOVERY_EFFECT, kind.as_str()),
        ])
    }
}

/// The kinds of commit a recovery makes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum EffectKind {
    /// A table was brought back to an older version.
    Restore,
    /// Pins were published in the catalog.
    Publish,
    /// The catalog was moved on by an empty commit.
    FenceCatalog,
    /// A row was added to the history of the graph.
    GraphHistory,
}

impl EffectKind {
    /// The value of [`PROPERTY_RECOVERY_EFFECT`].
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Publish => "publish",
            Self::FenceCatalog => "fence_catalog",
            Self::GraphHistory => "lineage",
        }
    }
}

/// The outcome of a fenced commit.
#[must_use = "a commit that was refused or is unknown must not be taken for done"]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CommitOutcome {
    /// It landed, at exactly the version that was allowed.
    Committed {
        /// That version.
        version: u64,
    },
    /// An earlier run of the same operation and plan made the same commit.
    AlreadyDone {
        /// The version it made.
        version: u64,
    },
    /// Somebody else committed first; nothing of ours landed.
    HeadMoved {
        /// The version it had to be based on.
        expected: u64,
        /// The latest version now.
        found: u64,
        /// The uuid of the transaction that made it.
        found_transaction: Option<String>,
    },
    /// It may not or cannot be made; nothing of ours landed by this call.
    Refused {
        /// Why.
        reason: Refusal,
    },
    /// It was sent, and whether it landed cannot be told.
    Unknown {
        /// Why that cannot be told.
        reason: String,
    },
}

/// Why a commit was not made.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The visible version of a table is not the expected one.
    #[error("the pin of {table_key} is {}, expected {}", version(*.found), version(*.expected))]
    PinMoved {
        /// The table.
        table_key: String,
        /// The version the plan was made for; `None` if it was not to be visible.
        expected: Option<u64>,
        /// The visible version; `None` if there is none.
        found: Option<u64>,
    },
    /// A pin would go down or stay.
    #[error("{table_key} is visible at {from_pin}, so version {to_version} cannot be published")]
    PinNotRising {
        /// The table.
        table_key: String,
        /// The visible version.
        from_pin: u64,
        /// The version to be published.
        to_version: u64,
    },
    /// The catalog does not say where the table is, or says two places.
    #[error("the catalog has no single location for {table_key}")]
    LocationUnclear {
        /// The table.
        table_key: String,
    },
    /// The version to be published does not exist.
    #[error("version {version} of {table_key} does not exist")]
    VersionMissing {
        /// The table.
        table_key: String,
        /// The version.
        version: u64,
    },
    /// The version to be published was made by another commit than the one made or planned.
    #[error(
        "version {version} of {table_key} is not the one that was made or planned: another commit stands there, as after restoring a backup"
    )]
    AnotherCommit {
        /// The table.
        table_key: String,
        /// The version.
        version: u64,
    },
    /// The catalog's stamp is none to which this may be published.
    #[error(
        "the catalog has stamp {stamp}, and this cannot be published there: catalogs of the stamps {} are written, and those of stamp {} for sidecars of version 9 only",
        STAMPS_ACTED_ON.map(|stamp| stamp.to_string()).join(", "),
        STAMP_WITH_IDENTITIES
    )]
    StampNotSupported {
        /// The stamp found.
        stamp: u32,
    },
    /// The catalog keeps the history of its graph at another place than the publish was made for.
    #[error(
        "the catalog {} the history of its graph, and the publish is made for one that does {}",
        if *in_catalog { "holds" } else { "does not hold" },
        if *in_catalog { "not" } else { "" }
    )]
    HistoryElsewhere {
        /// Whether this catalog holds it.
        in_catalog: bool,
    },
    /// The row that a writer fixed is not of the version that is to be published, or of another table.
    #[error(
        "the row that was fixed for {table_key} is not the row of the version that is to be published"
    )]
    NotAsFixed {
        /// The table.
        table_key: String,
    },
    /// The row that a writer fixed counts other rows than the version has.
    #[error("the row that was fixed for {table_key} counts other rows than the version has")]
    Miscounted {
        /// The table.
        table_key: String,
    },
    /// The head of the branch is another one than the publish was planned for.
    #[error(
        "the head of the branch is graph commit {}, and the write was planned on {}",
        found.as_deref().unwrap_or("none"),
        planned.as_deref().unwrap_or("none")
    )]
    GraphMoved {
        /// The graph commit that its head row was to name.
        planned: Option<String>,
        /// The one that it names.
        found: Option<String>,
    },
    /// The branch was deleted and made anew.
    #[error("the branch of the catalog is another one of the same name")]
    AnotherBranch,
    /// There is no catalog.
    #[error("the root has no catalog")]
    CatalogMissing,
    /// The branch is not a branch of the catalog, or of the table.
    #[error("the branch does not exist")]
    BranchMissing,
    /// There is no table.
    #[error("the table does not exist")]
    TableMissing,
    /// There is nothing to publish.
    #[error("nothing was to be published")]
    Nothing,
    /// The same table or row was named twice.
    #[error("{object_id} is named twice")]
    Twice {
        /// The row.
        object_id: String,
    },
    /// The catalog has a row of this name already, and readers would not take it for the row of this publish.
    #[error(
        "the catalog has a row {object_id} already, hidden or of another kind; look at the catalog by hand"
    )]
    RowThere {
        /// The row.
        object_id: String,
    },
    /// The one version the commit could have landed at was cleaned away, below later commits. It cannot land any more, and nobody
    /// can tell whether an earlier run had landed it.
    #[error("version {version} was cleaned away, and with it whose it was")]
    CleanedAway {
        /// The version.
        version: u64,
    },
    /// Lance refuses the commit.
    #[error("the commit is not possible: {reason}")]
    Lance {
        /// What Lance said.
        reason: String,
    },
}

impl Refusal {
    pub(super) fn from_lance(error: &LanceError) -> Self {
        Self::Lance {
            reason: sidecar::error_text(error),
        }
    }
}

fn version(version: Option<u64>) -> String {
    version.map_or_else(|| "absent".to_owned(), |version| version.to_string())
}

/// The properties by which a commit is recognised as a particular step of a particular operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Signature {
    properties: BTreeMap<String, String>,
}

impl Signature {
    pub(super) fn new<const N: usize>(properties: [(&str, &str); N]) -> Self {
        Self {
            properties: properties
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    fn is_on(&self, properties: &BTreeMap<String, String>) -> bool {
        self.properties
            .iter()
            .all(|(name, value)| properties.get(name) == Some(value))
    }

    /// A transaction that carries this signature.
    ///
    /// Its uuid is random. A fixed one would name the same transaction file in two racing runs,
    /// and the loser's clean-up would remove the winner's file.
    pub(super) fn sign(&self, read_version: u64, operation: Operation) -> Transaction {
        let mut transaction = TransactionBuilder::new(read_version, operation).build();
        self.sign_over(&mut transaction);
        transaction
    }

    /// Adds this signature to a staged transaction. (`CommitBuilder` has a setter for properties
    /// that is never read.)
    pub(super) fn sign_over(&self, transaction: &mut Transaction) {
        let mut properties: HashMap<String, String> = transaction
            .transaction_properties
            .as_deref()
            .cloned()
            .unwrap_or_default();
        properties.extend(self.properties.clone());
        transaction.transaction_properties = Some(Arc::new(properties));
    }
}

/// Whose commit is at the one version that a commit of ours could have landed at.
#[derive(Debug)]
pub(super) enum Landed {
    Ours(Box<super::TransactionSummary>),
    Foreign,
    Gone,
}

impl LanceRoot {
    /// Makes a version durable that was found to be an effect of ours: its executor may have died before it was on disk.
    ///
    /// # Errors
    /// The file system's words. Nothing may be built on the version then.
    pub async fn make_version_durable(
        &self,
        location: &TableLocation,
        version: u64,
    ) -> Result<(), TableError> {
        let place = self.place(location)?;
        self.make_version_durable_at(&place, version).await
    }

    /// As [`Self::make_version_durable`], for an address that was checked.
    ///
    /// # Errors
    /// The file system's words. Nothing may be built on the version then.
    pub(super) async fn make_version_durable_at(
        &self,
        place: &Place,
        version: u64,
    ) -> Result<(), TableError> {
        // The manifest has one of these two names.
        let schemes = [ManifestNamingScheme::V2, ManifestNamingScheme::V1];
        let paths = schemes.map(|scheme| scheme.manifest_path(&place.base, version));
        self.make_durable(place, &paths).await
    }

    /// Looks whether a commit with this signature made `version`: one read. If so, the version is made durable.
    pub(super) async fn landed(
        &self,
        place: &Place,
        version: u64,
        signature: &Signature,
    ) -> Result<Landed, TableError> {
        Ok(match self.transaction_at(place, version).await? {
            TransactionEntry::Known(summary) if signature.is_on(&summary.properties) => {
                self.make_version_durable_at(place, version).await?;
                Landed::Ours(Box::new(summary))
            }
            TransactionEntry::Known(_) => Landed::Foreign,
            TransactionEntry::Gone { .. } => Landed::Gone,
        })
    }

    /// Says that HEAD is not where it was expected.
    pub(super) async fn head_moved(
        &self,
        place: &Place,
        expected: u64,
    ) -> Result<CommitOutcome, TableError> {
        let found = match self.find_head(place).await? {
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
        let found_transaction = match self.transaction_at(place, found).await? {
            TransactionEntry::Known(summary) => Some(summary.uuid),
            TransactionEntry::Gone { .. } => None,
        };
        Ok(CommitOutcome::HeadMoved {
            expected,
            found,
            found_transaction,
        })
    }

    /// Commits a staged transaction at exactly the version after `dataset`'s, or not at all.
    ///
    /// `Err` means that no commit was attempted.
    pub(super) async fn commit_fenced(
        &self,
        place: &Place,
        dataset: Dataset,
        staged: Staged,
    ) -> Result<CommitOutcome, TableError> {
        self.commit_with(place, dataset, staged, self.handler())
            .await
    }

    /// As [`Self::commit_fenced`], through the given handler.
    pub(super) async fn commit_with(
        &self,
        place: &Place,
        dataset: Dataset,
        staged: Staged,
        handler: RootHandler,
    ) -> Result<CommitOutcome, TableError> {
        let read_version = dataset.version_id();
        let fence = Arc::new(Fence::at(read_version + 1));
        let handler = handler.fenced(fence.clone());
        let mut builder = CommitBuilder::new(Arc::new(dataset))
            .with_commit_handler(Arc::new(handler))
            .with_max_retries(1)
            .with_skip_auto_cleanup(true)
            .with_timeout(Some(COMMIT_TIMEOUT));
        if let Some(affected_rows) = staged.affected_rows {
            builder = builder.with_affected_rows(affected_rows);
        }
        let uuid = staged.transaction.uuid.clone();
        match builder.execute(staged.transaction).await {
            // The store reported a failure; then Lance read the commit back and found it.
            Ok(dataset) if fence.has_failed() => {
                let version = dataset.version_id();
                self.committed_if_kept(place, version, "it was found after its sync had failed")
                    .await
            }
            Ok(dataset) => Ok(CommitOutcome::Committed {
                version: dataset.version_id(),
            }),
            Err(error) if fence.was_attempted() => self.settle(place, &fence, &uuid, error).await,
            Err(error) if fence.has_refused() || is_conflict(&error) => {
                self.head_moved(place, read_version).await
            }
            Err(error) if is_refusal(&error) => Ok(CommitOutcome::Refused {
                reason: Refusal::from_lance(&error),
            }),
            Err(error) => Err(TableError::lance(&place.name, "preparing a commit", error)),
        }
    }

    /// The outcome of a commit of ours that was found where it was to land: unknown, if it cannot be made durable.
    async fn committed_if_kept(
        &self,
        place: &Place,
        version: u64,
        found_after: &str,
    ) -> Result<CommitOutcome, TableError> {
        Ok(match self.make_version_durable_at(place, version).await {
            Ok(()) => CommitOutcome::Committed { version },
            Err(not_kept) => CommitOutcome::Unknown {
                reason: format!("{found_after}; then {not_kept}"),
            },
        })
    }

    // The manifest was sent and something failed. The commit at its version decides. If there is none,
    // ours may still be on its way, unless the store said that it refused the request.
    async fn settle(
        &self,
        place: &Place,
        fence: &Fence,
        uuid: &str,
        error: LanceError,
    ) -> Result<CommitOutcome, TableError> {
        match self.transaction_at(place, fence.target()).await {
            Ok(TransactionEntry::Known(summary)) if summary.uuid == uuid => {
                self.committed_if_kept(place, summary.version, &sidecar::error_text(&error))
                    .await
            }
            Ok(TransactionEntry::Known(_)) => {
                let moved = self.head_moved(place, fence.target() - 1).await;
                // Our commit did not land. A failing look at HEAD must not hide that.
                Ok(moved.unwrap_or(CommitOutcome::HeadMoved {
                    expected: fence.target() - 1,
                    found: fence.target(),
                    found_transaction: None,
                }))
            }
            Ok(TransactionEntry::Gone { .. }) if was_turned_down(&error) => {
                Err(TableError::lance(&place.name, "committing", error))
            }
            Ok(TransactionEntry::Gone { .. }) => Ok(CommitOutcome::Unknown {
                reason: sidecar::error_text(&error),
            }),
            Err(unreadable) => Ok(CommitOutcome::Unknown {
                reason: format!(
                    "{}; then {}",
                    sidecar::error_text(&error),
                    sidecar::error_text(&unreadable)
                ),
            }),
        }
    }
}

fn is_conflict(error: &LanceError) -> bool {
    matches!(
        error,
        LanceError::CommitConflict { .. }
            | LanceError::IncompatibleTransaction { .. }
            | LanceError::RetryableCommitConflict { .. }
            | LanceError::TooMuchWriteContention { .. }
            | LanceError::PrerequisiteFailed { .. }
    )
}

/// Whether Lance would fail in the same way at every further try.
pub(super) fn is_refusal(error: &LanceError) -> bool {
    error.is_not_found()
        || matches!(
            error,
            LanceError::InvalidInput { .. }
                | LanceError::NotSupported { .. }
                | LanceError::SchemaMismatch { .. }
                | LanceError::Schema { .. }
                | LanceError::CorruptFile { .. }
                | LanceError::DatasetNotFound { .. }
                | LanceError::VersionNotFound { .. }
        )
}

fn was_turned_down(error: &LanceError) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. }
            | object_store::Error::NotSupported { .. }
            | object_store::Error::NotImplemented { .. },
        ) = error.downcast_ref()
        {
            return true;
        }
        cause = error.source();
    }
    false
}
