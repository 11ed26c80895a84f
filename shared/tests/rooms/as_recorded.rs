//! Whether a root still shows what a terminal record says.

use sidecar::journal::Finished;
use sidecar::observation::{CatalogObservation, HeadObservation, Pinned, TableObservation};
use sidecar::root_layout::{PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_RECOVERY_PLAN_DIGEST};
use sidecar::{
    CatalogShows, Code, Disposition, Effect, OutcomeKind, Plan, Purpose, Reason, RestsOn, RootId,
    TableShows, Timestamp, another_root, another_transaction, catalog_as_recorded, rests_on,
    table_as_recorded, version_of_the_plan,
};

use crate::support::{Scene, all_committed, at, bytes, half_way, present, world};

fn finished(scene: &Scene) -> Finished {
    Finished {
        plan: scene.plan.clone(),
        digest: scene.bytes.digest(),
        outcome: OutcomeKind::RolledBack,
        tables: Vec::new(),
        catalog: Effect::Changed,
        sidecar: String::from_utf8(bytes(&scene.sidecar)).unwrap().into(),
        recorded_at: Timestamp::from_micros(1),
    }
}

/// What `node:Author` shows, which [`half_way`] takes from 5 to the restored version 6, once `change` came over it.
fn author(
    is_over: bool,
    two_phase: bool,
    pinned: u64,
    head: u64,
    change: impl FnOnce(&mut TableObservation),
) -> String {
    let scene = half_way();
    let pin = &scene.sidecar.tables[0];
    let planned = scene
        .plan
        .tables
        .iter()
        .find(|table| table.table_key == pin.table_key);
    let mut table = at(pin, pinned, head);
    change(&mut table);
    let mut observation = world(vec![table]);
    if let CatalogObservation::Present { two_phase: is, .. } = &mut observation.catalog {
        *is = two_phase;
    }
    match table_as_recorded(&scene.plan, planned.unwrap(), &observation, is_over) {
        TableShows::All(untrue) => {
            let text = |found: &sidecar::Difference| {
                format!("{} {} {}", found.field, found.planned, found.found)
            };
            let texts: Vec<String> = untrue.iter().map(text).collect();
            format!("all: {}", texts.join(", "))
        }
        TableShows::Versions { above: None } => "versions".to_owned(),
        TableShows::Versions { above: Some(above) } => {
            format!(
                "versions: {} {} {}",
                above.field, above.planned, above.found
            )
        }
        TableShows::Unreadable { reason } => format!("unreadable: {reason}"),
    }
}

#[test]
fn a_table_shows_what_was_done_unless_its_versions_are_below_that() {
    let as_it_is = |_: &mut TableObservation| {};
    for (is_over, two_phase, pinned, head, expected) in [
        (false, true, 6, 6, "versions"),
        (
            false,
            true,
            4,
            5,
            "all: manifest_pinned 6 4, lance_head 6 5",
        ),
        (true, true, 4, 6, "all: manifest_pinned 6 4"),
        // Later publishes belong to others.
        (false, false, 9, 9, "versions"),
        // The writer may be alive, unless it announces late commits, or the operation is over.
        (false, false, 6, 7, "versions: lance_head 6 7"),
        (false, true, 6, 7, "versions"),
        (true, false, 6, 7, "versions"),
    ] {
        assert_eq!(
            author(is_over, two_phase, pinned, head, as_it_is),
            expected,
            "{is_over} {two_phase} {pinned} {head}"
        );
    }
}

#[test]
fn a_table_that_others_removed_or_replaced_shows_nothing_against_the_record() {
    let removed = |table: &mut TableObservation| table.pinned = Pinned::Tombstoned { version: 7 };
    assert_eq!(author(false, true, 4, 5, removed), "all: ");
    let covered =
        |table: &mut TableObservation| table.covered_by = crate::support::YOUNGER.parse().ok();
    assert_eq!(author(false, false, 6, 7, covered), "versions");
    let moved = |table: &mut TableObservation| table.location = Some("elsewhere".to_owned());
    assert_eq!(author(true, true, 4, 5, moved), "all: ");
    assert_eq!(
        author(false, true, 4, 6, moved),
        "all: manifest_pinned 6 4",
        "before the end a copy may be all there is"
    );
    let outside = |table: &mut TableObservation| {
        table.location_conflict = Some(Reason::new(Code::BasePathOutsideRoot, "outside"));
    };
    assert_eq!(author(true, true, 4, 5, outside), "all: ");
    let unread = |table: &mut TableObservation| {
        table.head = HeadObservation::Unreadable {
            reason: "the store timed out".to_owned(),
        };
    };
    assert_eq!(
        author(false, true, 6, 6, unread),
        "unreadable: the store timed out"
    );
}

#[test]
fn the_transaction_at_the_plans_version_has_to_be_the_plans() {
    let restored = finished(&half_way());
    let planned = &restored.plan.tables[1];
    assert_eq!(planned.table_key, "node:Author");
    assert_eq!(
        version_of_the_plan(&restored.plan, planned),
        Some(("nodes/Author", 6))
    );
    let properties = |operation: &str, digest: &str| {
        let pairs = [
            (PROPERTY_RECOVERY_OPERATION_ID, operation),
            (PROPERTY_RECOVERY_PLAN_DIGEST, digest),
        ];
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    };
    let own = restored.plan.operation_id.as_str();
    let digest = restored.digest.to_string();
    let rows = [
        (properties(own, &digest), true),
        (properties(own, "sha256:00"), false),
        (properties(crate::support::OLDER, &digest), false),
        (std::collections::BTreeMap::new(), false),
    ];
    for (properties, is_it) in rows {
        let another = another_transaction(&restored, planned, "some uuid", &properties);
        assert_eq!(another.is_none(), is_it, "{properties:?}");
    }
    let published = finished(&all_committed());
    let planned = &published.plan.tables[0];
    let uuid = planned.head_transaction.as_deref().unwrap();
    let none = std::collections::BTreeMap::new();
    assert_eq!(another_transaction(&published, planned, uuid, &none), None);
    let another = another_transaction(&published, planned, "another", &none).unwrap();
    assert_eq!(
        (another.field.name(), another.planned.as_str()),
        ("head_transaction", uuid)
    );
    let untouched = &restored.plan.tables[0];
    assert_eq!(version_of_the_plan(&restored.plan, untouched), None);
}

#[test]
fn a_catalog_branch_that_is_gone_or_back_counts_until_the_operation_is_over() {
    let gone = CatalogObservation::BranchAbsent { tree_left: false };
    let unreadable = CatalogObservation::Unreadable {
        reason: "no".to_owned(),
    };
    let plan = half_way().plan;
    let orphaned = Plan {
        disposition: Disposition::OrphanedBranch,
        ..plan.clone()
    };
    let all = |shows: CatalogShows| match shows {
        CatalogShows::All(untrue) => Some(untrue.len()),
        CatalogShows::Tables | CatalogShows::Unreadable { .. } => None,
    };
    for (plan, catalog, is_over, expected) in [
        (&plan, &present(), false, None),
        (&plan, &gone, false, None),
        (&plan, &gone, true, Some(0)),
        (&plan, &unreadable, true, None),
        (&orphaned, &present(), false, Some(1)),
        (&orphaned, &present(), true, Some(0)),
        (&orphaned, &gone, false, Some(0)),
    ] {
        let shows = catalog_as_recorded(plan, catalog, is_over);
        assert_eq!(all(shows), expected, "{catalog:?} {is_over}");
    }
}

#[test]
fn another_root_counts_as_long_as_a_sidecar_is_to_be_deleted() {
    let plan = half_way().plan;
    let elsewhere = RootId::new("file:///copy");
    assert_eq!(another_root(&plan, &plan.root, false), None);
    assert!(another_root(&plan, &elsewhere, false).is_some());
    assert_eq!(another_root(&plan, &elsewhere, true), None);
    let of = plan.operation_id.clone();
    for (purpose, expected) in [
        (Purpose::Recover, RestsOn::Tables),
        (Purpose::Undo { of: of.clone() }, RestsOn::Tables),
        (Purpose::Release { of }, RestsOn::Tags),
        (
            Purpose::Dismiss {
                because: Vec::new(),
            },
            RestsOn::File,
        ),
    ] {
        let plan = Plan {
            purpose,
            ..plan.clone()
        };
        assert_eq!(rests_on(&plan), expected);
    }
}
