//! What lies in a root besides its tables, and the stores it is kept in.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod confined;
mod observed;
mod sidecars;
mod unreadable;
