//! What would be done about one sidecar: immutable, complete, bound to the world it was made for (ARCHITECTURE.md, invariant 2).

mod encoding;
mod lawful;
mod lineage;
mod lineage_row;
mod purpose;
mod step;
mod steps;

use serde::{Deserialize, Serialize};

use crate::classification::ClassificationLabel;
use crate::code::{Code, Requirement};
use crate::decision::Decision;
use crate::digest::{Digest, Tag};
use crate::ids::{OperationId, RootId};
use crate::observation::Observation;
use crate::outcome::{Extent, OutcomeKind};
use crate::sidecar::{Sidecar, WriterKind};
use crate::verdict::{
    Action, CatalogChange, Choice, Disposition, LeftOut, UnexpectedCommit, Verdict,
};

use steps::{StepInput, steps};

pub(crate) use lawful::fits_its_sidecar;
pub(crate) use lineage::lineage_of_an_undo;

pub use encoding::{PlanBytes, PlanError};
pub use lineage_row::{LineageOutcome, LineageRow, RECOVERY_ACTOR, RecoveryKind};
pub use purpose::Purpose;
pub use step::{NewTable, PinMove, Precondition, RemovedTable, StagedFile, Step};

/// The plan for one sidecar. It leaves no choice to whoever carries it out.
///
/// # Invariants
/// - Tables are ordered by key and branch, whatever order the sidecar had, and none is named twice: bytes that do are no plan.
/// - A plan whose disposition has no effect has no steps, nor has one that this build does not carry out yet: without steps it
///   cannot be authorized.
/// - No time, age, blocker or catalog version is in it, so an identical world gives the identical digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What it is for. Absent from the bytes of a plan that resolves a sidecar.
    #[serde(default, skip_serializing_if = "Purpose::is_recovery")]
    pub purpose: Purpose,
    /// The root it is for.
    pub root: RootId,
    /// The operation it resolves.
    pub operation_id: OperationId,
    /// Name of the sidecar file.
    pub file: String,
    /// Digest of the sidecar's bytes.
    pub sidecar: Digest,
    /// What kind of write it was; `None` if the sidecar cannot be understood.
    pub writer_kind: Option<WriterKind>,
    /// Branch of the graph; `None` is main.
    pub branch: Option<String>,
    /// Who wrote, as the sidecar says.
    pub actor_id: Option<String>,
    /// What a person is shown.
    pub disposition: Disposition,
    /// What the classifications add up to.
    pub decision: Option<Decision>,
    /// What a person chose, if not what the verdict says.
    #[serde(default, skip_serializing_if = "Choice::is_verdict")]
    pub choice: Choice,
    /// What an approval has to state.
    pub requires: Vec<Requirement>,
    /// For a merge: what its sidecar does not name and publishing it leaves out, or may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// The tables it was made against.
    pub tables: Vec<PlannedTable>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One table as the plan found it, and what is done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTable {
    /// Key of the table.
    pub table_key: String,
    /// Its Lance branch; `None` is main.
    pub branch: Option<String>,
    /// Its dataset, relative to the root, as the catalog says.
    pub location: Option<String>,
    /// The published version when the writer started.
    pub expected_version: u64,
    /// The HEAD the writer's commit would make.
    pub post_commit_pin: u64,
    /// The visible version.
    pub manifest_pinned: Option<u64>,
    /// The latest Lance version.
    pub lance_head: Option<u64>,
    /// UUID of the Lance transaction that made it.
    pub head_transaction: Option<String>,
    /// Where it stands.
    pub classification: Option<ClassificationLabel>,
    /// The rule that fired, with its numbers.
    pub rule: String,
    /// What is done to it.
    pub action: Action,
    /// The version it returns to.
    pub restore_to: Option<u64>,
    /// The version that becomes its pin.
    pub publish_as: Option<u64>,
    /// Lance commits above the pin that are published or taken back with it, though by all that can be told they are not this write's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unexpected: Vec<UnexpectedCommit>,
    /// Set for a table that the sidecar does not pin, but adds to the catalog or removes from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_change: Option<CatalogChangeKind>,
    /// Whether the visible version of a table that moves was cleaned away. It is not tagged then, and what is done cannot be taken
    /// back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pin_gone: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What a `SchemaApply` does to a table that it does not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogChangeKind {
    /// It is new.
    Registration,
    /// It goes.
    Tombstone,
}

impl Plan {
    /// Whether carrying it out does anything: it has steps, and its purpose and disposition allow them.
    #[must_use]
    pub fn has_effect(&self) -> bool {
        let allowed = match self.purpose {
            Purpose::Recover | Purpose::Undo { .. } | Purpose::Release { .. } => {
                self.disposition.has_effect()
            }
            Purpose::Dismiss { .. } => {
                matches!(self.disposition, Disposition::Refused | Disposition::Abort)
            }
        };
        allowed && !self.steps.is_empty()
    }

    /// How it ends when every step is done; `None` if it has no effect.
    #[must_use]
    pub fn outcome(&self) -> Option<OutcomeKind> {
        match self.purpose {
            Purpose::Recover => OutcomeKind::of_finished(self.disposition),
            Purpose::Undo { .. } => Some(OutcomeKind::RolledBack),
            Purpose::Dismiss { .. } | Purpose::Release { .. } => Some(OutcomeKind::CleanedUp),
        }
    }

    /// How much of the write readers see once this is published; `None` for a plan that publishes no write.
    ///
    /// Whole is said only of a write whose commits are counted: one for each table, and no others among them.
    #[must_use]
    pub fn extent(&self) -> Option<Extent> {
        if !self.purpose.is_recovery() || self.disposition != Disposition::RollForward {
            return None;
        }
        let publishes_tables = self
            .tables
            .iter()
            .any(|table| table.action == Action::Publish);
        let is_counted = self
            .writer_kind
            .is_some_and(WriterKind::commits_each_table_once);
        let is_its_own = self.tables.iter().all(|table| table.unexpected.is_empty());
        Some(match () {
            () if !self.left_out.is_empty() => Extent::LeavesOut,
            () if is_its_own && (is_counted || !publishes_tables) => Extent::Whole,
            () => Extent::AsCommitted,
        })
    }

    /// What can be chosen instead of this plan, for the same operation as it stands.
    #[must_use]
    pub fn other_choices(&self) -> Vec<Choice> {
        match self.choice {
            _ if !self.purpose.is_recovery() => Vec::new(),
            Choice::RollBack => vec![Choice::Verdict],
            Choice::Verdict
                if self.disposition == Disposition::RollForward && !self.left_out.is_empty() =>
            {
                vec![Choice::RollBack]
            }
            Choice::Verdict => Vec::new(),
        }
    }

    /// The sidecar that carrying it out deletes in the end, if any.
    #[must_use]
    pub fn retires(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| match step {
            Step::Retire { file, .. } => Some(file.as_str()),
            _ => None,
        })
    }
}

impl PlannedTable {
    /// The Lance HEAD when every step is done.
    #[must_use]
    pub fn head_after(&self) -> Option<u64> {
        match self.restore_to {
            Some(_) => self.lance_head?.checked_add(1),
            None => self.publish_as.or(self.lance_head),
        }
    }

    /// The pin when every step is done.
    #[must_use]
    pub fn pin_after(&self) -> Option<u64> {
        if self.action == Action::Tombstone {
            return None;
        }
        self.publish_as.or(self.manifest_pinned)
    }
}

/// Everything a plan is made of, so that native code and wasm can be given the same and compared.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// The root.
    pub root: &'a RootId,
    /// The operation.
    pub operation_id: &'a OperationId,
    /// Name of the sidecar file.
    pub file: &'a str,
    /// Digest of its bytes.
    pub sidecar_digest: Digest,
    /// The sidecar, if it could be understood.
    pub sidecar: Option<&'a Sidecar>,
    /// What was observed; `None` if nothing was looked at (refused before).
    pub observation: Option<&'a Observation>,
    /// The verdict over both.
    pub verdict: &'a Verdict,
}

/// Lays down what would be done. Pure; generating a plan changes nothing.
#[must_use]
pub fn plan(input: &PlanInput<'_>) -> Plan {
    let PlanInput {
        root,
        operation_id,
        file,
        sidecar_digest,
        sidecar,
        observation,
        verdict,
    } = input;
    let mut tables: Vec<PlannedTable> = match (sidecar, observation) {
        (Some(sidecar), Some(observation)) => planned_tables(sidecar, observation, verdict),
        _ => Vec::new(),
    };
    tables.extend(verdict.catalog_changes.iter().map(changed_table));
    tables.sort_by(|left, right| {
        (&left.table_key, &left.branch).cmp(&(&right.table_key, &right.branch))
    });
    let carried_out = verdict.disposition.has_effect()
        && !verdict
            .blockers
            .iter()
            .any(|blocker| blocker.code == Code::NotYetSupported);
    let steps = if carried_out {
        steps(&StepInput {
            operation_id,
            file,
            sidecar: *sidecar,
            observation: *observation,
            verdict,
            tables: &tables,
        })
    } else {
        Vec::new()
    };
    Plan {
        purpose: Purpose::Recover,
        root: (*root).clone(),
        operation_id: (*operation_id).clone(),
        file: (*file).to_owned(),
        sidecar: *sidecar_digest,
        writer_kind: sidecar.map(|sidecar| sidecar.writer_kind),
        branch: sidecar.and_then(|sidecar| sidecar.branch().map(str::to_owned)),
        actor_id: sidecar.and_then(|sidecar| sidecar.actor_id.clone()),
        disposition: verdict.disposition,
        decision: verdict.decision,
        choice: verdict.choice,
        requires: verdict.requires.clone(),
        left_out: verdict.left_out.clone(),
        tables,
        steps,
    }
}

fn planned_tables(
    sidecar: &Sidecar,
    observation: &Observation,
    verdict: &Verdict,
) -> Vec<PlannedTable> {
    let judged = sidecar.tables.iter().zip(&verdict.tables).enumerate();
    let observed = judged.filter_map(|(index, (pin, verdict))| {
        Some((pin, verdict, observation.of_pin(index, pin)?))
    });
    observed
        .map(|(pin, verdict, table)| PlannedTable {
            table_key: pin.table_key.clone(),
            branch: pin.table_branch().map(str::to_owned),
            location: table.location.clone(),
            expected_version: pin.expected_version,
            post_commit_pin: pin.post_commit_pin,
            manifest_pinned: table.pinned.version(),
            lance_head: table.head.version(),
            head_transaction: table.head.transaction().map(str::to_owned),
            classification: verdict
                .classification
                .map(crate::classification::Classification::label),
            rule: verdict.rule.clone(),
            action: verdict.action,
            restore_to: verdict.restore_to,
            publish_as: verdict.publish_as,
            unexpected: verdict.unexpected.clone(),
            catalog_change: None,
            pin_gone: table.pin_gone && verdict.action != Action::None,
        })
        .collect()
}

/// A table that is added starts from nothing; one that is removed ends at its tombstone.
fn changed_table(change: &CatalogChange) -> PlannedTable {
    let (expected_version, post_commit_pin) = match change.tombstone_version {
        Some(version) => (version.saturating_sub(1), version),
        None => {
            let visible = change.publish_as.or(change.manifest_pinned);
            (0, visible.unwrap_or_default())
        }
    };
    PlannedTable {
        table_key: change.table_key.clone(),
        branch: change.branch.clone(),
        location: change.location.clone(),
        expected_version,
        post_commit_pin,
        manifest_pinned: change.manifest_pinned,
        lance_head: change.lance_head,
        head_transaction: change.head_transaction.clone(),
        classification: None,
        rule: change.rule.clone(),
        action: change.action,
        restore_to: None,
        publish_as: change.publish_as,
        unexpected: Vec::new(),
        catalog_change: Some(match change.tombstone_version {
            Some(_) => CatalogChangeKind::Tombstone,
            None => CatalogChangeKind::Registration,
        }),
        pin_gone: false,
    }
}

/// Name of the Lance tag that keeps a version of a table touched by a recovery from being cleaned up.
///
/// It names the version, so that a plan made anew after an interrupted one finds its own tags and contradicts none.
#[must_use]
pub fn recovery_tag(operation_id: &OperationId, branch: Option<&str>, version: u64) -> String {
    let branch = branch.map_or_else(String::new, |branch| format!("-{}", tag_part(branch)));
    format!("recovery-{operation_id}{branch}-v{version}")
}

/// Lance takes letters, digits, dots, dashes and underscores in tags; branch names may hold slashes. What had to be replaced is
/// told apart by a digest, behind a dot that no other name has.
fn tag_part(branch: &str) -> String {
    const DIGEST_CHARS: usize = 8;
    let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    if branch.chars().all(fits) {
        return branch.to_owned();
    }
    let plain: String = branch
        .chars()
        .map(|char| if fits(char) { char } else { '-' })
        .collect();
    let digest = Digest::of(Tag::DerivedId, branch.as_bytes()).to_string();
    let hex = digest.trim_start_matches("sha256:");
    format!("{plain}.{}", &hex[..DIGEST_CHARS])
}
