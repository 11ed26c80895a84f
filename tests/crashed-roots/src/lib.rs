//! Roots for tests: healthy ones, and ones whose writers died.

#![allow(
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

pub mod crashed_root;
pub mod test_root;
