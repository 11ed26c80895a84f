//! The process dies before, or right after, every mutating request of an undo, a release or a dismissal: one more apply finishes it.

use std::collections::BTreeMap;

use sidecar::Digest;

use super::*;
use crate::support::{Visible, crash};

/// Everything a person could tell two stores apart by.
#[derive(Debug, PartialEq)]
struct Stand {
    visible: Visible,
    heads: BTreeMap<String, u64>,
    drifting: usize,
    sidecars: Vec<String>,
    tags: usize,
}

async fn stand(store: &Store, of: &OperationId) -> Stand {
    let mut sidecars: Vec<String> = std::fs::read_dir(store.path().join("__recovery"))
        .map(|entries| {
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        })
        .unwrap_or_default();
    sidecars.sort();
    Stand {
        visible: store.visible_rows().await,
        heads: heads(store).await,
        drifting: store.drift().await.len(),
        sidecars,
        tags: tags(store, of).await,
    }
}

/// What follows.
#[derive(Debug, Clone, Copy)]
enum Follows {
    Undo,
    Release,
    Dismissal,
}

/// Plans and approves it in this very store: a copy of a store has approvals of its own.
async fn approved(store: &Store, of: &OperationId, follows: Follows) -> (OperationId, Digest) {
    let opened = store.open().await;
    let plan = match follows {
        Follows::Undo => planned(opened.undo(of).await),
        Follows::Release => planned(opened.release(of).await),
        Follows::Dismissal => service::dismiss(&opened.root, "notes.json", clock::now())
            .await
            .unwrap(),
    };
    let (operation, digest) = (plan.operation_id.parse().unwrap(), plan.digest.unwrap());
    let answer = service::approve(&opened.root, &operation, digest, approver(), clock::now()).await;
    assert!(matches!(answer.unwrap(), Answer::Done(_)));
    (operation, digest)
}

async fn every_crash_converges(template: &Store, of: &OperationId, follows: Follows) {
    let approve = async |store: &Store| approved(store, of, follows).await;
    let stand = async |store: &Store| stand(store, of).await;
    let (outcome, _, requests) = crash::every_crash_converges(template, approve, stand).await;
    assert!(
        matches!(outcome, OutcomeKind::RolledBack | OutcomeKind::CleanedUp),
        "{outcome:?}"
    );
    assert!(requests > 4, "{requests} requests are none");
}

async fn recovered(committed: usize) -> (Store, OperationId) {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, committed).await;
    let opened = store.open().await;
    let outcome = opened.recover(&operation).await.outcome;
    assert_ne!(outcome, OutcomeKind::Conflict);
    (store, operation)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_undo_of_a_roll_forward_survives_a_crash_at_every_request() {
    let (store, operation) = recovered(3).await;
    every_crash_converges(&store, &operation, Follows::Undo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_undo_of_a_roll_back_survives_a_crash_at_every_request() {
    let (store, operation) = recovered(2).await;
    every_crash_converges(&store, &operation, Follows::Undo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_survives_a_crash_at_every_request() {
    let (store, operation) = recovered(2).await;
    every_crash_converges(&store, &operation, Follows::Release).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissal_survives_a_crash_at_every_request() {
    let store = Store::with_tables(&TABLES).await;
    let folder = store.path().join("__recovery");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("notes.json"), "no sidecar").unwrap();
    let nobody = "01M8125ENACWR9X1EZNRMDV5V2".parse().unwrap();
    every_crash_converges(&store, &nobody, Follows::Dismissal).await;
}
