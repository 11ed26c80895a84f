//! The Lance room against real tables on disk: what it reads, what it costs, and that its fences hold.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod room_support;

#[path = "lance_room/catalog.rs"]
mod catalog;
#[path = "lance_room/confinement.rs"]
mod confinement;
#[path = "lance_room/content.rs"]
mod content;
#[path = "lance_room/error_text.rs"]
mod error_text;
#[path = "lance_room/fixtures.rs"]
mod fixtures;
#[path = "lance_room/head.rs"]
mod head;
#[path = "lance_room/insert.rs"]
mod insert;
#[path = "lance_room/lineage.rs"]
mod lineage;
#[path = "lance_room/looking.rs"]
mod looking;
#[path = "lance_room/memory.rs"]
mod memory;
#[path = "lance_room/restorable.rs"]
mod restorable;
#[path = "lance_room/restore.rs"]
mod restore;
#[path = "lance_room/row_count.rs"]
mod row_count;
#[path = "lance_room/tags.rs"]
mod tags;
