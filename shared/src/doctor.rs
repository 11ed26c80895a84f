//! `doctor`: whether a root is in order, and whether it is ready for an upgrade of its engine.
//!
//! Whoever reads storage passes in [`RootFacts`], where what could not be read has its reason. Nothing here is about one sidecar:
//! that is judged by its plan. A thing that is not known is never called well.

mod catalog;
mod checklist;
mod covers;
mod facts;
mod finding;
mod history;
mod judge;
mod known;
mod report;
mod upgrade;

pub use catalog::{CatalogReport, tables_are_read};
pub use checklist::{CheckStatus, ChecklistItem, ChecklistLine};
pub use covers::Covers;
pub use facts::{
    BranchCatalog, BranchFacts, DeclaredCatalog, FolderEntries, FolderFacts, JournalStand,
    OpenOperation, OperationFacts, PendingFacts, RootFacts, SchemaFacts, SchemaFileStand, Stand,
    TableStand, TagFacts,
};
pub use finding::{Finding, FindingKind, UncoveredCommits};
pub use history::{
    CatalogVersionFacts, HistoryFacts, HistoryVerdict, StandingCommit, called_in_history,
    judge_history,
};
pub use judge::operations_named;
pub use known::{Known, Unread};
pub use report::{DoctorReport, DoctorScope, LOOKED_AT};
