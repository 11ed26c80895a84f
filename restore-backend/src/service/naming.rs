//! What people mean who type the first characters of an operation or of a digest.

use std::collections::BTreeSet;

use futures::FutureExt;
use sidecar::api::RefusalReport;
use sidecar::approvable::{plan_to_apply, plans_on_record};
use sidecar::short_names::operations_named as named;
use sidecar::{Digest, OperationId, Timestamp};

use super::root_to_blame::looked;
use super::{Answer, dismiss, plan, plan_choosing, unknown};
use crate::error::ServiceError;
use crate::root::Root;
use root_objects::journal_store::{self, Journal};
use root_objects::sidecar_dir;

/// The operations of a root whose ids begin with `prefix`; one at least.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if there is none; else see [`ServiceError`].
pub async fn operations_named(root: &Root, prefix: &str) -> Result<Vec<OperationId>, ServiceError> {
    looked(root, found(root, prefix).boxed()).await
}

async fn found(root: &Root, prefix: &str) -> Result<Vec<OperationId>, ServiceError> {
    let limits = root.limits();
    let (names, journals) = futures::join!(
        sidecar_dir::list_names(root.objects(), &limits),
        journal_store::list_journals(root.objects())
    );
    let (names, journals) = (names?.files(), journals?);
    let stems = names.iter().filter_map(|name| name.strip_suffix(".json"));
    let pending: BTreeSet<OperationId> = stems.filter_map(|stem| stem.parse().ok()).collect();
    let claimed = journals.iter().filter(|(_, journal)| journal.claimed);
    let claimed: BTreeSet<OperationId> = claimed.map(|(id, _)| id.clone()).collect();
    let on_record: BTreeSet<OperationId> = journals.into_keys().collect();
    let operations = named(prefix, &pending, &on_record, &claimed);
    if operations.is_empty() {
        return Err(unknown(root, prefix));
    }
    Ok(operations)
}

/// The digests of the plans that can be approved of an operation now: the verdict's, those of other choices, and its dismissal.
///
/// # Errors
/// As [`plan`].
pub async fn current_digests(
    root: &Root,
    operation: &OperationId,
    now: Timestamp,
) -> Result<Vec<Digest>, ServiceError> {
    let report = plan(root, operation.as_str(), now).boxed().await?;
    let mut digests: Vec<Digest> = report.digest.into_iter().collect();
    for choice in report.other_choices {
        let other = plan_choosing(root, operation.as_str(), choice, now).boxed();
        if let Answer::Done(other) = other.await? {
            digests.extend(other.digest);
        }
    }
    if report.purpose.is_recovery() && report.disposition.may_be_set_aside() {
        let dismissal = dismiss(root, operation.as_str(), now).boxed().await?;
        digests.extend(dismissal.digest);
    }
    Ok(digests)
}

/// The digests of the plans that are approved of an operation, and of the one that was begun.
///
/// # Errors
/// See [`ServiceError`].
pub async fn recorded_digests(
    root: &Root,
    operation: &OperationId,
) -> Result<Vec<Digest>, ServiceError> {
    let journal = looked(root, load(root, operation).boxed()).await?;
    Ok(plans_on_record(&journal.state))
}

/// The plan that is carried out where no digest is given: the one that was begun, else the only one that is approved.
///
/// # Errors
/// See [`ServiceError`]. If there is no such plan, or are several, the answer is an [`Answer::No`].
pub async fn digest_to_apply(
    root: &Root,
    operation: &OperationId,
) -> Result<Answer<Digest>, ServiceError> {
    let journal = looked(root, load(root, operation).boxed()).await?;
    let refused = |refusal: RefusalReport| Answer::No(refusal);
    Ok(plan_to_apply(operation, &journal.state).map_or_else(refused, Answer::Done))
}

async fn load(root: &Root, operation: &OperationId) -> Result<Journal, ServiceError> {
    let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
    // Without a catalog, a missing journal says nothing.
    if journal.records() == 0 {
        super::root_to_blame::readable_catalog(root).boxed().await?;
    }
    Ok(journal)
}
