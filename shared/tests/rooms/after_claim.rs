//! What may not have moved between an approval and the look right after the claim.

use sidecar::{
    Code, DifferenceField, Observation, Reason, RootId, SeenAfterClaim, moved_since_claim,
};

use crate::support::{Scene, all_committed, at, half_way, world};

/// Both tables of a scene at their pins 4 and 5, with these HEADs.
fn heads(scene: &Scene, heads: [u64; 2]) -> Observation {
    let pins = scene.sidecar.tables.iter().zip([4, 5]).zip(heads);
    world(
        pins.map(|((pin, at_pin), head)| at(pin, at_pin, head))
            .collect(),
    )
}

fn moved(scene: &Scene, found: &Observation, uncounted: Vec<Reason>) -> Vec<DifferenceField> {
    let seen = SeenAfterClaim {
        root: &RootId::new("file:///data/graph"),
        sidecar: &scene.sidecar,
        observation: found,
        history: Some(Reason::new(Code::HistoryNotWritable, "no table has it")),
        uncounted,
    };
    let moved = moved_since_claim(&scene.plan, seen);
    moved
        .into_iter()
        .map(|difference| difference.field)
        .collect()
}

#[test]
fn nothing_has_moved_where_the_same_plan_is_made_and_its_history_is_not_written() {
    for (scene, there) in [(half_way(), [5, 5]), (all_committed(), [5, 6])] {
        assert_eq!(moved(&scene, &heads(&scene, there), Vec::new()), []);
    }
}

#[test]
fn a_head_that_moved_is_told_and_not_what_blocks_the_plan_of_now() {
    let scene = half_way();
    let uncounted = vec![Reason::new(Code::RowsNotCounted, "a file is missing")];
    let found = moved(&scene, &heads(&scene, [7, 5]), uncounted);
    assert!(found.contains(&DifferenceField::LanceHead), "{found:?}");
    let is_blocker = |field: &DifferenceField| matches!(field, DifferenceField::Blocked(_));
    assert!(!found.iter().any(is_blocker), "{found:?}");
}

#[test]
fn rows_that_cannot_be_counted_any_more_stop_the_very_plan_that_was_approved() {
    let scene = all_committed();
    let uncounted = vec![Reason::new(Code::RowsNotCounted, "a file is missing")];
    let found = moved(&scene, &heads(&scene, [5, 6]), uncounted);
    assert_eq!(found, [DifferenceField::Blocked(Code::RowsNotCounted)]);
}
