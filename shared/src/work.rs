//! How much work is done, counted in the tests of this package and nowhere else: a test of what something costs needs no clock.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local!(static DONE: Cell<usize> = const { Cell::new(0) });

/// Counts one piece of work: an id that is derived, or a table that is compared with another.
pub(crate) fn count() {
    #[cfg(test)]
    DONE.set(DONE.get() + 1);
}

/// The answer, and how many pieces of work it took.
#[cfg(test)]
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = DONE.get();
    let answer = work();
    (answer, DONE.get() - before)
}
