//! Reports that follow from a journal, a listing or a refusal alone: of finished and open attempts, of pending entries.
//!
//! Each is a constructor of a shape in [`crate::api`] or of [`crate::ApplyReport`]. Whoever reads storage passes in what it read.

mod applied;
mod ended;
mod execution;
mod plans;
mod refusals;
mod summary;

pub use summary::JudgedLine;
