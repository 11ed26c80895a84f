//! The connections that are open, and which of them has been quiet for longest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The connections that are open.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: Mutex<Taken>,
    /// Told when one of them ends.
    pub(super) freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    by: BTreeMap<u64, Activity>,
}

#[derive(Debug)]
struct Activity {
    /// When anything was last read or written.
    last: Instant,
    /// Requests that are being answered.
    requests: usize,
    wanted: Arc<Notify>,
}

impl Seats {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.taken().by.len()
    }

    /// Ends the connection that has been quiet for longest, of those on which no request waits for its answer. Returns
    /// whether there is one.
    pub(super) fn end_quietest(&self) -> bool {
        let taken = self.taken();
        let quietest = taken
            .by
            .values()
            .filter(|activity| activity.requests == 0)
            .min_by_key(|activity| activity.last);
        if let Some(activity) = quietest {
            activity.wanted.notify_one();
        }
        quietest.is_some()
    }
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    seats: Arc<Seats>,
    /// Told when another connection needs the place.
    pub(super) wanted: Arc<Notify>,
}

impl Seat {
    pub(super) fn take(seats: &Arc<Seats>) -> Self {
        let mut taken = seats.taken();
        let (number, wanted) = (taken.next, Arc::new(Notify::new()));
        taken.next += 1;
        taken.by.insert(
            number,
            Activity {
                last: Instant::now(),
                requests: 0,
                wanted: Arc::clone(&wanted),
            },
        );
        drop(taken);
        Self {
            number,
            seats: Arc::clone(seats),
            wanted,
        }
    }

    /// Notes that something was read or written now.
    pub(super) fn was_heard(&self) {
        self.note(|activity| activity.last = Instant::now());
    }

    fn note(&self, note: impl FnOnce(&mut Activity)) {
        if let Some(activity) = self.seats.taken().by.get_mut(&self.number) {
            note(activity);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken().by.remove(&self.number);
        self.seats.freed.notify_one();
    }
}

/// One request that is being answered.
pub(super) struct Busy(Arc<Seat>);

impl Busy {
    pub(super) fn begin(seat: &Arc<Seat>) -> Self {
        seat.note(|activity| activity.requests += 1);
        Self(Arc::clone(seat))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.note(|activity| {
            activity.requests -= 1;
            activity.last = Instant::now();
        });
    }
}
