//! An attempt whose step keeps failing is ended by a person.

use std::sync::Arc;

use async_trait::async_trait;
use restore_backend::service::Ending;
use root_objects::store::{Gate, Request, Verb};
use sidecar::Effect;
use sidecar::api::{EndReport, RefusalReport, StepState};
use sidecar::journal::JournalEntry;

use super::*;
use crate::support::gates::Before;

/// Some mutating requests always fail.
#[derive(Debug)]
struct Fails(&'static str);

#[async_trait]
impl Gate for Fails {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if request.verb.is_mutation() && request.path.contains(self.0) {
            return Err(object_store::Error::Generic {
                store: "a disk",
                source: "it is read-only there".into(),
            });
        }
        Ok(())
    }
}

pub(super) fn ending() -> Ending {
    Ending {
        name: "grace".to_owned(),
        reason: "that table cannot be written to".to_owned(),
        writers_stopped: true,
    }
}

pub(super) async fn end(
    opened: &Opened,
    operation: &OperationId,
    digest: sidecar::Digest,
    ending: Ending,
) -> Answer<EndReport> {
    service::end(&opened.root, operation, digest, ending, clock::now())
        .await
        .unwrap()
}

fn no(answer: Answer<EndReport>) -> RefusalReport {
    match answer {
        Answer::No(refusal) => refusal,
        Answer::Done(report) => panic!("{report:?}"),
    }
}

/// Applies twice where a request always fails.
async fn keeps_failing(
    store: &Store,
    operation: &OperationId,
    fails: &'static str,
) -> sidecar::Digest {
    let digest = store.open().await.approve(operation).await;
    for _ in 0..2 {
        let failing = store.open_behind(Arc::new(Fails(fails))).await;
        let sink = ProgressSink::default();
        match service::apply(&failing.root, operation, digest, &sink).await {
            Ok(report) => assert_eq!(report.outcome, OutcomeKind::Unknown, "{}", report.detail),
            Err(error) => assert!(error.to_string().contains("apply again"), "{error}"),
        }
    }
    digest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_ends_an_attempt_and_is_told_what_was_done_and_what_not() {
    let store = Store::with_tables(&TABLES).await;
    let before = store.visible_rows().await;
    let operation = store.crashed_write(&TABLES, 2).await;
    // Tags are set, one of two tables is restored.
    let digest = keeps_failing(&store, &operation, "node_Author/_versions").await;
    let opened = store.open().await;

    for (incomplete, wanted) in [
        (
            Ending {
                writers_stopped: false,
                ..ending()
            },
            "writers_stopped",
        ),
        (
            Ending {
                reason: "  ".to_owned(),
                ..ending()
            },
            "reason",
        ),
    ] {
        let refused = no(end(&opened, &operation, digest, incomplete).await);
        assert_eq!(refused.outcome, OutcomeKind::Refused);
        assert!(refused.detail.contains(wanted), "{}", refused.detail);
    }
    let another = sidecar::Digest::of(sidecar::Tag::Plan, b"another");
    let refused = no(end(&opened, &operation, another, ending()).await);
    assert_eq!(refused.outcome, OutcomeKind::Conflict);
    assert_eq!(opened.log.mutations(), 0);

    let Answer::Done(report) = end(&opened, &operation, digest, ending()).await else {
        panic!("not ended")
    };
    assert_eq!(opened.log.mutations(), 1, "that it ended is on record");
    let effects: BTreeMap<&str, Effect> = report
        .tables
        .iter()
        .map(|table| (table.table_key.as_str(), table.effect))
        .collect();
    assert_eq!(effects["node:Author"], Effect::Unknown, "{report:?}");
    assert_eq!(effects["node:Book"], Effect::Unchanged, "{report:?}");
    let states: Vec<StepState> = report.steps.iter().map(|step| step.state).collect();
    assert_eq!(states[..4], [StepState::Done; 4], "tags");
    assert!(states.contains(&StepState::Started) && states.contains(&StepState::Waiting));
    let records = opened.records(&operation).await;
    let Some(JournalEntry::Interrupted {
        ended_by: Some(by), ..
    }) = records.last()
    else {
        panic!("{records:?}")
    };
    assert_eq!(
        (by.name.as_str(), by.reason.as_str()),
        ("grace", ending().reason.as_str())
    );
    let refused = no(end(&opened, &operation, digest, ending()).await);
    assert_eq!(refused.outcome, OutcomeKind::Refused, "there is none left");

    // The rest is planned as it is found, and recovered.
    let plan = opened.plan(&operation).await;
    assert_ne!(plan.digest, Some(digest));
    let (_, anew) = opened.approve_plan(&plan).await;
    let report = opened.apply(&operation, anew).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!(store.visible_rows().await, before);
    assert!(store.drift().await.is_empty());
    let refused = no(end(&opened, &operation, anew, ending()).await);
    assert!(refused.detail.contains("finished"), "{}", refused.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_whose_attempt_was_ended_does_nothing_more() {
    let store = Store::with_tables(&TABLES).await;
    let before = store.visible_rows().await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let digest = store.open().await.approve(&operation).await;
    // Right before it records that it has tagged, and so before it publishes.
    let record = format!("__recovery_log/{operation}/000004.json");
    let other = Arc::new(store.open().await);
    let gate = {
        let (other, operation) = (other.clone(), operation.clone());
        Before::new(Verb::PutCreate, record, move || {
            let (other, operation) = (other.clone(), operation.clone());
            async move {
                let answer = end(&other, &operation, digest, ending()).await;
                assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
            }
        })
    };
    let slow = store.open_behind(gate.clone()).await;
    let report = slow.apply(&operation, digest).await;
    assert!(gate.is_reached());
    assert_eq!(report.outcome, OutcomeKind::Unknown, "{}", report.detail);
    assert_eq!(store.visible_rows().await, before, "nothing was published");
    assert_eq!(store.sidecars(), 1);
    // Nothing of it is seen in the tables, so it is the same plan. A person ended it, so a person approves it anew.
    let refused = other.apply(&operation, digest).await;
    assert_eq!(refused.outcome, OutcomeKind::Refused, "{}", refused.detail);
    assert_eq!(other.approve(&operation).await, digest);
    let report = other.apply(&operation, digest).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
}
