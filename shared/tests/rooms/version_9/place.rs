//! Whether the tables of a sidecar are those of a root.

use serde_json::json;
use sidecar::version_9::{TableIdentity, parse, place_conflict};
use sidecar::{Code, Limits, RootId};

use super::fixture::{of, readable};

#[test]
fn every_sidecar_is_at_home_in_the_root_it_was_written_in_and_nowhere_else() {
    let (mut moved, mut at_home) = (0, 0);
    for fixture in readable() {
        let sidecar = fixture.parsed();
        let home = RootId::new(&format!("file:///srv/graphs/{}", fixture.graph));
        let elsewhere = RootId::new("file:///srv/graphs/elsewhere");
        // One graph was moved on purpose, and the first was made at another place.
        let Some(pin) = sidecar.tables.first() else {
            assert_eq!(place_conflict(&sidecar, &elsewhere, None), None);
            continue;
        };
        if !pin
            .table_path
            .starts_with(&format!("/srv/graphs/{}/", fixture.graph))
        {
            moved += 1;
            continue;
        }
        assert_eq!(
            place_conflict(&sidecar, &home, None),
            None,
            "{}",
            fixture.name()
        );
        let conflict = place_conflict(&sidecar, &elsewhere, None).unwrap();
        assert_eq!(conflict.code, Code::LocationOutsideRoot);
        let place = pin.identity.place(&pin.table_key).unwrap();
        assert_eq!(
            conflict.detail,
            format!(
                "the sidecar says {} is at {}, and a table of its identity lies at file:///srv/graphs/elsewhere/{place}; if the root was moved, give its old place with --relocated-from",
                pin.table_key, pin.table_path
            )
        );
        assert_eq!(
            place_conflict(&sidecar, &elsewhere, Some(&home)),
            None,
            "it was said where the root was before"
        );
        at_home += 1;
    }
    assert!(moved < 8 && at_home > 110, "{moved} and {at_home}");
}

#[test]
fn a_table_whose_path_is_of_another_identity_is_refused_whatever_the_root() {
    let fixture = of("v9-mutation-insert-effects");
    for path in [
        "/srv/graphs/v9-mutation-insert-effects/nodes/0000000000000001-000000000000000a",
        "/srv/graphs/v9-mutation-insert-effects/edges/0000000000000001-0000000000000009",
        "/srv/graphs/v9-mutation-insert-effects/nodes/0000000000000001-0000000000000009/",
        "/srv/graphs/v9-mutation-insert-effects/xnodes/0000000000000001-0000000000000009",
        "nodes/0000000000000001-0000000000000009",
    ] {
        let bytes = fixture.with(|file| file["tables"][0]["table_path"] = json!(path));
        let error = parse(&fixture.file, &bytes, &Limits::DEFAULT).unwrap_err();
        assert!(
            error.to_string().contains(&format!(
                "node:Author is pinned at {path}, and a table of its identity lies at nodes/0000000000000001-0000000000000009 below the root"
            )),
            "{error}"
        );
    }
}

#[test]
fn the_place_of_a_table_follows_from_its_identity() {
    let identity = TableIdentity {
        stable_table_id: 17,
        table_incarnation_id: u64::MAX,
    };
    for (key, place) in [
        (
            "node:Author",
            Some("nodes/0000000000000011-ffffffffffffffff"),
        ),
        (
            "edge:Wrote",
            Some("edges/0000000000000011-ffffffffffffffff"),
        ),
        ("node:", None),
        ("Author", None),
        ("table:Author", None),
    ] {
        assert_eq!(identity.place(key).as_deref(), place, "{key}");
    }
}
