//! The log of connections that cannot be accepted.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

/// Connections that cannot be accepted, told once in a while: there may be thousands, and the log is on some disk too.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    told_at: Option<Instant>,
    not_told: u64,
}

impl Trouble {
    pub(super) fn met(&mut self, error: &io::Error, quiet: Duration) {
        if self.told_at.is_some_and(|at| at.elapsed() < quiet) {
            self.not_told += 1;
            return;
        }
        tracing::error!(
            %error,
            not_told_before = self.not_told,
            "connections cannot be accepted: the process has no file descriptor left, or the system refuses; idle connections are ended to make room, and the server goes on; if this lasts, start it with a higher limit (ulimit -n)"
        );
        (self.told_at, self.not_told) = (Some(Instant::now()), 0);
    }
}
