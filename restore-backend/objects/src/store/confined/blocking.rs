//! Work that waits for the file system.

use object_store::Result;

/// Runs `work` on a thread for blocking work; without a runtime, on this one.
pub(super) async fn blocking<F, T>(work: F) -> Result<T>
where
    F: FnOnce() -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}
