//! Looking at a root: pins of the catalog, Lance HEADs, transactions, staged schema files. It never writes.
//!
//! A look reads only as much as the decision needs. A list needs one listing per table. A plan also needs the transactions
//! between pin and HEAD. Only a roll back needs to know whether contents differ and whether the pin can be restored.

pub(crate) mod bounds;
mod closely;
mod depth;
mod error;
mod evidence;
mod failed;
mod judged;
mod kept_history;
mod look;
mod merge;
mod positions;
mod readings;
mod recorded;
mod row_counts;
mod schema;
mod shallow;
mod stand;
mod version_9;

pub(crate) use closely::{look_again, look_closely};
pub use error::ObserveError;
pub(crate) use evidence::{read_restorability, transaction_observation};
pub(crate) use failed::FailedRead;
pub use judged::Judged;
pub(crate) use look::Look;
pub(crate) use row_counts::read_row_counts;
pub use shallow::observe_all;
pub(crate) use shallow::observe_each;
pub(crate) use stand::PinStand;
pub(crate) use version_9::judge_9;
