//! What the page knows, and how answers and clicks change it. Pure: no browser, no server.

pub mod afterwards;
pub mod check;
pub mod entry;
pub mod failure;
pub mod journal_check;
pub mod listing;
pub mod load;
pub mod offline;
pub mod pending;
pub mod plan_check;
pub mod recovery;
pub mod shared_text;
