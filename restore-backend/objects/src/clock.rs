//! The wall clock: read at the edge, and passed on as a value.

use std::time::{SystemTime, UNIX_EPOCH};

use sidecar::Timestamp;

/// Now, for ages and for the record. No verdict and no order of effects depends on it.
#[must_use]
pub fn now() -> Timestamp {
    // A clock set before 1970 makes everything age 0, which blocks execution rather than allowing it.
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
}
