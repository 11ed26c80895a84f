//! Work that takes the processor for long, kept off the threads that answer requests.

use std::sync::LazyLock;

use tokio::runtime::RuntimeFlavor;
use tokio::sync::Semaphore;

/// Bytes below which work is not worth handing over: a few microseconds of hashing and parsing.
const BYTES_AT_ONCE: usize = 16 << 10;

/// As many pieces of work as there are processors; more would only wait in memory.
static PERMITS: LazyLock<Semaphore> = LazyLock::new(|| {
    Semaphore::new(std::thread::available_parallelism().map_or(2, std::num::NonZero::get))
});

/// Does work over so many bytes, on a thread of its own if they are many.
///
/// Whoever stops waiting does not stop the work, so a piece is no larger than one file or one journal.
pub async fn over<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= BYTES_AT_ONCE {
        return work();
    }
    // The semaphore is never closed; without a permit there would only be more pieces at once.
    let permit = PERMITS.acquire().await;
    let done = tokio::task::spawn_blocking(work).await;
    drop(permit);
    match done {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and nobody waits for an answer any more.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The same for work that cannot be handed over: meanwhile other requests are answered on other threads, if there are any.
pub fn in_place<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let has_others = tokio::runtime::Handle::try_current()
        .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if bytes > BYTES_AT_ONCE && has_others {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}
