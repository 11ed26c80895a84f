//! Whether a sidecar's path is where the catalog says the table is (ARCHITECTURE.md, invariant 9).

use crate::code::{Code, Reason};
use crate::ids::RootId;

/// Compares a pin's `table_path` with the catalog's location of that table; the path itself is never opened.
///
/// `relocated_from` is where the root stood before, for a root that was moved or unpacked elsewhere: sidecars written there are
/// accepted as those written here are.
/// Returns the refusal, or `None` if both name the same place.
#[must_use]
pub fn location_conflict(
    table_key: &str,
    table_path: &str,
    location: &str,
    root: &RootId,
    relocated_from: Option<&RootId>,
) -> Option<Reason> {
    let location = location.trim_matches('/');
    if !is_a_table_place(location) {
        return Some(Reason::new(
            Code::LocationOutsideRoot,
            format!(
                "the catalog says {table_key} is at {location:?}, which is no place for a table inside the root"
            ),
        ));
    }
    let is_in = |home: &RootId| {
        comparable(table_path) == format!("{}/{location}", comparable(home.as_str()))
    };
    if is_in(root) || relocated_from.is_some_and(is_in) {
        return None;
    }
    let home = relocated_from.unwrap_or(root);
    Some(Reason::new(
        Code::LocationOutsideRoot,
        format!(
            "the sidecar says {table_key} is at {table_path}, the catalog of {home} says {location}; if the root was moved, give its old place with --relocated-from"
        ),
    ))
}

/// Whether a path relative to the root stays below it, whatever storage makes of it.
///
/// A URI takes `%2e%2e` for `..` and ends its path at `?` and `#`, and a file system may take `C:` for a drive: a character with
/// another meaning somewhere is refused, so that everyone who reads the path reads the same one.
fn is_inside_root(relative: &str) -> bool {
    let stays = |segment: &str| !matches!(segment, "" | "." | "..");
    let means_something_else =
        |char: char| char.is_control() || matches!(char, '\\' | '%' | '?' | '#' | ':');
    !relative.contains(means_something_else) && relative.split('/').all(stays)
}

/// Whether a place relative to the root can be a table's. The catalog, the sidecars, the journal, the history and the schema's files
/// begin with an underscore; no table does.
pub(crate) fn is_a_table_place(relative: &str) -> bool {
    is_inside_root(relative) && !relative.starts_with('_')
}

/// A local path and its `file://` URI count as the same place; any other text is compared as written.
fn comparable(uri: &str) -> &str {
    let path = uri
        .strip_prefix("file://")
        .filter(|path| path.starts_with('/'))
        .unwrap_or(uri);
    path.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflicts(table_path: &str, relocated_from: Option<&str>) -> bool {
        let relocated_from = relocated_from.map(RootId::new);
        location_conflict(
            "node:Author",
            table_path,
            "nodes/01d3",
            &RootId::new("file:///data/graph"),
            relocated_from.as_ref(),
        )
        .is_some()
    }

    #[test]
    fn the_catalogs_place_is_accepted_as_path_and_as_uri() {
        assert!(!conflicts("/data/graph/nodes/01d3", None));
        assert!(!conflicts("file:///data/graph/nodes/01d3", None));
        assert!(!conflicts("/data/graph/nodes/01d3/", None));
    }

    #[test]
    fn any_other_place_is_refused() {
        for path in [
            "/data/graph/nodes/other",
            "/elsewhere/nodes/01d3",
            "nodes/01d3",
            "s3://data/graph/nodes/01d3",
            "/data/graph/../graph/nodes/01d3",
            "/data/graph/nodes/01d3/..",
            "",
        ] {
            assert!(conflicts(path, None), "{path}");
        }
    }

    #[test]
    fn a_catalog_that_points_out_of_the_root_is_refused_though_the_sidecar_agrees() {
        let root = RootId::new("file:///data/graph");
        for location in [
            "../other/nodes",
            "nodes/../../other",
            "nodes//01d3",
            "./nodes",
            "nodes\\..\\..",
            "s3://bucket/nodes",
            "nodes/%2e%2e/%2e%2e/other",
            "nodes/%2E./x",
            "..%2f..%2fother",
            "nodes?/01d3",
            "nodes#01d3",
            "C:/nodes",
            "__manifest",
            "__recovery_log/01M8125ENACWR9X1EZNRMDV5V2",
            "_graph_commits.lance",
            "",
        ] {
            let table_path = format!("/data/graph/{location}");
            assert!(
                location_conflict("node:Author", &table_path, location, &root, None).is_some(),
                "{location}"
            );
        }
    }

    #[test]
    fn a_moved_root_is_known_by_its_old_place_and_by_its_new_one() {
        assert!(!conflicts("/srv/graph/nodes/01d3", Some("/srv/graph")));
        assert!(!conflicts(
            "/srv/graph/nodes/01d3",
            Some("file:///srv/graph/")
        ));
        assert!(!conflicts("/data/graph/nodes/01d3", Some("/srv/graph")));
        assert!(conflicts("/mnt/graph/nodes/01d3", Some("/srv/graph")));
    }
}
