//! The dialect of `schema_version` 9, which omnigraph v0.9.0 and v0.10.0 write (PROTOCOL.md, section 18).
//!
//! Such a file is read by [`parse`] and shown as a [`Version9Report`]; the facts that were found on the tables are judged by
//! [`judge_version_9`]. The recovery is planned and carried out like any other, with the parts that the file fixed beforehand
//! (section 18.5).

mod authority;
mod beside;
mod branch_identifier;
mod common;
mod delta;
mod dependence;
mod effect;
mod evidence;
mod facts;
mod fault;
mod fields;
mod judge;
mod lineage;
pub mod no_evidence;
mod outcome;
mod parse;
mod payload;
mod pin;
mod place;
mod planned;
mod prepare;
pub mod proof;
mod report;
mod schema_change;
mod shape;
mod sidecar;
mod table_identity;
mod transaction_identity;
mod twins;
mod verdict;
mod what_if;

pub use authority::Authority;
pub use branch_identifier::BranchIdentifier;
pub use delta::{ConfirmedUpdate, IntendedDelta, TableUpdate, VersionMetadata};
pub use dependence::{dependence, misnamed};
pub use effect::{Commit, Effect, IndexCommit, MergeWork, SchemaWork, Work};
pub use evidence::{
    Beside, BranchSeen, CatalogRow, CatalogTable, CatalogTables, Evidence, ForkSeen, GraphSeen,
    HeadSeen, SchemaIdentity, SchemaSeen, TableSeen,
};
pub use facts::Fact;
pub use judge::judge_version_9;
pub use lineage::Lineage;
pub use outcome::RollbackOutcome;
pub(crate) use parse::of_json;
pub use parse::{SCHEMA_VERSION, parse};
pub use payload::{EffectPhase, Payload, Protocol};
pub use pin::Pin;
pub use place::place_conflict;
pub use planned::{PlannedRow, PlannedTable};
pub use prepare::{CannotPrepare, with_rollback_outcomes};
pub use report::{Version9Report, Version9Summary};
pub use schema_change::{AddedTable, RemovedTable, RenamedTable};
pub use sidecar::{Sidecar9, Spelling};
pub use table_identity::TableIdentity;
pub use transaction_identity::TransactionIdentity;
pub use verdict::{Carries, TableVerdict9, Verdict9};
pub use what_if::{Case9, WhatIf9, what_if_9};
