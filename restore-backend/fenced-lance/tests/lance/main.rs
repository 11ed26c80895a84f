//! A `LanceRoot` against real tables on disk: what it reads, what it costs, and that its fences hold.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod catalog;
mod confinement;
mod content;
mod error_text;
mod fixtures;
mod graph_history;
mod head;
mod insert;
mod looking;
mod memory;
mod restorable;
mod restore;
mod row_count;
mod tags;
