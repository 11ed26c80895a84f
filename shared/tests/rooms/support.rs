//! Small sidecars and small worlds, built the same way in every test.

use std::collections::BTreeMap;

use sidecar::observation::{
    CatalogObservation, ContentComparison, FileObservation, HeadObservation, KeptHistory,
    NextSchema, Pinned, RegistrationObservation, Restorability, SchemaObservation,
    TableObservation, TombstoneObservation, Transaction, TransactionObservation,
};
use sidecar::{
    Approval, Code, Digest, Disposition, Observation, OperationId, Plan, PlanBytes, PlanInput,
    Reason, RootId, Sidecar, TablePin, Tag, Timestamp, Verdict, WriterKind, judge, plan, refuse,
};

pub(crate) const OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5V2";
pub(crate) const OLDER: &str = "01M8125E20G3JA88BS9CEJEX1K";
pub(crate) const YOUNGER: &str = "01M8125F73NYM2HVT3BT73QN0Y";

pub(crate) fn operation() -> OperationId {
    OPERATION.parse().unwrap()
}

pub(crate) fn pin(table_key: &str, expected_version: u64, post_commit_pin: u64) -> TablePin {
    TablePin {
        table_key: table_key.to_owned(),
        table_path: format!("/data/graph/{}", place(table_key)),
        expected_version,
        post_commit_pin,
        confirmed_version: None,
        table_branch: None,
        unknown: BTreeMap::new(),
    }
}

pub(crate) fn on_branch(pin: TablePin, branch: &str) -> TablePin {
    TablePin {
        table_branch: Some(branch.to_owned()),
        ..pin
    }
}

fn place(table_key: &str) -> String {
    table_key.replace(':', "s/")
}

pub(crate) fn sidecar(writer_kind: WriterKind, tables: Vec<TablePin>) -> Sidecar {
    Sidecar {
        schema_version: 1,
        operation_id: operation(),
        started_at: Timestamp::from_micros(1_795_332_160_170_908),
        // Released engines write a graph's branch and the Lance branches of its tables alike.
        branch: tables.iter().find_map(|pin| pin.table_branch.clone()),
        actor_id: Some("act-ada".to_owned()),
        writer_kind,
        tables,
        merge_source_commit_id: None,
        additional_registrations: Vec::new(),
        tombstones: Vec::new(),
        unknown: BTreeMap::new(),
        version_9: None,
    }
}

pub(crate) fn bytes(sidecar: &Sidecar) -> Vec<u8> {
    match &sidecar.version_9 {
        Some(version_9) => version_9.to_bytes().unwrap(),
        None => serde_json::to_vec(sidecar).unwrap(),
    }
}

pub(crate) fn present() -> CatalogObservation {
    CatalogObservation::Present {
        version: 40,
        stamp: 3,
        two_phase: false,
        branch_created_at: None,
    }
}

pub(crate) fn world(tables: Vec<TableObservation>) -> Observation {
    Observation {
        catalog: present(),
        tables,
        schema: None,
        kept_history: KeptHistory::Nowhere,
        recorded: Default::default(),
        merge: None,
        unread: Vec::new(),
        version_9: None,
    }
}

pub(crate) fn transaction(
    version: u64,
    operation: &str,
    restored_version: Option<u64>,
) -> TransactionObservation {
    let transaction = Transaction {
        uuid: format!("00000000-0000-4000-8000-{version:012}"),
        operation: operation.to_owned(),
        restored_version,
        timestamp: None,
        row_delta: None,
        properties: BTreeMap::new(),
    };
    TransactionObservation {
        version,
        transaction: Some(transaction),
    }
}

/// A table whose pin and HEAD stand here, with ordinary transactions in between, and whose pin can be restored.
pub(crate) fn at(pin: &TablePin, pinned: u64, head: u64) -> TableObservation {
    let first = pin.expected_version.min(pinned) + 1;
    let made_by = (first <= head).then(|| format!("00000000-0000-4000-8000-{head:012}"));
    TableObservation {
        covered_by: None,
        pin_gone: false,
        table_key: pin.table_key.clone(),
        branch: pin.table_branch().owned(),
        location: Some(place(&pin.table_key)),
        pinned: Pinned::At { version: pinned },
        pinned_elsewhere: None,
        head: HeadObservation::At {
            version: head,
            transaction: made_by,
        },
        location_conflict: None,
        transactions: (first..=head)
            .map(|version| transaction(version, "Append", None))
            .collect(),
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

/// Staged files that are whole, and of the schema that the sidecar announces.
pub(crate) fn next(sidecar: &Sidecar) -> NextSchema {
    let added = sidecar.additional_registrations.iter();
    let hash = Some("sha256:d6a7".to_owned());
    NextSchema {
        unfit: Vec::new(),
        ir_hash: hash.clone(),
        declares: added
            .map(|registration| registration.table_key.clone())
            .chain(sidecar.tables.iter().map(|pin| pin.table_key.clone()))
            .collect(),
        state_hash: hash,
    }
}

/// Staged files by letter: `p` for `_schema.pg`, `i` for `_schema.ir.json`, `s` for `__schema_state.json`; and what the sidecar
/// adds and removes, published or not.
pub(crate) fn staged(
    sidecar: &Sidecar,
    files: &str,
    live_ir_declares_tables: bool,
    published: bool,
) -> SchemaObservation {
    let file = |letter: char| FileObservation {
        live: Some(Digest::of(Tag::SchemaFile, b"live")),
        staged: files
            .contains(letter)
            .then(|| Digest::of(Tag::SchemaFile, letter.to_string().as_bytes())),
    };
    let registrations = sidecar.additional_registrations.iter();
    let tombstones = sidecar.tombstones.iter();
    SchemaObservation {
        source: file('p'),
        ir: file('i'),
        state: file('s'),
        live_ir_declares_tables,
        next: (!files.is_empty()).then(|| next(sidecar)),
        registrations: registrations
            .map(|registration| RegistrationObservation {
                files: None,
                table_key: registration.table_key.clone(),
                pinned: if published {
                    Pinned::At { version: 1 }
                } else {
                    Pinned::Absent
                },
                head: HeadObservation::At {
                    version: 1,
                    transaction: Some("00000000-0000-4000-8000-00000000000a".to_owned()),
                },
                location_conflict: None,
            })
            .collect(),
        tombstones: tombstones
            .map(|tombstone| TombstoneObservation {
                table_key: tombstone.table_key.clone(),
                pinned: if published {
                    Pinned::Tombstoned {
                        version: tombstone.tombstone_version,
                    }
                } else {
                    Pinned::At {
                        version: tombstone.tombstone_version - 1,
                    }
                },
            })
            .collect(),
        locked_since: None,
    }
}

/// A sidecar in a world, and what it comes to.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) sidecar: Sidecar,
    pub(crate) verdict: Verdict,
    pub(crate) plan: Plan,
    pub(crate) bytes: PlanBytes,
}

pub(crate) fn scene(
    sidecar: &Sidecar,
    waiting_for: Option<&str>,
    observation: &Observation,
) -> Scene {
    scene_of(
        sidecar,
        judge(sidecar, waiting_for, observation),
        observation,
    )
}

pub(crate) fn refused_scene(sidecar: &Sidecar, code: Code, detail: &str) -> Scene {
    scene_of(
        sidecar,
        refuse(Reason::new(code, detail), Some(sidecar)),
        &world(Vec::new()),
    )
}

fn scene_of(sidecar: &Sidecar, verdict: Verdict, observation: &Observation) -> Scene {
    let root = RootId::new("file:///data/graph");
    let file = sidecar.operation_id.file_name();
    let plan = plan(&PlanInput {
        root: &root,
        operation_id: &sidecar.operation_id,
        file: &file,
        sidecar_digest: Digest::of(Tag::Sidecar, &bytes(sidecar)),
        sidecar: Some(sidecar),
        observation: Some(observation),
        verdict: &verdict,
    });
    let bytes = PlanBytes::of(&plan).unwrap();
    Scene {
        sidecar: sidecar.clone(),
        verdict,
        plan,
        bytes,
    }
}

/// Two tables of which the first was committed.
pub(crate) fn half_way() -> Scene {
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![pin("node:Author", 4, 5), pin("edge:Wrote", 5, 6)],
    );
    let tables = vec![at(&sidecar.tables[0], 4, 5), at(&sidecar.tables[1], 5, 5)];
    let scene = scene(&sidecar, None, &world(tables));
    assert_eq!(scene.plan.disposition, Disposition::RollBack);
    scene
}

/// Two tables, both committed.
pub(crate) fn all_committed() -> Scene {
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![pin("node:Author", 4, 5), pin("edge:Wrote", 5, 6)],
    );
    let tables = vec![at(&sidecar.tables[0], 4, 5), at(&sidecar.tables[1], 5, 6)];
    scene(&sidecar, None, &world(tables))
}

/// Three tables moved: one by an unexpected distance past a pin others published, one that holds its pin again already.
pub(crate) fn tangled() -> Scene {
    let sidecar = sidecar(
        WriterKind::Load,
        vec![
            pin("node:Author", 4, 5),
            pin("node:Book", 7, 8),
            pin("edge:Wrote", 5, 6),
            pin("edge:Cites", 2, 3),
        ],
    );
    let mut tables: Vec<_> = [(5, 6), (7, 10), (5, 6), (2, 2)]
        .iter()
        .zip(&sidecar.tables)
        .map(|((pinned, head), pin)| at(pin, *pinned, *head))
        .collect();
    tables[2].head_content = ContentComparison::Equal;
    scene(&sidecar, None, &world(tables))
}

pub(crate) fn approval(scene: &Scene) -> Approval {
    Approval {
        operation_id: scene.plan.operation_id.clone(),
        plan_digest: scene.bytes.digest(),
        approved_by: "bea".to_owned(),
        approved_at: Timestamp::from_micros(1_795_340_000_000_000),
        reason: None,
        writers_stopped: true,
        acknowledged: scene.plan.requires.iter().copied().collect(),
    }
}

/// Compares with a frozen file. `REGENERATE_GOLDEN=1 cargo test -p sidecar` writes the files anew; the change is then read as a diff.
#[track_caller]
pub(crate) fn check_golden(name: &str, frozen: &str, found: &str) {
    if std::env::var_os("REGENERATE_GOLDEN").is_some() {
        std::fs::write(
            format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR")),
            found,
        )
        .unwrap();
    } else {
        assert_eq!(
            found, frozen,
            "tests/golden/{name} is not what this build makes"
        );
    }
}
