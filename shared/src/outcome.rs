//! What became of an execution, in words that never claim more than is known (ARCHITECTURE.md, invariant 10).

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::explanation::left_out_sentence;
use crate::ids::OperationId;
use crate::plan::{Plan, PlannedTable};
use crate::verdict::{Action, Disposition};

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// Every moved table is published.
    RolledForward,
    /// Every moved table is back at what was published.
    RolledBack,
    /// Nothing had to change but the sidecar.
    CleanedUp,
    /// The world is not as the plan found it; what was not done yet was not done.
    Conflict,
    /// The plan may not be executed.
    Refused,
    /// Storage did not say whether an effect happened; applying again settles it.
    Unknown,
}

impl OutcomeKind {
    /// The name as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RolledForward => "rolled_forward",
            Self::RolledBack => "rolled_back",
            Self::CleanedUp => "cleaned_up",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    /// How a plan of this disposition ends when every step is done; `None` if it has no effect.
    #[must_use]
    pub const fn of_finished(disposition: Disposition) -> Option<Self> {
        match disposition {
            Disposition::RollForward => Some(Self::RolledForward),
            Disposition::RollBack => Some(Self::RolledBack),
            Disposition::AlreadyPublished
            | Disposition::Superseded
            | Disposition::NeverStarted
            | Disposition::OrphanedBranch => Some(Self::CleanedUp),
            Disposition::Refused | Disposition::Waiting | Disposition::Abort => None,
        }
    }
}

/// How much of a write readers see once it is rolled forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All of it.
    Whole,
    /// What its writer had committed. Whether it meant to commit more is in no sidecar.
    AsCommitted,
    /// What its sidecar names, and the plan names what is left out, or may be.
    LeavesOut,
}

/// What an execution did to one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing.
    Unchanged,
    /// What the plan says.
    Changed,
    /// Storage did not say.
    Unknown,
}

/// What an execution did to one table.
///
/// The versions are those released engines write into their own record (PROTOCOL.md, section 6.2): rolled forward,
/// from the expected version to the HEAD that was published; rolled back, from the HEAD that was found to the pin
/// that was returned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableOutcome {
    /// Key of the table.
    pub table_key: String,
    /// Its Lance branch; `None` is main.
    pub branch: Option<String>,
    /// The version it came from.
    pub from_version: Option<u64>,
    /// The version whose content readers see.
    pub to_version: Option<u64>,
    /// The version that is the pin afterwards; `None` if that is not known.
    pub published_version: Option<u64>,
    /// Whether it changed.
    pub effect: Effect,
}

impl TableOutcome {
    /// The outcome of one planned table, given what happened to it.
    #[must_use]
    pub fn of(plan: &Plan, table: &PlannedTable, effect: Effect) -> Self {
        let (from_version, to_version) = match (table.action, plan.disposition) {
            (Action::Publish, Disposition::RollForward) => {
                (Some(table.expected_version), table.publish_as)
            }
            (Action::Publish, _) => (table.lance_head, table.manifest_pinned),
            (Action::RestoreAndPublish | Action::Restore, _) => {
                (table.lance_head, table.restore_to)
            }
            (Action::Register, _) => (Some(0), table.publish_as),
            (Action::Tombstone, _) => (table.manifest_pinned, None),
            (Action::None, _) => (table.lance_head, table.lance_head),
        };
        let published_version = match effect {
            Effect::Changed => table.pin_after(),
            Effect::Unchanged => table.manifest_pinned,
            Effect::Unknown => None,
        };
        Self {
            table_key: table.table_key.clone(),
            branch: table.branch.clone(),
            from_version,
            to_version,
            published_version,
            effect,
        }
    }
}

/// What became of the sidecar file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SidecarFate {
    /// Deleted; the terminal record keeps its bytes.
    Retired,
    /// Still there.
    Kept,
}

/// One thing that is not as the plan found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Hash)]
pub struct Difference {
    /// The table, or `None` for what concerns the whole operation.
    pub table_key: Option<String>,
    /// What differs: `lance_head`, `head_transaction`, `manifest_pinned`, `sidecar`, `disposition`…
    pub field: String,
    /// As planned.
    pub planned: String,
    /// As found.
    pub found: String,
}

/// Field by field, what moved between two plans for one operation (ARCHITECTURE.md, invariant 3).
#[must_use]
pub fn differences(planned: &Plan, found: &Plan) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare = |table_key: Option<&str>, field: &str, planned: String, found: String| {
        if planned != found {
            differences.push(Difference {
                table_key: table_key.map(str::to_owned),
                field: field.to_owned(),
                planned,
                found,
            });
        }
    };
    compare(
        None,
        "root",
        planned.root.to_string(),
        found.root.to_string(),
    );
    compare(
        None,
        "sidecar",
        planned.sidecar.to_string(),
        found.sidecar.to_string(),
    );
    compare(
        None,
        "disposition",
        planned.disposition.name().to_owned(),
        found.disposition.name().to_owned(),
    );
    let left_out = |plan: &Plan| {
        let sentences: Vec<String> = plan.left_out.iter().map(left_out_sentence).collect();
        match sentences.is_empty() {
            true => "nothing".to_owned(),
            false => sentences.join(" "),
        }
    };
    compare(None, "left_out", left_out(planned), left_out(found));
    for table in &planned.tables {
        let key = Some(table.table_key.as_str());
        let Some(other) = found
            .tables
            .iter()
            .find(|other| (&other.table_key, &other.branch) == (&table.table_key, &table.branch))
        else {
            compare(key, "table", "present".to_owned(), "absent".to_owned());
            continue;
        };
        let number =
            |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        compare(
            key,
            "manifest_pinned",
            number(table.manifest_pinned),
            number(other.manifest_pinned),
        );
        compare(
            key,
            "lance_head",
            number(table.lance_head),
            number(other.lance_head),
        );
        compare(
            key,
            "head_transaction",
            text(&table.head_transaction),
            text(&other.head_transaction),
        );
        compare(
            key,
            "location",
            text(&table.location),
            text(&other.location),
        );
        compare(
            key,
            "action",
            table.action.name().to_owned(),
            other.action.name().to_owned(),
        );
        let visible_version = |gone: bool| if gone { "cleaned away" } else { "there" };
        compare(
            key,
            "visible_version",
            visible_version(table.pin_gone).to_owned(),
            visible_version(other.pin_gone).to_owned(),
        );
    }
    for table in &found.tables {
        if !planned
            .tables
            .iter()
            .any(|other| (&other.table_key, &other.branch) == (&table.table_key, &table.branch))
        {
            compare(
                Some(&table.table_key),
                "table",
                "absent".to_owned(),
                "present".to_owned(),
            );
        }
    }
    if differences.is_empty() && planned != found {
        differences.push(Difference {
            table_key: None,
            field: "plan".to_owned(),
            planned: "as approved".to_owned(),
            found: "another".to_owned(),
        });
    }
    differences
}

/// The answer to `apply`: what happened to every table, the catalog, the record and the sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyReport {
    /// The operation.
    pub operation_id: OperationId,
    /// The plan.
    pub digest: Digest,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// If it was rolled forward: how much of the write readers see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extent: Option<Extent>,
    /// Per table.
    pub tables: Vec<TableOutcome>,
    /// The catalog.
    pub catalog: EffectOn,
    /// The terminal record of the journal.
    pub audit: EffectOn,
    /// The sidecar.
    pub sidecar: SidecarFate,
    /// For a conflict: what moved.
    pub differences: Vec<Difference>,
    /// What happened and what to do next, for people.
    pub detail: String,
}

/// What happened to one thing, as an object of its own in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectOn {
    /// Whether it changed.
    pub effect: Effect,
}
