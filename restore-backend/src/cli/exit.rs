//! How the program ends.

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    /// It did not do its job. Where storage did not answer in time, the code of the failure is `timed_out`.
    Failed = 1,
    Usage = 2,
    /// Refused, or a conflict: nothing more was done, and somebody has to look.
    Refused = 3,
    /// `list --fail-if-pending` found something, or `doctor` found something that stands in the way.
    InTheWay = 4,
}
