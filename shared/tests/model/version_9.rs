//! A write of version 9: its file, and what is looked at for its verdict.
//!
//! It is the smallest write that is rolled back with an undo in its file: a `Mutation` of two tables on main that never confirmed, or a
//! `SchemaApply` that adds one table, made its dataset, and never confirmed. It staged no schema file and left no lock. Left out are its live writer, which honours no claim, an engine that recovers at the same time, other kinds and other branches.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sidecar::observation::NextSchema;
use sidecar::version_9::proof::{SeenOperation, SeenTransaction, SeenVersions};
use sidecar::version_9::{
    Beside, BranchIdentifier, BranchSeen, CatalogRow, CatalogTable, CatalogTables, Evidence,
    GraphSeen, HeadSeen, SchemaIdentity, SchemaSeen, TableIdentity, TableSeen, TransactionIdentity,
    parse,
};
use sidecar::{GraphCommit, Limits, RECOVERY_ACTOR};

use crate::store::{By, Kind, Store, TABLES};
use crate::subject::{OPERATION, Subject};

const GRAPH_HEAD: &str = "01M8125ENACWR9X1EZNRMDV5V3";
const COMMIT: &str = "01M8125ENACWR9X1EZNRMDV5V4";
const ROLLBACK_COMMIT: &str = "01M8125ENACWR9X1EZNRMDV5V5";
const DOMAIN: &str = "01M8125ENACWR9X1EZNRMDV5V6";
const SCHEMA: &str = "sha256:1b3a6ab115b7862cc4f15bff9a5db38b3851b8d32aac70c29fa72ac1bf3c62ab";
const TARGET_SCHEMA: &str =
    "sha256:a71f3abcfcd2a7dcd77ee29234c41940b7005f24b86d0bedcb4740ed00d7f380";

/// The table that a schema change adds, beside the two of [`TABLES`].
pub(crate) const ADDED: usize = 2;
pub(crate) const ADDED_KEY: &str = "node:c";

fn key_of(table: usize) -> &'static str {
    TABLES.get(table).copied().unwrap_or(ADDED_KEY)
}

/// The transaction that the write planned for a table.
pub(crate) fn planned_transaction(table: usize) -> String {
    format!("planned-{table}")
}

/// Where a table lies below the root, as its identity says.
pub(crate) fn place(table: usize) -> String {
    identity(table).place(key_of(table)).unwrap()
}

fn identity(table: usize) -> TableIdentity {
    TableIdentity {
        stable_table_id: table as u64 + 1,
        table_incarnation_id: 1,
    }
}

/// The file of a write of these tables, as an engine spells it.
pub(crate) fn file_of(tables: &[usize]) -> Vec<u8> {
    let each = |entry: &dyn Fn(usize) -> Value| tables.iter().map(|table| entry(*table)).collect();
    let with_identity = |table: usize, more: Value| {
        let mut entry = json!({"identity": identity(table), "table_key": TABLES[table]});
        let fields = more.as_object().unwrap().clone();
        entry.as_object_mut().unwrap().extend(fields);
        entry
    };
    let pins: Value = each(&|table| {
        let path = format!("memory:///{}", place(table));
        with_identity(
            table,
            json!({"table_path": path, "expected_version": 1, "post_commit_pin": 2}),
        )
    });
    let effects: Value = each(&|table| {
        let transaction = json!({"read_version": 1, "uuid": planned_transaction(table)});
        with_identity(table, json!({"planned_transaction": transaction}))
    });
    let rows: Value =
        each(&|table| with_identity(table, json!({"expected_version": 1, "table_branch": null})));
    let of_the_kind = json!({"effects": effects, "intended_delta": {"table_updates": rows}});
    file_like("Mutation", "protocol_v3", pins, of_the_kind)
}

/// The file of an armed write on main, as an engine spells it. `of_the_kind` are the fields of its plan that not every file has alike.
fn file_like(kind: &str, protocol: &str, pins: Value, of_the_kind: Value) -> Vec<u8> {
    let mut payload = json!({
        "authority": {
            "branch_identifier": {"version_mapping": []},
            "graph_head": GRAPH_HEAD,
            "schema_identity_domain": DOMAIN,
            "schema_ir_hash": SCHEMA,
            "schema_identity_version": 2,
        },
        "lineage": {
            "graph_commit_id": COMMIT,
            "branch": null,
            "actor_id": null,
            "merged_parent_commit_id": null,
            "created_at": 1,
        },
        "rollback_graph_commit_id": ROLLBACK_COMMIT,
        "effect_phase": "Armed",
    });
    let Value::Object(of_the_kind) = of_the_kind else {
        panic!("{of_the_kind} has no fields")
    };
    payload.as_object_mut().unwrap().extend(of_the_kind);
    let file = json!({
        "schema_version": 9,
        "operation_id": OPERATION,
        "started_at": "1",
        "branch": null,
        "actor_id": null,
        "writer_kind": kind,
        "tables": pins,
        "schema_apply_manifest_published": false,
        protocol: payload,
    });
    let name = format!("{OPERATION}.json");
    let read = parse(&name, file.to_string().as_bytes(), &Limits::default()).unwrap();
    read.to_bytes().unwrap()
}

/// The file of a schema change that adds one table and makes its dataset.
pub(crate) fn schema_change() -> Vec<u8> {
    let place = place(ADDED);
    let pins = json!([{
        "identity": identity(ADDED),
        "table_key": ADDED_KEY,
        "table_path": format!("memory:///{place}"),
        "expected_version": 0,
        "post_commit_pin": 1,
    }]);
    let of_the_kind = json!({
        "target_schema_ir_hash": TARGET_SCHEMA,
        "effects": [{
            "identity": identity(ADDED),
            "table_key": ADDED_KEY,
            "kind": {
                "kind": "FirstTouchDataset",
                "planned_transaction": {"read_version": 0, "uuid": planned_transaction(ADDED)},
            },
        }],
        "intended_delta": {
            "table_updates": [{
                "identity": identity(ADDED),
                "table_key": ADDED_KEY,
                "expected_version": 0,
                "table_branch": null,
            }],
            "registrations": [{
                "identity": identity(ADDED),
                "table_key": ADDED_KEY,
                "table_path": place,
            }],
        },
    });
    file_like("SchemaApply", "protocol_v7", pins, of_the_kind)
}

impl Store {
    /// Whether the graph commit is visible that says that the write was taken back.
    pub(crate) fn is_taken_back(&self) -> bool {
        let is_publish = |by: &By| matches!(by, By::Recovery(_, Kind::Publish));
        self.catalog.iter().any(is_publish)
    }

    /// What the rules of version 9 ask for.
    pub(crate) fn evidence(&self) -> Evidence {
        let rollback = self.is_taken_back().then(|| GraphCommit {
            id: ROLLBACK_COMMIT.to_owned(),
            manifest_branch: None,
            manifest_version: self.catalog_version(),
            parent: Some(GRAPH_HEAD.to_owned()),
            merged_parent: None,
            actor: Some(RECOVERY_ACTOR.to_owned()),
            created_at: 1,
        });
        let head = match rollback {
            Some(_) => ROLLBACK_COMMIT,
            None => GRAPH_HEAD,
        };
        let pins = self.pins.into_iter().map(Some).chain([self.dataset.pin()]);
        let tables = pins
            .enumerate()
            .filter_map(|(table, pin)| Some((identity(table), catalog_table(table, pin?))));
        Evidence {
            beside: Beside::default(),
            branch: BranchSeen::There {
                identifier: BranchIdentifier {
                    version_mapping: Vec::new(),
                },
                lance_branch: None,
            },
            graph: GraphSeen {
                head: Some(head.to_owned()),
                rollback,
                tables: CatalogTables(tables.collect()),
                ..GraphSeen::default()
            },
            schema: SchemaSeen {
                live: Ok(SchemaIdentity {
                    domain: DOMAIN.to_owned(),
                    ir_hash: SCHEMA.to_owned(),
                    identity_version: 2,
                }),
                is_staged: false,
                next: NextSchema::default(),
            },
            tables: match self.subject {
                Subject::Schema9 => vec![TableSeen {
                    head: self.dataset.head_seen(),
                    fork: None,
                    branch_below: None,
                    is_visible_version_gone: false,
                }],
                _ => (0..TABLES.len())
                    .map(|table| self.table_seen(table))
                    .collect(),
            },
        }
    }

    fn table_seen(&self, table: usize) -> TableSeen {
        let above_the_pin = 2..=self.head(table);
        let transactions: BTreeMap<u64, SeenTransaction> = above_the_pin
            .filter(|version| self.is_there(table, *version))
            .map(|version| (version, self.transaction_seen(table, version)))
            .collect();
        TableSeen {
            head: HeadSeen::At(SeenVersions {
                head: self.head(table),
                transactions,
            }),
            fork: None,
            branch_below: None,
            is_visible_version_gone: !self.is_there(table, self.pins[table]),
        }
    }

    fn transaction_seen(&self, table: usize, version: u64) -> SeenTransaction {
        let operation = match self.tables[table][version as usize - 1].by {
            By::Recovery(_, Kind::Restore(to)) => SeenOperation::Restore { to },
            _ => SeenOperation::Other,
        };
        SeenTransaction {
            identity: TransactionIdentity {
                read_version: version - 1,
                uuid: self.uuid(table, version),
            },
            operation,
        }
    }
}

fn catalog_table(table: usize, version: u64) -> CatalogTable {
    CatalogTable {
        table_key: key_of(table).to_owned(),
        location: place(table),
        row: CatalogRow {
            version,
            table_branch: None,
            row_count: Some(1),
            metadata: None,
        },
    }
}
