//! Roots for tests: healthy ones, and ones whose writers died.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

pub mod crashed_root;
pub mod rows;
pub mod store;
pub mod test_root;
