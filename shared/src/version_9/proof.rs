//! What the transactions of a table prove about a planned effect of version 9: whose the versions above the pin are.

mod chain;
mod ownership;
mod seen;

pub use chain::{ChainProof, prove_chain};
pub use ownership::{Ownership, foreign_versions, ownership_of_commit};
pub use seen::{SCANNED_MAX, SeenOperation, SeenTransaction, SeenVersions};
