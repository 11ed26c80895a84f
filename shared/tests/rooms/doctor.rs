//! What a report says of a root, from what was read of it.

mod history;
mod upgrade;

use sidecar::api::Progress;
use sidecar::commands::Commands;
use sidecar::doctor::{
    BranchCatalog, BranchFacts, Covers, DeclaredCatalog, DoctorReport, DoctorScope, FindingKind,
    FolderEntries, FolderFacts, JournalStand, OpenOperation, OperationFacts, PendingFacts,
    RootFacts, SchemaFacts, SchemaFileStand, Stand, TableStand, TagFacts, Unread,
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
        identity: Ok(()),
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
            live: Vec::new(),
            is_of_an_engine: Ok(true),
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

/// A Lance branch at the version from which it was made, beside a pin of version 4.
const fn forked(head: u64) -> Stand {
    Stand::Forked {
        pinned: 4,
        head,
        made_from: head,
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
    let cases: [(&str, Change); 29] = [
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
                catalog: Some(Err("cut short".into())),
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
            facts.branches = Ok(vec![on(Some("feature"), vec![table(forked(4))])]);
        }),
        ("fork_left, to be known", |facts| {
            facts.branches = Ok(vec![on(Some("feature"), vec![table(forked(3))])]);
        }),
        ("table_missing, in the way", |facts| {
            let missing = table(Stand::Missing { pinned: 4 });
            facts.branches = Ok(vec![on(None, vec![missing])]);
        }),
        ("table_unreadable, in the way", |facts| {
            let unread = Stand::Unreadable("it is a link".into());
            facts.branches = Ok(vec![on(None, vec![table(unread)])]);
        }),
        ("visible_version_gone, in the way", |facts| {
            let gone = Stand::PinGone {
                pinned: 3,
                head: Some(4),
            };
            facts.branches = Ok(vec![on(None, vec![table(gone)])]);
        }),
        ("visible_version_damaged, in the way", |facts| {
            let damaged = Stand::PinDamaged {
                pinned: 3,
                fault: "its data file is gone".to_owned(),
            };
            facts.branches = Ok(vec![on(None, vec![table(damaged)])]);
        }),
        ("catalog_contradictory, in the way", |facts| {
            let mut branch = on(None, Vec::new());
            let catalog = branch.catalog.as_mut().unwrap().as_mut().unwrap();
            catalog.in_two_places = vec!["node:Author".to_owned()];
            facts.branches = Ok(vec![branch]);
        }),
        ("not_known, in the way", |facts| {
            facts.identity = Err("__recovery_log is a link".to_owned());
        }),
        ("schema_file_missing, in the way", |facts| {
            facts.schema.live = vec![(SchemaFile::Ir, Ok(SchemaFileStand::Missing))];
        }),
        ("schema_file_malformed, in the way", |facts| {
            let fault = "it is empty".to_owned();
            facts.schema.live = vec![
                (SchemaFile::Ir, Ok(SchemaFileStand::Malformed { fault })),
                (SchemaFile::State, Ok(SchemaFileStand::There)),
            ];
        }),
        ("schema_file_missing, in the way", |facts| {
            // One that is there shows that the graph has a schema.
            facts.schema.is_of_an_engine = Ok(false);
            facts.schema.live = vec![
                (SchemaFile::Ir, Ok(SchemaFileStand::There)),
                (SchemaFile::State, Ok(SchemaFileStand::Missing)),
            ];
        }),
        ("not_known, in the way", |facts| {
            facts.schema.live = vec![(SchemaFile::Ir, Err("timed out".to_owned()))];
        }),
        ("not_known, in the way", |facts| {
            facts.schema.is_of_an_engine = Err("timed out".to_owned());
            facts.schema.live = vec![(SchemaFile::Ir, Ok(SchemaFileStand::Missing))];
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
        let fork = || table(forked(4));
        let stands = std::iter::repeat_with(fork).take(forks).collect();
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
    let name = change.operation_id.file_name();
    let left = |entries: &[PendingEntry]| {
        let mut facts = at_rest(3);
        facts.schema.lock = Ok(Some(Timestamp::from_micros(1)));
        facts.schema.staged = vec![(SchemaFile::Ir, Ok(()))];
        facts.pending.as_mut().unwrap().covers = Covers::of(entries);
        facts
    };
    for entries in [
        vec![named_after(&change, &name)],
        vec![named_after(&change, "x.json")],
    ] {
        assert_eq!(told(&left(&entries)), [""; 0], "{entries:?}");
    }
    // A file that cannot be read may be that of the change, and hides nothing.
    for code in [Code::Unreadable, Code::TooLarge] {
        let unread = SidecarFile::unread("a.json", Reason::new(code, "it is a folder"));
        let report = DoctorReport::of(&left(&[entry(unread)]), DoctorScope::Today);
        let kinds: Vec<FindingKind> = report.findings.iter().map(|it| it.kind).collect();
        let both = [
            FindingKind::SchemaLockLeft,
            FindingKind::StagedSchemaFileLeft,
        ];
        assert_eq!(kinds, both);
        for finding in report.findings {
            assert!(
                finding.detail.contains("may belong to a.json"),
                "{finding:?}"
            );
            let first = "Resolve a.json first: sidecar-inspector plan /srv/graph a.json";
            assert_eq!(finding.resolve, first);
        }
    }
}

#[test]
fn a_store_without_an_engine_needs_no_schema_files() {
    let missing = || {
        let all = SchemaFile::ALL.into_iter();
        all.map(|file| (file, Ok(SchemaFileStand::Missing)))
            .collect()
    };
    for (stamp, two_phase, is_of_an_engine, wanted) in [
        (3, true, true, 0),
        (3, false, false, 0),
        (3, false, true, 3),
        (4, false, false, 3),
        (9, false, true, 0),
    ] {
        let mut facts = at_rest(stamp);
        facts.catalog.as_mut().unwrap().two_phase = two_phase;
        facts.schema.is_of_an_engine = Ok(is_of_an_engine);
        facts.schema.live = missing();
        assert_eq!(told(&facts).len(), wanted, "{stamp} {two_phase}");
    }
}

/// What resolves the first finding.
fn resolve(facts: &RootFacts) -> String {
    let report = DoctorReport::of(facts, DoctorScope::Today);
    report.findings[0].resolve.clone()
}

#[test]
fn commits_that_something_accounts_for_are_not_given_a_sidecar() {
    let two_phase = || {
        let mut facts = at_rest(3);
        facts.catalog.as_mut().unwrap().two_phase = true;
        facts.branches = Ok(vec![on(None, vec![table(above(None))])]);
        facts
    };
    assert!(resolve(&two_phase()).starts_with("Write a sidecar for the commits"));
    for (stand, says, resolves) in [
        (
            JournalStand::Closed,
            "says that it has ended, and the catalog does not show that",
            "Find out which backup the catalog is from",
        ),
        (
            JournalStand::Open,
            "has a journal that is not closed, and its sidecar is not there",
            "Put the sidecar ",
        ),
    ] {
        let mut facts = two_phase();
        let operations = facts.operations.as_mut().unwrap();
        operations.named.insert(OLDER.parse().unwrap(), stand);
        let report = DoctorReport::of(&facts, DoctorScope::Today);
        let finding = &report.findings[0];
        assert!(finding.detail.contains(says), "{}", finding.detail);
        assert!(finding.detail.contains(OLDER), "{}", finding.detail);
        assert!(finding.resolve.starts_with(resolves), "{}", finding.resolve);
        let audit = format!("sidecar-inspector audit /srv/graph {OLDER}");
        assert!(finding.resolve.ends_with(&audit), "{}", finding.resolve);
    }
    let mut unknown = two_phase();
    unknown.operations = Err("timed out".to_owned());
    let report = DoctorReport::of(&unknown, DoctorScope::Today);
    let of_commits = report.findings.iter();
    let of_commits = of_commits.filter(|it| it.kind == FindingKind::UncoveredCommits);
    for finding in of_commits {
        assert_eq!(finding.resolve, "Look again once the journals can be read");
    }
    let unread = SidecarFile::unread("a.json", Reason::new(Code::Unreadable, "timed out"));
    let mut unread_file = two_phase();
    unread_file.pending.as_mut().unwrap().covers = Covers::of(&[entry(unread)]);
    assert_eq!(
        resolve(&unread_file),
        "Resolve a.json first: sidecar-inspector plan /srv/graph a.json"
    );
}

#[test]
fn a_fork_that_a_refused_file_made_is_resolved_with_the_file() {
    let mut sidecar = sidecar(WriterKind::Mutation, vec![pin("node:Author", 4, 5)]);
    sidecar.branch = Some("feature".to_owned());
    let refused = named_after(&sidecar, "renamed.json");
    let mut facts = at_rest(3);
    facts.branches = Ok(vec![on(Some("feature"), vec![table(forked(4))])]);
    assert!(resolve(&facts).starts_with("Nothing has to be done"));
    facts.pending.as_mut().unwrap().covers = Covers::of(&[refused]);
    assert_eq!(
        resolve(&facts),
        "Resolve renamed.json first: sidecar-inspector plan /srv/graph renamed.json"
    );
}

#[test]
fn what_refers_to_another_place_is_looked_at_with_the_address_that_the_root_had() {
    let elsewhere = || Unread {
        reason: "it refers to files at /old/graph".to_owned(),
        is_elsewhere: true,
    };
    let relocated = "sidecar-inspector doctor /srv/graph --relocated-from OLD_ROOT";
    let mut facts = at_rest(3);
    facts.branches = Ok(vec![on(None, vec![table(Stand::Unreadable(elsewhere()))])]);
    assert_eq!(resolve(&facts), relocated);
    facts.branches = Ok(vec![BranchFacts {
        branch: Some("feature".to_owned()),
        catalog: Some(Err(elsewhere())),
    }]);
    assert_eq!(resolve(&facts), relocated);
    facts.commands.relocated_from = Some("/old/graphs".to_owned());
    assert!(resolve(&facts).contains("backup"), "it was given");
}

#[test]
fn tags_are_released_only_by_a_plan_that_can_be_made() {
    let tagged = |stand: Option<JournalStand>, progress: Option<Progress>| {
        let mut facts = at_rest(3);
        facts.tags.tags = vec![("nodes/a".to_owned(), format!("recovery-{OPERATION}-v4"))];
        let operation = || OPERATION.parse().unwrap();
        let operations = facts.operations.as_mut().unwrap();
        operations
            .named
            .extend(stand.map(|stand| (operation(), stand)));
        operations
            .open
            .extend(progress.map(|progress| OpenOperation {
                operation_id: operation(),
                progress: Ok(progress),
            }));
        let report = DoctorReport::of(&facts, DoctorScope::Upgrade);
        let of_tags = |it: &&sidecar::doctor::Finding| it.kind == FindingKind::RecoveryTags;
        let finding = report.findings.iter().find(of_tags).unwrap();
        let line = report.upgrade.unwrap().pop().unwrap();
        assert_eq!(line.resolve.as_ref(), Some(&finding.resolve));
        finding.resolve.clone()
    };
    assert_eq!(
        tagged(Some(JournalStand::Closed), None),
        format!("sidecar-inspector release /srv/graph {OPERATION}")
    );
    let under_way = tagged(Some(JournalStand::Open), Some(Progress::UnderWay));
    let plan = format!("sidecar-inspector plan /srv/graph {OPERATION}");
    assert!(under_way.ends_with(&plan), "{under_way}");
    let gone = tagged(None, None);
    assert!(gone.contains("journal is gone") && !gone.contains("release"));
}

#[test]
fn an_object_that_two_listings_meet_is_told_once_and_a_temporary_file_is_removed() {
    let name = "__recovery_log/01M8/000001.json#1";
    let reason = |says: &str| Reason::new(Code::Unreadable, format!("{name} {says}"));
    let mut facts = at_rest(3);
    facts.pending.as_mut().unwrap().skipped = vec![reason("is a temporary file")];
    facts.operations.as_mut().unwrap().skipped =
        vec![reason("is not part of any journal; move it away by hand")];
    assert_eq!(told(&facts), ["stray_object, to be known"]);
    let removed = "Remove it by hand once nobody writes to this root";
    assert_eq!(resolve(&facts), removed);
    let mut facts = at_rest(3);
    facts.folder.as_mut().unwrap().others = FolderEntries {
        count: 1,
        names: vec!["__recovery/a.json#3".to_owned()],
    };
    assert_eq!(resolve(&facts), removed);
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
        (
            "a\u{1b}[2J'\u{202e}0.json",
            format!(
                r"sidecar-inspector plan '/srv/my graph' $'a\033[2J\'\342\200\2560.json' {options}"
            ),
        ),
    ] {
        assert_eq!(commands.plan(file), wanted);
    }
}
