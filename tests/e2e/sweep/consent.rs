//! Consent: every mutating request of giving it, and of taking it back, is struck.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use restore_backend::service::{self, Answer};
use root_objects::clock;
use root_objects::journal_store::Journal;
use sidecar::{Digest, Limits, OperationId, OutcomeKind};

use super::faults::{Fault, Strike};
use super::report::say;
use crate::support::{Opened, Store, approver};

/// What is done about consent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Consent {
    Approve,
    Revoke,
}

impl Consent {
    /// Whether it was done; `None` if storage did not say.
    async fn give(self, opened: &Opened, operation: &OperationId, digest: Digest) -> Option<bool> {
        let (root, now) = (&opened.root, clock::now());
        match self {
            Self::Approve => {
                let answer = service::approve(root, operation, digest, approver(), now).await;
                let answer = answer.ok()?;
                Some(matches!(answer, Answer::Done(report) if report.authorized))
            }
            Self::Revoke => {
                let answer = service::revoke(root, operation, digest, "grace", None, now).await;
                Some(matches!(answer.ok()?, Answer::Done(_)))
            }
        }
    }
}

/// A plan of a copy, approved if that is to be taken back.
async fn planned(store: &Store, operation: &OperationId, consent: Consent) -> Digest {
    let opened = store.open().await;
    match consent {
        Consent::Approve => opened.plan(operation).await.digest.unwrap(),
        Consent::Revoke => opened.approve(operation).await,
    }
}

async fn approvals(store: &Store, operation: &OperationId) -> usize {
    let opened = store.open().await;
    let journal = Journal::load(opened.root.objects(), operation, &Limits::DEFAULT).await;
    journal.unwrap().state.approvals().len()
}

/// The files that are new; none may be gone or changed.
fn added(store: &Store, before: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    let after = store.files();
    for (path, bytes) in before {
        assert_eq!(after.get(path), Some(bytes), "{path:?} is gone or changed");
    }
    let added = after.keys().filter(|path| !before.contains_key(*path));
    added
        .map(|path| {
            let path = path.strip_prefix(store.path()).unwrap();
            path.to_str().unwrap().to_owned()
        })
        // The marks of open operations, and the identity of the root, are no records.
        .filter(|path| {
            !path.starts_with("__recovery_log/open/") && !path.starts_with("__recovery_log/root")
        })
        .collect()
}

/// Strikes one request; then the same is asked once more, and the plan is applied.
async fn strike(template: &Store, operation: &OperationId, consent: Consent, strike: Arc<Strike>) {
    let what = format!("{consent:?}, {strike:?}");
    let store = template.copy();
    let digest = planned(&store, operation, consent).await;
    let (before, given) = (store.files(), approvals(&store, operation).await);
    let struck = store.open_behind(strike.clone()).await;
    let said = consent.give(&struck, operation, digest).await;
    assert_eq!(strike.missing(), 0, "{what} was never reached");

    // One record or none, and nothing else; and what was said of it is so.
    let added = added(&store, &before);
    let journal = format!("__recovery_log/{operation}/");
    let is_record = |path: &String| path.starts_with(&journal);
    assert!(
        added.len() <= 1 && added.iter().all(is_record),
        "{what}: {added:?}"
    );
    let now_given = approvals(&store, operation).await;
    let expected = match consent {
        Consent::Approve => given + added.len(),
        Consent::Revoke => given - added.len(),
    };
    assert_eq!(now_given, expected, "{what}");
    if let Some(is_done) = said {
        assert_eq!(is_done, added.len() == 1, "{what}");
    }
    let must_be = match strike.fault() {
        Fault::CrashBefore | Fault::CrashAfter | Fault::Error => None,
        // An object that is there already is its own, and so is a write that was carried out and not answered.
        _ => Some(true),
    };
    assert_eq!(said, must_be, "{what}");

    let opened = store.open().await;
    let again = consent.give(&opened, operation, digest).await;
    match consent {
        Consent::Approve => assert_eq!(again, Some(true), "{what}"),
        // There is nothing to take back any more if it was taken back.
        Consent::Revoke => assert_eq!(again, Some(added.is_empty()), "{what}"),
    }
    if consent == Consent::Revoke {
        let before = store.files();
        let refused = opened.apply(operation, digest).await;
        assert_eq!(refused.outcome, OutcomeKind::Refused, "{what}");
        assert_eq!(store.files(), before, "{what}");
        assert_eq!(opened.approve(operation).await, digest, "{what}");
    }
    let applied = opened.apply(operation, digest).await;
    assert_eq!(applied.outcome, OutcomeKind::RolledBack, "{what}");
    assert!(opened.audit_holds(operation).await, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_survives_every_fault() {
    let template = Store::with_tables(&["node:T0", "node:T1"]).await;
    let operation = template.crashed_write(&["node:T0", "node:T1"], 1).await;
    for consent in [Consent::Approve, Consent::Revoke] {
        let calm = template.copy();
        let digest = planned(&calm, &operation, consent).await;
        let none = Strike::none();
        let opened = calm.open_behind(none.clone()).await;
        assert_eq!(consent.give(&opened, &operation, digest).await, Some(true));
        let census = none.census();
        let mut runs = 0;
        for fault in Fault::MUTATING {
            let requests = census.get(&fault).copied().unwrap_or_default();
            assert!(requests > 0, "{fault:?} strikes nothing");
            for at in 1..=requests {
                strike(&template, &operation, consent, Strike::new(fault, at, None)).await;
                runs += 1;
            }
        }
        say(&format!("{consent:?}: {runs} runs"));
    }
}
