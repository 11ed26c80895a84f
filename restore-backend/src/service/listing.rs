//! The list of pending recoveries, one line each.

use futures::FutureExt;
use sidecar::Timestamp;
use sidecar::api::RecoveryList;
use sidecar::observation::obstacle::no_catalog;

use super::root_to_blame::{looked, readable_catalog};
use crate::error::ServiceError;
use crate::pending::{pending_and_skipped, summaries};
use crate::root::Root;
use sidecar::error_text;

/// Every pending recovery of a root. Issues no mutating request.
///
/// The list is empty only if the catalog was read. Otherwise the catalog's state is in the list.
///
/// # Errors
/// See [`ServiceError`]; [`ServiceError::NoCatalog`] and [`ServiceError::CatalogUnreadable`] if the list would be empty.
pub async fn list(root: &Root, now: Timestamp) -> Result<RecoveryList, ServiceError> {
    looked(root, listed(root, now).boxed()).await
}

async fn listed(root: &Root, now: Timestamp) -> Result<RecoveryList, ServiceError> {
    let (looked, catalog) = futures::join!(
        pending_and_skipped(root, None),
        readable_catalog(root).boxed()
    );
    let (recoveries, skipped) = looked?;
    if recoveries.is_empty() {
        catalog?;
        return Ok(RecoveryList {
            root: root.address().to_string(),
            recoveries: Vec::new(),
            skipped,
            catalog: None,
        });
    }
    let summaries = summaries(root, &recoveries, now).await?;
    Ok(RecoveryList {
        root: root.address().to_string(),
        recoveries: summaries,
        skipped,
        catalog: catalog.err().map(|error| no_catalog(&error_text(&error))),
    })
}
