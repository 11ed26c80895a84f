//! One thing that is not as it is in a root at rest.

use serde::{Deserialize, Serialize};

use crate::code::Reason;
use crate::commands::Commands;
use crate::observation::TransactionObservation;
use crate::text::shown;

/// Characters of a name in a sentence.
pub(crate) const NAME_CHARS_MAX: usize = 128;

/// One thing that is not as it is in a root at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The kind, for people.
    pub title: String,
    /// The file, table, branch or operation.
    pub subject: String,
    /// What was found, for people.
    pub detail: String,
    /// The command or the action that resolves it.
    pub resolve: String,
    /// Whether it blocks, or may block, writers or an upgrade. Else it is only to be known.
    pub stands_in_the_way: bool,
    /// The commits, where the finding is about some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commits: Option<UncoveredCommits>,
}

/// What to do about a thing that this program did not put there.
pub(crate) const MOVE_AWAY: &str = "Find out who put it there, and move it out of the root by hand";

/// What to do about the temporary file of a write.
pub(crate) const REMOVE: &str = "Remove it by hand once nobody writes to this root";

/// Whether a local disk has this name for an object that is being written: the object's own, and a number.
pub(crate) fn is_temporary(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

impl Finding {
    /// A finding that stands in the way.
    pub(crate) fn in_the_way(
        kind: FindingKind,
        subject: impl Into<String>,
        detail: impl Into<String>,
        resolve: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            title: kind.title().to_owned(),
            subject: subject.into(),
            detail: detail.into(),
            resolve: resolve.into(),
            stands_in_the_way: true,
            commits: None,
        }
    }

    /// A finding that is only to be known.
    pub(crate) fn to_be_known(
        kind: FindingKind,
        subject: impl Into<String>,
        detail: impl Into<String>,
        resolve: impl Into<String>,
    ) -> Self {
        Self {
            stands_in_the_way: false,
            ..Self::in_the_way(kind, subject, detail, resolve)
        }
    }

    /// An object that a listing met and that should not be there, in the words of the listing, which begin with its name.
    pub(crate) fn stray_object(reason: &Reason) -> Self {
        // The last of many counts those that are not named.
        let name = Some(Self::name_of_stray(reason)).filter(|word| *word != "and");
        let resolve = if name.is_some_and(is_temporary) {
            REMOVE
        } else {
            MOVE_AWAY
        };
        Self::to_be_known(
            FindingKind::StrayObject,
            name.unwrap_or("further objects"),
            format!("{}.", reason.detail),
            resolve,
        )
    }

    /// The name with which the words of a listing begin.
    pub(crate) fn name_of_stray(reason: &Reason) -> &str {
        reason.detail.split(' ').next().unwrap_or_default()
    }

    /// How to resolve a finding that depends on a file: resolve the file first.
    pub(crate) fn resolve_first(commands: &Commands, file: &str) -> String {
        format!(
            "Resolve {} first: {}",
            shown(file, NAME_CHARS_MAX),
            commands.plan(file)
        )
    }

    /// Something that could not be read, so nothing is known of it.
    pub(crate) fn not_known(subject: impl Into<String>, why: &str) -> Self {
        Self::in_the_way(
            FindingKind::NotKnown,
            subject,
            format!("It is not known: {why}."),
            "Look again once it can be read",
        )
    }
}

/// Commits of one table that readers do not see, and that no pending sidecar covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UncoveredCommits {
    /// Branch of the graph; null is main.
    pub branch: Option<String>,
    /// The table.
    pub table_key: String,
    /// Lance branch of the table; null is main.
    pub table_branch: Option<String>,
    /// The visible version.
    pub pinned: u64,
    /// The latest version.
    pub lance_head: u64,
    /// The newest of the commits between, oldest first; empty where they cannot be read.
    pub transactions: Vec<TransactionObservation>,
    /// Where the table stands, how many commits are not named, and which pending file may cover it: the detail without the
    /// commits, for whoever shows these in a table.
    #[serde(default)]
    pub sentence: String,
}

/// The kinds of findings. Programs rely on the spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// The catalog, or that of a branch, cannot be read.
    CatalogUnreadable,
    /// The catalog names two places for one table.
    CatalogContradictory,
    /// A conversion of the catalog to a later stamp was begun and has not ended.
    UpgradeUnderWay,
    /// Something was not looked at, so nothing is known of it.
    NotKnown,
    /// A sidecar waits to be resolved.
    PendingSidecar,
    /// A sidecar is not named after its operation, or another one is.
    MisnamedSidecar,
    /// An entry of the sidecar folder is no sidecar.
    StrayEntry,
    /// An entry lies in a folder below the sidecar folder.
    NestedEntry,
    /// An object lies beside the journals, or is a temporary file.
    StrayObject,
    /// A table has commits that readers do not see and no pending sidecar covers.
    UncoveredCommits,
    /// A table's latest version is below the one that readers are shown.
    HeadBelowPin,
    /// A table has a Lance branch that no pin names.
    ForkLeft,
    /// A table's dataset or Lance branch is not there.
    TableMissing,
    /// A table cannot be read.
    TableUnreadable,
    /// The version that readers are shown is not there any more.
    VisibleVersionGone,
    /// The version that readers are shown is damaged, or another one.
    VisibleVersionDamaged,
    /// The lock of a schema change is there, and no sidecar of one.
    SchemaLockLeft,
    /// A staged schema file is there, and no sidecar of a schema change.
    StagedSchemaFileLeft,
    /// A schema file is not there.
    SchemaFileMissing,
    /// A schema file is none.
    SchemaFileMalformed,
    /// An operation of this program was begun and is not closed.
    OpenOperation,
    /// A plan was approved and never begun, and its sidecar is not pending any more.
    ApprovalLeft,
    /// Tags of a recovery keep versions of tables from being cleaned up.
    RecoveryTags,
}

impl FindingKind {
    /// All of them, in the order in which a report tells them.
    pub const ALL: [Self; 23] = [
        Self::CatalogUnreadable,
        Self::CatalogContradictory,
        Self::UpgradeUnderWay,
        Self::NotKnown,
        Self::PendingSidecar,
        Self::MisnamedSidecar,
        Self::StrayEntry,
        Self::NestedEntry,
        Self::StrayObject,
        Self::UncoveredCommits,
        Self::HeadBelowPin,
        Self::ForkLeft,
        Self::TableMissing,
        Self::TableUnreadable,
        Self::VisibleVersionGone,
        Self::VisibleVersionDamaged,
        Self::SchemaLockLeft,
        Self::StagedSchemaFileLeft,
        Self::SchemaFileMissing,
        Self::SchemaFileMalformed,
        Self::OpenOperation,
        Self::ApprovalLeft,
        Self::RecoveryTags,
    ];

    /// The kind as it is spelled in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CatalogUnreadable => "catalog_unreadable",
            Self::CatalogContradictory => "catalog_contradictory",
            Self::UpgradeUnderWay => "upgrade_under_way",
            Self::NotKnown => "not_known",
            Self::PendingSidecar => "pending_sidecar",
            Self::MisnamedSidecar => "misnamed_sidecar",
            Self::StrayEntry => "stray_entry",
            Self::NestedEntry => "nested_entry",
            Self::StrayObject => "stray_object",
            Self::UncoveredCommits => "uncovered_commits",
            Self::HeadBelowPin => "head_below_pin",
            Self::ForkLeft => "fork_left",
            Self::TableMissing => "table_missing",
            Self::TableUnreadable => "table_unreadable",
            Self::VisibleVersionGone => "visible_version_gone",
            Self::VisibleVersionDamaged => "visible_version_damaged",
            Self::SchemaLockLeft => "schema_lock_left",
            Self::StagedSchemaFileLeft => "staged_schema_file_left",
            Self::SchemaFileMissing => "schema_file_missing",
            Self::SchemaFileMalformed => "schema_file_malformed",
            Self::OpenOperation => "open_operation",
            Self::ApprovalLeft => "approval_left",
            Self::RecoveryTags => "recovery_tags",
        }
    }

    /// The kind, for people.
    const fn title(self) -> &'static str {
        match self {
            Self::CatalogUnreadable => "The catalog cannot be read",
            Self::CatalogContradictory => "The catalog names two places for one table",
            Self::UpgradeUnderWay => "An upgrade of the catalog is under way",
            Self::NotKnown => "Not known",
            Self::PendingSidecar => "A sidecar is pending",
            Self::MisnamedSidecar => "A sidecar is misnamed",
            Self::StrayEntry => "An entry of the sidecar folder is no sidecar",
            Self::NestedEntry => "An entry lies below the sidecar folder",
            Self::StrayObject => "An object lies where none should be",
            Self::UncoveredCommits => "A table has commits that no sidecar covers",
            Self::HeadBelowPin => "A table has lost the version that readers see",
            Self::ForkLeft => "A table has a Lance branch that no pin names",
            Self::TableMissing => "A table is not there",
            Self::TableUnreadable => "A table cannot be read",
            Self::VisibleVersionGone => "The version that readers see is gone",
            Self::VisibleVersionDamaged => "The version that readers see is damaged",
            Self::SchemaLockLeft => "The lock of a schema change was left",
            Self::StagedSchemaFileLeft => "A staged schema file was left",
            Self::SchemaFileMissing => "A schema file is not there",
            Self::SchemaFileMalformed => "A schema file cannot be read as one",
            Self::OpenOperation => "An operation of this program is open",
            Self::ApprovalLeft => "An approval was left",
            Self::RecoveryTags => "A recovery has its tags still",
        }
    }
}
