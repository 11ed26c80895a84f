//! The looks at the root around the effects: right after the claim, and after the last effect.

use sidecar::journal::Attempt;
use sidecar::observation::{CatalogObservation, HeadObservation, Pinned, TableObservation};
use sidecar::{
    Action, ApprovedPlan, Difference, Disposition, Observation, PlanInput, PlannedTable, Sidecar,
    judge, plan,
};

use super::plan_differences;
use crate::observe::{ObserveError, observe};
use crate::root::Root;
use crate::service::{self, ServiceError};

/// What moved between the approved plan and now. Looked at after the claim, when writers who honour it have stopped.
pub(super) async fn moved_since_approval(
    root: &Root,
    approved: &ApprovedPlan,
    attempt: Option<&Attempt>,
) -> Result<Vec<Difference>, ServiceError> {
    if !approved.plan().purpose.is_recovery() {
        return service::moved_since_approval(root, approved.plan()).await;
    }
    let Some((sidecar, _)) = attempt.and_then(|attempt| Some((parse(root, attempt)?, attempt)))
    else {
        return Ok(vec![difference(
            None,
            "sidecar",
            "as approved",
            "unreadable",
        )]);
    };
    let observation = observe(root, &sidecar).await?;
    let verdict = judge(&sidecar, None, &observation);
    let planned = approved.plan();
    let input = PlanInput {
        root: root.id(),
        operation_id: &planned.operation_id,
        file: &planned.file,
        sidecar_digest: planned.sidecar,
        sidecar: Some(&sidecar),
        observation: Some(&observation),
        verdict: &verdict,
    };
    let mut differences = plan_differences(approved, &plan(&input));
    if differences.is_empty() && !verdict.blockers.is_empty() {
        differences.extend(verdict.blockers.into_iter().map(service::blocked));
    }
    Ok(differences)
}

fn parse(root: &Root, attempt: &Attempt) -> Option<Sidecar> {
    Sidecar::parse(
        &attempt.plan.file,
        attempt.sidecar.as_bytes(),
        &root.limits(),
    )
    .ok()
}

fn difference(table_key: Option<&str>, field: &str, planned: &str, found: &str) -> Difference {
    Difference {
        table_key: table_key.map(str::to_owned),
        field: field.to_owned(),
        planned: planned.to_owned(),
        found: found.to_owned(),
    }
}

/// What is not as the effects left it.
///
/// Rolled forward, the write is visible for good once the publish is in; what others do above it is theirs. Rolled back, a
/// table that moves again, or one that was never reached and moves now, is this very writer still at work. What cannot be read
/// has not moved for that: it is an error, and the attempt stays open.
pub(super) async fn moved_since_effects(
    root: &Root,
    attempt: &Attempt,
) -> Result<Vec<Difference>, ServiceError> {
    let touches_tables = attempt
        .plan
        .tables
        .iter()
        .any(|table| table.action != Action::None);
    let Some(sidecar) = parse(root, attempt).filter(|_| touches_tables) else {
        return Ok(Vec::new());
    };
    let observation = observe(root, &sidecar).await?;
    if let CatalogObservation::Unreadable { reason } = &observation.catalog {
        return Err(unreadable("the catalog", reason));
    }
    let is_forward = attempt.plan.disposition == Disposition::RollForward;
    let mut differences = Vec::new();
    for planned in &attempt.plan.tables {
        let observed = observation.tables.iter().find(|table| {
            (&table.table_key, &table.branch) == (&planned.table_key, &planned.branch)
        });
        if let Some(TableObservation {
            head: HeadObservation::Unreadable { reason },
            ..
        }) = observed
            && !is_forward
        {
            return Err(unreadable(&planned.table_key, reason));
        }
        let (pinned, head) = match observed {
            Some(table) => (table.pinned.version(), table.head.version()),
            None => (
                changed_in_catalog(&observation, planned),
                planned.head_after(),
            ),
        };
        let key = Some(planned.table_key.as_str());
        let mut compare = |field: &str, expected: Option<u64>, found: Option<u64>, holds: bool| {
            if !holds {
                let number = |version: Option<u64>| {
                    version.map_or_else(|| "none".to_owned(), |version| version.to_string())
                };
                differences.push(difference(key, field, &number(expected), &number(found)));
            }
        };
        let expected_pin = planned.pin_after();
        let expected_head = planned.head_after();
        if is_forward {
            let was_removed = matches!(
                observed,
                Some(TableObservation {
                    pinned: Pinned::Tombstoned { .. },
                    ..
                })
            );
            // A table that others add again once it is removed is theirs.
            let holds =
                planned.action == Action::Tombstone || was_removed || pinned >= expected_pin;
            compare("manifest_pinned", expected_pin, pinned, holds);
        } else {
            compare(
                "manifest_pinned",
                expected_pin,
                pinned,
                pinned == expected_pin,
            );
            compare("lance_head", expected_head, head, head == expected_head);
        }
    }
    Ok(differences)
}

/// The visible version of a table that the plan adds, removes, or leaves as it is: none of those the sidecar pins.
fn changed_in_catalog(observation: &Observation, planned: &PlannedTable) -> Option<u64> {
    let schema = observation.schema.as_ref()?;
    let added = schema
        .registrations
        .iter()
        .map(|found| (&found.table_key, found.pinned));
    let removed = schema
        .tombstones
        .iter()
        .map(|found| (&found.table_key, found.pinned));
    let (_, pinned) = added
        .chain(removed)
        .find(|(table_key, _)| *table_key == &planned.table_key)?;
    pinned.version()
}

fn unreadable(what: &str, reason: &str) -> ServiceError {
    ObserveError::Unreadable {
        what: what.to_owned(),
        reason: reason.to_owned(),
    }
    .into()
}
