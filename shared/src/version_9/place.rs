//! Whether a sidecar of version 9 is about the tables of this root.

use super::sidecar::Sidecar9;
use crate::code::Reason;
use crate::ids::RootId;
use crate::location::location_conflict;

/// Compares the path of every pin with the root, and with where the root was before it was moved; no path is opened.
///
/// The place below the root follows from the identity of a table. The engine that wrote the file compares with its own root alone, so it
/// does not open a graph that was moved or copied with such a file in it. Returns the refusal, or `None` if all is in its place.
#[must_use]
pub fn place_conflict(
    sidecar: &Sidecar9,
    root: &RootId,
    relocated_from: Option<&RootId>,
) -> Option<Reason> {
    sidecar.tables.iter().find_map(|pin| {
        // A key without a place has no rule to keep here; it breaks one of the shape.
        let place = pin.identity.place(&pin.table_key)?;
        let (key, path) = (&pin.table_key, &pin.table_path);
        location_conflict(key, path, &place, root, relocated_from).map(|conflict| {
            let home = relocated_from.unwrap_or(root).as_str().trim_end_matches('/');
            Reason::new(
                conflict.code,
                format!(
                    "the sidecar says {key} is at {path}, and a table of its identity lies at {home}/{place}; if the root was moved, give its old place with --relocated-from"
                ),
            )
        })
    })
}
