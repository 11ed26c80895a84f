//! Service calls, and the root itself as the cause of an error: its folder cannot be used, or was replaced, or it is no root.

use futures::FutureExt;

use crate::error::ServiceError;
use crate::root::Root;
use fenced_lance::CatalogReading;

/// The answer of a look, if it is of the root that was opened. The folder in its place now may be a copy, in which no approval of
/// the original counts.
pub(super) async fn looked<T>(
    root: &Root,
    look: impl Future<Output = Result<T, ServiceError>>,
) -> Result<T, ServiceError> {
    let answer = root_to_blame(root, look).await?;
    is_there(root).await?;
    Ok(answer)
}

/// The answer of a service call; where it is an error that comes of the root itself, the error that says so.
///
/// A call that did its work answers so: it looked at the folder before it wrote. For an unknown operation, as for an empty list,
/// a readable catalog decides whether that says anything.
pub(super) async fn root_to_blame<T>(
    root: &Root,
    answer: impl Future<Output = Result<T, ServiceError>>,
) -> Result<T, ServiceError> {
    let error = match answer.await {
        Ok(answer) => return Ok(answer),
        Err(error) if error.is_invalid_request() => return Err(error),
        Err(error) => error,
    };
    is_there(root).await?;
    if error.is_not_found() {
        readable_catalog(root).boxed().await?;
    }
    Err(error)
}

async fn is_there(root: &Root) -> Result<(), ServiceError> {
    let there = root.is_there().await;
    there.map_err(|source| ServiceError::RootUnusable {
        root: root.shown(),
        source,
    })
}

/// Whether the root has a catalog that can be read: without one, an empty list says nothing.
pub(super) async fn readable_catalog(root: &Root) -> Result<(), ServiceError> {
    match root.lance().catalog(None).await {
        Ok(CatalogReading::Present(_)) => Ok(()),
        Ok(CatalogReading::NoCatalog | CatalogReading::NoBranch { .. }) => {
            Err(ServiceError::NoCatalog { root: root.shown() })
        }
        Err(source) => Err(ServiceError::CatalogUnreadable {
            root: root.shown(),
            source,
        }),
    }
}
