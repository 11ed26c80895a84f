//! Where a root keeps the history of its graph and of its recoveries, if it keeps one (PROTOCOL.md, sections 6.2 and 6.3).

use serde::{Deserialize, Serialize};

/// Where the history of a graph is. In JSON `false`, `true` or `"in_catalog"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OnTheWire", into = "OnTheWire")]
pub enum KeptHistory {
    /// There is none: the two-phase writer keeps none.
    #[default]
    Nowhere,
    /// In Lance tables of its own, as in catalogs up to stamp 3.
    InTables,
    /// In the catalog, from stamp 4 on.
    InCatalog,
}

impl KeptHistory {
    pub(super) fn is_nowhere(&self) -> bool {
        *self == Self::Nowhere
    }
}

/// A flag, as it was before there was a second place.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum OnTheWire {
    Flag(bool),
    Place(Place),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    InCatalog,
}

impl From<OnTheWire> for KeptHistory {
    fn from(found: OnTheWire) -> Self {
        match found {
            OnTheWire::Flag(false) => Self::Nowhere,
            OnTheWire::Flag(true) => Self::InTables,
            OnTheWire::Place(Place::InCatalog) => Self::InCatalog,
        }
    }
}

impl From<KeptHistory> for OnTheWire {
    fn from(kept: KeptHistory) -> Self {
        match kept {
            KeptHistory::Nowhere => Self::Flag(false),
            KeptHistory::InTables => Self::Flag(true),
            KeptHistory::InCatalog => Self::Place(Place::InCatalog),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_written_as_it_is_read() {
        for (kept, json) in [
            (KeptHistory::Nowhere, "false"),
            (KeptHistory::InTables, "true"),
            (KeptHistory::InCatalog, "\"in_catalog\""),
        ] {
            assert_eq!(serde_json::to_string(&kept).ok().as_deref(), Some(json));
            assert_eq!(serde_json::from_str::<KeptHistory>(json).ok(), Some(kept));
        }
        assert!(serde_json::from_str::<KeptHistory>("\"elsewhere\"").is_err());
    }
}
