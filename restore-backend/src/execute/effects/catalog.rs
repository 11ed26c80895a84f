//! The catalog: reading it, finding whose commit stands at a version, fencing it, and publishing to it.

use std::collections::BTreeMap;

use root_objects::clock;
use sidecar::executor::{CatalogSeen, Landed};
use sidecar::journal::{Attempt, StepResult};
use sidecar::root_layout::{
    PROPERTY_RECOVERY_EFFECT, PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_RECOVERY_PLAN_DIGEST,
};
use sidecar::{
    Difference, DifferenceField, ExactPublish, GraphCommitId, NewTable, PinMove, Plan,
    PublishedGraphCommit, RemovedTable, Step,
};

use super::outcome::{StepOutcome, identity, not_attempted};
use crate::error::ServiceError;
use crate::root::Root;
use fenced_lance::{
    CATALOG_PATH, Catalog, CatalogReading, CommitOutcome, EffectKind, FenceRequest, LanceRoot,
    MadeBy, NewGraphCommit, PublishRequest, Refusal, TableLocation, TransactionEntry,
};

/// Reads the branch of the catalog that a plan concerns.
pub(in crate::execute) async fn look_at_catalog(
    root: &Root,
    plan: &Plan,
) -> Result<CatalogSeen, ServiceError> {
    Ok(match read_catalog(root.lance(), plan).await? {
        Ok(catalog) => CatalogSeen::At {
            version: catalog.version,
            pins: catalog
                .pins
                .into_iter()
                .map(|(table_key, pin)| (table_key, pin.version))
                .collect(),
        },
        Err(difference) => CatalogSeen::Gone {
            what: difference.field,
        },
    })
}

/// Whose commit stands at the one version of the catalog at which the effect of a step can have landed.
pub(in crate::execute) async fn landed(
    root: &Root,
    attempt: &Attempt,
    step: usize,
    version: u64,
) -> Result<Landed, ServiceError> {
    let effect = match attempt.plan.steps.get(step) {
        Some(Step::FenceCatalog { .. }) => EffectKind::FenceCatalog,
        Some(Step::Publish { .. }) => EffectKind::Publish,
        Some(
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::PrepareSidecar { .. }
            | Step::DropDataset { .. }
            | Step::Restore { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. },
        )
        | None => return Ok(Landed::Foreign),
    };
    let catalog = TableLocation::on(CATALOG_PATH, attempt.plan.catalog_branch());
    let entry = root
        .lance()
        .transaction(&catalog, version)
        .await
        .map_err(|source| not_attempted("reading the catalog", source))?;
    Ok(match entry {
        TransactionEntry::Gone { .. } => Landed::Gone,
        TransactionEntry::Known(summary) => {
            let property = |name: &str| summary.properties.get(name).map(String::as_str);
            let is_ours = property(PROPERTY_RECOVERY_OPERATION_ID)
                == Some(attempt.plan.operation_id.as_str())
                && property(PROPERTY_RECOVERY_PLAN_DIGEST)
                    == Some(attempt.bytes.digest().to_string().as_str())
                && property(PROPERTY_RECOVERY_EFFECT) == Some(effect.as_str());
            if is_ours {
                // The sender may have died before this version was on disk, and the next effects build on it.
                root.lance()
                    .make_version_durable(&catalog, version)
                    .await
                    .map_err(|source| not_attempted("syncing the catalog", source))?;
                Landed::Ours
            } else {
                Landed::Foreign
            }
        }
    })
}

async fn read_catalog(
    lance: &LanceRoot,
    plan: &Plan,
) -> Result<Result<Catalog, Difference>, ServiceError> {
    let reading = lance
        .catalog(plan.catalog_branch())
        .await
        .map_err(|source| not_attempted("reading the catalog", source))?;
    Ok(match reading {
        CatalogReading::Present(catalog) => Ok(catalog),
        CatalogReading::NoBranch { .. } => Err(Difference::new(
            None,
            DifferenceField::CatalogBranch,
            "present",
            "gone",
        )),
        CatalogReading::NoCatalog => Err(Difference::new(
            None,
            DifferenceField::Catalog,
            "present",
            "gone",
        )),
    })
}

pub(super) async fn fence_catalog(
    lance: &LanceRoot,
    attempt: &Attempt,
    index: usize,
    catalog_version: Option<u64>,
) -> Result<StepOutcome, ServiceError> {
    let last_read = catalog_version
        .and_then(|version| lance.catalog_last_read(attempt.plan.catalog_branch(), version));
    let reading = match last_read {
        Some(catalog) => Ok(catalog),
        None => read_catalog(lance, &attempt.plan).await?,
    };
    let catalog = match reading {
        Ok(catalog) if Some(catalog.version) == catalog_version => catalog,
        Ok(_) => return Ok(StepOutcome::CatalogMoved),
        Err(difference) => {
            return Ok(StepOutcome::Conflict {
                detail: "the catalog is gone".to_owned(),
                differences: vec![difference],
            });
        }
    };
    let request = FenceRequest {
        branch: attempt.plan.catalog_branch().map(str::to_owned),
        read_version: catalog.version,
        read_transaction: catalog.transaction.unwrap_or_default(),
        identity: identity(attempt),
    };
    let outcome = lance
        .fence_catalog(&request)
        .await
        .map_err(|source| not_attempted("fencing the catalog", source))?;
    Ok(catalog_outcome(outcome, index, "fenced"))
}

/// The catalog rows that one publish adds.
pub(super) struct CatalogRows {
    pub(super) updates: Vec<PinMove>,
    pub(super) registrations: Vec<NewTable>,
    pub(super) tombstones: Vec<RemovedTable>,
    pub(super) graph_commit: Option<PublishedGraphCommit>,
    pub(super) exact: Option<ExactPublish>,
}

pub(super) async fn publish(
    lance: &LanceRoot,
    attempt: &Attempt,
    index: usize,
    rows: CatalogRows,
    catalog_version: Option<u64>,
) -> Result<StepOutcome, ServiceError> {
    let Some(read_version) = catalog_version else {
        return Ok(StepOutcome::CatalogMoved);
    };
    let graph_commit = rows
        .graph_commit
        .map(|commit| new_graph_commit(attempt, read_version, commit));
    let request = PublishRequest {
        branch: attempt.plan.catalog_branch().map(str::to_owned),
        read_version,
        updates: rows.updates,
        registrations: rows.registrations,
        tombstones: rows.tombstones,
        graph_commit,
        exact: rows.exact,
        identity: identity(attempt),
    };
    let outcome = lance
        .publish_made(&request, &made_by(&attempt.plan))
        .await
        .map_err(|source| not_attempted("publishing", source))?;
    Ok(catalog_outcome(outcome, index, "published to"))
}

/// The graph commit that stands for the version at which the publish lands. Done again after a crash, the commit has another
/// time, and its id still names the same recovery.
fn new_graph_commit(
    attempt: &Attempt,
    read_version: u64,
    commit: PublishedGraphCommit,
) -> NewGraphCommit {
    let branch = attempt.plan.graph_branch().map(str::to_owned);
    if let Some(fixed) = commit.fixed {
        return NewGraphCommit {
            branch,
            id: fixed.id,
            merged_parent: commit.merged_parent,
            actor: commit.actor_id,
            created_at_micros: fixed.created_at,
        };
    }
    let now = clock::now();
    let id = GraphCommitId::of_recovery(
        &attempt.plan.operation_id,
        attempt.bytes.digest(),
        read_version.checked_add(1),
        now,
    );
    NewGraphCommit {
        branch,
        id: id.as_str().to_owned(),
        merged_parent: commit.merged_parent,
        actor: commit.actor_id,
        created_at_micros: i64::try_from(now.micros()).unwrap_or(i64::MAX),
    }
}

/// The commits that a publish may make visible: this plan's restores, and the transactions that the plan found at HEAD. A restore
/// that is gone may still be in the journal.
fn made_by(plan: &Plan) -> BTreeMap<String, MadeBy> {
    let made = plan.tables.iter().filter_map(|table| {
        let made_by = match (table.restore_to, &table.head_transaction) {
            (Some(_), _) => MadeBy::ThisPlan,
            (None, Some(transaction)) => MadeBy::Transaction(transaction.clone()),
            (None, None) => return None,
        };
        Some((table.table_key.clone(), made_by))
    });
    made.collect()
}

fn catalog_outcome(outcome: CommitOutcome, index: usize, verb: &str) -> StepOutcome {
    match outcome {
        CommitOutcome::Committed { version } => StepOutcome::Done(StepResult {
            step: index,
            version: Some(version),
            already_done: false,
        }),
        CommitOutcome::AlreadyDone { version } => StepOutcome::Done(StepResult {
            step: index,
            version: Some(version),
            already_done: true,
        }),
        CommitOutcome::HeadMoved { .. } => StepOutcome::CatalogMoved,
        CommitOutcome::Refused {
            reason:
                Refusal::PinMoved {
                    table_key,
                    expected,
                    found,
                },
        } => StepOutcome::Conflict {
            detail: format!(
                "somebody published {table_key} before it could be {verb} the catalog; their pin stands"
            ),
            differences: vec![Difference::of_versions(
                Some(&table_key),
                DifferenceField::ManifestPinned,
                expected,
                found,
            )],
        },
        CommitOutcome::Refused { reason } => StepOutcome::Conflict {
            detail: format!("the catalog could not be {verb}: {reason}"),
            differences: vec![Difference::new(
                None,
                DifferenceField::Catalog,
                "as planned",
                reason,
            )],
        },
        CommitOutcome::Unknown { reason } => StepOutcome::Unknown(format!(
            "storage did not say whether the catalog was {verb}: {reason}; apply again to settle it"
        )),
    }
}
