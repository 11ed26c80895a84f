//! Several at once: executors of one operation, approvers, writers that are not dead, and files that change meanwhile.

mod approvals;
mod executors;
mod files;
pub mod setup;
mod writers;
