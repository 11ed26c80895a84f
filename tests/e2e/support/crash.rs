//! A process that dies at every mutating request of what it carries out.

use std::fmt::Debug;
use std::sync::Arc;

use restore_backend::execute::ProgressSink;
use restore_backend::service;
use sidecar::{Digest, OperationId, OutcomeKind};

use super::Store;
use super::gates::DiesAt;

/// Carries a plan out in copies of a store, where the process dies before, and right after, every mutating request. One more
/// apply has to end like an undisturbed one, and to leave the same.
///
/// `approve` plans and approves in the store it is given: a copy has approvals of its own. `stand` says all by which two stores
/// may be told apart. Returns how the undisturbed one ended, what it left, and how many requests were struck.
pub async fn every_crash_converges<S: Debug + PartialEq>(
    template: &Store,
    approve: impl AsyncFn(&Store) -> (OperationId, Digest),
    stand: impl AsyncFn(&Store) -> S,
) -> (OutcomeKind, S, u64) {
    let clean = template.copy();
    let (operation, digest) = approve(&clean).await;
    let first = clean.open().await;
    first.log.reset();
    let outcome = first.apply(&operation, digest).await.outcome;
    let requests = first.log.mutations();
    let expected = stand(&clean).await;
    for after in [false, true] {
        for request in 1..=requests {
            let at = format!("after {after}, mutating request {request} of {requests}");
            let store = template.copy();
            let (operation, digest) = approve(&store).await;
            let gate = Arc::new(if after {
                DiesAt::after(request)
            } else {
                DiesAt::before(request)
            });
            let dying = store.open_behind(gate.clone()).await;
            service::apply(&dying.root, &operation, digest, &ProgressSink::default())
                .await
                .ok();
            assert_eq!(gate.left(), 0, "{at} was never reached");

            let again = store.open().await;
            let report = again.apply(&operation, digest).await;
            assert_eq!(report.outcome, outcome, "{at}: {}", report.detail);
            assert_eq!(stand(&store).await, expected, "{at}");
            assert!(again.audit_holds(&operation).await, "{at}");
            again.log.reset();
            again.apply(&operation, digest).await;
            assert_eq!(again.log.mutations(), 0, "{at}: finished is finished");
        }
    }
    (outcome, expected, requests)
}
