use sidecar::ClassificationLabel;
use sidecar::observation::Transaction;

use super::*;

fn table(expected: u64, post_commit: u64, pinned: u64, head: u64) -> PlannedTable {
    PlannedTable {
        table_key: "node:Author".to_owned(),
        branch: None,
        location: None,
        expected_version: expected,
        post_commit_pin: post_commit,
        manifest_pinned: Some(pinned),
        lance_head: Some(head),
        head_transaction: None,
        classification: Some(ClassificationLabel::RolledPastExpected),
        rule: String::new(),
        action: Action::None,
        restore_to: None,
        publish_as: None,
        unexpected: Vec::new(),
        catalog_change: None,
        pin_gone: false,
    }
}

fn restored(pinned: u64, head: u64) -> PlannedTable {
    PlannedTable {
        action: Action::RestoreAndPublish,
        restore_to: Some(pinned),
        publish_as: Some(head + 1),
        ..table(pinned, pinned + 1, pinned, head)
    }
}

fn rail(table: &PlannedTable, width: f64) -> Rail {
    Rail::new(
        &Evidence {
            table,
            transactions: &[],
        },
        width,
    )
}

fn versions(rail: &Rail) -> Vec<u64> {
    rail.stops.iter().map(|stop| stop.version).collect()
}

fn made(version: u64, operation: &str) -> TransactionObservation {
    let transaction = Transaction {
        uuid: String::new(),
        operation: operation.to_owned(),
        restored_version: None,
        timestamp: None,
        row_delta: None,
        properties: std::collections::BTreeMap::new(),
    };
    TransactionObservation {
        version,
        transaction: Some(transaction),
    }
}

#[test]
fn lengths_are_written_to_a_tenth() {
    for (length, text) in [(0.0, "0"), (12.5, "12.5"), (7.96, "8"), (1_234.04, "1234")] {
        assert_eq!(px(length), text);
    }
}

#[test]
fn a_short_history_is_shown_whole() {
    let rail = rail(&restored(4, 5), 680.0);
    assert_eq!(versions(&rail), [1, 2, 3, 4, 5, 6, 7]);
    assert!(rail.breaks.is_empty());
    assert!(rail.unpublished.is_some() && rail.lost.is_none());
    assert!(rail.stops.iter().any(|stop| stop.new && stop.version == 6));
    assert_eq!(rail.arrow.unwrap().label.text, "restore 4 as 6, publish 6");
}

#[test]
fn every_version_that_means_something_is_shown_at_any_width() {
    for width in [160.0, 300.0, 680.0, 1_400.0] {
        for planned in [
            restored(4, 9_000),
            table(3, 7_000_000, 5, 4),
            restored(u64::MAX - 9, u64::MAX - 1),
        ] {
            let rail = rail(&planned, width);
            let shown = versions(&rail);
            for version in [
                planned.expected_version,
                planned.post_commit_pin,
                planned.manifest_pinned.unwrap(),
                planned.lance_head.unwrap(),
            ] {
                assert!(shown.contains(&version), "{version} at {width}: {shown:?}");
            }
            assert!(rail.width >= width);
            assert!(rail.stops.len() <= 9);
        }
    }
}

#[test]
fn left_out_versions_leave_a_break_and_numbers_keep_apart() {
    let rail = rail(&restored(4, 9_000), 680.0);
    assert!(!rail.breaks.is_empty());
    let widest = text_width("9001");
    assert!(
        rail.stops
            .windows(2)
            .all(|pair| pair[1].x - pair[0].x > widest),
        "{:?}",
        rail.stops
    );
}

#[test]
fn names_that_would_overlap_go_to_another_row() {
    let planned = PlannedTable {
        expected_version: 4,
        post_commit_pin: 5,
        ..restored(5, 6)
    };
    let narrow = rail(&planned, 240.0);
    let rows: std::collections::BTreeSet<i64> =
        narrow.names.iter().map(|label| label.y as i64).collect();
    assert!(rows.len() > 1, "{:?}", narrow.names);
    let wide = rail(&planned, 900.0);
    assert!(
        wide.names.iter().all(|label| label.y == NAMES),
        "{:?}",
        wide.names
    );
    assert!(narrow.height > wide.height);
}

#[test]
fn a_head_below_the_pin_is_drawn_as_lost() {
    let rail = rail(&table(5, 6, 5, 4), 680.0);
    assert!(rail.lost.is_some() && rail.unpublished.is_none() && rail.arrow.is_none());
    let stop = rail.stops.iter().find(|stop| stop.pin).unwrap();
    assert!(stop.future);
}

#[test]
fn operations_name_the_part_of_the_line_they_made() {
    let planned = restored(4, 6);
    let transactions = [made(5, "Append"), made(6, "AVeryLongOperationNameIndeed")];
    let rail = Rail::new(
        &Evidence {
            table: &planned,
            transactions: &transactions,
        },
        680.0,
    );
    assert_eq!(rail.operations[0].text, "Append");
    assert!(rail.operations[1].text.ends_with('…'));
    let between: Vec<f64> = rail
        .stops
        .iter()
        .filter(|stop| [4, 5].contains(&stop.version))
        .map(|stop| stop.x)
        .collect();
    assert!(between[0] < rail.operations[0].x && rail.operations[0].x < between[1]);
}

#[test]
fn a_commit_that_is_not_of_this_write_is_drawn_as_a_strangers() {
    let mut planned = restored(4, 6);
    planned.unexpected = vec![sidecar::UnexpectedCommit {
        version: 6,
        operation: Some("Append".to_owned()),
    }];
    let rail = rail(&planned, 680.0);
    let strangers: Vec<u64> = rail
        .stops
        .iter()
        .filter(|stop| stop.stranger)
        .map(|stop| stop.version)
        .collect();
    assert_eq!(strangers, [6]);
    let names: Vec<&str> = rail.names.iter().map(|name| name.text.as_str()).collect();
    assert!(names.contains(&STRANGERS_HEAD), "{names:?}");
    assert!(!names.contains(&"HEAD"), "{names:?}");
}

#[test]
fn on_a_narrow_rail_the_number_of_rows_stays_and_the_word_goes() {
    let planned = restored(4, 6);
    let mut made = [made(5, "Append"), made(6, "Append")];
    made[0].transaction.as_mut().unwrap().row_delta = Some(20);
    let said = |width: f64| {
        let evidence = Evidence {
            table: &planned,
            transactions: &made,
        };
        let rail = Rail::new(&evidence, width);
        rail.operations.first().map(|label| label.text.clone())
    };
    assert_eq!(said(900.0).as_deref(), Some("Append +20"));
    assert_eq!(said(320.0).as_deref(), Some("+20"));
}

#[test]
fn a_table_without_pin_and_head_still_shows_what_was_intended() {
    let planned = PlannedTable {
        manifest_pinned: None,
        lance_head: None,
        classification: None,
        ..table(4, 5, 0, 0)
    };
    let rail = rail(&planned, 680.0);
    assert!(rail.intended.is_some() && rail.published.is_none() && rail.unpublished.is_none());
}
