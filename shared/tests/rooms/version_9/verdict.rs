//! What is decided about a sidecar of version 9, for every position of its tables and every outcome in the catalog (PROTOCOL.md,
//! section 18.4, first match wins).

use std::collections::BTreeMap;

use serde_json::Value;
use sidecar::observation::NextSchema;
use sidecar::version_9::proof::{SeenOperation, SeenTransaction, SeenVersions};
use sidecar::version_9::{
    Beside, BranchIdentifier, BranchSeen, CatalogRow, CatalogTable, CatalogTables, EffectPhase,
    Evidence, ForkSeen, GraphSeen, HeadSeen, Payload, Pin, SchemaIdentity, SchemaSeen, Sidecar9,
    TableSeen, TransactionIdentity, Verdict9, dependence, judge_version_9, parse,
};
use sidecar::{Code, Disposition, GraphCommit, Limits, Reason, SidecarFile};

use super::fixture::of;

/// A load into three tables of main, confirmed.
const GRAPH: &str = "v9-load-append-three-tables-confirmed";

/// Where a table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// HEAD is what readers see.
    Pin,
    /// The planned commit is HEAD.
    Own,
    /// The planned commit, which Lance rebased over somebody else's, is HEAD.
    OwnOverForeign,
    /// Somebody else's commit lies on the planned one.
    Buried,
    /// HEAD returned the table to what readers see.
    Compensated,
    /// Somebody else's commit is HEAD, and the planned one is not there.
    Foreign,
    /// The transaction of HEAD cannot be read.
    Unreadable,
    /// HEAD is below what readers see.
    BelowPin,
}

const EVERYWHERE: [At; 8] = [
    At::Pin,
    At::Own,
    At::OwnOverForeign,
    At::Buried,
    At::Compensated,
    At::Foreign,
    At::Unreadable,
    At::BelowPin,
];

/// What became of the graph since the write was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Graph {
    Same,
    HeadMoved,
    SchemaMoved,
    BranchRecreated,
}

const GRAPHS: [Graph; 4] = [
    Graph::Same,
    Graph::HeadMoved,
    Graph::SchemaMoved,
    Graph::BranchRecreated,
];

fn confirmed() -> Sidecar9 {
    of(GRAPH).parsed()
}

/// The same write before its writer confirmed anything.
fn armed() -> Sidecar9 {
    let fixture = of(GRAPH);
    let bytes = fixture.with(|file| {
        let without = |list: &mut Value, name: &str| {
            for entry in list.as_array_mut().unwrap() {
                entry.as_object_mut().unwrap().remove(name);
            }
        };
        without(&mut file["tables"], "confirmed_version");
        let plan = &mut file["protocol_v3"];
        plan["effect_phase"] = "Armed".into();
        without(&mut plan["effects"], "confirmed_transaction");
        without(&mut plan["intended_delta"]["table_updates"], "confirmed");
    });
    parse(&fixture.file, &bytes, &Limits::DEFAULT).unwrap()
}

/// The same with an undo that a recovery prepared.
fn prepared(sidecar: &Sidecar9) -> Sidecar9 {
    let mut file: Value = serde_json::from_slice(&sidecar.to_bytes().unwrap()).unwrap();
    let pin = &sidecar.tables[0];
    file["protocol_v3"]["rollback_audit_outcomes"] = serde_json::json!([{
        "table_key": pin.table_key,
        "from_version": pin.post_commit_pin,
        "to_version": pin.expected_version,
    }]);
    let name = sidecar.operation_id.file_name();
    parse(&name, file.to_string().as_bytes(), &Limits::DEFAULT).unwrap()
}

fn payload(sidecar: &Sidecar9) -> &Payload {
    sidecar.payload().unwrap()
}

/// The transactions above the pin, oldest first.
fn versions(pin: &Pin, planned: &TransactionIdentity, at: At) -> SeenVersions {
    let expected = pin.expected_version;
    let own = (planned.uuid.clone(), SeenOperation::Other);
    let foreign = ("foreign".to_owned(), SeenOperation::Other);
    let restore = (
        "restore".to_owned(),
        SeenOperation::Restore { to: expected },
    );
    let row = match at {
        At::Pin | At::BelowPin => vec![],
        At::Own => vec![Some(own)],
        At::OwnOverForeign => vec![Some(foreign), Some(own)],
        At::Buried => vec![Some(own), Some(foreign)],
        At::Compensated => vec![Some(own), Some(restore)],
        At::Foreign => vec![Some(foreign)],
        At::Unreadable => vec![None],
    };
    let head = match at {
        At::BelowPin => expected - 1,
        _ => expected + row.len() as u64,
    };
    let seen = |(version, transaction): (u64, Option<(String, SeenOperation)>)| {
        let (uuid, operation) = transaction?;
        let identity = TransactionIdentity {
            read_version: version - 1,
            uuid,
        };
        Some((
            version,
            SeenTransaction {
                identity,
                operation,
            },
        ))
    };
    SeenVersions {
        head,
        transactions: (expected + 1..).zip(row).filter_map(seen).collect(),
    }
}

/// The catalog with every pinned table at this version.
fn catalog(sidecar: &Sidecar9, version: impl Fn(&Pin) -> u64) -> CatalogTables {
    let table = |pin: &Pin| {
        let table = CatalogTable {
            table_key: pin.table_key.clone(),
            location: pin.identity.place(&pin.table_key).unwrap(),
            row: CatalogRow {
                version: version(pin),
                table_branch: None,
                row_count: Some(1),
                metadata: None,
            },
        };
        (pin.identity, table)
    };
    CatalogTables(sidecar.tables.iter().map(table).collect())
}

fn evidence(sidecar: &Sidecar9, graph: Graph, at: &[At]) -> Evidence {
    let payload = payload(sidecar);
    let authority = &payload.authority;
    let identifier = match graph {
        Graph::BranchRecreated => BranchIdentifier {
            version_mapping: vec![(4, "another".to_owned())],
        },
        _ => authority.branch_identifier.clone(),
    };
    let head = match graph {
        Graph::HeadMoved => Some("01M8KHZZZZZZZZZZZZZZZZZZZZ".to_owned()),
        _ => authority.graph_head.clone(),
    };
    let ir_hash = match graph {
        Graph::SchemaMoved => "sha256:another".to_owned(),
        _ => authority.schema_ir_hash.clone(),
    };
    let tables = sidecar.tables.iter().zip(&payload.effects).zip(at);
    Evidence {
        beside: Beside::default(),
        branch: BranchSeen::There {
            identifier,
            lance_branch: None,
        },
        graph: GraphSeen {
            head,
            tables: catalog(sidecar, |pin| pin.expected_version),
            ..GraphSeen::default()
        },
        schema: SchemaSeen {
            live: Ok(SchemaIdentity {
                domain: authority.schema_identity_domain.clone(),
                ir_hash,
                identity_version: authority.schema_identity_version,
            }),
            is_staged: false,
            next: NextSchema::default(),
        },
        tables: tables
            .map(|((pin, effect), at)| TableSeen {
                head: HeadSeen::At(versions(pin, &effect.planned()[0], *at)),
                fork: None,
                branch_below: None,
                is_visible_version_gone: false,
            })
            .collect(),
    }
}

/// The rule, said without the code that it is about.
fn by_the_book(phase: EffectPhase, graph: Graph, at: &[At]) -> (Disposition, Option<Code>) {
    let any = |which: &[At]| at.iter().any(|at| which.contains(at));
    let own = [At::Own, At::OwnOverForeign, At::Buried, At::Compensated];
    let moved = graph == Graph::HeadMoved || graph == Graph::SchemaMoved;
    let is_exact = at.iter().all(|at| *at == At::Own);
    match () {
        () if any(&[At::BelowPin]) => (Disposition::Abort, Some(Code::HeadBelowPin)),
        () if any(&[At::Unreadable]) => (Disposition::Abort, Some(Code::Unverifiable)),
        () if !any(&own) && graph == Graph::BranchRecreated => {
            (Disposition::NeverStarted, Some(Code::BranchRecreated))
        }
        () if !any(&own) && any(&[At::Foreign]) => (Disposition::NeverStarted, Some(Code::Drift)),
        () if !any(&own) => (Disposition::NeverStarted, None),
        () if graph == Graph::BranchRecreated => (Disposition::Abort, Some(Code::BranchRecreated)),
        () if any(&[At::Buried, At::Foreign]) => (Disposition::Abort, Some(Code::Interleaved)),
        () if moved => (Disposition::RollBack, Some(Code::AuthorityMoved)),
        () if phase == EffectPhase::EffectsConfirmed && is_exact => {
            (Disposition::RollForward, None)
        }
        () if any(&[At::OwnOverForeign]) => (Disposition::RollBack, Some(Code::Interleaved)),
        () => (Disposition::RollBack, None),
    }
}

fn code(verdict: &Verdict9) -> Option<Code> {
    verdict.reasons.first().map(|reason| reason.code)
}

#[test]
fn three_tables_of_a_load_wherever_each_of_them_stands() {
    let mut met = BTreeMap::new();
    for sidecar in [armed(), confirmed()] {
        let phase = sidecar.phase().unwrap();
        for graph in GRAPHS {
            for one in EVERYWHERE {
                for other in EVERYWHERE {
                    for third in EVERYWHERE {
                        let at = [one, other, third];
                        let verdict = judge_version_9(&sidecar, &evidence(&sidecar, graph, &at));
                        assert_eq!(
                            (verdict.disposition, code(&verdict)),
                            by_the_book(phase, graph, &at),
                            "{phase:?} {graph:?} {at:?}"
                        );
                        *met.entry(verdict.disposition).or_insert(0) += 1;
                    }
                }
            }
        }
    }
    assert_eq!(met.len(), 4, "{met:?}");
    assert_eq!(met[&Disposition::RollForward], 1);
}

#[test]
fn a_commit_that_was_rebased_over_another_says_what_a_restore_takes_away() {
    let sidecar = armed();
    let at = [At::OwnOverForeign, At::Own, At::Own];
    let verdict = judge_version_9(&sidecar, &evidence(&sidecar, Graph::Same, &at));
    assert_eq!(verdict.disposition, Disposition::RollBack);
    let first = &sidecar.tables[0];
    assert_eq!(
        verdict.tables[0].foreign_versions,
        [first.expected_version + 1]
    );
    assert_eq!(verdict.tables[1].foreign_versions, [0; 0]);
}

/// The graph commit of the write, as its file fixed it.
fn original(sidecar: &Sidecar9) -> GraphCommit {
    let payload = payload(sidecar);
    GraphCommit {
        id: payload.lineage.graph_commit_id.clone(),
        manifest_branch: payload.lineage.branch.clone(),
        manifest_version: 9,
        parent: payload.authority.graph_head.clone(),
        merged_parent: None,
        actor: payload.lineage.actor_id.clone(),
        created_at: payload.lineage.created_at,
    }
}

fn rollback(sidecar: &Sidecar9) -> GraphCommit {
    GraphCommit {
        id: payload(sidecar).rollback_graph_commit_id.clone(),
        ..original(sidecar)
    }
}

/// The catalog as the publish of the confirmed write leaves it.
fn published() -> CatalogTables {
    let sidecar = confirmed();
    let mut tables = catalog(&sidecar, |pin| pin.post_commit_pin);
    for update in &payload(&sidecar).intended_delta.table_updates {
        let confirmed = update.confirmed.clone().unwrap();
        let table = tables.0.get_mut(&update.identity).unwrap();
        table.row = CatalogRow {
            version: confirmed.table_version,
            table_branch: confirmed.table_branch,
            row_count: Some(confirmed.row_count),
            metadata: Some(confirmed.version_metadata),
        };
    }
    tables
}

/// The evidence once the write is published, and somebody wrote on.
fn after_the_publish(sidecar: &Sidecar9) -> Evidence {
    let mut evidence = evidence(sidecar, Graph::HeadMoved, &[At::Own; 3]);
    evidence.graph.tables = published();
    evidence.graph.original = Some(original(sidecar));
    evidence.graph.tables_then = Some(published());
    evidence
}

type Change = fn(&mut CatalogRow);

#[test]
fn an_outcome_in_the_catalog_decides_before_any_table_is_asked() {
    for sidecar in [armed(), confirmed()] {
        let is_armed = sidecar.phase() == Some(EffectPhase::Armed);
        let judged = |change: &dyn Fn(&mut Evidence)| {
            let mut evidence = after_the_publish(&sidecar);
            change(&mut evidence);
            let verdict = judge_version_9(&sidecar, &evidence);
            (verdict.disposition, code(&verdict))
        };
        let conflict = (Disposition::Abort, Some(Code::OutcomeConflict));
        let left = match is_armed {
            true => Disposition::StaleArmed,
            false => Disposition::AlreadyPublished,
        };
        assert_eq!(judged(&|_| {}), (left, None));
        assert_eq!(
            judged(&|evidence| evidence.graph.rollback = Some(rollback(&sidecar))),
            conflict
        );
        assert_eq!(
            judged(&|evidence| evidence.graph.tables_then = None),
            (Disposition::Abort, Some(Code::Unverifiable))
        );
        let others: [fn(&mut GraphCommit); 5] = [
            |commit| commit.manifest_branch = Some("feature".to_owned()),
            |commit| commit.parent = None,
            |commit| commit.merged_parent = Some("01M8KHZZZZZZZZZZZZZZZZZZZZ".to_owned()),
            |commit| commit.actor = Some("another".to_owned()),
            |commit| commit.created_at += 1,
        ];
        for other in others {
            let change = |evidence: &mut Evidence| other(evidence.graph.original.as_mut().unwrap());
            assert_eq!(judged(&change), conflict);
        }
        // Nothing can differ from an armed file where the file does not fix it.
        let rows: [(bool, Change); 4] = [
            (false, |row| row.version += 1),
            (false, |row| row.table_branch = Some("feature".to_owned())),
            (true, |row| row.row_count = Some(77)),
            (true, |row| row.metadata = None),
        ];
        for (is_fixed_later, other) in rows {
            let change = |evidence: &mut Evidence| {
                let then = evidence.graph.tables_then.as_mut().unwrap();
                other(&mut then.0.values_mut().next().unwrap().row);
            };
            let wanted = match is_armed && is_fixed_later {
                true => (Disposition::StaleArmed, None),
                false => conflict,
            };
            assert_eq!(judged(&change), wanted);
        }
        // The transaction that the published version was planned to be is another, or gone.
        let published = (Disposition::AlreadyPublished, None);
        for (uuid, of_an_armed_file) in [
            (Some("another"), conflict),
            (None, (Disposition::Abort, Some(Code::Unverifiable))),
        ] {
            let change = |evidence: &mut Evidence| {
                let HeadSeen::At(versions) = &mut evidence.tables[1].head else {
                    panic!("it stands somewhere");
                };
                let version = sidecar.tables[1].post_commit_pin;
                match uuid {
                    None => drop(versions.transactions.remove(&version)),
                    Some(uuid) => {
                        let found = versions.transactions.get_mut(&version).unwrap();
                        found.identity.uuid = uuid.to_owned();
                    }
                }
            };
            let wanted = match is_armed {
                true => of_an_armed_file,
                false => published,
            };
            assert_eq!(judged(&change), wanted);
        }
        // Damage and drift are told beside the outcome, and damage puts the data in question.
        let change = |evidence: &mut Evidence| evidence.tables[0].is_visible_version_gone = true;
        assert_eq!(judged(&change), (left, Some(Code::TargetNotRestorable)));
        let change = |evidence: &mut Evidence| {
            let identity = sidecar.tables[0].identity;
            evidence
                .graph
                .tables
                .0
                .get_mut(&identity)
                .unwrap()
                .row
                .version -= 1;
        };
        assert_eq!(judged(&change), (left, Some(Code::Drift)));
    }
}

#[test]
fn a_write_that_was_taken_back_is_known_by_its_commit_and_its_outcomes() {
    for sidecar in [armed(), confirmed()] {
        for (file, wanted) in [
            (
                sidecar.clone(),
                (Disposition::Abort, Some(Code::OutcomeConflict)),
            ),
            (prepared(&sidecar), (Disposition::AlreadyRolledBack, None)),
        ] {
            let mut evidence = evidence(&file, Graph::HeadMoved, &[At::Buried; 3]);
            evidence.graph.tables = catalog(&file, |pin| pin.expected_version + 2);
            evidence.graph.rollback = Some(rollback(&file));
            let verdict = judge_version_9(&file, &evidence);
            assert_eq!((verdict.disposition, code(&verdict)), wanted);
        }
    }
}

#[test]
fn nothing_is_asked_of_a_file_that_waits_or_whose_branch_is_gone() {
    let sidecar = confirmed();
    let mut evidence = after_the_publish(&sidecar);
    evidence.beside.waiting_for = Some("01M8KH00000000000000000000.json".to_owned());
    let verdict = judge_version_9(&sidecar, &evidence);
    assert_eq!(verdict.disposition, Disposition::Waiting);
    assert_eq!(
        verdict.reasons[0].about.as_deref(),
        Some("01M8KH00000000000000000000.json")
    );

    let fixture = of("v9-orphan-branch-confirmed");
    let sidecar = fixture.parsed();
    for (tree_left, wanted) in [
        (false, (Disposition::OrphanedBranch, None)),
        (true, (Disposition::Abort, Some(Code::BranchTreeLeft))),
    ] {
        let evidence = Evidence {
            branch: BranchSeen::Gone { tree_left },
            graph: GraphSeen::default(),
            beside: Beside::default(),
            tables: Vec::new(),
            ..evidence.clone()
        };
        let verdict = judge_version_9(&sidecar, &evidence);
        assert_eq!((verdict.disposition, code(&verdict)), wanted);
    }
}

#[test]
fn a_table_that_is_called_otherwise_or_cannot_be_opened_is_left_to_people() {
    let sidecar = confirmed();
    let judged = |change: &dyn Fn(&mut Evidence)| {
        let mut evidence = evidence(&sidecar, Graph::Same, &[At::Own; 3]);
        change(&mut evidence);
        let verdict = judge_version_9(&sidecar, &evidence);
        (verdict.disposition, code(&verdict))
    };
    let abort = |code| (Disposition::Abort, Some(code));
    let identity = sidecar.tables[0].identity;
    assert_eq!(
        judged(&|evidence| {
            let table = evidence.graph.tables.0.get_mut(&identity).unwrap();
            table.table_key = "node:Renamed".to_owned();
        }),
        abort(Code::Interleaved)
    );
    assert_eq!(
        judged(&|evidence| {
            evidence.graph.tables.0.remove(&identity);
        }),
        abort(Code::TableMissing)
    );
    assert_eq!(
        judged(&|evidence| evidence.tables[0].head = HeadSeen::DatasetMissing),
        abort(Code::TableMissing)
    );
    assert_eq!(
        judged(&|evidence| evidence.tables[0].head = HeadSeen::Unreadable("denied".to_owned())),
        abort(Code::TableUnreadable)
    );
    assert_eq!(
        judged(&|evidence| evidence.tables[0].is_visible_version_gone = true),
        abort(Code::TargetNotRestorable)
    );
    // Somebody published the table after the write was planned.
    assert_eq!(
        judged(&|evidence| {
            let table = evidence.graph.tables.0.get_mut(&identity).unwrap();
            table.row.version += 1;
        }),
        abort(Code::Interleaved)
    );
}

#[test]
fn a_schema_that_cannot_be_told_is_no_reason_to_take_anything_back() {
    let sidecar = confirmed();
    for (at, wanted) in [
        (At::Own, Disposition::Abort),
        (At::Pin, Disposition::NeverStarted),
    ] {
        let mut evidence = evidence(&sidecar, Graph::Same, &[at; 3]);
        evidence.schema.live = Err("__schema_state.json: it is cut short".to_owned());
        let verdict = judge_version_9(&sidecar, &evidence);
        assert_eq!(verdict.disposition, wanted);
        assert_eq!(code(&verdict), Some(Code::SchemaContradictory));
        assert!(!verdict.holds_no_data());
    }
}

#[test]
fn a_branch_that_is_gone_does_not_take_the_commits_of_its_write_along() {
    let fixture = of("v9-orphan-branch-confirmed");
    let sidecar = fixture.parsed();
    let at = vec![At::Own; sidecar.tables.len()];
    let mut evidence = evidence(&sidecar, Graph::Same, &at);
    evidence.branch = BranchSeen::Gone { tree_left: false };
    evidence.graph = GraphSeen::default();
    let verdict = judge_version_9(&sidecar, &evidence);
    assert_eq!(
        (verdict.disposition, code(&verdict)),
        (Disposition::Abort, Some(Code::BranchTreeLeft))
    );
}

/// A confirmed merge whose publish also points to versions of tables that it commits nothing to.
fn whole_merge() -> (Sidecar9, Evidence) {
    let sidecar = of("v9-merge-main-into-branch-confirmed").parsed();
    let plan = payload(&sidecar);
    let mut evidence = evidence(&sidecar, Graph::Same, &[]);
    evidence.tables = sidecar
        .tables
        .iter()
        .zip(&plan.effects)
        .map(|(pin, effect)| {
            let own = |planned: &TransactionIdentity| {
                let seen = SeenTransaction {
                    identity: planned.clone(),
                    operation: SeenOperation::Other,
                };
                (planned.read_version + 1, seen)
            };
            let mut transactions: BTreeMap<u64, SeenTransaction> =
                effect.planned().iter().map(own).collect();
            let head = pin.confirmed_version.unwrap();
            if !effect.planned().is_empty() {
                transactions.entry(head).or_insert(SeenTransaction {
                    identity: TransactionIdentity {
                        read_version: head - 1,
                        uuid: "index".to_owned(),
                    },
                    operation: SeenOperation::CreateIndex,
                });
            }
            TableSeen {
                head: HeadSeen::At(SeenVersions { head, transactions }),
                fork: effect
                    .confirmed_branch_identifier()
                    .map(|identifier| ForkSeen {
                        parent_version: effect.fork_version(),
                        identifier: Some(identifier.clone()),
                    }),
                branch_below: None,
                is_visible_version_gone: false,
            }
        })
        .collect();
    for update in &plan.intended_delta.table_updates {
        let table = CatalogTable {
            table_key: update.table_key.clone(),
            location: update.identity.place(&update.table_key).unwrap(),
            row: CatalogRow {
                version: update.expected_version,
                table_branch: None,
                row_count: Some(1),
                metadata: None,
            },
        };
        evidence.graph.tables.0.insert(update.identity, table);
    }
    (sidecar, evidence)
}

#[test]
fn a_table_that_is_in_no_pin_is_expected_as_it_was_planned_too() {
    let (sidecar, evidence) = whole_merge();
    let verdict = judge_version_9(&sidecar, &evidence);
    assert_eq!(
        (verdict.disposition, code(&verdict)),
        (Disposition::RollForward, None),
        "{verdict:?}"
    );
    let is_pinned = |identity| sidecar.tables.iter().any(|pin| pin.identity == identity);
    let updates = payload(&sidecar).intended_delta.table_updates.iter();
    let pointers: Vec<_> = updates
        .filter(|update| !is_pinned(update.identity))
        .collect();
    assert!(!pointers.is_empty());
    for pointer in pointers {
        let mut moved = evidence.clone();
        moved
            .graph
            .tables
            .0
            .get_mut(&pointer.identity)
            .unwrap()
            .row
            .version += 7;
        let verdict = judge_version_9(&sidecar, &moved);
        assert_eq!(
            (verdict.disposition, code(&verdict)),
            (Disposition::Abort, Some(Code::Interleaved))
        );
    }
}

/// Which dispositions leave nothing that depends on the file.
#[test]
fn data_is_in_question_unless_the_write_is_settled() {
    let sidecar = confirmed();
    let verdict = |at: At, change: &dyn Fn(&mut Evidence)| {
        let mut evidence = evidence(&sidecar, Graph::Same, &[at; 3]);
        change(&mut evidence);
        judge_version_9(&sidecar, &evidence)
    };
    for (at, holds_none) in [
        (At::Pin, true),
        (At::Foreign, true),
        (At::Own, false),
        (At::Buried, false),
        (At::Compensated, false),
        (At::Unreadable, false),
        (At::BelowPin, false),
    ] {
        assert_eq!(verdict(at, &|_| {}).holds_no_data(), holds_none, "{at:?}");
    }
    let waits = |evidence: &mut Evidence| evidence.beside.waiting_for = Some("older".to_owned());
    assert!(!verdict(At::Pin, &waits).holds_no_data());
    let behind = |evidence: &mut Evidence| {
        for table in evidence.graph.tables.0.values_mut() {
            table.row.version -= 1;
        }
    };
    let verdict = verdict(At::BelowPin, &behind);
    assert_eq!(
        (verdict.disposition, code(&verdict)),
        (Disposition::NeverStarted, Some(Code::PinBelowExpected))
    );
    assert!(!verdict.holds_no_data());
}

#[test]
fn people_read_what_else_an_open_does_and_where_the_graph_has_to_be_for_it() {
    let sidecar = confirmed();
    let mut evidence = evidence(&sidecar, Graph::Same, &[At::Own; 3]);
    evidence.beside = Beside {
        waiting_for: None,
        followed_by: vec!["01M8KHZZZZZZZZZZZZZZZZZZZZ.json".to_owned()],
        moved_from: Some("/srv/old".to_owned()),
        is_locked: true,
    };
    let verdict = judge_version_9(&sidecar, &evidence);
    assert_eq!(verdict.disposition, Disposition::RollForward);
    for wanted in [
        "Approve the plan",
        "afterwards 01M8KHZZZZZZZZZZZZZZZZZZZZ.json can only be taken back",
        "__schema_apply_lock__",
        "only at /srv/old",
    ] {
        assert!(
            verdict.advice.contains(wanted),
            "{wanted}: {}",
            verdict.advice
        );
    }
    assert!(
        verdict.engine.starts_with("Here no engine opens"),
        "{}",
        verdict.engine
    );
}

/// A file of the root as a listing reads it.
fn listed(name: &str, text: &str) -> SidecarFile {
    SidecarFile::read(name, text.as_bytes().to_vec(), &Limits::DEFAULT)
}

#[test]
fn files_of_the_same_branch_and_schema_changes_decide_about_each_other() {
    let sidecar = confirmed();
    let own = sidecar.operation_id.file_name();
    let write = |kind: &str, branch: &str| {
        format!(r#"{{"schema_version": 9, "writer_kind": "{kind}", "branch": {branch}}}"#)
    };
    let [older, younger] = [
        "01000000000000000000000000.json",
        "7ZZZZZZZZZZZZZZZZZZZZZZZZZ.json",
    ];
    for (text, matters) in [
        (write("Load", "null"), true),
        (write("Load", r#""feature""#), false),
        (write("SchemaApply", r#""feature""#), true),
        ("{".to_owned(), true),
    ] {
        let files = [
            listed(older, &text),
            listed(&own, &text),
            listed(younger, &text),
        ];
        let beside = Beside::among(&sidecar, &own, files.iter());
        let wanted = Beside {
            waiting_for: matters.then(|| older.to_owned()),
            followed_by: if matters {
                vec![younger.to_owned()]
            } else {
                Vec::new()
            },
            ..Beside::default()
        };
        assert_eq!(beside, wanted, "{text}");
    }
}

#[test]
fn what_is_not_judged_is_in_question_unless_it_could_not_be_read() {
    let because = |judged: Option<Result<Verdict9, Reason>>| dependence(judged.as_ref()).code;
    let reason = |code| Reason::new(code, "so it is said");
    assert_eq!(because(None), Code::DataInQuestion);
    assert_eq!(
        because(Some(Err(reason(Code::Misnamed)))),
        Code::DataInQuestion
    );
    assert_eq!(
        because(Some(Err(reason(Code::Unreadable)))),
        Code::Unreadable
    );
    let sidecar = armed();
    for (at, wanted) in [
        (At::Pin, Code::HoldsNoData),
        (At::Own, Code::DataInQuestion),
    ] {
        let verdict = judge_version_9(&sidecar, &evidence(&sidecar, Graph::Same, &[at; 3]));
        assert_eq!(because(Some(Ok(verdict))), wanted);
    }
}
