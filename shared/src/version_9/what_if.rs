//! What the verdict over a lone sidecar of version 9 would be, for what may be found in its store.
//!
//! Version numbers do not decide here: the transactions in the tables do, and the graph commit. So each row makes up the facts of
//! one case, and the rules judge these as they judge a store's.

use std::collections::BTreeMap;

use serde::Serialize;

use super::delta::TableUpdate;
use super::effect::Effect;
use super::evidence::{
    Beside, BranchSeen, CatalogRow, CatalogTable, CatalogTables, Evidence, ForkSeen, GraphSeen,
    HeadSeen, SchemaIdentity, SchemaSeen, TableSeen,
};
use super::judge::judge_version_9;
use super::payload::Payload;
use super::pin::Pin;
use super::proof::{SeenOperation, SeenTransaction, SeenVersions};
use super::sidecar::Sidecar9;
use super::table_identity::TableIdentity;
use super::transaction_identity::TransactionIdentity;
use crate::disposition::Disposition;
use crate::graph_history::GraphCommit;
use crate::observation::NextSchema;

/// What may be found of a write of version 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Case9 {
    /// No table carries a commit of it.
    NoTable,
    /// Its first table carries its commits, and no other.
    OneTable,
    /// Every table carries its commits, and the graph is as it was planned for.
    EveryTable,
    /// The same, and the branch has another head by now.
    GraphMovedOn,
    /// Somebody else committed on top of it.
    SomebodyOnTop,
    /// Every table was returned to what readers see.
    Returned,
    /// Its graph commit is in the catalog.
    Published,
}

impl Case9 {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NoTable,
        Self::OneTable,
        Self::EveryTable,
        Self::GraphMovedOn,
        Self::SomebodyOnTop,
        Self::Returned,
        Self::Published,
    ];

    /// The case, for people.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoTable => "no table carries a commit of it",
            Self::OneTable => "its first table carries its commits, and no other",
            Self::EveryTable => {
                "every table carries its commits, and the graph is as it was planned for"
            }
            Self::GraphMovedOn => {
                "every table carries its commits, and the branch has another head by now"
            }
            Self::SomebodyOnTop => "somebody else committed on top of it",
            Self::Returned => "every table was returned to what readers see",
            Self::Published => "its graph commit is in the catalog",
        }
    }
}

/// One row: the verdict in that case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhatIf9 {
    /// The case.
    pub case: Case9,
    /// The verdict.
    pub disposition: Disposition,
}

/// The verdict in every case that there is for this write; none for one without a plan, which no transaction proves.
///
/// A schema change is taken to have staged its files, and to have put them in force where it is published.
#[must_use]
pub fn what_if_9(sidecar: &Sidecar9) -> Vec<WhatIf9> {
    let Some(payload) = sidecar.payload() else {
        return Vec::new();
    };
    let committed = payload.effects.iter();
    let committed = committed
        .filter(|effect| !effect.planned().is_empty())
        .count();
    let exists = |case: &Case9| match case {
        Case9::NoTable => !payload.effects.is_empty(),
        Case9::EveryTable | Case9::GraphMovedOn | Case9::Published => true,
        Case9::SomebodyOnTop | Case9::Returned => committed > 0,
        Case9::OneTable => committed > 1,
    };
    Case9::ALL
        .into_iter()
        .filter(exists)
        .map(|case| WhatIf9 {
            case,
            disposition: judge_version_9(sidecar, &evidence(sidecar, payload, case)).disposition,
        })
        .collect()
}

fn evidence(sidecar: &Sidecar9, payload: &Payload, case: Case9) -> Evidence {
    let authority = &payload.authority;
    let is_published = case == Case9::Published;
    let target = payload.target_schema_ir_hash.as_ref();
    let ir_hash = target
        .filter(|_| is_published)
        .unwrap_or(&authority.schema_ir_hash);
    let tables = match is_published {
        true => tables_after(payload),
        false => tables_before(sidecar, payload),
    };
    let head = match case {
        Case9::GraphMovedOn => Some("another".to_owned()),
        Case9::Published => Some(payload.lineage.graph_commit_id.clone()),
        _ => authority.graph_head.clone(),
    };
    Evidence {
        beside: Beside::default(),
        branch: BranchSeen::There {
            identifier: authority.branch_identifier.clone(),
            lance_branch: None,
        },
        graph: GraphSeen {
            head,
            original: is_published.then(|| published(payload)),
            rollback: None,
            tables_then: is_published.then(|| tables.clone()),
            tables,
        },
        schema: SchemaSeen {
            live: Ok(SchemaIdentity {
                domain: authority.schema_identity_domain.clone(),
                ir_hash: ir_hash.clone(),
                identity_version: authority.schema_identity_version,
            }),
            is_staged: target.is_some() && !is_published && case != Case9::NoTable,
            next: NextSchema {
                unfit: Vec::new(),
                ir_hash: target.cloned(),
                declares: Vec::new(),
                state_hash: target.cloned(),
            },
        },
        tables: sidecar
            .tables
            .iter()
            .enumerate()
            .map(|(index, pin)| table(payload, index, pin, case))
            .collect(),
    }
}

/// The graph commit, as the file fixed it.
fn published(payload: &Payload) -> GraphCommit {
    let lineage = &payload.lineage;
    GraphCommit {
        id: lineage.graph_commit_id.clone(),
        manifest_branch: lineage.branch.clone(),
        manifest_version: 1,
        parent: payload.authority.graph_head.clone(),
        merged_parent: lineage.merged_parent_commit_id.clone(),
        actor: lineage.actor_id.clone(),
        created_at: lineage.created_at,
    }
}

/// The catalog as the writer found it.
fn tables_before(sidecar: &Sidecar9, payload: &Payload) -> CatalogTables {
    let delta = &payload.intended_delta;
    let row = |version: u64, table_branch: Option<String>| CatalogRow {
        version,
        table_branch,
        row_count: None,
        metadata: None,
    };
    let mut tables = BTreeMap::new();
    let mut add = |identity: TableIdentity, key: &str, row: CatalogRow| {
        let table = CatalogTable {
            table_key: key.to_owned(),
            location: identity.place(key).unwrap_or_default(),
            row,
        };
        tables.entry(identity).or_insert(table);
    };
    for pin in &sidecar.tables {
        let effect = payload.effect_of(pin.identity);
        let makes_the_branch = effect.is_some_and(|effect| effect.fork_version().is_some());
        if effect.is_some_and(Effect::makes_the_dataset) {
            continue;
        }
        let branch = pin.table_branch.clone().filter(|_| !makes_the_branch);
        let key = sidecar.key_before(pin.identity, &pin.table_key);
        add(pin.identity, key, row(pin.expected_version, branch));
    }
    for renamed in &delta.renames {
        let before = row(renamed.expected_version, None);
        add(renamed.identity, &renamed.expected_table_key, before);
    }
    for removed in &delta.tombstones {
        let before = row(removed.tombstone_version.saturating_sub(1), None);
        add(removed.identity, &removed.table_key, before);
    }
    for update in delta
        .table_updates
        .iter()
        .filter(|update| update.expected_version > 0)
    {
        let before = row(update.expected_version, update.table_branch.clone());
        add(update.identity, &update.table_key, before);
    }
    CatalogTables(tables)
}

/// The catalog as the publish makes it.
fn tables_after(payload: &Payload) -> CatalogTables {
    let delta = &payload.intended_delta;
    let row = |update: &TableUpdate| match &update.confirmed {
        Some(confirmed) => CatalogRow {
            version: confirmed.table_version,
            table_branch: confirmed.table_branch.clone(),
            row_count: Some(confirmed.row_count),
            metadata: Some(confirmed.version_metadata.clone()),
        },
        None => CatalogRow {
            version: payload
                .effect_of(update.identity)
                .map_or(update.expected_version, Effect::last_version),
            table_branch: update.table_branch.clone(),
            row_count: None,
            metadata: None,
        },
    };
    let mut tables: BTreeMap<TableIdentity, CatalogTable> = delta
        .table_updates
        .iter()
        .map(|update| {
            let table = CatalogTable {
                table_key: update.table_key.clone(),
                location: update.identity.place(&update.table_key).unwrap_or_default(),
                row: row(update),
            };
            (update.identity, table)
        })
        .collect();
    for added in &delta.registrations {
        if let Some(table) = tables.get_mut(&added.identity) {
            table.location.clone_from(&added.table_path);
        }
    }
    for renamed in &delta.renames {
        tables
            .entry(renamed.identity)
            .or_insert_with(|| CatalogTable {
                table_key: renamed.table_key.clone(),
                location: renamed.table_path.clone(),
                row: CatalogRow {
                    version: renamed.expected_version,
                    table_branch: None,
                    row_count: None,
                    metadata: None,
                },
            });
    }
    CatalogTables(tables)
}

fn table(payload: &Payload, index: usize, pin: &Pin, case: Case9) -> TableSeen {
    let effect = payload.effect_of(pin.identity);
    let planned = effect.map_or(&[][..], Effect::planned);
    let fork = effect.and_then(Effect::fork_version);
    let base = fork.unwrap_or(pin.expected_version);
    let carries = match case {
        Case9::NoTable => false,
        Case9::OneTable => index == 0,
        Case9::EveryTable
        | Case9::GraphMovedOn
        | Case9::SomebodyOnTop
        | Case9::Returned
        | Case9::Published => true,
    };
    let absent = |head| TableSeen {
        head,
        fork: None,
        branch_below: None,
        is_visible_version_gone: false,
    };
    if !carries && effect.is_some_and(Effect::makes_the_dataset) {
        return absent(HeadSeen::DatasetMissing);
    }
    if !carries && fork.is_some() {
        return absent(HeadSeen::BranchMissing);
    }
    let mut versions = SeenVersions {
        head: base,
        transactions: BTreeMap::new(),
    };
    let mut commit = |identity: TransactionIdentity, operation| {
        versions.head = identity.read_version.saturating_add(1);
        let seen = SeenTransaction {
            identity,
            operation,
        };
        versions.transactions.insert(versions.head, seen);
        versions.head
    };
    let operation = match effect.map(Effect::name) {
        Some("IndexCommit") => SeenOperation::CreateIndex,
        _ => SeenOperation::Other,
    };
    let mut head = base;
    for planned in planned.iter().filter(|_| carries) {
        head = commit(planned.clone(), operation);
    }
    let after = |head: u64, uuid: &str| TransactionIdentity {
        read_version: head,
        uuid: uuid.to_owned(),
    };
    // An index that a merge made behind its commits is in no plan, and is confirmed with them.
    if carries && !planned.is_empty() && pin.confirmed_version == head.checked_add(1) {
        head = commit(after(head, "an index"), SeenOperation::CreateIndex);
    }
    if !planned.is_empty() {
        match case {
            Case9::SomebodyOnTop => {
                commit(after(head, "somebody"), SeenOperation::Other);
            }
            Case9::Returned => {
                let to = pin.expected_version;
                commit(after(head, "a recovery"), SeenOperation::Restore { to });
            }
            Case9::NoTable
            | Case9::OneTable
            | Case9::EveryTable
            | Case9::GraphMovedOn
            | Case9::Published => {}
        }
    }
    TableSeen {
        head: HeadSeen::At(versions),
        fork: fork.map(|version| ForkSeen {
            parent_version: Some(version),
            identifier: effect
                .and_then(Effect::confirmed_branch_identifier)
                .cloned(),
        }),
        branch_below: None,
        is_visible_version_gone: false,
    }
}
