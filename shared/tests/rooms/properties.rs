//! What holds for any input whatever.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::Value;
use sidecar::follow_up::{StuckFile, dismissal, dismissal_id};
use sidecar::journal::JournalState;
use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, KeptHistory, Pinned, Restorability,
    SchemaObservation, TableObservation,
};
use sidecar::{
    Classification, Code, Decision, Digest, Disposition, Limits, Observation, PlanBytes, PlanInput,
    Reason, RootId, Sidecar, SidecarFile, TablePin, Tag, Timestamp, Verdict, WriterKind, assemble,
    authorize, explain, judge, plan, what_if,
};

use crate::support::{
    OLDER, approval, at, bytes, half_way, operation, pin, scene, sidecar, staged, transaction,
};

const FILE: &str = "01M8125ENACWR9X1EZNRMDV5V2.json";

/// Everything that may be done with the bytes of a file. It must come back, whatever they are.
fn read_and_judge(bytes: Vec<u8>) {
    let file = SidecarFile::read(FILE, bytes, &Limits::DEFAULT);
    let parsed = file.content.clone();
    let listed = assemble(vec![
        file.clone(),
        SidecarFile {
            file: "copy.json".to_owned(),
            ..file
        },
    ]);
    assert_eq!(listed.len(), 2);
    if let Ok(sidecar) = parsed {
        let again = serde_json::to_vec(&sidecar).unwrap();
        assert_eq!(
            Sidecar::parse(FILE, &again, &Limits::DEFAULT).as_ref(),
            Ok(&sidecar),
            "what was read is written back and read the same"
        );
        assert!(what_if(&sidecar).len() <= 16);
        let observation = Observation {
            catalog: CatalogObservation::BranchAbsent { tree_left: false },
            tables: Vec::new(),
            schema: None,
            kept_history: KeptHistory::Nowhere,
            recorded: Default::default(),
            merge: None,
            unread: Vec::new(),
            version_9: None,
        };
        assert!(judge(&sidecar, None, &observation).tables.len() == sidecar.tables.len());
    }
}

fn version() -> impl Strategy<Value = u64> + Clone {
    prop_oneof![12 => 0_u64..7, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1), 1 => any::<u64>()]
}

fn valid() -> impl Strategy<Value = Vec<u8>> {
    let fixtures = [
        &include_bytes!(
            "../fixtures/omnigraph-0.7.0/forward-branch-load/01M8125GKP4DN25YTCN5T9RC5H.json"
        )[..],
        include_bytes!("../fixtures/omnigraph-0.7.0/schema-staged/01M8125JYVNP6V4KFVR4QZC3CP.json"),
        include_bytes!(
            "../fixtures/omnigraph-0.7.0/back-mid-phase/01M8125ENACWR9X1EZNRMDV5V2.json"
        ),
        include_bytes!(
            "../fixtures/omnigraph-0.9.0/forward-mutation/01M8147KZ1N0PNJ158XG5MC8SD.json"
        ),
    ];
    select(fixtures.to_vec()).prop_map(<[u8]>::to_vec)
}

/// Any JSON, of any depth a parser could be asked to take.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i16>().prop_map(|halves| Value::from(f64::from(halves) / 2.0)),
        ".{0,12}".prop_map(Value::from),
        select(vec![
            "main",
            "..",
            "Mutation",
            "SchemaApply",
            "01M8125ENACWR9X1EZNRMDV5V2",
            "1795332160170908"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = select(vec![
            "table_key",
            "table_path",
            "table_branch",
            "expected_version",
            "post_commit_pin",
            "tables",
            "x",
        ]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name, inner), 0..6).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect())
        ]
    })
}

fn observed_table(pin: TablePin) -> impl Strategy<Value = (TablePin, TableObservation)> {
    let pinned = prop_oneof![
        8 => version().prop_map(|version| Pinned::At { version }),
        1 => Just(Pinned::Absent),
        1 => version().prop_map(|version| Pinned::Tombstoned { version }),
    ];
    let head = prop_oneof![
        12 => (version(), any::<bool>()).prop_map(|(version, known)| HeadObservation::At { version, transaction: known.then(|| format!("uuid-{version}")) }),
        1 => Just(HeadObservation::BranchMissing),
        1 => Just(HeadObservation::DatasetMissing),
        1 => Just(HeadObservation::Unreadable { reason: "timed out".to_owned() }),
    ];
    let content = select(vec![
        ContentComparison::NotCompared,
        ContentComparison::Equal,
        ContentComparison::Different,
    ]);
    let restorable = select(vec![
        Restorability::NotChecked,
        Restorability::Restorable,
        Restorability::NotRestorable {
            reason: "gone".to_owned(),
        },
    ]);
    let transactions = vec(
        (
            0_u64..8,
            select(vec![
                ("Append", None),
                ("Restore", Some(2_u64)),
                ("Delete", None),
            ]),
        ),
        0..6,
    );
    (
        version(),
        version(),
        pinned,
        head,
        content,
        restorable,
        transactions,
    )
        .prop_map(
            move |(
                expected_version,
                post_commit_pin,
                pinned,
                head,
                head_content,
                restorable,
                transactions,
            )| {
                let pin = TablePin {
                    expected_version,
                    post_commit_pin,
                    ..pin.clone()
                };
                let transactions = transactions
                    .into_iter()
                    .map(|(version, (operation, restored))| {
                        transaction(version, operation, restored)
                    })
                    .collect();
                let table = TableObservation {
                    pinned,
                    head,
                    head_content,
                    restorable,
                    transactions,
                    ..at(&pin, 1, 1)
                };
                (pin, table)
            },
        )
}

/// A likely table: it stands where a crash of its writer leaves it.
fn likely_table(pin: TablePin) -> impl Strategy<Value = (TablePin, TableObservation)> {
    (2_u64..5, 0_u64..3, 0_u64..4).prop_map(move |(expected, published, moved)| {
        let pin = TablePin {
            expected_version: expected,
            post_commit_pin: expected + 1,
            ..pin.clone()
        };
        let table = at(&pin, expected + published, expected + published + moved);
        (pin, table)
    })
}

fn tables() -> impl Strategy<Value = Vec<(TablePin, TableObservation)>> {
    let pins: Vec<TablePin> = ["node:A", "edge:B", "node:C", "node:D", "edge:E"]
        .map(|name| pin(name, 2, 3))
        .to_vec();
    subsequence(pins, 0..=5).prop_flat_map(|pins| {
        let table =
            |pin: TablePin| prop_oneof![1 => observed_table(pin.clone()), 3 => likely_table(pin)];
        pins.into_iter().map(table).collect::<Vec<_>>()
    })
}

fn catalog() -> impl Strategy<Value = CatalogObservation> {
    prop_oneof![
        8 => (0_u32..6, proptest::option::of(0_u64..4_000_000_000_000_000)).prop_map(|(stamp, created)| CatalogObservation::Present {
            version: 7, stamp, two_phase: false, branch_created_at: created.map(Timestamp::from_micros),
        }),
        1 => any::<bool>().prop_map(|tree_left| CatalogObservation::BranchAbsent { tree_left }),
        1 => Just(CatalogObservation::Unreadable { reason: "gone".to_owned() }),
    ]
}

fn schema() -> impl Strategy<Value = Option<SchemaObservation>> {
    proptest::option::weighted(
        0.8,
        (
            select(vec!["", "p", "i", "s", "pi", "ps", "is", "pis"]),
            any::<bool>(),
            any::<bool>(),
        )
            .prop_map(|(files, declares, published)| {
                let nobody = sidecar(WriterKind::SchemaApply, Vec::new());
                staged(&nobody, files, declares, published)
            }),
    )
}

#[derive(Debug, Clone)]
struct Case {
    sidecar: Sidecar,
    observation: Observation,
    waiting: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let kind = select(WriterKind::ALL.to_vec());
    let branch =
        proptest::option::weighted(0.2, select(vec!["main".to_owned(), "feature".to_owned()]));
    (
        kind,
        branch,
        tables(),
        catalog(),
        schema(),
        proptest::bool::weighted(0.1),
        (1_u32..=2, any::<bool>()),
    )
        .prop_map(
            |(
                kind,
                branch,
                tables,
                catalog,
                schema,
                waiting,
                (schema_version, history_in_catalog),
            )| {
                let (mut pins, mut tables): (Vec<TablePin>, Vec<TableObservation>) =
                    tables.into_iter().unzip();
                for (pin, table) in pins.iter_mut().zip(&mut tables) {
                    pin.table_branch.clone_from(&branch);
                    table.branch = pin.table_branch().owned();
                }
                Case {
                    sidecar: Sidecar {
                        schema_version,
                        branch,
                        ..sidecar(kind, pins)
                    },
                    observation: Observation {
                        catalog,
                        tables,
                        schema,
                        kept_history: if history_in_catalog {
                            KeptHistory::InCatalog
                        } else {
                            KeptHistory::InTables
                        },
                        recorded: Default::default(),
                        merge: None,
                        unread: Vec::new(),
                        version_9: None,
                    },
                    waiting,
                }
            },
        )
}

impl Case {
    fn verdict(&self) -> Verdict {
        judge(
            &self.sidecar,
            self.waiting.then_some(OLDER),
            &self.observation,
        )
    }

    /// The plan with a fixed digest of the sidecar, so that only what was found can differ.
    fn plan(&self) -> PlanBytes {
        let verdict = self.verdict();
        PlanBytes::of(&plan(&PlanInput {
            root: &RootId::new("file:///data/graph"),
            operation_id: &operation(),
            file: FILE,
            sidecar_digest: Digest::of(Tag::Sidecar, b""),
            sidecar: Some(&self.sidecar),
            observation: Some(&self.observation),
            verdict: &verdict,
        }))
        .unwrap()
    }

    fn reordered(&self, order: &[Index]) -> Self {
        let mut case = self.clone();
        for (index, other) in order.iter().enumerate().take(case.sidecar.tables.len()) {
            let other = other.index(case.sidecar.tables.len());
            case.sidecar.tables.swap(index, other);
            case.observation.tables.swap(index, other);
        }
        case
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..2_048)) {
        read_and_judge(bytes);
    }

    // A folder can have any name but for slashes and zero bytes, and a listing shows each that ends so.
    #[test]
    fn a_file_of_any_name_that_is_listed_is_set_aside_with_a_plan_that_its_journal_takes(
        stem in prop_oneof![
            1 => Just(String::new()),
            1 => Just(".".to_owned()),
            1 => Just(FILE.trim_end_matches(".json").to_owned()),
            1 => Just("00000000000000000000000000".to_owned()),
            4 => "[^/\0]{0,40}",
        ],
        bytes in prop_oneof![Just(Some(Vec::new())), Just(Some(b"no sidecar".to_vec())), valid().prop_map(Some), Just(None)],
        is_journal_broken in any::<bool>(),
    ) {
        let name = format!("{stem}.json");
        let file = match bytes.clone() {
            Some(bytes) => SidecarFile::read(&name, bytes, &Limits::DEFAULT),
            None => SidecarFile::unread(&name, Reason::new(Code::Unreadable, "it timed out")),
        };
        let listed = assemble(vec![file]).remove(0);
        let operation = listed.file.own_operation();
        let stuck = StuckFile { listed: &listed, operation: operation.clone(), journal: None, is_journal_broken };
        let operation = operation.filter(|_| !stuck.stands_for_none());
        let operation = operation.unwrap_or_else(|| dismissal_id(&listed.file));
        let reasons = [stuck.reason()];
        let made = dismissal(
            &RootId::new("/srv/graphs/one"), operation.clone(), &listed.file, bytes.clone(), Disposition::Refused, &reasons,
        );
        let planned = PlanBytes::of(&made.plan).unwrap();
        if reasons[0].code == Code::Unreadable {
            prop_assert!(!made.blockers.is_empty() && !made.plan.has_effect());
        } else {
            prop_assert_eq!(&made.blockers, &[]);
            let decoded = planned.decode();
            prop_assert_eq!(decoded.as_ref(), Ok(&made.plan), "{:?}", name);
            let begun = crate::follow_up::claimed(JournalState::new(operation), &made);
            prop_assert_eq!(begun.begun(), Some(&made.plan));
        }
    }

    #[test]
    fn any_brackets_quotes_and_backslashes_are_read_without_a_panic(text in r#"[\[\]{}",:\\0-9a-z]{0,256}"#) {
        read_and_judge(text.into_bytes());
    }

    #[test]
    fn a_damaged_sidecar_is_read_without_a_panic(bytes in valid(), edits in vec((any::<Index>(), any::<u8>(), 0..4_u8), 1..8)) {
        let mut bytes = bytes;
        for (index, byte, edit) in edits {
            if bytes.is_empty() {
                break;
            }
            let index = index.index(bytes.len());
            match edit {
                0 => bytes[index] = byte,
                1 => bytes.insert(index, byte),
                2 => bytes.truncate(index),
                _ => drop(bytes.remove(index)),
            }
        }
        read_and_judge(bytes);
    }

    #[test]
    fn any_value_in_any_field_is_read_without_a_panic(value in json(), field in select(vec![
        "schema_version", "operation_id", "started_at", "branch", "actor_id", "writer_kind", "tables", "merge_source_commit_id", "additional_registrations", "tombstones", "new",
    ])) {
        let mut sidecar: Value = serde_json::from_slice(&bytes(&half_way().sidecar)).unwrap();
        sidecar[field] = value;
        read_and_judge(sidecar.to_string().into_bytes());
    }

    #[test]
    fn the_order_of_tables_changes_neither_verdict_nor_plan_where_there_is_no_graph_history(case in case(), order in vec(any::<Index>(), 5)) {
        // The history of a graph names tables in the order of the sidecar, as engines do.
        let case = Case { observation: Observation { kept_history: KeptHistory::Nowhere, ..case.observation }, ..case };
        let other = case.reordered(&order);
        let (verdict, reordered) = (case.verdict(), other.verdict());
        prop_assert_eq!(verdict.disposition, reordered.disposition);
        prop_assert_eq!(verdict.decision, reordered.decision);
        prop_assert_eq!(&verdict.requires, &reordered.requires);
        let (plan, reordered) = (case.plan(), other.plan());
        prop_assert_eq!(plan.text(), reordered.text());
        prop_assert_eq!(plan.digest(), reordered.digest());
    }

    #[test]
    fn the_same_input_gives_the_same_bytes_and_they_read_back_as_the_same_plan(case in case()) {
        let bytes = case.plan();
        prop_assert_eq!(&bytes, &case.clone().plan());
        let plan = bytes.decode().unwrap();
        prop_assert_eq!(PlanBytes::of(&plan).unwrap(), bytes.clone());
        prop_assert_eq!(PlanBytes::verify(bytes.text().to_owned(), bytes.digest()).unwrap().decode().unwrap(), plan);
    }

    #[test]
    fn one_violated_table_aborts_whatever_the_others_are(case in case()) {
        let verdict = case.verdict();
        let violated = verdict.tables.iter().any(|table| matches!(table.classification, Some(Classification::InvariantViolation { .. })));
        let judged = !matches!(verdict.disposition, Disposition::Refused | Disposition::Waiting | Disposition::OrphanedBranch);
        if violated {
            prop_assert!(verdict.decision.is_none_or(|decision| decision == Decision::Abort));
            prop_assert!(!judged || verdict.disposition == Disposition::Abort);
        }
    }

    #[test]
    fn a_plan_without_effect_or_support_has_no_steps_and_is_never_authorized(case in case()) {
        let (verdict, bytes) = (case.verdict(), case.plan());
        let plan = bytes.decode().unwrap();
        if matches!(verdict.disposition, Disposition::Refused | Disposition::Waiting | Disposition::Abort) {
            prop_assert!(!verdict.blockers.is_empty(), "there is a reason");
            prop_assert!(verdict.requires.is_empty());
            prop_assert!(plan.steps.is_empty());
            prop_assert!(verdict.tables.iter().all(|table| table.publish_as.is_none() && table.restore_to.is_none()));
        }
        let approval = sidecar::Approval { plan_digest: bytes.digest(), acknowledged: plan.requires.iter().copied().collect(), ..approval(&half_way()) };
        let approval = sidecar::Approval { reason: Some("tested".to_owned()), ..approval };
        prop_assert_eq!(authorize(bytes, &[approval]).is_ok(), !plan.steps.is_empty());
    }

    #[test]
    fn a_roll_back_returns_to_the_manifest_pin_and_never_to_another_version(case in case()) {
        let verdict = case.verdict();
        for (table, observed) in verdict.tables.iter().zip(&case.observation.tables) {
            let (pinned, head) = (observed.pinned.version(), observed.head.version());
            if let Some(target) = table.restore_to {
                prop_assert_eq!(Some(target), pinned);
                prop_assert_eq!(table.publish_as, head.map(|head| head + 1), "it lands on the approved HEAD plus one");
            }
            if let Some(publish_as) = table.publish_as {
                prop_assert!(pinned < Some(publish_as), "a pin never goes down");
            }
        }
    }

    #[test]
    fn any_world_can_be_explained(case in case()) {
        let scene = scene(&case.sidecar, case.waiting.then_some(OLDER), &case.observation);
        let explanation = explain(&scene.plan, Some(case.sidecar.started_at), &scene.verdict.blockers);
        prop_assert!(explanation.headline.ends_with('.') && explanation.consequence.ends_with('.'), "{:?}", explanation);
    }

    #[test]
    fn any_bytes_are_no_journal_record(bytes in vec(any::<u8>(), 0..512)) {
        prop_assert!(sidecar::journal::verify_chain(&operation(), [bytes.as_slice()]).is_err());
    }
}
