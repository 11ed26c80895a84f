//! Plans of every kind, as they are laid down.

use serde_json::Value;
use sidecar::follow_up::{
    SetTag, Undo, dismissal, dismissal_id, next_release_id, next_undo_id, release, release_id,
    tags_of, undo, undo_id,
};
use sidecar::journal::JournalState;
use sidecar::observation::{CatalogObservation, KeptHistory, Restorability};
use sidecar::{
    Code, Disposition, Limits, Observation, OperationId, Plan, PlanBytes, PlanError, Reason,
    Registration, RootId, Sidecar, SidecarFile, Tombstone, WriterKind,
};

use crate::journal::{Journal, approved, claimed};
use crate::support::{
    Scene, all_committed, at, half_way, operation, pin, scene, sidecar, staged, tangled, world,
};

pub(super) fn root() -> RootId {
    RootId::new("file:///data/graph")
}

/// A schema change over one table that adds one and removes one, of a graph with a history and a lock.
pub(super) fn schema_change(files: &str, head: u64) -> Scene {
    let sidecar = Sidecar {
        additional_registrations: vec![Registration {
            table_key: "node:New".to_owned(),
            table_path: "nodes/new".to_owned(),
            table_branch: None,
            unknown: Default::default(),
        }],
        tombstones: vec![Tombstone {
            table_key: "node:Old".to_owned(),
            tombstone_version: 4,
            unknown: Default::default(),
        }],
        ..sidecar(WriterKind::SchemaApply, vec![pin("node:Author", 4, 5)])
    };
    let mut schema = staged(&sidecar, files, false, false);
    schema.locked_since = Some(sidecar.started_at);
    let observation = Observation {
        schema: Some(schema),
        kept_history: KeptHistory::InTables,
        ..world(vec![at(&sidecar.tables[0], 4, head)])
    };
    scene(&sidecar, None, &observation)
}

pub(super) fn merged() -> Scene {
    let sidecar = Sidecar {
        merge_source_commit_id: Some("01M8125E20G3JA88BS9CEJEX1K".to_owned()),
        branch: Some("feature".to_owned()),
        ..sidecar(
            WriterKind::BranchMerge,
            vec![crate::support::on_branch(
                pin("node:Author", 4, 5),
                "feature",
            )],
        )
    };
    let observation = Observation {
        kept_history: KeptHistory::InTables,
        ..world(vec![at(&sidecar.tables[0], 4, 6)])
    };
    scene(&sidecar, None, &observation)
}

fn undone(recovered: &Scene) -> Plan {
    undone_under(recovered, undo_id(&operation()))
}

pub(super) fn undone_under(recovered: &Scene, id: OperationId) -> Plan {
    let state = ran(recovered);
    let finished = state.finished().unwrap();
    let what = Undo::of(&operation(), finished, &recovered.sidecar).unwrap();
    let what = what.under(id);
    let mut tables: Vec<_> = what
        .sidecar
        .tables
        .iter()
        .map(|pin| at(pin, pin.expected_version, pin.expected_version))
        .collect();
    for table in &mut tables {
        table.restorable = Restorability::Restorable;
    }
    let observation = Observation {
        kept_history: if recovered.plan.steps.iter().any(|step| {
            matches!(
                step,
                sidecar::Step::Publish {
                    graph_commit: Some(_),
                    ..
                }
            )
        }) {
            KeptHistory::InCatalog
        } else {
            KeptHistory::InTables
        },
        ..world(tables)
    };
    undo(&root(), &what, &observation).plan
}

fn ran(scene: &Scene) -> JournalState {
    let mut journal = Journal::of(scene)
        .then(approved(scene))
        .then(claimed(scene, 1));
    while let sidecar::journal::Next::Steps(steps) = journal.state.next() {
        journal = journal
            .then(crate::journal::started(1, &steps))
            .then(crate::journal::finished_steps(1, &steps));
    }
    journal.then(crate::journal::finished(scene, 1)).state
}

fn set_aside() -> Plan {
    let file = SidecarFile::read("copy.json", b"{".to_vec(), &Limits::DEFAULT);
    let reasons = [Reason::new(Code::NotJson, "copy.json is not JSON")];
    let bytes = Some(file.bytes.clone());
    let id = dismissal_id(&file);
    dismissal(&root(), id, &file, bytes, Disposition::Refused, &reasons).plan
}

/// The tags of an undo that was interrupted before its first restore go with those of the recovery.
fn released_after_an_undo() -> Plan {
    let operation = operation();
    released_after(release_id(&operation), undo_id(&operation))
}

pub(super) fn released_after(release_id: OperationId, undo_id: OperationId) -> Plan {
    let recovered = all_committed();
    let undo = undone_under(&recovered, undo_id);
    let undo_tags = undo.steps.iter().filter_map(|step| match step {
        sidecar::Step::Tag {
            table_key,
            name,
            version,
            ..
        } => Some(SetTag {
            table: undo
                .tables
                .iter()
                .find(|table| table.table_key == *table_key)?
                .clone(),
            name: name.clone(),
            version: *version,
        }),
        _ => None,
    });
    let tags: Vec<SetTag> = tags_of(&ran(&recovered))
        .into_iter()
        .chain(undo_tags)
        .collect();
    release(&root(), release_id, &operation(), &recovered.sidecar, &tags).plan
}

/// The third undo of the recovery: the two before are spent.
pub(super) fn later_undo_id() -> OperationId {
    next_undo_id(&next_undo_id(&undo_id(&operation())))
}

fn later_release_id() -> OperationId {
    next_release_id(&release_id(&operation()))
}

/// A plan of every purpose, and of every kind of step.
pub(super) fn plans() -> Vec<(&'static str, Plan)> {
    let rolled_back = half_way();
    let tags = tags_of(&ran(&rolled_back));
    let released = release(
        &root(),
        release_id(&operation()),
        &operation(),
        &rolled_back.sidecar,
        &tags,
    )
    .plan;
    vec![
        ("undo of a roll back", undone(&rolled_back)),
        ("undo of a roll forward", undone(&all_committed())),
        ("release", released),
        (
            "release after an undo that came to nothing",
            released_after_an_undo(),
        ),
        (
            "later undo",
            undone_under(&all_committed(), later_undo_id()),
        ),
        (
            "later release after a later undo that came to nothing",
            released_after(later_release_id(), later_undo_id()),
        ),
        ("dismissal", set_aside()),
        ("tangled", tangled().plan),
        ("merge", merged().plan),
        ("schema change, forward", schema_change("pis", 5).plan),
        ("schema change, promoting", schema_change("s", 5).plan),
        ("schema change, back", schema_change("pi", 5).plan),
        ("roll forward", all_committed().plan),
        ("roll back", rolled_back.plan),
    ]
    .into_iter()
    .chain(plans_with_history_in_the_catalog())
    .collect()
}

/// The same write as it is found in a catalog that holds the history of its graph.
fn in_catalog(write: &Sidecar, observation: Observation) -> Scene {
    let observation = Observation {
        catalog: match observation.catalog {
            CatalogObservation::Present { .. } => CatalogObservation::Present {
                version: 40,
                stamp: 4,
                two_phase: false,
                branch_created_at: None,
            },
            absent => absent,
        },
        kept_history: KeptHistory::InCatalog,
        ..observation
    };
    scene(write, None, &observation)
}

pub(super) fn plans_with_history_in_the_catalog() -> Vec<(&'static str, Plan)> {
    let author = |pinned, head| {
        let write = Sidecar {
            schema_version: 2,
            ..sidecar(WriterKind::Load, vec![pin("node:Author", 4, 5)])
        };
        let observation = world(vec![at(&write.tables[0], pinned, head)]);
        (write, observation)
    };
    let plan_of = |(write, observation): (Sidecar, Observation)| in_catalog(&write, observation);
    let forward = plan_of(author(4, 5));
    let back = plan_of(author(4, 6));
    let on_branch = crate::support::on_branch(pin("node:Author", 4, 5), "feature");
    let orphan = Sidecar {
        schema_version: 2,
        branch: Some("feature".to_owned()),
        ..sidecar(WriterKind::Load, vec![on_branch])
    };
    let gone = Observation {
        catalog: CatalogObservation::BranchAbsent { tree_left: false },
        ..world(vec![at(&orphan.tables[0], 4, 5)])
    };
    let merge = merged();
    let merge = in_catalog(
        &Sidecar {
            schema_version: 2,
            tables: merge
                .sidecar
                .tables
                .iter()
                .map(|pin| sidecar::TablePin {
                    confirmed_version: Some(6),
                    ..pin.clone()
                })
                .collect(),
            ..merge.sidecar.clone()
        },
        world(vec![at(&merge.sidecar.tables[0], 4, 6)]),
    );
    vec![
        ("stamp 4: undo of a roll forward", undone(&forward)),
        ("stamp 4: roll forward", forward.plan),
        ("stamp 4: roll back", back.plan),
        ("stamp 4: never started", plan_of(author(4, 4)).plan),
        ("stamp 4: published", plan_of(author(5, 5)).plan),
        ("stamp 4: branch gone", in_catalog(&orphan, gone).plan),
        ("stamp 4: merge", merge.plan),
    ]
}

pub(super) fn decode(plan: &Value) -> Result<Plan, PlanError> {
    let plan: Plan = serde_json::from_value(plan.clone()).unwrap();
    PlanBytes::of(&plan).unwrap().decode()
}
