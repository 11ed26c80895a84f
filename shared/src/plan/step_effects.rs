//! What a step changes. Each question is asked here once, of every step, so that a new step does not compile before it has an answer.

use super::published_graph_commit::PublishedGraphCommit;
use super::step::{ExactRow, Step};
use crate::digest::Digest;
use crate::version_9::RollbackOutcome;

/// The undo that a step writes into the sidecar of its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenUndo<'a> {
    /// The tables that return.
    pub outcomes: &'a [RollbackOutcome],
    /// Digest of the sidecar's bytes afterwards.
    pub digest: Digest,
}

impl Step {
    /// Whether it changes the dataset of a table, which can be ahead of its pin from then on. The catalog is another table.
    #[must_use]
    pub const fn changes_a_table(&self) -> bool {
        match self {
            Self::DropDataset { .. } | Self::Restore { .. } => true,
            Self::Tag { .. }
            | Self::Untag { .. }
            | Self::Announce { .. }
            | Self::FenceCatalog { .. }
            | Self::PrepareSidecar { .. }
            | Self::Publish { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => false,
        }
    }

    /// Whether it changes the schema: staged files that are in place or set aside, and tables that are added, renamed or gone, do not come
    /// back with a version of a table.
    #[must_use]
    pub fn changes_the_schema(&self) -> bool {
        match self {
            Self::PromoteSchema { .. } | Self::DiscardSchema { .. } | Self::DropDataset { .. } => {
                true
            }
            Self::Publish {
                registrations,
                tombstones,
                exact,
                ..
            } => {
                let renames = exact
                    .as_ref()
                    .is_some_and(|exact| !exact.renamed.is_empty());
                renames || !registrations.is_empty() || !tombstones.is_empty()
            }
            Self::Tag { .. }
            | Self::Untag { .. }
            | Self::Announce { .. }
            | Self::FenceCatalog { .. }
            | Self::PrepareSidecar { .. }
            | Self::Restore { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => false,
        }
    }

    /// Whether it makes versions of tables visible. The version of the catalog that it made is the one that a graph commit stands for.
    #[must_use]
    pub const fn makes_visible(&self) -> bool {
        match self {
            Self::Publish { .. } => true,
            Self::Tag { .. }
            | Self::Untag { .. }
            | Self::Announce { .. }
            | Self::FenceCatalog { .. }
            | Self::PrepareSidecar { .. }
            | Self::DropDataset { .. }
            | Self::Restore { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => false,
        }
    }

    /// The graph commit that it publishes with the pins, if it does. No row of the history holds that one.
    #[must_use]
    pub const fn published_graph_commit(&self) -> Option<&PublishedGraphCommit> {
        match self {
            Self::Publish { graph_commit, .. } => graph_commit.as_ref(),
            Self::Tag { .. }
            | Self::Untag { .. }
            | Self::Announce { .. }
            | Self::FenceCatalog { .. }
            | Self::PrepareSidecar { .. }
            | Self::DropDataset { .. }
            | Self::Restore { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => None,
        }
    }

    /// The rows of tables that a writer of version 9 fixed and it publishes, also of tables that the write committed nothing to.
    #[must_use]
    pub fn exact_rows(&self) -> &[ExactRow] {
        match self {
            Self::Publish {
                exact: Some(exact), ..
            } => &exact.rows,
            Self::Publish { exact: None, .. }
            | Self::Tag { .. }
            | Self::Untag { .. }
            | Self::Announce { .. }
            | Self::FenceCatalog { .. }
            | Self::PrepareSidecar { .. }
            | Self::DropDataset { .. }
            | Self::Restore { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => &[],
        }
    }

    /// Whether it adds a row to the tables in which released engines keep the history of the graph.
    #[must_use]
    pub const fn adds_to_the_history(&self) -> bool {
        match self {
            Self::GraphHistory { .. } => true,
            Self::Tag { .. }
            | Self::Untag { .. }
            | Self::Announce { .. }
            | Self::FenceCatalog { .. }
            | Self::PrepareSidecar { .. }
            | Self::DropDataset { .. }
            | Self::Restore { .. }
            | Self::Publish { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => false,
        }
    }

    /// The undo that it writes into the sidecar of its plan, if it does: the file has other bytes from then on, and is still that sidecar.
    #[must_use]
    pub const fn written_undo(&self) -> Option<WrittenUndo<'_>> {
        match self {
            Self::PrepareSidecar {
                outcomes, digest, ..
            } => Some(WrittenUndo {
                outcomes: outcomes.as_slice(),
                digest: *digest,
            }),
            Self::Tag { .. }
            | Self::Untag { .. }
            | Self::Announce { .. }
            | Self::FenceCatalog { .. }
            | Self::DropDataset { .. }
            | Self::Restore { .. }
            | Self::Publish { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => None,
        }
    }

    /// The file of a sidecar that it leaves for somebody to recover, if it leaves one.
    #[must_use]
    pub const fn left_sidecar(&self) -> Option<&str> {
        match self {
            Self::Announce { file, .. } => Some(file.as_str()),
            Self::Tag { .. }
            | Self::Untag { .. }
            | Self::FenceCatalog { .. }
            | Self::PrepareSidecar { .. }
            | Self::DropDataset { .. }
            | Self::Restore { .. }
            | Self::Publish { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => None,
        }
    }

    /// The sidecar that it deletes, if it deletes one. That comes after the terminal record, which therefore does not say that it was done.
    #[must_use]
    pub const fn deleted_sidecar(&self) -> Option<&str> {
        match self {
            Self::Retire { file, .. } => Some(file.as_str()),
            Self::Tag { .. }
            | Self::Untag { .. }
            | Self::Announce { .. }
            | Self::FenceCatalog { .. }
            | Self::PrepareSidecar { .. }
            | Self::DropDataset { .. }
            | Self::Restore { .. }
            | Self::Publish { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. } => None,
        }
    }

    /// Whether it drops a tag, so that a version can be cleaned away and the recovery cannot be taken back any more.
    #[must_use]
    pub const fn drops_a_tag(&self) -> bool {
        match self {
            Self::Untag { .. } => true,
            Self::Tag { .. }
            | Self::Announce { .. }
            | Self::FenceCatalog { .. }
            | Self::PrepareSidecar { .. }
            | Self::DropDataset { .. }
            | Self::Restore { .. }
            | Self::Publish { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => false,
        }
    }
}
