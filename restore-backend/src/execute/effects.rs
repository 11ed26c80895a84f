//! The effects of a plan's steps: tag, fence the catalog, restore, publish.

use futures::StreamExt;
use sidecar::journal::{Attempt, StepResult};
use sidecar::{Difference, Plan, PlannedTable, Precondition, Step};

use crate::lance_room::{
    CATALOG_PATH, Catalog, CatalogReading, CommitOutcome, EffectIdentity, EffectKind, FenceRequest,
    Head, LanceRoom, PROPERTY_EFFECT, PROPERTY_OPERATION_ID, PROPERTY_PLAN_DIGEST, PinUpdate,
    PublishRequest, Refusal, RestoreRequest, TableError, TableLocation, TagOutcome,
    TransactionEntry, UntagOutcome,
};
use crate::root::Root;
use crate::service::ServiceError;
use crate::sidecar_dir::{self, Created};

/// How often a step on the catalog is intended anew because others published other tables meanwhile.
pub(super) const CATALOG_TRIES_MAX: usize = 16;
/// Tables worked on at the same time.
const TABLES_AT_ONCE: usize = 16;

/// What steps that go together came to.
pub(super) enum StepsOutcome {
    /// All are done.
    Done(Vec<StepResult>),
    /// Somebody else committed to the catalog between reading and committing; nothing happened.
    CatalogMoved,
    /// Some precondition does not hold. Those in `done` are done, the others did not happen.
    Conflict {
        done: Vec<StepResult>,
        detail: String,
        differences: Vec<Difference>,
    },
    /// Storage did not say whether one of them happened.
    Unknown { detail: String },
}

/// What is known before steps are begun.
pub(super) enum Intent {
    /// They can be begun, catalog steps on this version.
    On(Option<u64>),
    /// An earlier attempt did them.
    AlreadyDone(Vec<StepResult>),
    /// The pins are not as planned. It is unclear whether that is the effect of an earlier attempt: its version was cleaned away.
    Conflict {
        differences: Vec<Difference>,
        unclear: bool,
    },
}

enum StepOutcome {
    Done(StepResult),
    CatalogMoved,
    Conflict {
        detail: String,
        differences: Vec<Difference>,
    },
    Unknown(String),
}

/// Reads what catalog steps are to be done on. Steps on tables are done on none, but a restore below a pin that moved would take
/// the table away from it.
pub(super) async fn intent(
    root: &Root,
    attempt: &Attempt,
    steps: &[usize],
) -> Result<Intent, ServiceError> {
    let Some(index) = steps.first() else {
        return Ok(Intent::On(None));
    };
    let effect = match &attempt.plan.steps[*index] {
        Step::FenceCatalog { .. } => Some(EffectKind::FenceCatalog),
        Step::Publish { .. } => Some(EffectKind::Publish),
        Step::Restore { .. } => None,
        Step::Untag { .. } | Step::Announce { .. } => return Ok(Intent::On(None)),
        Step::Tag { .. } | Step::Record { .. } | Step::Retire { .. } => {
            return Ok(Intent::On(None));
        }
    };
    // The catalog is read before the effect is looked for: an executor that was taken over may still be sending it, and
    // what it had published by then must be found to be ours, not somebody else's.
    let reading = read_catalog(root.room(), &attempt.plan).await?;
    let mut gone = None;
    // An earlier attempt intended it on a version: if it landed, it landed at the one after, and says so itself.
    if let (Some(effect), Some(Some(read))) = (effect, attempt.started.get(index))
        && let Some(version) = read.checked_add(1)
    {
        match landed(root.room(), attempt, version, effect)
            .await
            .map_err(|source| not_attempted("reading the catalog", source))?
        {
            Landed::Ours => {
                return Ok(Intent::AlreadyDone(vec![StepResult {
                    step: *index,
                    version: Some(version),
                    already_done: true,
                }]));
            }
            Landed::Foreign => {}
            Landed::Gone => gone = Some(version),
        }
    }
    Ok(match reading {
        Ok(catalog) => match pin_differences(&attempt.plan, &catalog) {
            differences if !differences.is_empty() => Intent::Conflict {
                differences,
                unclear: gone.is_some_and(|version| version <= catalog.version),
            },
            _ => Intent::On(effect.map(|_| catalog.version)),
        },
        Err(difference) => Intent::Conflict {
            differences: vec![difference],
            unclear: false,
        },
    })
}

/// What stands at the one version of the catalog at which an effect can have landed.
enum Landed {
    Ours,
    Foreign,
    Gone,
}

async fn landed(
    room: &LanceRoom,
    attempt: &Attempt,
    version: u64,
    effect: EffectKind,
) -> Result<Landed, TableError> {
    let catalog = TableLocation::on(CATALOG_PATH, attempt.plan.branch.as_deref());
    Ok(match room.transaction(&catalog, version).await? {
        TransactionEntry::Gone { .. } => Landed::Gone,
        TransactionEntry::Known(summary) => {
            let property = |name: &str| summary.properties.get(name).map(String::as_str);
            let is_ours = property(PROPERTY_OPERATION_ID)
                == Some(attempt.plan.operation_id.as_str())
                && property(PROPERTY_PLAN_DIGEST)
                    == Some(attempt.bytes.digest().to_string().as_str())
                && property(PROPERTY_EFFECT) == Some(effect.as_str());
            if is_ours {
                Landed::Ours
            } else {
                Landed::Foreign
            }
        }
    })
}

async fn read_catalog(
    room: &LanceRoom,
    plan: &Plan,
) -> Result<Result<Catalog, Difference>, ServiceError> {
    let reading = room
        .catalog(plan.branch.as_deref())
        .await
        .map_err(|source| not_attempted("reading the catalog", source))?;
    Ok(match reading {
        CatalogReading::Present(catalog) => Ok(catalog),
        CatalogReading::NoBranch { .. } => {
            Err(difference(None, "catalog_branch", "present", "gone"))
        }
        CatalogReading::NoCatalog => Err(difference(None, "catalog", "present", "gone")),
    })
}

fn not_attempted(what: &str, source: TableError) -> ServiceError {
    ServiceError::Effect {
        what: what.to_owned(),
        source,
    }
}

fn difference(
    table_key: Option<&str>,
    field: &str,
    planned: impl ToString,
    found: impl ToString,
) -> Difference {
    Difference {
        table_key: table_key.map(str::to_owned),
        field: field.to_owned(),
        planned: planned.to_string(),
        found: found.to_string(),
    }
}

/// Pins that are not as the plan found them.
fn pin_differences(plan: &Plan, catalog: &Catalog) -> Vec<Difference> {
    let differing = plan.tables.iter().filter_map(|table| {
        let found = catalog.pins.get(&table.table_key).map(|pin| pin.version);
        (found != table.manifest_pinned).then(|| {
            difference(
                Some(&table.table_key),
                "manifest_pinned",
                number(table.manifest_pinned),
                number(found),
            )
        })
    });
    differing.collect()
}

fn number(version: Option<u64>) -> String {
    version.map_or_else(|| "none".to_owned(), |version| version.to_string())
}

/// Does steps that do not depend on each other, concurrently.
pub(super) async fn do_steps(
    root: &Root,
    attempt: &Attempt,
    steps: &[usize],
    catalog_version: Option<u64>,
) -> Result<StepsOutcome, ServiceError> {
    let effects: Vec<_> = steps
        .iter()
        .map(|index| do_step(root, attempt, *index, catalog_version))
        .collect();
    let outcomes: Vec<Result<StepOutcome, ServiceError>> = futures::stream::iter(effects)
        .buffered(TABLES_AT_ONCE)
        .collect()
        .await;
    let (mut done, mut conflict, mut unknown, mut failed) = (Vec::new(), None, None, None);
    for outcome in outcomes {
        match outcome {
            Ok(StepOutcome::Done(result)) => done.push(result),
            Ok(StepOutcome::CatalogMoved) => return Ok(StepsOutcome::CatalogMoved),
            Ok(StepOutcome::Conflict {
                detail,
                differences,
            }) => {
                let (_, all): &mut (String, Vec<Difference>) =
                    conflict.get_or_insert((detail, Vec::new()));
                all.extend(differences);
            }
            Ok(StepOutcome::Unknown(detail)) => unknown = Some(detail),
            Err(error) => failed = Some(error),
        }
    }
    match (failed, unknown, conflict) {
        // What failed is met again when the journal is resumed; what is done is recognised then.
        (Some(error), _, _) => Err(error),
        (None, Some(detail), _) => Ok(StepsOutcome::Unknown { detail }),
        (None, None, Some((detail, differences))) => Ok(StepsOutcome::Conflict {
            done,
            detail,
            differences,
        }),
        (None, None, None) => Ok(StepsOutcome::Done(done)),
    }
}

async fn do_step(
    root: &Root,
    attempt: &Attempt,
    index: usize,
    catalog_version: Option<u64>,
) -> Result<StepOutcome, ServiceError> {
    let plan = &attempt.plan;
    match &plan.steps[index] {
        Step::Tag {
            table_key,
            branch,
            name,
            version,
            precondition,
        } => {
            tag(
                root.room(),
                table(plan, table_key, branch.as_deref()),
                index,
                name,
                *version,
                precondition,
            )
            .await
        }
        Step::Untag {
            table_key,
            branch,
            name,
            version,
            ..
        } => {
            untag(
                root.room(),
                table(plan, table_key, branch.as_deref()),
                index,
                name,
                *version,
            )
            .await
        }
        Step::Announce { file, sidecar, .. } => announce(root, index, file, sidecar).await,
        Step::FenceCatalog { .. } => {
            fence_catalog(root.room(), attempt, index, catalog_version).await
        }
        Step::Restore {
            table_key,
            branch,
            version,
            ..
        } => {
            restore(
                root.room(),
                attempt,
                table(plan, table_key, branch.as_deref()),
                index,
                *version,
            )
            .await
        }
        Step::Publish { pins, .. } => {
            let updates = pins
                .iter()
                .map(|pin| PinUpdate {
                    table_key: pin.table_key.clone(),
                    from_pin: pin.from_version,
                    to_version: pin.to_version,
                    table_branch: pin.branch.clone(),
                })
                .collect();
            publish(root.room(), attempt, index, updates, catalog_version).await
        }
        Step::Record { .. } | Step::Retire { .. } => Ok(StepOutcome::Conflict {
            detail: "this step is not an effect on storage".to_owned(),
            differences: Vec::new(),
        }),
    }
}

fn table<'a>(
    plan: &'a Plan,
    table_key: &str,
    branch: Option<&str>,
) -> Option<(&'a PlannedTable, TableLocation)> {
    let table = plan
        .tables
        .iter()
        .find(|table| table.table_key == table_key && table.branch.as_deref() == branch)?;
    Some((table, TableLocation::on(table.location.as_deref()?, branch)))
}

fn not_in_plan() -> StepOutcome {
    StepOutcome::Conflict {
        detail: "the plan names no location for this table".to_owned(),
        differences: Vec::new(),
    }
}

async fn tag(
    room: &LanceRoom,
    table: Option<(&PlannedTable, TableLocation)>,
    index: usize,
    name: &str,
    version: u64,
    precondition: &Precondition,
) -> Result<StepOutcome, ServiceError> {
    let Some((table, location)) = table else {
        return Ok(not_in_plan());
    };
    let what = format!("tagging version {version} of {}", table.table_key);
    if let Precondition::TableHead {
        version: planned, ..
    } = precondition
    {
        let head = room
            .head(&location)
            .await
            .map_err(|source| not_attempted(&what, source))?;
        if head != (Head::At { version: *planned }) {
            return Ok(head_moved(
                table,
                &format!("{} moved before it was touched", table.table_key),
                Some(*planned),
                found(head),
            ));
        }
    }
    match room
        .tag(&location, name, version)
        .await
        .map_err(|source| not_attempted(&what, source))?
    {
        TagOutcome::Created => Ok(StepOutcome::Done(StepResult {
            step: index,
            version: Some(version),
            already_done: false,
        })),
        TagOutcome::AlreadyThere => Ok(StepOutcome::Done(StepResult {
            step: index,
            version: Some(version),
            already_done: true,
        })),
        TagOutcome::Conflict { tagged } => Ok(StepOutcome::Conflict {
            detail: format!(
                "the tag {name} of {} already names another version; remove it by hand if it is not needed",
                table.table_key
            ),
            differences: vec![difference(
                Some(&table.table_key),
                "tag",
                version,
                tagged.version,
            )],
        }),
    }
}

/// A tag that is gone was dropped before; one that names another version is not ours to drop.
async fn untag(
    room: &LanceRoom,
    table: Option<(&PlannedTable, TableLocation)>,
    index: usize,
    name: &str,
    version: u64,
) -> Result<StepOutcome, ServiceError> {
    let Some((table, location)) = table else {
        return Ok(not_in_plan());
    };
    let what = format!("dropping the tag {name} of {}", table.table_key);
    let tagged = room
        .tagged(&location, name)
        .await
        .map_err(|source| not_attempted(&what, source))?;
    let already_done = match tagged {
        None => true,
        Some(tagged) if tagged.version != version => {
            return Ok(StepOutcome::Conflict {
                detail: format!(
                    "the tag {name} of {} names another version than the recovery gave it; it was left alone",
                    table.table_key
                ),
                differences: vec![difference(
                    Some(&table.table_key),
                    "tag",
                    version,
                    tagged.version,
                )],
            });
        }
        Some(_) => {
            let outcome = room
                .untag(&location, name)
                .await
                .map_err(|source| not_attempted(&what, source))?;
            outcome == UntagOutcome::Absent
        }
    };
    Ok(StepOutcome::Done(StepResult {
        step: index,
        version: Some(version),
        already_done,
    }))
}

async fn announce(
    root: &Root,
    index: usize,
    file: &str,
    sidecar: &str,
) -> Result<StepOutcome, ServiceError> {
    Ok(
        match sidecar_dir::create_sidecar(root.objects(), file, sidecar.as_bytes()).await? {
            created @ (Created::New | Created::AlreadyThere) => StepOutcome::Done(StepResult {
                step: index,
                version: None,
                already_done: created == Created::AlreadyThere,
            }),
            Created::Taken => StepOutcome::Conflict {
                detail: format!(
                    "another file named {file} is among the sidecars; find out whose it is"
                ),
                differences: vec![difference(None, "sidecar", "absent", "another file")],
            },
        },
    )
}

fn found(head: Head) -> Option<u64> {
    match head {
        Head::At { version } => Some(version),
        Head::DatasetMissing | Head::BranchMissing => None,
    }
}

fn head_moved(
    table: &PlannedTable,
    detail: &str,
    planned: Option<u64>,
    found: Option<u64>,
) -> StepOutcome {
    StepOutcome::Conflict {
        detail: detail.to_owned(),
        differences: vec![difference(
            Some(&table.table_key),
            "lance_head",
            number(planned),
            number(found),
        )],
    }
}

fn identity(attempt: &Attempt) -> EffectIdentity {
    EffectIdentity {
        operation_id: attempt.plan.operation_id.to_string(),
        plan_digest: attempt.bytes.digest().to_string(),
    }
}

async fn restore(
    room: &LanceRoom,
    attempt: &Attempt,
    table: Option<(&PlannedTable, TableLocation)>,
    index: usize,
    target: u64,
) -> Result<StepOutcome, ServiceError> {
    let Some((table, location)) = table else {
        return Ok(not_in_plan());
    };
    let Some(head_version) = table.lance_head else {
        return Ok(not_in_plan());
    };
    let request = RestoreRequest {
        location,
        head_version,
        head_transaction: table.head_transaction.clone().unwrap_or_default(),
        target,
        identity: identity(attempt),
    };
    let what = format!("restoring version {target} of {}", table.table_key);
    let mut outcome = room
        .restore(&request)
        .await
        .map_err(|source| not_attempted(&what, source))?;
    // What moved HEAD may be this very restore, sent by the executor that was taken over from, or by an attempt whose answer was
    // lost. From a HEAD above the planned one nothing is committed any more; whose it is is looked up.
    if matches!(outcome, CommitOutcome::HeadMoved { found, .. } if found > head_version) {
        outcome = room
            .restore(&request)
            .await
            .map_err(|source| not_attempted(&what, source))?;
    }
    Ok(match outcome {
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
        CommitOutcome::HeadMoved {
            found,
            found_transaction,
            ..
        } => {
            let mut differences = vec![difference(
                Some(&table.table_key),
                "lance_head",
                head_version,
                found,
            )];
            if let Some(transaction) = found_transaction.filter(|_| found == head_version) {
                differences.push(difference(
                    Some(&table.table_key),
                    "head_transaction",
                    table.head_transaction.clone().unwrap_or_default(),
                    transaction,
                ));
            }
            StepOutcome::Conflict {
                detail: format!(
                    "a writer committed to {} before it could be restored; its commit stands",
                    table.table_key
                ),
                differences,
            }
        }
        CommitOutcome::Refused { reason } => StepOutcome::Conflict {
            detail: format!(
                "Lance refuses to restore version {target} of {}: {reason}",
                table.table_key
            ),
            differences: vec![difference(
                Some(&table.table_key),
                "restorable",
                "yes",
                reason,
            )],
        },
        CommitOutcome::Unknown { reason } => StepOutcome::Unknown(format!(
            "storage did not say whether version {target} of {} was restored: {reason}; apply again to settle it",
            table.table_key
        )),
    })
}

async fn fence_catalog(
    room: &LanceRoom,
    attempt: &Attempt,
    index: usize,
    catalog_version: Option<u64>,
) -> Result<StepOutcome, ServiceError> {
    let catalog = match read_catalog(room, &attempt.plan).await? {
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
        branch: attempt.plan.branch.clone(),
        read_version: catalog.version,
        read_transaction: catalog.transaction.unwrap_or_default(),
        identity: identity(attempt),
    };
    let outcome = room
        .fence_catalog(&request)
        .await
        .map_err(|source| not_attempted("fencing the catalog", source))?;
    Ok(catalog_outcome(outcome, index, "fenced"))
}

async fn publish(
    room: &LanceRoom,
    attempt: &Attempt,
    index: usize,
    updates: Vec<PinUpdate>,
    catalog_version: Option<u64>,
) -> Result<StepOutcome, ServiceError> {
    let Some(read_version) = catalog_version else {
        return Ok(StepOutcome::CatalogMoved);
    };
    let request = PublishRequest {
        branch: attempt.plan.branch.clone(),
        read_version,
        updates,
        registrations: Vec::new(),
        tombstones: Vec::new(),
        identity: identity(attempt),
    };
    let outcome = room
        .publish(&request)
        .await
        .map_err(|source| not_attempted("publishing", source))?;
    Ok(catalog_outcome(outcome, index, "published to"))
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
            differences: vec![difference(
                Some(&table_key),
                "manifest_pinned",
                number(expected),
                number(found),
            )],
        },
        CommitOutcome::Refused { reason } => StepOutcome::Conflict {
            detail: format!("the catalog could not be {verb}: {reason}"),
            differences: vec![difference(None, "catalog", "as planned", reason)],
        },
        CommitOutcome::Unknown { reason } => StepOutcome::Unknown(format!(
            "storage did not say whether the catalog was {verb}: {reason}; apply again to settle it"
        )),
    }
}
