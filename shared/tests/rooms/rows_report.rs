//! Which contents a plan's rows are told from, and the sentences about them.

use sidecar::rows_report::{
    ColumnChanges, MatchedBy, MatchedRows, ReadersAfter, RowChanges, RowTotal, ShownVersion,
    TableRows, UnmatchedRows, UnpublishedContents, UnpublishedFate, UnpublishedRows, UpdatedRows,
    WhyNotKnown, contents,
};
use sidecar::{Action, CatalogChangeKind, PlannedTable, Purpose};

/// A table whose readers see version 5, whose HEAD is 7, and whose writer started from 5.
fn planned(action: Action, restore_to: Option<u64>, publish_as: Option<u64>) -> PlannedTable {
    PlannedTable {
        table_key: "node:Author".to_owned(),
        branch: None,
        location: Some("nodes/author".to_owned()),
        expected_version: 5,
        post_commit_pin: 6,
        manifest_pinned: Some(5),
        lance_head: Some(7),
        head_transaction: None,
        classification: None,
        rule: String::new(),
        action,
        restore_to,
        publish_as,
        unexpected: Vec::new(),
        catalog_change: None,
        pin_gone: false,
    }
}

fn above(fate: UnpublishedFate, from: Option<u64>, to: u64) -> Option<UnpublishedContents> {
    Some(UnpublishedContents { fate, from, to })
}

#[test]
fn each_action_says_what_readers_see_afterwards_and_what_becomes_of_unpublished_commits() {
    let recover = Purpose::Recover;
    let undo = Purpose::Undo {
        of: "01M8125E20G3JA88BS9CEJEX1K".parse().unwrap(),
    };
    let version = ReadersAfter::Version;
    let cases = [
        (
            &recover,
            planned(Action::Publish, None, Some(7)),
            version(7),
            None,
        ),
        (
            &recover,
            planned(Action::Register, None, Some(7)),
            version(7),
            None,
        ),
        (
            &recover,
            planned(Action::RestoreAndPublish, Some(5), Some(8)),
            version(5),
            above(UnpublishedFate::TakenBack, Some(5), 7),
        ),
        (
            &undo,
            planned(Action::RestoreAndPublish, Some(4), Some(8)),
            version(4),
            None,
        ),
        (
            &undo,
            planned(Action::Restore, Some(6), None),
            ReadersAfter::AsNow,
            above(UnpublishedFate::ComesBack, Some(7), 6),
        ),
        (
            &recover,
            planned(Action::Tombstone, None, None),
            ReadersAfter::NoTable,
            None,
        ),
        (
            &recover,
            planned(Action::Drop, None, None),
            ReadersAfter::AsNow,
            above(UnpublishedFate::TakenBack, None, 7),
        ),
        (
            &recover,
            planned(Action::None, None, None),
            ReadersAfter::AsNow,
            above(UnpublishedFate::Stays, Some(5), 7),
        ),
        (
            &recover,
            PlannedTable {
                lance_head: Some(5),
                ..planned(Action::None, None, None)
            },
            ReadersAfter::AsNow,
            None,
        ),
        (
            &recover,
            PlannedTable {
                catalog_change: Some(CatalogChangeKind::Pointer),
                ..planned(Action::None, None, None)
            },
            ReadersAfter::AsNow,
            None,
        ),
    ];
    for (purpose, table, after, unpublished) in cases {
        let found = contents(purpose, &table);
        assert_eq!(found.now, Some(5));
        assert_eq!(
            (found.after, found.unpublished),
            (after, unpublished),
            "{table:?}"
        );
    }
}

fn rows(inserted: u64, updated: u64, deleted: u64) -> MatchedRows {
    MatchedRows {
        inserted,
        updated: UpdatedRows::Exactly { rows: updated },
        deleted,
        matched_by: MatchedBy::RowId,
        columns: ColumnChanges::default(),
        sample: None,
    }
}

fn shown(version: u64, rows: u64) -> ShownVersion {
    ShownVersion {
        version,
        branch: None,
        rows: RowTotal::Exactly { rows },
    }
}

fn told(readers: RowChanges) -> TableRows {
    TableRows {
        table_key: "node:Author".to_owned(),
        branch: None,
        action: Action::Publish,
        now: Some(shown(5, 10)),
        after: Some(shown(7, 12)),
        readers,
        unpublished: None,
        sentence: String::new(),
    }
}

#[test]
fn sentences_claim_no_more_than_is_known() {
    let sentence = |table: TableRows| table.with_sentence().sentence;
    assert_eq!(
        sentence(told(RowChanges::Rows(rows(3, 1, 1)))),
        "Readers go from 10 rows to 12 rows: 3 rows inserted, 1 row updated, 1 row deleted."
    );
    let between = UpdatedRows::Between {
        at_least: 0,
        at_most: 2,
        not_compared: vec!["embedding".to_owned()],
    };
    let rewritten = MatchedRows {
        updated: between,
        ..rows(0, 0, 0)
    };
    assert_eq!(
        sentence(told(RowChanges::Rows(rewritten))),
        "Readers go from 10 rows to 12 rows: 0 to 2 rows updated (not compared: embedding)."
    );
    assert_eq!(
        sentence(told(RowChanges::too_many_rows(2_000_000, 1_000_000))),
        "Readers go from 10 rows to 12 rows. Which rows change is not known: 2000000 rows differ in their place and would have to be read, more than the 1000000 that one look reads."
    );
    let unmatched = UnmatchedRows {
        new: 3,
        gone: 1,
        why: WhyNotKnown::NoRowIdentity,
        detail: "why".to_owned(),
        columns: ColumnChanges::default(),
        sample: None,
    };
    assert_eq!(
        sentence(told(RowChanges::Unmatched(unmatched))),
        "Readers go from 10 rows to 12 rows: 3 rows new and 1 gone; whether some of them are the same rows with other values is not known: why."
    );
    assert_eq!(
        sentence(told(RowChanges::Rows(rows(0, 0, 0)))),
        "Readers see no change."
    );
}

#[test]
fn a_roll_back_names_what_is_taken_back() {
    let table = TableRows {
        unpublished: Some(UnpublishedRows {
            fate: UnpublishedFate::TakenBack,
            from: Some(shown(5, 10)),
            to: shown(7, 12),
            changes: RowChanges::Rows(rows(3, 0, 1)),
        }),
        ..told(RowChanges::Same)
    };
    assert!(!table.changes_for_readers());
    assert_eq!(
        table.with_sentence().sentence,
        "Readers see no change. Taken back: 3 rows inserted, 1 row deleted."
    );
}

#[test]
fn a_name_of_a_column_cannot_steer_a_sentence() {
    let columns = ColumnChanges {
        added: vec!["a\u{202e}b\u{1b}c".to_owned()],
        ..ColumnChanges::default()
    };
    let table = told(RowChanges::Rows(MatchedRows {
        columns,
        ..rows(0, 0, 0)
    }));
    let sentence = table.with_sentence().sentence;
    assert!(sentence.contains("column added: a"), "{sentence}");
    assert!(!sentence.contains(sidecar::text::acts), "{sentence}");
}
