//! The stamps of catalogs: which releases read one, and why nothing is written to some.

use crate::code::{Code, Reason};
use crate::root_layout::{STAMP_WITH_HISTORY, STAMP_WITH_IDENTITIES, STAMPS_ACTED_ON};

/// The first stamp of the releases that write no sidecars (omnigraph v0.12.0).
const FIRST_WITHOUT_SIDECARS: u32 = 14;

/// The releases that read a catalog with this stamp; `None` where this build knows of none. Engines compare stamps for equality.
pub(crate) const fn read_by(stamp: u32) -> Option<&'static str> {
    Some(match stamp {
        2 => "omnigraph v0.4.2 to v0.6.1",
        3 => "omnigraph v0.6.2 to v0.7.2",
        4 => "omnigraph v0.8.0 and v0.8.1",
        6 => "omnigraph v0.9.0 and v0.10.0",
        8 | 9 => "omnigraph v0.11.0",
        14 => "omnigraph v0.12.0 and v0.13.0",
        17 | 18 => "omnigraph v0.17.0",
        _ => return None,
    })
}

/// Why nothing is written to a catalog with this stamp, by a recovery that its sidecar asks for.
#[must_use]
pub fn stamp_unsupported(stamp: u32) -> Reason {
    let detail = match (read_by(stamp), stamp) {
        (_, FIRST_WITHOUT_SIDECARS..) => format!(
            "the catalog carries stamp {stamp}: engines from omnigraph v0.12.0 on write no sidecars, so that this graph needs no recovery of this kind. They convert no graph that holds a sidecar, so the file was put here later, or is of another graph; find out which, and move it away"
        ),
        (Some(releases), 8 | 9) => format!(
            "the catalog carries stamp {stamp}, which {releases} writes and this build reads only; recover it with that release: opening the graph for writing does it"
        ),
        (Some(releases), _) => format!(
            "the catalog carries stamp {stamp}, where this build carries out no recovery of a sidecar of this version; recover it with the engine that wrote it ({releases})"
        ),
        (None, _) => format!(
            "the catalog carries stamp {stamp}, of which this build knows no release; recover it with the engine that wrote it"
        ),
    };
    Reason::new(Code::CatalogStampUnsupported, detail)
}

/// Why no recovery is undone in a catalog with this stamp; `None` where it is. `leaves_a_sidecar` is whether the undo would announce one.
///
/// An undo moves pins of tables that the catalog has, and no more, so that it is also carried out where tables have identities. But
/// engines of such a graph do not open the sidecar that an undone roll back leaves.
#[must_use]
pub(crate) fn not_undone(stamp: u32, leaves_a_sidecar: bool) -> Option<Reason> {
    let why = match stamp {
        _ if STAMPS_ACTED_ON.contains(&stamp) => return None,
        STAMP_WITH_IDENTITIES if !leaves_a_sidecar => return None,
        STAMP_WITH_IDENTITIES => {
            "where the undo of a roll back would leave a sidecar of version 1, which engines of this graph do not open"
        }
        _ => {
            "where this build undoes nothing: what was recovered before the graph was upgraded stays as it is"
        }
    };
    Some(Reason::new(
        Code::CatalogStampUnsupported,
        format!("the catalog carries stamp {stamp}, {why}"),
    ))
}

/// Where a catalog says that the history of its graph is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryByStamp {
    /// Nowhere: its writers write in two phases, and keep none.
    Nowhere,
    /// In the catalog itself.
    InCatalog,
    /// In tables beside it, if they are there.
    InTables,
    /// Nothing is added to it, for this reason.
    NotWritten(Reason),
}

/// Where a catalog with this stamp keeps the history of its graph. `two_phase` says that its writers write in two phases, and
/// `knows_identities` that the sidecar is of version 9, or stands for an undo.
#[must_use]
pub fn history_by_stamp(stamp: u32, two_phase: bool, knows_identities: bool) -> HistoryByStamp {
    match stamp {
        _ if two_phase => HistoryByStamp::Nowhere,
        STAMP_WITH_IDENTITIES if knows_identities => HistoryByStamp::InCatalog,
        _ if !STAMPS_ACTED_ON.contains(&stamp) => {
            HistoryByStamp::NotWritten(stamp_unsupported(stamp))
        }
        STAMP_WITH_HISTORY.. => HistoryByStamp::InCatalog,
        _ => HistoryByStamp::InTables,
    }
}
