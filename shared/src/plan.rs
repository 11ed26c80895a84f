//! What would be done about one sidecar: immutable, complete, and bound to the world it was made for (promise 2).

mod encoding;
mod purpose;

use serde::{Deserialize, Serialize};

use crate::classification::ClassificationLabel;
use crate::code::{Code, Requirement};
use crate::decision::Decision;
use crate::digest::Digest;
use crate::ids::{OperationId, RootId};
use crate::observation::Observation;
use crate::outcome::OutcomeKind;
use crate::sidecar::{Sidecar, WriterKind};
use crate::verdict::{Action, Disposition, Verdict};

pub use encoding::{PlanBytes, PlanError};
pub use purpose::Purpose;

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
    /// What an approval has to state.
    pub requires: Vec<Requirement>,
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
}

/// One thing that is done. A step is intended in the journal, done, and its outcome recorded, before the next depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Name a version with a Lance tag, so that cleanup cannot take it.
    Tag {
        /// The table.
        table_key: String,
        /// Its Lance branch.
        branch: Option<String>,
        /// The tag.
        name: String,
        /// The version it names.
        version: u64,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Drop a tag that a finished recovery set.
    Untag {
        /// The table.
        table_key: String,
        /// Its Lance branch.
        branch: Option<String>,
        /// The tag.
        name: String,
        /// The version it names.
        version: u64,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Write a sidecar that covers what the restores after it bring back, so that nothing of it is ever unannounced.
    Announce {
        /// Its file.
        file: String,
        /// Its bytes.
        sidecar: String,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// One empty commit of the catalog, so that no publish that was prepared before can land after.
    FenceCatalog {
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Return a table to a version, as the next version and no other.
    Restore {
        /// The table.
        table_key: String,
        /// Its Lance branch.
        branch: Option<String>,
        /// The version whose content comes back.
        version: u64,
        /// The version the Restore makes: the approved HEAD + 1.
        lands_at: u64,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Make versions visible, all in one commit of the catalog.
    Publish {
        /// The pins that move.
        pins: Vec<PinMove>,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Write the terminal record of the journal.
    Record {
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Delete the sidecar; the record keeps its bytes.
    Retire {
        /// The file.
        file: String,
        /// What must hold right before.
        precondition: Precondition,
    },
}

/// One pin that moves in a publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinMove {
    /// The table.
    pub table_key: String,
    /// Its Lance branch.
    pub branch: Option<String>,
    /// The pin before.
    pub from_version: u64,
    /// The pin after.
    pub to_version: u64,
}

/// What must hold right before a step; if it does not, there is a conflict and no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Precondition {
    /// The table's Lance HEAD is this version, made by this transaction.
    TableHead {
        /// The version.
        version: u64,
        /// UUID of the Lance transaction.
        transaction: Option<String>,
    },
    /// The tag names this version, or is gone already.
    TagNames {
        /// The version.
        version: u64,
    },
    /// No file of that name is there, or it has these very bytes.
    FileAbsent,
    /// Every pin of the plan is as the plan found it, on the catalog version that was read last.
    PinsAsPlanned,
    /// Every step before this one has its outcome recorded, and a last look at the root agrees with it.
    StepsDone,
    /// The terminal record is durable, and the sidecar still has the bytes of the plan.
    Recorded,
}

impl Step {
    /// The name of the kind, as in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tag { .. } => "tag",
            Self::Untag { .. } => "untag",
            Self::Announce { .. } => "announce",
            Self::FenceCatalog { .. } => "fence_catalog",
            Self::Restore { .. } => "restore",
            Self::Publish { .. } => "publish",
            Self::Record { .. } => "record",
            Self::Retire { .. } => "retire",
        }
    }
}

impl Step {
    /// What must hold right before it.
    #[must_use]
    pub const fn precondition(&self) -> &Precondition {
        let (Self::Tag { precondition, .. }
        | Self::Untag { precondition, .. }
        | Self::Announce { precondition, .. }
        | Self::FenceCatalog { precondition }
        | Self::Restore { precondition, .. }
        | Self::Publish { precondition, .. }
        | Self::Record { precondition }
        | Self::Retire { precondition, .. }) = self;
        precondition
    }
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
    tables.sort_by(|left, right| {
        (&left.table_key, &left.branch).cmp(&(&right.table_key, &right.branch))
    });
    let carried_out = verdict.disposition.has_effect()
        && !verdict
            .blockers
            .iter()
            .any(|blocker| blocker.code == Code::NotYetSupported);
    let steps = if carried_out {
        steps(operation_id, file, verdict.disposition, &tables)
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
        requires: verdict.requires.clone(),
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
        })
        .collect()
}

/// Name of the Lance tag that keeps a version of a table touched by a recovery from being cleaned up.
///
/// It names the version, so that a plan made anew after an interrupted one finds its own tags and contradicts none.
#[must_use]
pub fn recovery_tag(operation_id: &OperationId, branch: Option<&str>, version: u64) -> String {
    // Lance takes letters, digits, dots, dashes and underscores in tags; branch names may hold slashes.
    let branch = branch.map_or_else(String::new, |branch| {
        let plain: String = branch
            .chars()
            .map(|character| {
                if character.is_ascii_alphanumeric() || character == '_' {
                    character
                } else {
                    '-'
                }
            })
            .collect();
        format!("-{plain}")
    });
    format!("recovery-{operation_id}{branch}-v{version}")
}

fn steps(
    operation_id: &OperationId,
    file: &str,
    disposition: Disposition,
    tables: &[PlannedTable],
) -> Vec<Step> {
    let mut steps = Vec::new();
    let moved = || {
        tables.iter().filter_map(|table| {
            let touched = matches!(table.action, Action::Publish | Action::RestoreAndPublish);
            touched.then_some(()).and(Some((
                table,
                table.manifest_pinned?,
                table.lance_head?,
                table.publish_as?,
            )))
        })
    };
    let at_head = |table: &PlannedTable, version| Precondition::TableHead {
        version,
        transaction: table.head_transaction.clone(),
    };
    for (table, pinned, head, _) in moved() {
        for version in [head, pinned] {
            let name = recovery_tag(operation_id, table.branch.as_deref(), version);
            steps.push(Step::Tag {
                table_key: table.table_key.clone(),
                branch: table.branch.clone(),
                name,
                version,
                precondition: at_head(table, head),
            });
        }
    }
    if disposition == Disposition::RollBack && moved().next().is_some() {
        steps.push(Step::FenceCatalog {
            precondition: Precondition::PinsAsPlanned,
        });
    }
    for (table, _, head, publish_as) in moved() {
        if let Some(version) = table.restore_to {
            steps.push(Step::Restore {
                table_key: table.table_key.clone(),
                branch: table.branch.clone(),
                version,
                lands_at: publish_as,
                precondition: at_head(table, head),
            });
        }
    }
    let pins: Vec<PinMove> = moved()
        .map(|(table, pinned, _, to_version)| PinMove {
            table_key: table.table_key.clone(),
            branch: table.branch.clone(),
            from_version: pinned,
            to_version,
        })
        .collect();
    if !pins.is_empty() {
        steps.push(Step::Publish {
            pins,
            precondition: Precondition::PinsAsPlanned,
        });
    }
    steps.push(Step::Record {
        precondition: Precondition::StepsDone,
    });
    steps.push(Step::Retire {
        file: file.to_owned(),
        precondition: Precondition::Recorded,
    });
    steps
}
