//! What lies in a root besides its tables: sidecars, journals and schema files, and the stores they are kept in.
//!
//! Nothing here knows of Lance. Every write creates an object that was not there or replaces one on a condition, every read is
//! bounded, and on local disk a write is durable once it returns.

pub mod clock;
pub mod dataset_files;
pub mod journal_store;
pub mod off_thread;
pub mod read;
pub mod schema_files;
pub mod sidecar_dir;
mod skipped;
pub mod store;

pub use skipped::Skipped;
