//! What the races start from, and what must hold after each of them.

use std::collections::BTreeMap;

use fenced_lance::{CatalogReading, EffectIdentity, PublishRequest};
use restore_backend::service;
use root_objects::clock;
use sidecar::journal::JournalEntry;
use sidecar::{OperationId, OutcomeKind};

use crate::support::{Opened, Store, Visible};

pub const TABLES: [&str; 3] = ["node:Author", "edge:Wrote", "node:Book"];

/// The Lance manifest of the one restore these tests look at.
pub const RESTORE: &str = "tables/node_Author/_versions/";
/// The Lance manifests of the catalog.
pub const CATALOG: &str = "__manifest/_versions/";

/// Everything that must hold of a store once an operation is recovered, however that came about.
pub async fn is_recovered_once(
    store: &Store,
    opened: &Opened,
    operation: &OperationId,
    expected: &Expected,
    at: &str,
) {
    assert_eq!(store.visible_rows().await, expected.visible, "{at}");
    assert_eq!(
        store.heads(&TABLES).await,
        expected.heads,
        "{at}: no table was restored twice"
    );
    assert!(store.drift().await.is_empty(), "{at}");
    let records = opened.records(operation).await;
    let finished: Vec<OutcomeKind> = records
        .iter()
        .filter_map(|entry| {
            if let JournalEntry::Finished { outcome, .. } = entry {
                Some(*outcome)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(finished, [expected.outcome], "{at}");
    assert_eq!(store.sidecars(), 0, "{at}");
    assert!(
        service::list(&opened.root, clock::now())
            .await
            .unwrap()
            .recoveries
            .is_empty(),
        "{at}"
    );
}

/// What an undisturbed recovery comes to.
pub struct Expected {
    pub outcome: OutcomeKind,
    pub visible: Visible,
    pub heads: BTreeMap<String, u64>,
}

impl Expected {
    pub async fn of(template: &Store, operation: &OperationId) -> Self {
        let clean = template.copy();
        let opened = clean.open().await;
        let digest = opened.approve(operation).await;
        let outcome = opened.apply(operation, digest).await.outcome;
        assert!(matches!(
            outcome,
            OutcomeKind::RolledBack | OutcomeKind::RolledForward
        ));
        Self {
            outcome,
            visible: clean.visible_rows().await,
            heads: clean.heads(&TABLES).await,
        }
    }
}

/// Publishes as an engine does that has never heard of claims.
pub async fn publish_as_a_stranger(store: &Store, moves: &[(&str, u64, u64)]) {
    let lance = store.lance().await;
    let CatalogReading::Present(catalog) = lance.catalog(None).await.unwrap() else {
        panic!("no catalog")
    };
    let update = |(table_key, from_version, to_version): &(&str, u64, u64)| sidecar::PinMove {
        table_key: (*table_key).to_owned(),
        from_version: *from_version,
        to_version: *to_version,
        branch: None,
    };
    let request = PublishRequest {
        branch: None,
        read_version: catalog.version,
        updates: moves.iter().map(update).collect(),
        registrations: Vec::new(),
        tombstones: Vec::new(),
        graph_commit: None,
        identity: EffectIdentity {
            operation_id: "a stranger".to_owned(),
            plan_digest: String::new(),
        },
        exact: None,
    };
    let outcome = lance.publish(&request).await.unwrap();
    assert!(
        matches!(outcome, fenced_lance::CommitOutcome::Committed { .. }),
        "{outcome:?}"
    );
}
