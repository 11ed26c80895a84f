//! The plans this build makes natively, kept as a file that the page's module has to reproduce byte for byte in a browser engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use restore_backend::service::observe;
use serde_json::{Value, json};
use sidecar::observation::{
    CatalogObservation, ContentComparison, DifferingTable, HeadObservation, KeptHistory,
    MergeObservation, Pinned, Recorded, RecordedRestore, Restorability, Returned,
    SchemaObservation, ShownTable, TableObservation, Transaction, TransactionObservation,
    UncoveredTable,
};
use sidecar::root_layout::{PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_WRITER_OPERATION_ID};
use sidecar::{
    Disposition, Limits, Observation, PlanBytes, PlanInput, RootId, Sidecar, SidecarFile, TablePin,
    Timestamp, WriterKind, assemble, judge, plan, refuse,
};

use crate::support::{Store, fixtures};

/// Set to write the file anew.
const REGENERATE: &str = "REGENERATE_GOLDEN";

const OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5V2";
const OLDER: &str = "01M8125E20G3JA88BS9CEJEX1K";

const GRAPHS: [(&str, &str); 22] = [
    ("omnigraph-0.7.0", "back-mid-phase"),
    ("omnigraph-0.7.0", "back-mid-phase-delete"),
    ("omnigraph-0.7.0", "forward-branch-load"),
    ("omnigraph-0.7.0", "forward-mutation"),
    ("omnigraph-0.7.0", "optimize"),
    ("omnigraph-0.7.0", "schema-staged"),
    ("omnigraph-0.7.0", "stale-after-success"),
    ("omnigraph-0.8.0", "forward-mutation"),
    ("omnigraph-0.9.0", "v9-branch-recreated"),
    ("omnigraph-0.9.0", "v9-foreign-commit-on-second-table"),
    ("omnigraph-0.9.0", "v9-indices-branch-confirmed"),
    ("omnigraph-0.9.0", "v9-load-append-effects"),
    ("omnigraph-0.9.0", "v9-merge-main-into-branch-confirmed"),
    ("omnigraph-0.9.0", "v9-load-branch-first-write-armed"),
    (
        "omnigraph-0.9.0",
        "v9-mutation-branch-first-write-confirmed",
    ),
    ("omnigraph-0.9.0", "v9-orphan-branch-confirmed"),
    (
        "omnigraph-0.9.0",
        "v9-recovery-back-branch-first-write-restored",
    ),
    // The engine itself took it back, and died before it removed the file.
    ("omnigraph-0.9.0", "v9-recovery-back-published"),
    ("omnigraph-0.9.0", "v9-schema-mixed-confirmed"),
    ("omnigraph-0.9.0", "v9-schema-mixed-staged"),
    ("omnigraph-0.9.0", "v9-stale-armed-after-publish"),
    (
        "omnigraph-0.9.0",
        "v9-stale-optimize-after-publish-and-later-write",
    ),
];

/// What a plan is made of, as the page's module is asked, with what comes of it natively.
struct Case {
    name: String,
    root: String,
    operation: String,
    file: String,
    sidecar: String,
    waiting_for: Option<String>,
    observation: Option<Observation>,
}

impl Case {
    fn line(&self) -> Value {
        let file = SidecarFile::read(
            &self.file,
            self.sidecar.clone().into_bytes(),
            &Limits::DEFAULT,
        );
        let sidecar_digest = file.digest.unwrap();
        let listed = assemble(vec![file]).remove(0);
        let sidecar = listed.file.content.as_ref().ok();
        let verdict = match (&listed.refusal, sidecar, &self.observation) {
            (Some(reason), sidecar, _) => refuse(reason.clone(), sidecar),
            (None, Some(sidecar), Some(observation)) => {
                judge(sidecar, self.waiting_for.as_deref(), observation)
            }
            (None, ..) => panic!("{}: neither refused nor observed", self.name),
        };
        let plan = plan(&PlanInput {
            root: &RootId::new(&self.root),
            operation_id: &self.operation.parse().unwrap(),
            file: &self.file,
            sidecar_digest,
            sidecar,
            observation: self.observation.as_ref(),
            verdict: &verdict,
        });
        let bytes = PlanBytes::of(&plan).unwrap();
        json!({
            "name": self.name,
            "request": {
                "root": self.root, "operation_id": self.operation, "file": self.file, "sidecar": self.sidecar,
                "waiting_for": self.waiting_for, "observation": self.observation,
            },
            "disposition": verdict.disposition,
            "plan": bytes.text(),
            "digest": bytes.digest(),
        })
    }
}

/// A real graph, as this build sees it on disk.
async fn graph(engine: &str, name: &str) -> Case {
    let store = Store::unpacked(engine, name);
    let folder = store.path().join("__recovery");
    let file = std::fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .file_name()
        .into_string()
        .unwrap();
    let text = std::fs::read_to_string(folder.join(&file)).unwrap();
    let opened = store.open().await;
    let observation = match Sidecar::parse(&file, text.as_bytes(), &Limits::DEFAULT) {
        Ok(sidecar) => Some(observe(&opened.root, &sidecar).await.unwrap()),
        Err(_) => None,
    };
    Case {
        name: format!("{engine} {name}"),
        root: format!("file:///srv/graphs/{name}"),
        operation: file.trim_end_matches(".json").to_owned(),
        file,
        sidecar: text,
        waiting_for: None,
        observation,
    }
}

/// A table whose pin and HEAD stand here.
fn table(pin: &TablePin, pinned: u64, head: u64) -> TableObservation {
    let first = pin.expected_version.min(pinned) + 1;
    let transaction = |version: u64| {
        let transaction = Transaction {
            uuid: format!("00000000-0000-4000-8000-{version:012}"),
            operation: "Append".to_owned(),
            restored_version: None,
            timestamp: Some(Timestamp::from_micros(1_795_332_160_000_000 + version)),
            row_delta: Some(-3),
            properties: BTreeMap::new(),
        };
        TransactionObservation {
            version,
            transaction: Some(transaction),
        }
    };
    TableObservation {
        covered_by: None,
        pin_gone: false,
        table_key: pin.table_key.clone(),
        branch: None,
        location: Some(format!("tables/{}", pin.table_key)),
        pinned: Pinned::At { version: pinned },
        pinned_elsewhere: None,
        head: HeadObservation::At {
            version: head,
            transaction: Some(format!("00000000-0000-4000-8000-{head:012}")),
        },
        location_conflict: None,
        transactions: (first..=head).map(transaction).collect(),
        head_content: if head > pinned {
            ContentComparison::Different
        } else {
            ContentComparison::NotCompared
        },
        restorable: if head > pinned {
            Restorability::Restorable
        } else {
            Restorability::NotChecked
        },
    }
}

/// Every commit of the table names this operation of a two-phase writer.
fn named(mut table: TableObservation, operation: &str) -> TableObservation {
    for entry in &mut table.transactions {
        let properties = &mut entry.transaction.as_mut().unwrap().properties;
        let name = PROPERTY_WRITER_OPERATION_ID.to_owned();
        properties.insert(name, operation.to_owned());
    }
    table
}

/// HEAD of the table is a Restore that names this operation of ours.
fn restored(mut table: TableObservation, target: u64) -> TableObservation {
    let last = table.transactions.last_mut().unwrap();
    let made_by = last.transaction.as_mut().unwrap();
    made_by.operation = "Restore".to_owned();
    made_by.restored_version = Some(target);
    let name = PROPERTY_RECOVERY_OPERATION_ID.to_owned();
    made_by.properties.insert(name, OPERATION.to_owned());
    table
}

/// Two tables of one write by every kind of writer, standing where the verdict differs.
fn positions() -> Vec<Case> {
    let pin = |table_key: &str, expected_version: u64| TablePin {
        table_key: table_key.to_owned(),
        table_path: format!("/srv/graphs/g/tables/{table_key}"),
        expected_version,
        post_commit_pin: expected_version + 1,
        confirmed_version: None,
        table_branch: None,
        unknown: BTreeMap::new(),
    };
    // The last has keys that any careless ordering, escaping or number handling would get wrong.
    let large = (1 << 53) + 1;
    let stands = [
        ("all committed", [("node:A", 4, 4, 5), ("edge:B", 5, 5, 6)]),
        ("one committed", [("node:A", 4, 4, 5), ("edge:B", 5, 5, 5)]),
        (
            "published since",
            [("node:A", 4, 5, 7), ("edge:B", 5, 6, 6)],
        ),
        ("behind the pin", [("node:A", 4, 5, 4), ("edge:B", 5, 5, 5)]),
        (
            "hard to write",
            [
                (
                    "node:\u{1f409} \"\\/\u{7}\u{2028}é",
                    large,
                    large,
                    large + 1,
                ),
                ("edge:Z", 5, 5, 6),
            ],
        ),
    ];
    let mut cases = Vec::new();
    for kind in WriterKind::ALL {
        for (name, tables) in &stands {
            let pins: Vec<TablePin> = tables
                .iter()
                .map(|(key, expected, ..)| pin(key, *expected))
                .collect();
            let observed = pins
                .iter()
                .zip(tables)
                .map(|(pin, (_, _, pinned, head))| named(table(pin, *pinned, *head), OPERATION));
            let observation = Observation {
                catalog: CatalogObservation::Present {
                    version: 40,
                    stamp: 3,
                    two_phase: true,
                    branch_created_at: None,
                },
                tables: observed.collect(),
                schema: (kind == WriterKind::SchemaApply).then(SchemaObservation::default),
                kept_history: KeptHistory::Nowhere,
                recorded: Default::default(),
                merge: None,
                unread: Vec::new(),
                version_9: None,
            };
            cases.push(case(
                &format!("{} {name}", kind.name()),
                kind,
                pins,
                None,
                observation,
            ));
        }
    }
    let missing = |head: HeadObservation| TableObservation {
        head,
        pinned: Pinned::Absent,
        ..table(&pin("node:A", 4), 4, 4)
    };
    let world = |tables| Observation {
        catalog: CatalogObservation::Present {
            version: 1,
            stamp: 2,
            two_phase: false,
            branch_created_at: None,
        },
        tables,
        schema: None,
        kept_history: KeptHistory::InTables,
        recorded: Default::default(),
        merge: None,
        unread: Vec::new(),
        version_9: None,
    };
    let one = || vec![pin("node:A", 4)];
    cases.push(case(
        "waiting",
        WriterKind::Load,
        one(),
        Some(OLDER),
        world(vec![table(&one()[0], 4, 5)]),
    ));
    let two = || vec![pin("node:A", 4), pin("edge:B", 5)];
    cases.push(case(
        "never started",
        WriterKind::Load,
        one(),
        None,
        world(vec![table(&one()[0], 4, 4)]),
    ));
    cases.push(case(
        "superseded",
        WriterKind::Load,
        two(),
        None,
        world(vec![table(&two()[0], 5, 5), table(&two()[1], 5, 5)]),
    ));
    cases.push(case(
        "no dataset",
        WriterKind::Load,
        one(),
        None,
        world(vec![missing(HeadObservation::DatasetMissing)]),
    ));
    cases.push(case(
        "unreadable",
        WriterKind::Load,
        one(),
        None,
        world(vec![missing(HeadObservation::Unreadable {
            reason: "timed out".to_owned(),
        })]),
    ));
    let shown = |version, branch: Option<&str>| {
        Some(ShownTable {
            version,
            branch: branch.map(str::to_owned),
            location: Some("tables/node:B".to_owned()),
        })
    };
    let merge = MergeObservation {
        differing: vec![DifferingTable {
            table_key: "node:B".to_owned(),
            source: shown(5, Some("feature")),
            target: shown(4, None),
        }],
        uncovered: vec![UncoveredTable {
            table_key: "node:B".to_owned(),
            branch: None,
            pinned: 4,
            head: 5,
        }],
        untold: Vec::new(),
    };
    cases.push(case(
        "a merge that leaves a table out",
        WriterKind::BranchMerge,
        one(),
        None,
        Observation {
            merge: Some(merge),
            ..world(vec![table(&one()[0], 4, 5)])
        },
    ));
    cases.push(case(
        "the loser of a race",
        WriterKind::Load,
        one(),
        None,
        world(vec![named(table(&one()[0], 5, 5), OLDER)]),
    ));
    let of_both = |version| {
        two().into_iter().map(move |pin| RecordedRestore {
            table_key: pin.table_key,
            branch: None,
            version,
        })
    };
    let targets = two().into_iter().map(|pin| Returned {
        table_key: pin.table_key,
        branch: None,
        target: pin.expected_version - 1,
    });
    let undoing = |tables| Observation {
        recorded: Recorded {
            undo: Some(targets.clone().collect()),
            restores: of_both(5).chain(of_both(6)).collect(),
        },
        ..world(tables)
    };
    let pins = two();
    let (first, second) = (table(&pins[0], 4, 5), table(&pins[1], 5, 6));
    for (name, tables) in [
        (
            "half an undo",
            vec![restored(first.clone(), 3), second.clone()],
        ),
        ("an undo", vec![restored(first, 3), restored(second, 4)]),
    ] {
        cases.push(case(name, WriterKind::Load, two(), None, undoing(tables)));
    }
    let mut on_feature = one();
    on_feature[0].table_branch = Some("feature".to_owned());
    let unknown = TableObservation {
        branch: Some("feature".to_owned()),
        ..missing(HeadObservation::BranchMissing)
    };
    let mut gone = case(
        "branch gone",
        WriterKind::Load,
        on_feature,
        None,
        Observation {
            catalog: CatalogObservation::BranchAbsent { tree_left: false },
            ..world(vec![unknown])
        },
    );
    gone.sidecar = gone
        .sidecar
        .replace("\"branch\":null", "\"branch\":\"feature\"");
    cases.push(gone);
    cases
}

fn case(
    name: &str,
    writer_kind: WriterKind,
    tables: Vec<TablePin>,
    waiting_for: Option<&str>,
    observation: Observation,
) -> Case {
    let sidecar = Sidecar {
        schema_version: 1,
        operation_id: OPERATION.parse().unwrap(),
        started_at: Timestamp::from_micros(1_795_332_160_170_908),
        branch: None,
        actor_id: Some("act-ada".to_owned()),
        writer_kind,
        tables,
        merge_source_commit_id: None,
        additional_registrations: Vec::new(),
        tombstones: Vec::new(),
        unknown: BTreeMap::new(),
        version_9: None,
    };
    Case {
        name: name.to_owned(),
        root: "s3://bucket/graphs/g/".to_owned(),
        operation: OPERATION.to_owned(),
        file: format!("{OPERATION}.json"),
        sidecar: serde_json::to_string(&sidecar).unwrap(),
        waiting_for: waiting_for.map(str::to_owned),
        observation: Some(observation),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plans_the_page_has_to_reproduce_are_those_of_this_build() {
    let mut cases = positions();
    for (engine, name) in GRAPHS {
        cases.push(graph(engine, name).await);
    }
    let (mut found, mut dispositions) = (String::new(), BTreeSet::new());
    for case in &cases {
        let line = case.line();
        dispositions.insert(line["disposition"].as_str().unwrap().to_owned());
        writeln!(found, "{line}").unwrap();
    }
    let all = Disposition::ALL.map(|disposition| disposition.name().to_owned());
    assert_eq!(dispositions, BTreeSet::from(all));
    let path: PathBuf = fixtures().join("plans.jsonl");
    if std::env::var_os(REGENERATE).is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let frozen = std::fs::read_to_string(&path).unwrap();
    for (found, frozen) in found.lines().zip(frozen.lines()) {
        assert_eq!(
            found,
            frozen,
            "{} is not what this build makes; {REGENERATE}=1 writes it anew",
            path.display()
        );
    }
    assert_eq!(found.lines().count(), frozen.lines().count());
}
