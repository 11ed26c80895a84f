//! Tables: their tags, and the restore of a version.

use sidecar::journal::{Attempt, StepResult};
use sidecar::{Difference, DifferenceField, PlannedTable, Precondition};

use super::outcome::{StepOutcome, identity, not_attempted, not_in_plan};
use crate::error::ServiceError;
use fenced_lance::{
    CommitOutcome, Head, LanceRoot, Refusal, RestoreRequest, TableError, TableLocation, TagOutcome,
    Tagged, UntagOutcome,
};

/// The state that a tag depends on, from one look.
pub(in crate::execute) struct TagSeen {
    // Kept for its cached listing, so that setting the tag does not list again.
    lance: LanceRoot,
    head: Option<Head>,
    tagged: Option<Tagged>,
}

/// Looks at the tag, and at HEAD if the tag is for HEAD.
pub(super) async fn look_at_tag(
    lance: &LanceRoot,
    location: &TableLocation,
    name: &str,
    precondition: &Precondition,
) -> Result<TagSeen, TableError> {
    let lance = lance.for_one_look();
    let head = async {
        match precondition {
            Precondition::TableHead { .. } => lance.head(location).await.map(Some),
            _ => Ok(None),
        }
    };
    let (head, tagged) = futures::try_join!(head, lance.tagged(location, name))?;
    Ok(TagSeen {
        lance,
        head,
        tagged,
    })
}

pub(super) async fn tag(
    table: Option<(&PlannedTable, TableLocation)>,
    index: usize,
    name: &str,
    version: u64,
    precondition: &Precondition,
    seen: Result<TagSeen, TableError>,
) -> Result<StepOutcome, ServiceError> {
    let Some((table, location)) = table else {
        return Ok(not_in_plan());
    };
    let what = format!("tagging version {version} of {}", table.table_key);
    let TagSeen {
        lance,
        head,
        tagged,
    } = seen.map_err(|source| not_attempted(&what, source))?;
    if let (
        Precondition::TableHead {
            version: planned, ..
        },
        Some(head),
    ) = (precondition, head)
        && head != (Head::At { version: *planned })
    {
        return Ok(head_moved(
            table,
            &format!("{} moved before it was touched", table.table_key),
            Some(*planned),
            found(head),
        ));
    }
    match lance
        .tag_unless(&location, name, version, tagged)
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
            differences: vec![Difference::new(
                Some(&table.table_key),
                DifferenceField::Tag,
                version,
                tagged.version,
            )],
        }),
    }
}

pub(super) async fn untag(
    lance: &LanceRoot,
    table: Option<(&PlannedTable, TableLocation)>,
    index: usize,
    name: &str,
    version: u64,
) -> Result<StepOutcome, ServiceError> {
    let Some((table, location)) = table else {
        return Ok(not_in_plan());
    };
    let what = format!("dropping the tag {name} of {}", table.table_key);
    let tagged = lance
        .tagged(&location, name)
        .await
        .map_err(|source| not_attempted(&what, source))?;
    let already_done = match tagged {
        None => {
            lance
                .make_untagging_durable(&location, name)
                .await
                .map_err(|source| not_attempted(&what, source))?;
            true
        }
        Some(tagged) if tagged.version != version => {
            return Ok(StepOutcome::Conflict {
                detail: format!(
                    "the tag {name} of {} names another version than the recovery gave it; it was left alone",
                    table.table_key
                ),
                differences: vec![Difference::new(
                    Some(&table.table_key),
                    DifferenceField::Tag,
                    version,
                    tagged.version,
                )],
            });
        }
        Some(_) => {
            let outcome = lance
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

pub(super) async fn restore(
    lance: &LanceRoot,
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
    let mut outcome = lance
        .restore(&request)
        .await
        .map_err(|source| not_attempted(&what, source))?;
    // HEAD may have moved by this very restore, sent by the earlier executor or by an attempt whose answer was lost. Above the
    // planned HEAD a second call commits nothing; it looks up whose commit moved HEAD.
    if matches!(outcome, CommitOutcome::HeadMoved { found, .. } if found > head_version) {
        outcome = lance
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
            let mut differences = vec![Difference::new(
                Some(&table.table_key),
                DifferenceField::LanceHead,
                head_version,
                found,
            )];
            if let Some(transaction) = found_transaction.filter(|_| found == head_version) {
                differences.push(Difference::new(
                    Some(&table.table_key),
                    DifferenceField::HeadTransaction,
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
        CommitOutcome::Refused {
            reason: reason @ Refusal::CleanedAway { version },
        } => StepOutcome::Lost {
            detail: format!(
                "others committed to {}, and the version at which it would have been restored was cleaned away: nobody can tell whether it was restored; make a new plan",
                table.table_key
            ),
            differences: vec![Difference::new(
                Some(&table.table_key),
                DifferenceField::LanceHead,
                version,
                reason,
            )],
        },
        CommitOutcome::Refused { reason } => StepOutcome::Conflict {
            detail: format!(
                "Lance refuses to restore version {target} of {}: {reason}",
                table.table_key
            ),
            differences: vec![Difference::new(
                Some(&table.table_key),
                DifferenceField::Restorable,
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
        differences: vec![Difference::of_versions(
            Some(&table.table_key),
            DifferenceField::LanceHead,
            planned,
            found,
        )],
    }
}
