//! The kinds of write that leave sidecars.

use serde::{Deserialize, Serialize};

/// The kinds of write that leave sidecars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WriterKind {
    /// Rows inserted, updated or deleted.
    Mutation,
    /// A bulk load.
    Load,
    /// A schema change.
    SchemaApply,
    /// A merge of one graph branch into another.
    BranchMerge,
    /// Indices built or refreshed.
    EnsureIndices,
    /// Compaction.
    Optimize,
}

impl WriterKind {
    /// Every kind, in the order of PROTOCOL.md, section 2.
    pub const ALL: [Self; 6] = [
        Self::Mutation,
        Self::Load,
        Self::SchemaApply,
        Self::BranchMerge,
        Self::EnsureIndices,
        Self::Optimize,
    ];

    /// Whether one write makes exactly one Lance commit per table. The other kinds make several, their number unknown
    /// when the sidecar is written, and are classified by the loose rule (PROTOCOL.md, section 3).
    #[must_use]
    pub const fn commits_each_table_once(self) -> bool {
        match self {
            Self::Mutation | Self::Load => true,
            Self::SchemaApply | Self::BranchMerge | Self::EnsureIndices | Self::Optimize => false,
        }
    }

    /// Whether it stages schema files, and may add and remove tables (PROTOCOL.md, section 6.1).
    #[must_use]
    pub const fn changes_the_schema(self) -> bool {
        match self {
            Self::SchemaApply => true,
            Self::Mutation
            | Self::Load
            | Self::BranchMerge
            | Self::EnsureIndices
            | Self::Optimize => false,
        }
    }

    /// Whether it brings another branch's commits, which the history of the graph records, and may do so on tables that its sidecar
    /// does not name (PROTOCOL.md, section 4.6).
    #[must_use]
    pub const fn is_merge(self) -> bool {
        match self {
            Self::BranchMerge => true,
            Self::Mutation
            | Self::Load
            | Self::SchemaApply
            | Self::EnsureIndices
            | Self::Optimize => false,
        }
    }

    /// Whether it builds indices and changes no row.
    #[must_use]
    pub const fn builds_indices(self) -> bool {
        match self {
            Self::EnsureIndices => true,
            Self::Mutation
            | Self::Load
            | Self::SchemaApply
            | Self::BranchMerge
            | Self::Optimize => false,
        }
    }

    /// The kind that a sidecar calls so. `None` for a name that this build does not know, in a file that cannot be understood.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name as in the sidecar.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mutation => "Mutation",
            Self::Load => "Load",
            Self::SchemaApply => "SchemaApply",
            Self::BranchMerge => "BranchMerge",
            Self::EnsureIndices => "EnsureIndices",
            Self::Optimize => "Optimize",
        }
    }
}

// A new kind stops here, so that nobody leaves it out of `ALL`, by which its name is read.
const _: () = match WriterKind::ALL[0] {
    WriterKind::Mutation
    | WriterKind::Load
    | WriterKind::SchemaApply
    | WriterKind::BranchMerge
    | WriterKind::EnsureIndices
    | WriterKind::Optimize => (),
};
