//! What the connections of a server may cost.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};

/// What the connections of a server may cost.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Bounds {
    /// Connections at a time. Each is a file descriptor.
    pub(in crate::http) connections_max: usize,
    /// Fields of a request's head.
    pub(in crate::http) headers_max: usize,
    /// Bytes of a request's head.
    pub(in crate::http) head_bytes_max: usize,
    /// How long to wait for the head of a request, from the start of the connection or the end of the request before. So it also
    /// bounds how long a connection is idle.
    pub(in crate::http) head_wait_max: Duration,
    /// How long to wait for a client that takes nothing of its answer.
    pub(in crate::http) write_wait_max: Duration,
    /// Pause after a connection that could not be accepted, unless another one ends before.
    pub(in crate::http) accept_pause: Duration,
    /// How long nothing more is logged about connections that cannot be accepted.
    pub(in crate::http) accept_quiet: Duration,
}

/// Connections may take one in so many of the process's file descriptors: the storage needs the others.
const DESCRIPTORS_PER_CONNECTION: u64 = 4;
/// At least so many connections are allowed, however few descriptors there are. A browser alone opens six.
const CONNECTIONS_MIN: usize = 8;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: 256,
            headers_max: 64,
            head_bytes_max: 16 << 10,
            head_wait_max: Duration::from_secs(30),
            write_wait_max: Duration::from_secs(30),
            accept_pause: Duration::from_millis(500),
            accept_quiet: Duration::from_secs(60),
        }
    }
}

impl Bounds {
    /// The default ones, with no more connections than this process has file descriptors for.
    pub(in crate::http) fn of_this_process() -> Self {
        let all = Self::default();
        let Ok((descriptors, _)) = getrlimit(Resource::RLIMIT_NOFILE) else {
            return all;
        };
        let share = usize::try_from(descriptors / DESCRIPTORS_PER_CONNECTION);
        let share = share.unwrap_or(usize::MAX).max(CONNECTIONS_MIN);
        Self {
            connections_max: all.connections_max.min(share),
            ..all
        }
    }
}
