//! For how long storage is waited for, by the console and by the command line alike.
//!
//! A request to a file system that does not answer cannot be ended: a thread of this process waits in the system. So whoever
//! waits for it gives it up and says so.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use root_objects::store::RequestLog;

/// How long requests are waited for on their way to and in a root. Together they stay below the bound on every request.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a permit to look.
    pub permit: Duration,
    /// For a look, or for writing an approval down. Longer than any look at a healthy root takes.
    pub look: Duration,
    /// For the next step of an execution.
    pub step: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            permit: Duration::from_secs(10),
            look: Duration::from_secs(45),
            step: Duration::from_secs(600),
        }
    }
}

/// Returns when `steps` has told nothing for so long. It does not return once nobody is left who could tell anything: then there
/// is an outcome to wait for.
pub(crate) async fn without_steps<T>(steps: &mut watch::Receiver<T>, patience: Duration) {
    steps.mark_unchanged();
    loop {
        match timeout(patience, steps.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => return,
        }
    }
}

/// Returns when no request of this log was answered for so long. Slow answers, one after the other, are answers: only silence
/// says that storage does not answer.
pub(crate) async fn without_answers(log: &RequestLog, patience: Duration) {
    let mut since = Instant::now();
    loop {
        sleep_until(since + patience).await;
        match log.last_answer() {
            Some(answered) if answered > since => since = answered,
            _ => return,
        }
    }
}
