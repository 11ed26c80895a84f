//! The lines of the list that is gone through before a root is upgraded.

use serde::{Deserialize, Serialize};

/// One line: something that has to be so before an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistLine {
    /// What has to be so.
    pub item: ChecklistItem,
    /// The branch of the graph, where the line is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// What has to be so, for people.
    pub statement: String,
    /// Whether it is.
    pub status: CheckStatus,
    /// The fact that breaks it, the reason why it is not known, or a note to keep in mind; empty where there is nothing to add.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The first version of the catalog that breaks the rule, where the line is about versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_broken_version: Option<u64>,
    /// What to do about it; null where nothing is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve: Option<String>,
}

/// Whether a line is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It could not be found out.
    NotKnown,
}

impl CheckStatus {
    /// The status as it is spelled in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::NotKnown => "not_known",
        }
    }
}

/// What has to be so. Programs rely on the spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChecklistItem {
    /// Every sidecar is resolved.
    SidecarsResolved,
    /// Everything that is to be kept is published, where the way is an export.
    AllIsPublished,
    /// No file in the sidecar folder has a name that ends in `.json`.
    NoSidecarFiles,
    /// The sidecar folder has few other entries, and none in folders below it.
    FolderIsClean,
    /// No staged schema file is left.
    NoStagedSchemaFiles,
    /// No lock of a schema change is left.
    NoSchemaLock,
    /// No operation of this program is open.
    NoOpenOperation,
    /// No conversion of the catalog is under way.
    NoUpgradeUnderWay,
    /// Every change of the catalog has its graph commit, and the head names the newest.
    HistoryIsWhole,
    /// Every table stands at its pin.
    TablesAtTheirPins,
    /// The tags of recoveries are dropped.
    NoRecoveryTags,
}

impl ChecklistItem {
    /// What has to be so, for people.
    #[must_use]
    pub const fn statement(self) -> &'static str {
        match self {
            Self::SidecarsResolved => "Every sidecar is resolved",
            Self::AllIsPublished => "Everything that is to be kept is published",
            Self::NoSidecarFiles => "No file directly in __recovery/ has a name that ends in .json",
            Self::FolderIsClean => {
                "__recovery/ has fewer than 1024 other entries, and none in folders below it"
            }
            Self::NoStagedSchemaFiles => "No staged schema file is left",
            Self::NoSchemaLock => "No lock of a schema change is left",
            Self::NoOpenOperation => "No operation of sidecar-inspector is open",
            Self::NoUpgradeUnderWay => "No upgrade of the catalog is under way",
            Self::HistoryIsWhole => {
                "Every change of the catalog has its graph commit, and the head row names the newest commit"
            }
            Self::TablesAtTheirPins => "Every table stands at the version that readers see",
            Self::NoRecoveryTags => "The tags of recoveries are dropped",
        }
    }
}

impl ChecklistLine {
    pub(super) fn yes(item: ChecklistItem) -> Self {
        Self {
            item,
            branch: None,
            statement: item.statement().to_owned(),
            status: CheckStatus::Yes,
            detail: String::new(),
            first_broken_version: None,
            resolve: None,
        }
    }

    pub(super) fn no(
        item: ChecklistItem,
        detail: impl Into<String>,
        resolve: impl Into<String>,
    ) -> Self {
        Self {
            status: CheckStatus::No,
            detail: detail.into(),
            resolve: Some(resolve.into()),
            ..Self::yes(item)
        }
    }

    pub(super) fn not_known(item: ChecklistItem, why: impl std::fmt::Display) -> Self {
        Self {
            status: CheckStatus::NotKnown,
            detail: format!("It is not known: {why}."),
            ..Self::yes(item)
        }
    }
}
