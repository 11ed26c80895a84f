//! Which findings follow from what was read.

mod operations;
mod root_catalog;
mod schema;
mod sidecars;
mod tables;

use super::catalog::CatalogReport;
use super::facts::RootFacts;
use super::finding::Finding;

pub use operations::operations_named;
pub(super) use operations::{holds_up, release, tags_by_operation};
pub(super) use sidecars::{OTHER_ENTRIES_MAX, seems_moved};

/// Every finding, in the order in which the facts tell them.
pub(super) fn findings(facts: &RootFacts, catalog: &CatalogReport) -> Vec<Finding> {
    let mut findings = root_catalog::findings(facts, catalog);
    findings.extend(sidecars::findings(facts));
    findings.extend(tables::findings(facts));
    findings.extend(schema::findings(facts));
    findings.extend(operations::findings(facts));
    findings
}
