//! Whether a root is in order, and whether it is ready for an upgrade.

use futures::FutureExt;
use sidecar::Timestamp;
use sidecar::doctor::{DoctorReport, DoctorScope};

use super::root_to_blame::looked;
use crate::doctor;
use crate::error::ServiceError;
use crate::root::Root;

/// The findings about a root, and the list before an upgrade if that is asked for. Issues no mutating request.
///
/// # Errors [`ServiceError::NoCatalog`] and [`ServiceError::RootUnusable`]. Anything else that cannot be read is told in the
/// report.
pub async fn doctor(
    root: &Root,
    scope: DoctorScope,
    now: Timestamp,
) -> Result<DoctorReport, ServiceError> {
    looked(root, doctor::examine(root, scope, now).boxed()).await
}
