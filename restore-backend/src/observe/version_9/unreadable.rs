//! A catalog that cannot be read.

use fenced_lance::TableError;
use sidecar::{Code, Reason, error_text};

pub(super) fn catalog_unreadable(error: &TableError) -> Reason {
    Reason::new(
        Code::CatalogUnreadable,
        format!("the catalog cannot be read: {}", error_text(error)),
    )
}
