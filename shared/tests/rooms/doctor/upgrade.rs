//! The list before an upgrade.

use sidecar::RootId;
use sidecar::api::RecoverySummary;
use sidecar::doctor::{CheckStatus, ChecklistItem, ChecklistLine, HistoryFacts};

use super::*;

fn list(facts: &RootFacts) -> Vec<ChecklistLine> {
    DoctorReport::of(facts, DoctorScope::Upgrade)
        .upgrade
        .unwrap()
}

/// `item: status` of the lines that are not `yes`.
fn not_yes(facts: &RootFacts) -> Vec<(ChecklistItem, CheckStatus)> {
    let lines = list(facts).into_iter();
    lines
        .filter(|line| line.status != CheckStatus::Yes)
        .map(|line| (line.item, line.status))
        .collect()
}

fn with_history(stamp: u32) -> RootFacts {
    let mut facts = at_rest(stamp);
    facts.histories = Some(Ok(vec![HistoryFacts {
        branch: None,
        versions: Ok(Vec::new()),
        has_older: false,
        commits: Vec::new(),
    }]));
    facts
}

#[test]
fn which_lines_there_are_follows_from_the_stamp() {
    let export = ChecklistItem::AllIsPublished;
    let history = ChecklistItem::HistoryIsWhole;
    let mut unknown = with_history(4);
    unknown.catalog = Err("timed out".to_owned());
    for (facts, has_export, has_history) in [
        (at_rest(2), true, false),
        (at_rest(3), true, false),
        (with_history(4), true, true),
        (at_rest(6), false, true),
        (at_rest(9), false, true),
        (unknown, true, true),
    ] {
        let lines = list(&facts);
        let has = |item| lines.iter().any(|line| line.item == item);
        assert_eq!((has(export), has(history)), (has_export, has_history));
    }
    let export = list(&at_rest(3))
        .into_iter()
        .find(|line| line.item == export);
    let detail = export.unwrap().detail;
    assert!(
        detail.contains("Export it with the release that reads it, and load it with the new one.")
    );
    assert!(detail.contains("An export has the published rows alone."));
}

#[test]
fn a_root_at_rest_is_ready_and_each_fact_breaks_its_line() {
    use ChecklistItem as Item;
    assert_eq!(not_yes(&with_history(4)), []);
    type Change = fn(&mut RootFacts);
    let no = CheckStatus::No;
    let not_known = CheckStatus::NotKnown;
    let cases: [(&[(Item, CheckStatus)], Change); 17] = [
        (&[(Item::NoSidecarFiles, no)], |facts| {
            facts.folder.as_mut().unwrap().sidecars = 1;
        }),
        (&[(Item::FolderIsClean, no)], |facts| {
            facts.folder.as_mut().unwrap().nested.count = 1;
        }),
        (&[(Item::FolderIsClean, no)], |facts| {
            facts.folder.as_mut().unwrap().others.count = 1_024;
        }),
        (&[], |facts| {
            facts.folder.as_mut().unwrap().others.count = 1_023
        }),
        (
            &[
                (Item::NoSidecarFiles, not_known),
                (Item::FolderIsClean, not_known),
            ],
            |facts| {
                facts.folder = Err("timed out".to_owned());
            },
        ),
        (
            &[
                (Item::SidecarsResolved, not_known),
                (Item::AllIsPublished, not_known),
            ],
            |facts| {
                facts.pending = Err("timed out".to_owned());
            },
        ),
        (&[(Item::NoStagedSchemaFiles, no)], |facts| {
            facts.schema.staged = vec![(SchemaFile::State, Ok(()))];
        }),
        (&[(Item::NoStagedSchemaFiles, not_known)], |facts| {
            facts.schema.staged = vec![(SchemaFile::State, Err("it is a link".to_owned()))];
        }),
        (&[(Item::NoSchemaLock, no)], |facts| {
            facts.schema.lock = Ok(Some(Timestamp::from_micros(1)));
        }),
        (&[(Item::NoUpgradeUnderWay, no)], |facts| {
            facts.catalog.as_mut().unwrap().is_being_upgraded = true;
        }),
        (&[(Item::HistoryIsWhole, not_known)], |facts| {
            facts.histories = Some(Err("timed out".to_owned()));
        }),
        (
            &[(Item::AllIsPublished, no), (Item::TablesAtTheirPins, no)],
            |facts| {
                facts.branches = Ok(vec![on(None, vec![table(above(None))])]);
            },
        ),
        (
            &[
                (Item::AllIsPublished, not_known),
                (Item::TablesAtTheirPins, not_known),
            ],
            |facts| {
                facts.branches = Err("timed out".to_owned());
            },
        ),
        (&[(Item::TablesAtTheirPins, no)], |facts| {
            let gone = Stand::PinGone {
                pinned: 3,
                head: None,
            };
            facts.branches = Ok(vec![on(None, vec![table(gone)])]);
        }),
        (&[(Item::TablesAtTheirPins, no)], |facts| {
            let damaged = Stand::PinDamaged {
                pinned: 3,
                fault: "it is cut short".to_owned(),
            };
            facts.branches = Ok(vec![on(None, vec![table(damaged)])]);
        }),
        (&[(Item::NoRecoveryTags, no)], |facts| {
            facts.tags.tags = vec![("nodes/a".to_owned(), format!("recovery-{OPERATION}-v4"))];
        }),
        (&[(Item::NoRecoveryTags, not_known)], |facts| {
            facts.tags.are_all = false
        }),
    ];
    for (wanted, change) in cases {
        let mut facts = with_history(4);
        change(&mut facts);
        assert_eq!(not_yes(&facts), wanted, "{facts:?}");
        let report = DoctorReport::of(&facts, DoctorScope::Upgrade);
        assert_eq!(report.stands_in_the_way, !wanted.is_empty());
        for line in report.upgrade.unwrap() {
            match line.status {
                CheckStatus::Yes => {}
                CheckStatus::No => {
                    assert!(
                        !line.detail.is_empty() && line.resolve.is_some(),
                        "{line:?}"
                    );
                }
                CheckStatus::NotKnown => {
                    assert!(line.detail.starts_with("It is not known: "), "{line:?}");
                }
            }
        }
    }
}

#[test]
fn an_operation_that_is_open_is_named_and_an_approval_alone_breaks_nothing() {
    for (progress, wanted) in [
        (Progress::Approved, &[][..]),
        (
            Progress::UnderWay,
            &[(ChecklistItem::NoOpenOperation, CheckStatus::No)],
        ),
    ] {
        let mut facts = at_rest(3);
        facts.operations.as_mut().unwrap().open = vec![OpenOperation {
            operation_id: OPERATION.parse().unwrap(),
            progress: Ok(progress),
        }];
        assert_eq!(not_yes(&facts), wanted);
    }
}

/// The line about the tables.
fn of_tables(facts: &RootFacts) -> ChecklistLine {
    let mut lines = list(facts).into_iter();
    lines
        .find(|line| line.item == ChecklistItem::TablesAtTheirPins)
        .unwrap()
}

#[test]
fn what_an_upgrade_does_to_commits_above_a_pin_is_said_only_where_there_are_some_and_an_upgrade() {
    let harmless = "Commits above a pin do no harm after the upgrade";
    let below = || Stand::Below { pinned: 5, head: 4 };
    for (stamp, stand, says) in [
        (6, above(None), true),
        (6, below(), false),
        (4, above(None), false),
    ] {
        let mut facts = with_history(stamp);
        facts.branches = Ok(vec![on(None, vec![table(stand)])]);
        let detail = of_tables(&facts).detail;
        assert_eq!(detail.contains(harmless), says, "{detail}");
    }
    let rest = of_tables(&with_history(4)).detail;
    assert!(rest.contains("Lance manifest was decoded"), "{rest}");
}

fn refused(code: Code) -> RecoverySummary {
    let file = SidecarFile::unread("a.json", Reason::new(code, "it is so"));
    let listed = assemble(vec![file]).remove(0);
    RecoverySummary::of(
        &listed,
        None,
        None,
        &RootId::new("/srv/graph"),
        Timestamp::from_micros(0),
    )
}

#[test]
fn what_is_refused_is_planned_and_not_dismissed_at_once() {
    let resolve = |code| {
        let mut facts = with_history(4);
        facts.pending.as_mut().unwrap().recoveries = vec![refused(code)];
        list(&facts)[0].resolve.clone().unwrap()
    };
    assert_eq!(
        resolve(Code::UnsupportedVersion),
        "Plan each, and do what its plan says: sidecar-inspector drain /srv/graph"
    );
    for code in [Code::LocationOutsideRoot, Code::BasePathOutsideRoot] {
        assert_eq!(
            resolve(code),
            "sidecar-inspector drain /srv/graph --relocated-from OLD_ROOT"
        );
    }
}
