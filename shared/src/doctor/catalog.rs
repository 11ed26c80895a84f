//! The stamp of a catalog, and who reads it.

use serde::{Deserialize, Serialize};

use crate::catalog_stamp::read_by;
use crate::root_layout::{STAMP_WITH_IDENTITIES, STAMPS_ACTED_ON, STAMPS_READ_ONLY};

use super::facts::{BranchCatalog, RootFacts};
use super::known::Unread;

/// What a report says of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogReport {
    /// Its stamp; null where it is not known.
    pub stamp: Option<u32>,
    /// The releases of engines that read such a catalog; null where this build knows of none.
    pub read_by: Option<String>,
    /// Whether its writers name their operation in every commit.
    pub two_phase: bool,
    /// Whether this build carries out recoveries in it.
    pub is_acted_on: bool,
    /// Tables that readers see on main; null where that is not known.
    pub tables: Option<usize>,
    /// Branches of the graph, main included; null where that is not known.
    pub branches: Option<usize>,
}

/// The last stamp that no engine converts: such a graph is exported and loaded.
pub(super) const STAMP_EXPORTED_MAX: u32 = 4;

/// Whether the tables of a catalog with this stamp are read here as its engines read them.
#[must_use]
pub fn tables_are_read(stamp: u32) -> bool {
    is_acted_on(stamp) || STAMPS_READ_ONLY.contains(&stamp)
}

/// Whether recoveries are carried out there.
fn is_acted_on(stamp: u32) -> bool {
    STAMPS_ACTED_ON.contains(&stamp) || stamp == STAMP_WITH_IDENTITIES
}

impl CatalogReport {
    pub(super) fn of(facts: &RootFacts) -> Self {
        let declared = facts.catalog.as_ref().ok();
        let stamp = declared.and_then(|declared| declared.stamp.as_ref().ok().copied());
        let two_phase = declared.is_some_and(|declared| declared.two_phase);
        let branches: Option<&Vec<_>> = facts.branches.as_ref().ok();
        let main = branches.and_then(|branches| branches.first());
        let tables = |catalog: &Result<BranchCatalog, Unread>| {
            let catalog = catalog.as_ref().ok()?;
            Some(catalog.tables)
        };
        Self {
            stamp,
            read_by: match stamp {
                _ if two_phase => Some("the two-phase writer of sidecar-inspector".to_owned()),
                Some(stamp) => read_by(stamp).map(str::to_owned),
                None => None,
            },
            two_phase,
            is_acted_on: stamp.is_some_and(is_acted_on),
            tables: main.and_then(|main| tables(main.catalog.as_ref()?)),
            branches: branches.map(Vec::len),
        }
    }

    /// The stamp, and who reads it.
    pub(super) fn sentence(&self) -> String {
        let Some(stamp) = self.stamp else {
            return "The stamp of the catalog is not known.".to_owned();
        };
        let read_by = match &self.read_by {
            Some(releases) => format!("which is read by {releases}"),
            None => "which no release that this build knows of reads".to_owned(),
        };
        let acts = if self.is_acted_on {
            "this build acts on it"
        } else {
            "this build does not act on it"
        };
        format!("The catalog has stamp {stamp}, {read_by}; {acts}.")
    }

    /// How many tables and branches there are.
    pub(super) fn counts(&self) -> String {
        let counted = |count: Option<usize>| {
            count.map_or_else(|| "not known".to_owned(), |count| count.to_string())
        };
        format!(
            "Tables on main: {}. Branches: {}.",
            counted(self.tables),
            counted(self.branches)
        )
    }
}
