//! A catalog that cannot be read.

use fenced_lance::TableError;
use sidecar::observation::obstacle;
use sidecar::{Reason, error_text};

pub(super) fn catalog_unreadable(error: &TableError) -> Reason {
    obstacle::catalog_unreadable(&error_text(error))
}
