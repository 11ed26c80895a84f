//! How much of a root is looked at at the same time, and how often.

/// Tables looked at at the same time. Each takes one to three small requests.
pub(crate) const TABLES_AT_ONCE: usize = 32;
/// Catalog branches read at the same time.
pub(crate) const CATALOGS_AT_ONCE: usize = 4;
/// Looks that are made while the catalog keeps moving, before that is reported.
pub(crate) const LOOKS_MAX: usize = 5;
