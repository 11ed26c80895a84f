//! What is pending in one root, asked for again and again.

use std::rc::Rc;

use sidecar::api::RecoveryList;
use sidecar::{Reason, Timestamp};
use yew::Reducible;

use super::entry::Entry;
use super::failure::Failure;
use super::listing::{Listing, Sort};

/// Shortest and longest pause between two looks at a list, and at one plan, in milliseconds.
const LIST_MS: (f64, f64) = (10_000.0, 300_000.0);
const PLAN_MS: (f64, f64) = (4_000.0, 120_000.0);

/// A look at a long list costs the page, the server and the store; the pause grows with it, so that
/// looking takes at most a few per cent of the time.
const PAUSE_PER_COST: f64 = 30.0;

/// What is pending in one root.
#[derive(Debug, Clone, Default)]
pub struct PendingState {
    /// The list with its filter and order.
    pub listing: Listing,
    /// Files and folders beside the journals that belong to none, and were skipped.
    pub skipped: Vec<Reason>,
    /// When it was read; `None` before it ever was.
    pub read_at: Option<Timestamp>,
    /// Why the catalog could not be read, if it could not while something is pending.
    pub catalog: Option<Reason>,
    /// Why the last look failed; the list stays.
    pub failure: Option<Failure>,
    /// Whether a look is under way.
    pub asking: bool,
}

/// What happens to a [`PendingState`].
#[derive(Debug)]
pub enum Action {
    /// The server was asked.
    Asked,
    /// It answered, or did not.
    Answered(Result<RecoveryList, Failure>, Timestamp),
    /// The filter was edited, or another order was chosen.
    Arranged(String, Sort),
}

impl Reducible for PendingState {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut next = (*self).clone();
        match action {
            Action::Asked => next.asking = true,
            Action::Answered(Ok(list), at) => {
                let entries = list.recoveries.into_iter().map(Entry::of_summary).collect();
                next = Self {
                    listing: next.listing.with_entries(entries),
                    skipped: list.skipped,
                    read_at: Some(at),
                    catalog: list.catalog,
                    failure: None,
                    asking: false,
                };
            }
            Action::Answered(Err(failure), _) => {
                (next.asking, next.failure) = (false, Some(failure))
            }
            Action::Arranged(query, sort) => next.listing = next.listing.with_both(query, sort),
        }
        Rc::new(next)
    }
}

/// How long to wait before the next look at a list, after one that took so many milliseconds.
#[must_use]
pub fn pause_ms(cost_ms: f64) -> u32 {
    (cost_ms * PAUSE_PER_COST).clamp(LIST_MS.0, LIST_MS.1) as u32
}

/// The same for one plan. It is looked at more often: whoever has it open may act on it.
#[must_use]
pub fn plan_pause_ms(cost_ms: f64) -> u32 {
    (cost_ms * PAUSE_PER_COST).clamp(PLAN_MS.0, PLAN_MS.1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduced(state: Rc<PendingState>, action: Action) -> Rc<PendingState> {
        state.reduce(action)
    }

    #[test]
    fn a_failed_look_keeps_the_list_and_a_good_one_forgets_the_failure() {
        let now = Timestamp::from_micros(1);
        let list = || RecoveryList {
            root: "file:///g".to_owned(),
            recoveries: Vec::new(),
            skipped: Vec::new(),
            catalog: None,
        };
        let state = reduced(Rc::default(), Action::Answered(Ok(list()), now));
        let failed = reduced(state, Action::Answered(Err(Failure::Unreachable), now));
        assert!(failed.read_at.is_some() && failed.failure.is_some());
        let again = reduced(failed, Action::Answered(Ok(list()), now));
        assert!(again.failure.is_none());
    }

    #[test]
    fn a_costly_look_is_repeated_less_often() {
        assert_eq!(pause_ms(20.0), 10_000);
        assert_eq!(pause_ms(1_000.0), 30_000);
        assert_eq!(pause_ms(1e9), 300_000);
        assert_eq!((plan_pause_ms(20.0), plan_pause_ms(1e9)), (4_000, 120_000));
    }
}
