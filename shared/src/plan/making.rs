//! How a plan is made from a sidecar, the observation and the verdict over both.

use super::steps::{StepInput, steps};
use super::{CatalogChangeKind, Plan, PlannedTable, Purpose};
use crate::code::{Code, Reason};
use crate::digest::Digest;
use crate::ids::{OperationId, RootId};
use crate::observation::Observation;
use crate::sidecar::{Sidecar, TablePin};
use crate::verdict::{Action, CatalogChange, Verdict};
use crate::version_9::BranchSeen;

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
    // The steps for version 9 are written for the rows of one stamp, and would be wrong for another.
    let is_written_otherwise = |blocker: &Reason| {
        blocker.code == Code::CatalogStampUnsupported
            && sidecar.is_some_and(|sidecar| sidecar.version_9.is_some())
    };
    let carried_out = verdict.disposition.has_effect()
        && !verdict
            .blockers
            .iter()
            .any(|blocker| blocker.code == Code::NotYetSupported || is_written_otherwise(blocker));
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
        branch: sidecar.and_then(|sidecar| sidecar.branch().owned()),
        lance_branch: observation.and_then(lance_branch),
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

/// The Lance branch of the catalog that stands for the branch of the graph, where its name is another.
fn lance_branch(observation: &Observation) -> Option<String> {
    let evidence = observation.version_9.as_deref()?.as_ref().ok()?;
    match &evidence.branch {
        BranchSeen::There { lance_branch, .. } => lance_branch.clone(),
        BranchSeen::Gone { .. } => None,
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
            branch: pin.table_branch().owned(),
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
            catalog_change: is_pointer(sidecar, pin).then_some(CatalogChangeKind::Pointer),
            pin_gone: table.pin_gone && verdict.action != Action::None,
        })
        .collect()
}

/// Whether the write makes the table visible as it is, and commits nothing to it.
fn is_pointer(sidecar: &Sidecar, pin: &TablePin) -> bool {
    let Some(version_9) = &sidecar.version_9 else {
        return false;
    };
    let identity = version_9.identity_of(&pin.table_key, pin.table_branch());
    version_9
        .pointers()
        .any(|row| Some(row.identity) == identity)
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
