//! `drain`: everything that is pending in a root, planned on one page, and carried out plan by plan once a person approved each.
//!
//! A plan that waits for another one is planned anew once that one is carried out, so it has its final digest only then.

mod approved;
mod drained;
mod planned;

pub use approved::{ApprovedListError, DIGESTS_MAX, LIST_BYTES_MAX, approved_list};
pub use drained::{DoneBefore, DrainStep, DrainStop, DrainedReport, Draining, NotCurrent};
pub use planned::{DrainPlan, DrainReport};
