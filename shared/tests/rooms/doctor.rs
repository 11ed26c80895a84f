//! What a report says of a root, from what was read of it.

mod history;
mod upgrade;

use sidecar::api::Progress;
use sidecar::commands::Commands;
use sidecar::doctor::{
    BranchCatalog, BranchFacts, Covers, DeclaredCatalog, DoctorReport, DoctorScope, FindingKind,
    FolderEntries, FolderFacts, OpenOperation, OperationFacts, PendingFacts, RootFacts,
    SchemaFacts, Stand, TableStand, TagFacts,
};
use sidecar::observation::{Transaction, TransactionObservation};
use sidecar::{
    Code, Limits, PendingEntry, Reason, SchemaFile, Sidecar, SidecarFile, Timestamp, WriterKind,
    assemble,
};

use crate::support::{OLDER, OPERATION, bytes, on_branch, pin, sidecar};

/// A root at rest: a catalog with this stamp, one table at its pin.
fn at_rest(stamp: u32) -> RootFacts {
    RootFacts {
        commands: Commands {
            root: "/srv/graph".to_owned(),
            ..Commands::default()
        },
        catalog: Ok(DeclaredCatalog {
            stamp: Ok(stamp),
            two_phase: false,
            is_being_upgraded: false,
        }),
        branches: Ok(vec![on(None, Vec::new())]),
        pending: Ok(PendingFacts {
            recoveries: Vec::new(),
            skipped: Vec::new(),
            covers: Covers::default(),
        }),
        folder: Ok(FolderFacts::default()),
        schema: SchemaFacts {
            staged: Vec::new(),
            lock: Ok(None),
        },
        operations: Ok(OperationFacts::default()),
        tags: TagFacts {
            are_all: true,
            ..TagFacts::default()
        },
        histories: None,
    }
}

fn on(branch: Option<&str>, stands: Vec<TableStand>) -> BranchFacts {
    BranchFacts {
        branch: branch.map(str::to_owned),
        catalog: Some(Ok(BranchCatalog {
            tables: 1,
            stands,
            ..BranchCatalog::default()
        })),
    }
}

fn table(stand: Stand) -> TableStand {
    TableStand {
        table_key: "node:Author".to_owned(),
        stand,
    }
}

fn above(table_branch: Option<&str>) -> Stand {
    let transaction = Transaction {
        uuid: "0a1b".to_owned(),
        operation: "Append".to_owned(),
        restored_version: None,
        timestamp: None,
        row_delta: None,
        properties: [("sidecar.operation_id".to_owned(), OLDER.to_owned())].into(),
    };
    Stand::Above {
        table_branch: table_branch.map(str::to_owned),
        pinned: 4,
        head: 7,
        transactions: Ok(vec![TransactionObservation {
            version: 7,
            transaction: Some(transaction),
        }]),
    }
}

fn entry(file: SidecarFile) -> PendingEntry {
    let mut listed = assemble(vec![file]);
    PendingEntry {
        listed: listed.remove(0),
        journal: None,
        stands_in_for: None,
    }
}

fn named_after(sidecar: &Sidecar, name: &str) -> PendingEntry {
    entry(SidecarFile::read(name, bytes(sidecar), &Limits::DEFAULT))
}

/// `kind, in the way?`, one for each finding.
fn told(facts: &RootFacts) -> Vec<String> {
    let report = DoctorReport::of(facts, DoctorScope::Today);
    let findings = report.findings.iter();
    findings
        .map(|finding| {
            let weight = if finding.stands_in_the_way {
                "in the way"
            } else {
                "to be known"
            };
            format!("{}, {weight}", finding.kind.name())
        })
        .collect()
}

#[test]
fn a_kind_is_spelled_in_json_as_it_is_named() {
    for kind in FindingKind::ALL {
        let json = serde_json::to_string(&kind).unwrap();
        assert_eq!(json, format!("\"{}\"", kind.name()));
    }
    let mut sorted = FindingKind::ALL.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, FindingKind::ALL, "reports tell them in this order");
}

#[test]
fn every_fact_out_of_order_is_a_finding_of_its_own() {
    assert_eq!(told(&at_rest(3)), [""; 0]);
    type Change = fn(&mut RootFacts);
    let cases: [(&str, Change); 19] = [
        ("catalog_unreadable, in the way", |facts| {
            facts.catalog = Err("timed out".to_owned());
        }),
        ("catalog_unreadable, in the way", |facts| {
            facts.catalog.as_mut().unwrap().stamp = Err("four".to_owned());
        }),
        ("upgrade_under_way, in the way", |facts| {
            facts.catalog.as_mut().unwrap().is_being_upgraded = true;
        }),
        ("catalog_unreadable, in the way", |facts| {
            facts.branches = Ok(vec![BranchFacts {
                branch: Some("feature".to_owned()),
                catalog: Some(Err("cut short".to_owned())),
            }]);
        }),
        ("not_known, in the way", |facts| {
            facts.branches = Err("timed out".to_owned())
        }),
        ("not_known, in the way", |facts| {
            facts.pending = Err("timed out".to_owned())
        }),
        ("not_known, in the way", |facts| {
            facts.folder = Err("timed out".to_owned())
        }),
        ("not_known, in the way", |facts| {
            facts.operations = Err("timed out".to_owned())
        }),
        ("not_known, in the way", |facts| {
            facts.schema.lock = Err("timed out".to_owned())
        }),
        ("not_known, in the way", |facts| {
            facts.tags.unread = vec![("nodes/a".to_owned(), "timed out".to_owned())];
        }),
        ("uncovered_commits, in the way", |facts| {
            facts.branches = Ok(vec![on(None, vec![table(above(None))])]);
        }),
        ("head_below_pin, in the way", |facts| {
            let below = Stand::Below { pinned: 5, head: 4 };
            facts.branches = Ok(vec![on(None, vec![table(below)])]);
        }),
        ("fork_left, to be known", |facts| {
            let forked = table(Stand::Forked { head: 4 });
            facts.branches = Ok(vec![on(Some("feature"), vec![forked])]);
        }),
        ("table_missing, in the way", |facts| {
            let missing = table(Stand::Missing { pinned: 4 });
            facts.branches = Ok(vec![on(None, vec![missing])]);
        }),
        ("table_unreadable, in the way", |facts| {
            let reason = "it is a link".to_owned();
            facts.branches = Ok(vec![on(None, vec![table(Stand::Unreadable { reason })])]);
        }),
        ("schema_lock_left, in the way", |facts| {
            facts.schema.lock = Ok(Some(Timestamp::from_micros(1)));
        }),
        ("staged_schema_file_left, in the way", |facts| {
            facts.schema.staged = vec![(SchemaFile::Ir, Ok(()))];
        }),
        ("stray_object, to be known", |facts| {
            let detail = "__recovery_log/x is not part of any journal";
            let skipped = vec![Reason::new(Code::Unreadable, detail)];
            facts.pending.as_mut().unwrap().skipped.clone_from(&skipped);
            // Both listings meet it.
            facts.operations.as_mut().unwrap().skipped = skipped;
        }),
        ("recovery_tags, to be known", |facts| {
            let tag = |name: String| ("nodes/a".to_owned(), name);
            facts.tags.tags = vec![
                tag(format!("recovery-{OPERATION}-v4")),
                tag(format!("recovery-{OPERATION}-feature-v5")),
                tag("recovery-of-somebody".to_owned()),
                tag("nightly".to_owned()),
            ];
        }),
    ];
    for (wanted, change) in cases {
        let mut facts = at_rest(3);
        change(&mut facts);
        assert_eq!(told(&facts), [wanted], "{facts:?}");
    }
}

#[test]
fn commits_above_a_pin_name_who_made_them_and_how_many_there_are() {
    let mut facts = at_rest(3);
    facts.branches = Ok(vec![on(None, vec![table(above(None))])]);
    let report = DoctorReport::of(&facts, DoctorScope::Today);
    assert_eq!(
        report.findings[0].detail,
        format!(
            "Readers see version 4, and Lance HEAD is 7. Version 7 is Append 0a1b of operation {OLDER}, and there are 2 older commits. No pending sidecar pins the table."
        )
    );
    // A screen shows the commits in a table of their own.
    let commits = report.findings[0].commits.as_ref().unwrap();
    assert_eq!(
        commits.sentence,
        "Readers see version 4, and Lance HEAD is 7. 2 older commits are not named. No pending sidecar pins the table."
    );
}

#[test]
fn a_headline_counts_what_stands_in_the_way_and_never_says_that_all_is_well() {
    let headline = |files: usize, forks: usize| {
        let mut facts = at_rest(3);
        let nested = &mut facts.folder.as_mut().unwrap().nested;
        nested.count = files;
        nested.names = vec!["__recovery/a/b.json".to_owned(); files];
        let forked = || table(Stand::Forked { head: 4 });
        let stands = std::iter::repeat_with(forked).take(forks).collect();
        facts.branches = Ok(vec![on(Some("feature"), stands)]);
        DoctorReport::of(&facts, DoctorScope::Today).headline
    };
    for (files, forks, wanted) in [
        (0, 0, "Nothing that was looked at is out of order."),
        (
            0,
            1,
            "Nothing stands in the way, and one thing is to be known.",
        ),
        (
            0,
            2,
            "Nothing stands in the way, and 2 things are to be known.",
        ),
        (
            1,
            0,
            "One thing stands in the way of writers or an upgrade.",
        ),
        (2, 0, "2 things stand in the way of writers or an upgrade."),
        (
            1,
            1,
            "One thing stands in the way of writers or an upgrade, and one is to be known.",
        ),
        (
            3,
            2,
            "3 things stand in the way of writers or an upgrade, and 2 are to be known.",
        ),
    ] {
        assert_eq!(headline(files, forks), wanted);
    }
}

#[test]
fn only_a_sidecar_that_can_be_planned_covers_a_table_and_only_on_its_branch() {
    let mutation = |pin| sidecar(WriterKind::Mutation, vec![pin]);
    let own = || mutation(pin("node:Author", 4, 5));
    let name = own().operation_id.file_name();
    let on_feature = || {
        let mut sidecar = mutation(on_branch(pin("node:Author", 4, 5), "feature"));
        sidecar.branch = Some("feature".to_owned());
        sidecar
    };
    let unread = SidecarFile::unread("a.json", Reason::new(Code::Unreadable, "timed out"));
    let cases = [
        (vec![named_after(&own(), &name)], None, None),
        (vec![], None, Some("No pending sidecar pins the table.")),
        (
            vec![named_after(&mutation(pin("node:Book", 4, 5)), &name)],
            None,
            Some("No pending sidecar pins the table."),
        ),
        (
            vec![named_after(&own(), "renamed.json")],
            None,
            Some("The sidecar renamed.json names the table, and is refused."),
        ),
        (
            vec![entry(unread)],
            None,
            Some("No sidecar that can be read pins the table; a.json cannot be read and may."),
        ),
        (
            vec![named_after(&on_feature(), &name)],
            Some("feature"),
            None,
        ),
        (
            vec![named_after(&on_feature(), &name)],
            None,
            Some("No pending sidecar pins the table."),
        ),
    ];
    for (entries, branch, wanted) in cases {
        let mut facts = at_rest(3);
        facts.branches = Ok(vec![on(branch, vec![table(above(branch))])]);
        facts.pending.as_mut().unwrap().covers = Covers::of(&entries);
        let report = DoctorReport::of(&facts, DoctorScope::Today);
        match wanted {
            None => assert_eq!(report.findings, [], "{entries:?}"),
            Some(ends) => {
                let detail = &report.findings[0].detail;
                assert!(detail.ends_with(ends), "{ends}: {detail}");
            }
        }
    }
}

#[test]
fn lock_and_staged_files_belong_to_a_pending_schema_change_or_to_a_file_that_may_be_one() {
    let change = sidecar(WriterKind::SchemaApply, Vec::new());
    let unread = SidecarFile::unread("a.json", Reason::new(Code::Unreadable, "timed out"));
    let name = change.operation_id.file_name();
    for entries in [
        vec![named_after(&change, &name)],
        vec![named_after(&change, "x.json")],
        vec![entry(unread)],
    ] {
        let mut facts = at_rest(3);
        facts.schema.lock = Ok(Some(Timestamp::from_micros(1)));
        facts.schema.staged = vec![(SchemaFile::Ir, Ok(()))];
        facts.pending.as_mut().unwrap().covers = Covers::of(&entries);
        assert_eq!(told(&facts), [""; 0], "{entries:?}");
    }
}

#[test]
fn an_open_operation_holds_a_root_up_once_it_is_begun() {
    for (progress, wanted) in [
        (Ok(Progress::Open), "approval_left, to be known"),
        (Ok(Progress::Approved), "approval_left, to be known"),
        (Ok(Progress::UnderWay), "open_operation, in the way"),
        (Ok(Progress::Finished), "open_operation, in the way"),
        (Err("cut short".to_owned()), "open_operation, in the way"),
    ] {
        let mut facts = at_rest(3);
        facts.operations.as_mut().unwrap().open = vec![OpenOperation {
            operation_id: OPERATION.parse().unwrap(),
            progress,
        }];
        assert_eq!(told(&facts), [wanted]);
    }
}

#[test]
fn pins_and_heads_that_were_not_read_of_one_state_tell_nothing() {
    let mut facts = at_rest(3);
    let mut moving = on(None, vec![table(above(None))]);
    let Some(Ok(catalog)) = &mut moving.catalog else {
        unreachable!()
    };
    catalog.is_moving = true;
    facts.branches = Ok(vec![moving]);
    assert_eq!(told(&facts), ["not_known, in the way"]);
}

#[test]
fn other_entries_weigh_once_there_are_as_many_as_engines_refuse() {
    for (count, wanted) in [
        (1_023, "stray_entry, to be known"),
        (1_024, "stray_entry, in the way"),
    ] {
        let mut facts = at_rest(3);
        facts.folder.as_mut().unwrap().others = FolderEntries {
            count,
            names: vec!["__recovery/a".to_owned()],
        };
        assert_eq!(
            told(&facts),
            [wanted, wanted],
            "one is named, the others are counted"
        );
    }
}

#[test]
fn a_hostile_name_is_one_word_of_the_command_that_resolves_it() {
    let commands = Commands {
        root: "/srv/my graph".to_owned(),
        relocated_from: Some("s3://old/graph".to_owned()),
        min_age: Some("0s".to_owned()),
    };
    let options = "--relocated-from s3://old/graph --min-age 0s";
    for (file, wanted) in [
        (
            "a.json",
            format!("sidecar-inspector plan '/srv/my graph' a.json {options}"),
        ),
        (
            "$(x) '; y.json",
            format!(r"sidecar-inspector plan '/srv/my graph' '$(x) '\''; y.json' {options}"),
        ),
        (
            "--help.json",
            format!("sidecar-inspector plan '/srv/my graph' {options} -- --help.json"),
        ),
    ] {
        assert_eq!(commands.plan(file), wanted);
    }
}
