//! What released engines write besides the plain case: branches, several commits per table, schema changes, their own history.

use std::collections::BTreeMap;

use sidecar::observation::{KeptHistory, Pinned, PinnedElsewhere, TransactionObservation};
use sidecar::{
    Action, Code, Disposition, GraphHistoryRow, Observation, Plan, Registration, Requirement,
    Sidecar, Step, Timestamp, Tombstone, UnexpectedCommit, WriterKind,
};

use crate::support::{Scene, at, on_branch, pin, scene, sidecar, staged, transaction, world};

fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(Step::kind).collect()
}

fn schema_change() -> Sidecar {
    Sidecar {
        additional_registrations: vec![Registration {
            table_key: "node:New".to_owned(),
            table_path: "nodes/new".to_owned(),
            table_branch: None,
            unknown: BTreeMap::new(),
        }],
        tombstones: vec![Tombstone {
            table_key: "edge:Old".to_owned(),
            tombstone_version: 8,
            unknown: BTreeMap::new(),
        }],
        ..sidecar(WriterKind::SchemaApply, vec![pin("node:A", 4, 5)])
    }
}

/// A schema change whose one table stands at this pin and HEAD, with these files staged.
fn found(
    write: &Sidecar,
    stand: (u64, u64),
    files: &str,
    published: bool,
    change: impl FnOnce(&mut Observation),
) -> Scene {
    let mut observation = Observation {
        schema: Some(staged(write, files, false, published)),
        kept_history: KeptHistory::InTables,
        ..world(vec![at(&write.tables[0], stand.0, stand.1)])
    };
    change(&mut observation);
    scene(write, None, &observation)
}

#[test]
fn a_schema_change_is_published_before_it_is_promoted_and_recorded_before_it_is_retired() {
    let write = schema_change();
    let locked = |observation: &mut Observation| {
        let schema = observation.schema.as_mut().unwrap();
        schema.locked_since = Some(write.started_at);
    };
    let forward = found(&write, (4, 5), "pis", false, locked);
    assert_eq!(forward.plan.disposition, Disposition::RollForward);
    assert_eq!(
        kinds(&forward.plan),
        [
            "tag",
            "tag",
            "publish",
            "promote_schema",
            "lineage",
            "lineage",
            "lineage",
            "unlock_schema",
            "record",
            "retire"
        ]
    );
    let back = found(&write, (4, 5), "p", false, locked);
    assert_eq!(back.plan.disposition, Disposition::RollBack);
    assert_eq!(
        kinds(&back.plan),
        [
            "tag",
            "tag",
            "fence_catalog",
            "restore",
            "publish",
            "discard_schema",
            "lineage",
            "lineage",
            "lineage",
            "unlock_schema",
            "record",
            "retire"
        ]
    );
    for scene in [&forward, &back] {
        assert!(scene.plan.requires.contains(&Requirement::WritersStopped));
    }
    let promoted = found(&write, (5, 5), "is", true, |_| {});
    assert_eq!(promoted.plan.disposition, Disposition::RollForward);
    assert_eq!(kinds(&promoted.plan)[..2], ["promote_schema", "lineage"]);
    let Step::PromoteSchema { files, .. } = &promoted.plan.steps[0] else {
        panic!("not promoted")
    };
    let files: Vec<&str> = files.iter().map(|file| file.live.as_str()).collect();
    assert_eq!(files, ["_schema.ir.json", "__schema_state.json"]);
}

#[test]
fn a_lock_that_is_younger_than_the_sidecar_is_somebody_elses_and_stays() {
    let write = schema_change();
    let later = Timestamp::from_micros(write.started_at.micros() + 1);
    let scene = found(&write, (4, 5), "pis", false, |observation| {
        observation.schema.as_mut().unwrap().locked_since = Some(later);
    });
    assert!(!kinds(&scene.plan).contains(&"unlock_schema"));
}

#[test]
fn one_publish_adds_removes_and_moves_and_does_nothing_twice() {
    let write = schema_change();
    let publish = |scene: &Scene| {
        scene.plan.steps.iter().find_map(|step| match step {
            Step::Publish {
                pins,
                registrations,
                tombstones,
                ..
            } => Some((pins.len(), registrations.clone(), tombstones.clone())),
            _ => None,
        })
    };
    let scene = found(&write, (4, 5), "pis", false, |_| {});
    let (pins, registrations, tombstones) = publish(&scene).unwrap();
    assert_eq!(pins, 1);
    assert_eq!(registrations[0].version, 1);
    assert_eq!(registrations[0].location, "nodes/new");
    assert_eq!(tombstones[0].version, 8);
    let keys: Vec<_> = scene
        .plan
        .tables
        .iter()
        .map(|table| (table.table_key.as_str(), table.action))
        .collect();
    assert_eq!(
        keys,
        [
            ("edge:Old", Action::Tombstone),
            ("node:A", Action::Publish),
            ("node:New", Action::Register)
        ]
    );

    let there = found(&write, (4, 5), "pis", false, |observation| {
        let schema = observation.schema.as_mut().unwrap();
        schema.registrations[0].pinned = Pinned::At { version: 1 };
    });
    let (_, registrations, tombstones) = publish(&there).unwrap();
    assert_eq!((registrations.len(), tombstones.len()), (0, 1));
    let gone = found(&write, (4, 5), "pis", false, |observation| {
        let schema = observation.schema.as_mut().unwrap();
        schema.tombstones[0].pinned = Pinned::Tombstoned { version: 9 };
    });
    let (_, registrations, tombstones) = publish(&gone).unwrap();
    assert_eq!((registrations.len(), tombstones.len()), (1, 0));
}

#[test]
fn a_table_that_was_published_since_is_not_removed() {
    let write = schema_change();
    for pinned in [
        Pinned::At { version: 8 },
        Pinned::At { version: 6 },
        Pinned::Tombstoned { version: 7 },
    ] {
        let scene = found(&write, (4, 5), "pis", false, |observation| {
            observation.schema.as_mut().unwrap().tombstones[0].pinned = pinned;
        });
        assert_eq!(scene.plan.disposition, Disposition::Abort, "{pinned:?}");
        assert_eq!(scene.verdict.blockers[0].code, Code::SchemaContradictory);
    }
}

#[test]
fn a_table_that_is_not_there_is_not_added() {
    use sidecar::observation::HeadObservation;
    let write = schema_change();
    let cases = [
        (HeadObservation::DatasetMissing, Code::TableMissing),
        (HeadObservation::BranchMissing, Code::TableMissing),
        (
            HeadObservation::Unreadable {
                reason: "timed out".to_owned(),
            },
            Code::TableUnreadable,
        ),
    ];
    for (head, code) in cases {
        let forward = found(&write, (4, 5), "pis", false, |observation| {
            observation.schema.as_mut().unwrap().registrations[0].head = head.clone();
        });
        assert_eq!(forward.plan.disposition, Disposition::Abort, "{head:?}");
        assert_eq!(forward.verdict.blockers[0].code, code);
        // Taken back, it need not be there.
        let back = found(&write, (4, 5), "p", false, |observation| {
            observation.schema.as_mut().unwrap().registrations[0].head = head.clone();
        });
        assert_eq!(back.plan.disposition, Disposition::RollBack, "{head:?}");
    }
    let hidden = found(&write, (4, 5), "pis", false, |observation| {
        observation.schema.as_mut().unwrap().registrations[0].pinned =
            Pinned::Tombstoned { version: 1 };
    });
    assert_eq!(hidden.plan.disposition, Disposition::Abort);
}

#[test]
fn a_table_named_twice_or_not_looked_at_aborts() {
    let mut write = schema_change();
    write.tombstones[0].table_key = "node:A".to_owned();
    let twice = found(&write, (4, 5), "pis", false, |_| {});
    assert_eq!(twice.plan.disposition, Disposition::Abort);
    let unseen = found(&schema_change(), (4, 5), "pis", false, |observation| {
        observation.schema.as_mut().unwrap().registrations.clear();
    });
    assert_eq!(unseen.plan.disposition, Disposition::Abort);
}

/// A write of this kind whose one table has this transaction above its pin.
fn committed(kind: WriterKind, above: TransactionObservation) -> Scene {
    let write = sidecar(kind, vec![pin("node:A", 4, 5)]);
    let mut table = at(&write.tables[0], 4, 5);
    table.transactions = vec![above];
    let schema = (kind == WriterKind::SchemaApply).then(|| staged(&write, "pis", false, false));
    let observation = Observation {
        schema,
        ..world(vec![table])
    };
    scene(&write, None, &observation)
}

const OPERATIONS: [&str; 12] = [
    "Append",
    "Update",
    "Delete",
    "Overwrite",
    "Merge",
    "Project",
    "DataReplacement",
    "UpdateConfig",
    "CreateIndex",
    "Rewrite",
    "ReserveFragments",
    "Clone",
];

#[test]
fn a_commit_that_does_not_fit_the_kind_of_the_writer_has_to_be_acknowledged() {
    for kind in WriterKind::ALL {
        let fitting: &[&str] = match kind {
            WriterKind::Mutation | WriterKind::Load => &[
                "Append",
                "Update",
                "Delete",
                "Overwrite",
                "Merge",
                "DataReplacement",
                "CreateIndex",
            ],
            WriterKind::SchemaApply => &[
                "Append",
                "Overwrite",
                "Merge",
                "Project",
                "UpdateConfig",
                "CreateIndex",
            ],
            WriterKind::BranchMerge => &["Append", "Update", "Delete", "Overwrite", "CreateIndex"],
            WriterKind::EnsureIndices => &["CreateIndex"],
            WriterKind::Optimize => &["CreateIndex", "Rewrite", "ReserveFragments"],
        };
        for operation in OPERATIONS {
            let scene = committed(kind, transaction(5, operation, None));
            assert_eq!(scene.plan.disposition, Disposition::RollForward);
            let asked = scene
                .plan
                .requires
                .contains(&Requirement::UnexpectedCommits);
            assert_eq!(asked, !fitting.contains(&operation), "{kind:?} {operation}");
            let named = &scene.plan.tables[0].unexpected;
            assert_eq!(named.len(), usize::from(asked));
        }
    }
}

#[test]
fn a_commit_that_cannot_be_read_has_to_be_acknowledged_where_their_number_tells_nothing() {
    for kind in WriterKind::ALL {
        let gone = TransactionObservation {
            version: 5,
            transaction: None,
        };
        let scene = committed(kind, gone);
        let expected = if kind.commits_each_table_once() {
            Vec::new()
        } else {
            vec![UnexpectedCommit {
                version: 5,
                operation: None,
            }]
        };
        assert_eq!(scene.plan.tables[0].unexpected, expected, "{kind:?}");
    }
}

#[test]
fn what_names_the_operation_itself_fits_whatever_it_is() {
    let write = sidecar(WriterKind::Mutation, vec![pin("node:A", 4, 5)]);
    let mut own = transaction(5, "Clone", None);
    let properties = &mut own.transaction.as_mut().unwrap().properties;
    properties.insert(
        "sidecar.operation_id".to_owned(),
        write.operation_id.to_string(),
    );
    assert!(
        committed(WriterKind::Mutation, own)
            .plan
            .requires
            .is_empty()
    );
}

#[test]
fn half_a_write_beside_a_half_done_roll_back_is_not_published() {
    for kind in [
        WriterKind::BranchMerge,
        WriterKind::EnsureIndices,
        WriterKind::Optimize,
    ] {
        let write = sidecar(kind, vec![pin("node:A", 4, 5), pin("node:B", 4, 5)]);
        let mut restored = at(&write.tables[0], 4, 6);
        restored.transactions = vec![
            transaction(5, "CreateIndex", None),
            transaction(6, "Restore", Some(4)),
        ];
        let mut whole = at(&write.tables[1], 4, 5);
        whole.transactions = vec![transaction(5, "CreateIndex", None)];
        let scene = scene(&write, None, &world(vec![restored, whole]));
        assert_eq!(scene.plan.disposition, Disposition::RollBack, "{kind:?}");
        assert_eq!(scene.plan.tables[0].action, Action::Publish);
        assert_eq!(scene.plan.tables[1].restore_to, Some(4));
        assert!(
            !scene
                .plan
                .requires
                .contains(&Requirement::UnexpectedCommits)
        );
    }
}

#[test]
fn a_pin_on_another_lance_branch_counts_only_as_the_origin_of_the_one_written_to() {
    let write = sidecar(
        WriterKind::Mutation,
        vec![on_branch(pin("node:A", 4, 5), "feature")],
    );
    let elsewhere = |is_origin| {
        let mut table = at(&write.tables[0], 4, 5);
        table.pinned_elsewhere = Some(PinnedElsewhere {
            branch: None,
            is_origin,
        });
        scene(&write, None, &world(vec![table]))
    };
    assert_eq!(elsewhere(true).plan.disposition, Disposition::RollForward);
    let refused = elsewhere(false);
    assert_eq!(refused.plan.disposition, Disposition::Abort);
    assert_eq!(refused.verdict.blockers[0].code, Code::PinOnAnotherBranch);
}

fn rows(scene: &Scene) -> Vec<GraphHistoryRow> {
    let rows = scene.plan.steps.iter().filter_map(|step| match step {
        Step::GraphHistory { row, .. } => Some(row.clone()),
        _ => None,
    });
    rows.collect()
}

#[test]
fn a_merge_that_is_published_has_two_parents_and_names_its_tables_as_the_sidecar_does() {
    let write = Sidecar {
        merge_source_commit_id: Some("01M86MXM1KPVCRBEY2ZSAMZ2FG".to_owned()),
        ..sidecar(
            WriterKind::BranchMerge,
            vec![
                on_branch(pin("node:B", 4, 5), "later"),
                on_branch(pin("node:A", 6, 7), "later"),
            ],
        )
    };
    let mut observation = world(vec![at(&write.tables[0], 4, 5), at(&write.tables[1], 6, 8)]);
    observation.kept_history = KeptHistory::InTables;
    let forward = rows(&scene(&write, None, &observation));
    let GraphHistoryRow::GraphCommits {
        branch,
        merged_parent,
    } = &forward[0]
    else {
        panic!("{forward:?}")
    };
    assert_eq!(branch.as_deref(), Some("later"));
    assert_eq!(merged_parent, &write.merge_source_commit_id);
    let GraphHistoryRow::GraphCommitRecoveries {
        recovery_kind,
        outcomes,
        ..
    } = &forward[2]
    else {
        panic!("{forward:?}")
    };
    assert_eq!(recovery_kind.name(), "RolledForward");
    let told: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            (
                outcome.table_key.as_str(),
                outcome.from_version,
                outcome.to_version,
            )
        })
        .collect();
    assert_eq!(told, [("node:B", 4, 5), ("node:A", 6, 8)]);

    observation.tables[1] = at(&write.tables[1], 6, 6);
    let back = rows(&scene(&write, None, &observation));
    let GraphHistoryRow::GraphCommits { merged_parent, .. } = &back[0] else {
        panic!("{back:?}")
    };
    assert_eq!(*merged_parent, None, "nothing was merged");

    observation.kept_history = KeptHistory::Nowhere;
    assert_eq!(rows(&scene(&write, None, &observation)), []);
}

#[test]
fn a_table_is_never_added_where_the_root_keeps_something_else() {
    for path in [
        "__manifest",
        "_graph_commits.lance",
        "__recovery/x",
        "_schema.pg",
        "../nodes/new",
        "/nodes/new",
        "",
    ] {
        let mut write = schema_change();
        path.clone_into(&mut write.additional_registrations[0].table_path);
        let scene = found(&write, (4, 5), "pis", false, |_| {});
        assert_eq!(scene.plan.disposition, Disposition::Refused, "{path}");
        assert_eq!(scene.verdict.blockers[0].code, Code::LocationOutsideRoot);
    }
}
