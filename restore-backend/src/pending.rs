//! The reads behind what is pending in a root: sidecar files, and journaled operations. [`sidecar::pending`] puts them together.

mod journals;
mod recovery;
mod summaries;

use futures::FutureExt;
use futures::future::BoxFuture;
use sidecar::{OperationId, PendingEntry, Reason, error_text};

use crate::error::ServiceError;
use crate::root::Root;
use root_objects::off_thread;
use root_objects::sidecar_dir;

use journals::{Found, ListedJournals, known};

pub(crate) use recovery::PendingRecovery;
pub(crate) use summaries::summaries;

/// Everything that is pending, oldest first: one listing and one read per sidecar, one listing of the open operations, and a
/// listing and the records of every journal that is open or belongs to a sidecar.
///
/// `wanted` is the operation or file in question, if there is one. Only its bytes are kept.
pub(crate) async fn pending(
    root: &Root,
    wanted: Option<&str>,
) -> Result<Vec<PendingRecovery>, ServiceError> {
    Ok(pending_and_skipped(root, wanted).await?.0)
}

/// As [`pending`], as if operation `without` had no journal: the state before that operation was begun.
pub(crate) async fn pending_without(
    root: &Root,
    wanted: &str,
    without: Option<&OperationId>,
) -> Result<Vec<PendingRecovery>, ServiceError> {
    Ok(gathered(root, Some(wanted), without).await?.0)
}

/// As [`pending`], for a look that needs to know the other pending sidecars.
pub(crate) fn read_pending(root: &Root) -> BoxFuture<'_, Result<Vec<PendingEntry>, String>> {
    let entries = async move {
        let recoveries = pending(root, None).await;
        let recoveries = recoveries.map_err(|error| error_text(&error))?;
        let entries = recoveries.into_iter().map(PendingRecovery::into_entry);
        Ok(entries.collect())
    };
    entries.boxed()
}

/// As [`pending`], with the objects that should not be there and were skipped.
pub(crate) async fn pending_and_skipped(
    root: &Root,
    wanted: Option<&str>,
) -> Result<(Vec<PendingRecovery>, Vec<Reason>), ServiceError> {
    gathered(root, wanted, None).await
}

async fn gathered(
    root: &Root,
    wanted: Option<&str>,
    without: Option<&OperationId>,
) -> Result<(Vec<PendingRecovery>, Vec<Reason>), ServiceError> {
    let limits = root.limits();
    let (mut names, mut listed) = futures::try_join!(
        async {
            sidecar_dir::list_names(root.objects(), &limits)
                .await
                .map_err(ServiceError::from)
        },
        async {
            ListedJournals::of(root, wanted)
                .await
                .map_err(ServiceError::from)
        },
    )?;
    let mut skipped = names.take_skipped();
    skipped.extend(listed.take_skipped());
    let found = listed.found(root, names.files(), &limits);
    let (files, found) = futures::join!(names.read(root.objects(), &limits, wanted), found);
    let Found {
        mut journals,
        mut unsettled,
    } = found;
    if let Some(without) = without {
        journals.remove(without);
        unsettled.remove(without);
    }
    // Sorting and comparing very many entries takes long.
    let bytes = files.len().saturating_mul(size_of::<PendingRecovery>());
    let recoveries = off_thread::in_place(bytes, || {
        let entries = sidecar::pending(files, &known(&journals), &unsettled, &limits);
        let entries = entries.into_iter();
        entries
            .map(|entry| PendingRecovery::of(entry, &mut journals))
            .collect()
    });
    Ok((recoveries, skipped))
}
