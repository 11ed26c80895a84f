//! Stores that carry a request out and lose the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use restore_backend::execute::ProgressSink;
use restore_backend::service;
use restore_backend::store::{Gate, Request, Verb};
use sidecar::{OutcomeKind, SidecarFate};

use super::setup::{Expected, TABLES, is_recovered_once};
use crate::support::Store;

/// How a store loses an answer: the request was carried out, and something else is said.
#[derive(Clone, Copy, Debug)]
enum Lost {
    /// A time-out, a broken connection.
    Silence,
    /// A retry inside the client met its own success.
    Precondition,
}

/// Loses the answer to one mutating request, and only to that one.
#[derive(Debug)]
struct Loses {
    left: AtomicU64,
    how: Lost,
}

#[async_trait]
impl Gate for Loses {
    async fn after(&self, request: &Request) -> object_store::Result<()> {
        if !request.verb.is_mutation() || self.left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return Ok(());
        }
        let path = request.path.clone();
        Err(match (self.how, request.verb) {
            (Lost::Precondition, Verb::PutCreate | Verb::CopyCreate | Verb::RenameCreate) => {
                object_store::Error::AlreadyExists {
                    path,
                    source: "the object exists".into(),
                }
            }
            _ => object_store::Error::Generic {
                store: "far away",
                source: "the connection was reset".into(),
            },
        })
    }
}

async fn every_lost_answer_is_settled(committed: usize, how: Lost) {
    let template = Store::with_tables(&TABLES).await;
    let operation = template.crashed_write(&TABLES, committed).await;
    let expected = Expected::of(&template, &operation).await;
    for request in 1..=expected.requests {
        let at = format!(
            "{how:?} at mutating request {request} of {}",
            expected.requests
        );
        let store = template.copy();
        let digest = store.open().await.approve(&operation).await;
        let gate = Arc::new(Loses {
            left: AtomicU64::new(request),
            how,
        });
        let deaf = store.open_behind(gate).await;
        match service::apply(&deaf.root, &operation, digest, &ProgressSink::default()).await {
            Ok(report) => assert!(
                report.outcome == expected.outcome || report.outcome == OutcomeKind::Unknown,
                "{at}: {report:?}"
            ),
            Err(error) => assert!(
                !store.drift().await.is_empty()
                    || store.sidecars() > 0
                    || request >= expected.requests - 1,
                "{at}: {error:?}"
            ),
        }
        let again = store.open().await;
        let report = again.apply(&operation, digest).await;
        assert_eq!(
            (report.outcome, report.sidecar),
            (expected.outcome, SidecarFate::Retired),
            "{at}: {}",
            report.detail
        );
        is_recovered_once(&store, &again, &operation, &expected, &at).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_settles_every_lost_answer() {
    every_lost_answer_is_settled(2, Lost::Silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_settles_every_lost_answer() {
    every_lost_answer_is_settled(3, Lost::Silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_knows_its_own_success_reported_as_a_conflict() {
    every_lost_answer_is_settled(2, Lost::Precondition).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_knows_its_own_success_reported_as_a_conflict() {
    every_lost_answer_is_settled(3, Lost::Precondition).await;
}
