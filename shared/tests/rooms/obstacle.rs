//! What was found on storage and stands in the way.

use std::collections::BTreeMap;

use sidecar::Registration;
use sidecar::observation::obstacle::{branch_made_later, place_taken};

use crate::support::pin;

#[test]
fn a_branch_made_above_the_version_that_a_writer_started_from_is_another_of_its_name() {
    let pin = pin("node:Author", 4, 5);
    for (made_from, is_another) in [
        (0, false),
        (3, false),
        (4, false),
        (5, true),
        (u64::MAX, true),
    ] {
        let found = branch_made_later(&pin, made_from);
        let code = found.map(|reason| reason.code.name());
        assert_eq!(
            code,
            is_another.then_some("branch_recreated"),
            "{made_from}"
        );
    }
}

#[test]
fn a_table_keeps_its_place_and_a_place_keeps_its_table() {
    let registration = Registration {
        table_key: "node:Book".to_owned(),
        table_path: "/nodes/book/".to_owned(),
        table_branch: None,
        unknown: BTreeMap::new(),
    };
    type Located = &'static [(&'static str, &'static str)];
    let there: [(Located, Option<&str>); 6] = [
        (&[], None),
        (&[("node:Author", "nodes/author")], None),
        (&[("node:Book", "nodes/book")], None),
        (&[("node:Book", "/nodes/book")], None),
        (
            &[("node:Book", "nodes/other")],
            Some(
                "node:Book is to be added at nodes/book, but the catalog says it is at nodes/other",
            ),
        ),
        (
            &[("node:Author", "nodes/book/")],
            Some("node:Book is to be added at nodes/book, where node:Author is"),
        ),
    ];
    for (located, expected) in there {
        let found = place_taken(&registration, located.iter().copied());
        let detail = found.as_ref().map(|reason| reason.detail.as_str());
        assert_eq!(detail, expected, "{located:?}");
    }
}
