//! Why a call could not do its job.

use sidecar::root_layout::CATALOG_FOLDER;
use sidecar::{OperationId, PlanError};

use crate::observe::ObserveError;
use crate::root::{FolderError, IdentityError};
use root_objects::dataset_files::DatasetFilesError;
use root_objects::journal_store::JournalStoreError;
use root_objects::schema_files::SchemaFileError;
use root_objects::sidecar_dir::SidecarDirError;

/// Why a call could not do its job. Refusals and conflicts are not among these: they are answers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Nothing pending or finished goes by that name.
    #[error(
        "no recovery of operation or file {operation} is known in {root}; `list` shows what is pending"
    )]
    UnknownOperation {
        /// The root.
        root: String,
        /// What was asked for.
        operation: String,
    },
    /// The plan of the operation names no such table.
    #[error(
        "the plan of operation {operation} names no table {table_key}; `plan` shows its tables"
    )]
    UnknownTable {
        /// The operation.
        operation: String,
        /// The table that was asked for.
        table_key: String,
    },
    /// The sidecar folder could not be worked on.
    #[error("the sidecars of the root cannot be worked on")]
    Sidecars(#[from] SidecarDirError),
    /// A journal could not be read or continued.
    #[error("the journal cannot be worked on")]
    Journal(#[from] JournalStoreError),
    /// The root could not be looked at.
    #[error("the root cannot be looked at")]
    Observe(#[from] ObserveError),
    /// The folder of the root cannot be used, or not any more.
    #[error("the root {root} cannot be used")]
    RootUnusable {
        /// The root.
        root: String,
        /// Why not.
        #[source]
        source: FolderError,
    },
    /// Nothing of the kind is there as far as can be told, but this is no root, or not any more.
    #[error(
        "there is no catalog ({CATALOG_FOLDER}) at {root}, so nobody can tell what is pending there: it is not the root of a store, or is gone; check the address"
    )]
    NoCatalog {
        /// The root.
        root: String,
    },
    /// Nothing of the kind is there as far as can be told, but what readers see cannot be read.
    #[error(
        "the catalog ({CATALOG_FOLDER}) of {root} cannot be read, so nobody can tell what is pending there"
    )]
    CatalogUnreadable {
        /// The root.
        root: String,
        /// What failed.
        #[source]
        source: fenced_lance::TableError,
    },
    /// An effect could not be attempted; nothing changed by it, and applying again resumes.
    #[error("{what} could not be attempted; apply again to resume")]
    Effect {
        /// The step.
        what: String,
        /// What failed.
        #[source]
        source: fenced_lance::TableError,
    },
    /// A schema file could not be worked on; applying again resumes.
    #[error("the schema files of the root cannot be worked on; apply again to resume")]
    SchemaFile(#[from] SchemaFileError),
    /// The files of a dataset could not be worked on; applying again resumes.
    #[error("a dataset that is to be removed cannot be worked on; apply again to resume")]
    DatasetFiles(#[from] DatasetFilesError),
    /// The identity of the root cannot be noted, or is not the one it was opened with.
    #[error("nothing can be recorded in the root")]
    Identity(#[from] IdentityError),
    /// The store could not be asked whether it honours create-if-absent.
    #[error("the store could not be probed for create-if-absent")]
    Probe(#[source] object_store::Error),
    /// The journal's next number was taken by somebody else every time.
    #[error(
        "the journal of operation {operation_id} is written to by others all the time; try again"
    )]
    JournalBusy {
        /// The operation.
        operation_id: OperationId,
    },
    /// A bug of ours: something that this program rests on is not so.
    #[error(
        "internal error at operation {operation_id}: {what}; nothing was done beyond what its journal says; report this as a bug, with that journal"
    )]
    Internal {
        /// The operation.
        operation_id: OperationId,
        /// What is not as it has to be.
        what: &'static str,
    },
    /// Approvals need a name and have bounds.
    #[error("{0}")]
    InvalidApproval(String),
    /// A bug of ours.
    #[error("internal error: a plan cannot be encoded")]
    Encode(#[source] PlanError),
    /// A bug of ours.
    #[error("internal error: the outcomes of the tables cannot be encoded: {0}")]
    EncodeOutcomes(String),
}

impl ServiceError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownOperation { .. } => "unknown_operation",
            Self::UnknownTable { .. } => "unknown_table",
            Self::Sidecars(_) => "sidecars_unavailable",
            Self::Journal(JournalStoreError::Broken { .. }) => "journal_broken",
            Self::Journal(_) => "journal_unavailable",
            Self::Observe(ObserveError::CatalogBusy) => "catalog_busy",
            Self::Observe(_) => "root_unavailable",
            Self::RootUnusable { source, .. } | Self::Identity(IdentityError::Folder(source)) => {
                source.code()
            }
            Self::NoCatalog { .. } => "no_catalog",
            Self::CatalogUnreadable { .. } => "catalog_unreadable",
            Self::Effect { .. } => "effect_not_attempted",
            Self::SchemaFile(_) => "schema_files_unavailable",
            Self::DatasetFiles(_) => "dataset_unavailable",
            Self::Probe(_) => "store_unavailable",
            Self::Identity(_) => "root_not_identified",
            Self::JournalBusy { .. } => "journal_busy",
            Self::InvalidApproval(_) => "invalid_approval",
            Self::Internal { .. } | Self::Encode(_) | Self::EncodeOutcomes(_) => "internal",
        }
    }

    /// Whether the thing that was asked for does not exist.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::UnknownOperation { .. } | Self::UnknownTable { .. }
        )
    }

    /// Whether the words of its sources name nothing but the root's own folder, which everybody who may look at the root knows.
    #[must_use]
    pub const fn is_about_the_folder(&self) -> bool {
        matches!(self, Self::RootUnusable { .. } | Self::Identity(_))
    }

    /// Whether the request was wrong, rather than storage.
    #[must_use]
    pub const fn is_invalid_request(&self) -> bool {
        matches!(self, Self::InvalidApproval(_))
    }
}
