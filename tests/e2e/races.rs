//! Several at once: executors of one operation, approvers, writers that are not dead, and stores whose answers get lost.

mod approvals;
mod executors;
mod files;
mod lost_answers;
pub mod setup;
mod writers;
