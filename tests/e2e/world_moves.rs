//! The world moves between looking, approving and applying: typed conflicts, and nobody's commit is buried.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fenced_lance::TableWrite;
use restore_backend::service::{self, Answer};
use root_objects::clock;
use root_objects::store::{Gate, Request, RequestLog, Verb};
use sidecar::{Code, Disposition, OutcomeKind, Requirement};
use two_phase_writer::{Loss, PhaseOutcome};

use crate::support::{Store, approver, done, numbers, place, rows};

const TABLES: [&str; 3] = ["node:Author", "edge:Wrote", "node:Book"];

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_between_approval_and_apply_is_a_conflict_that_shows_what_moved() {
    for committed in [1, 2] {
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES[..2], committed).await;
        let opened = store.open().await;
        let digest = opened.approve(&operation).await;
        store
            .lance()
            .await
            .append_rows(&place("node:Author"), &rows(200..201))
            .await
            .unwrap();
        let files = store.files();

        opened.log.reset();
        let report = opened.apply(&operation, digest).await;
        assert_eq!(report.outcome, OutcomeKind::Conflict);
        let moved = report
            .differences
            .iter()
            .find(|difference| difference.field.name() == "lance_head")
            .expect("the moved HEAD");
        assert_eq!(
            (
                moved.table_key.as_deref(),
                moved.planned.as_str(),
                moved.found.as_str()
            ),
            (Some("node:Author"), "2", "3")
        );
        assert_eq!(opened.log.mutations(), 0);
        assert_eq!(store.files(), files, "not a byte changed");

        // A new plan is another plan, and heals it.
        assert_eq!(
            opened.recover(&operation).await.outcome,
            OutcomeKind::RolledBack
        );
        assert!(store.drift().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_another_table_keeps_the_plan_and_its_approval() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    store.written(&["node:Book"], 50..52).await;

    assert_eq!(opened.plan(&operation).await.digest, Some(digest));
    assert_eq!(
        opened.apply(&operation, digest).await.outcome,
        OutcomeKind::RolledBack
    );
    let visible = store.visible_rows().await;
    assert_eq!(visible["node:Book"], numbers((0..10).chain(50..52)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_executed_without_an_approval_of_exactly_this_plan() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let opened = store.open().await;
    let digest = opened.plan(&operation).await.digest.unwrap();
    let other = sidecar::Digest::of(sidecar::Tag::Plan, b"another plan");
    opened.log.reset();

    assert_eq!(
        opened.apply(&operation, digest).await.outcome,
        OutcomeKind::Refused,
        "nobody approved it"
    );
    let answer = service::approve(&opened.root, &operation, other, approver(), clock::now())
        .await
        .unwrap();
    assert!(
        matches!(&answer, Answer::No(refusal) if refusal.outcome == OutcomeKind::Conflict),
        "{answer:?}"
    );
    let silent = service::Approver {
        writers_stopped: false,
        ..approver()
    };
    let answer = service::approve(&opened.root, &operation, digest, silent, clock::now())
        .await
        .unwrap();
    assert!(
        matches!(&answer, Answer::No(refusal) if refusal.detail.contains("writers_stopped")),
        "{answer:?}"
    );
    assert_eq!(opened.log.mutations(), 0);
    opened.approve(&operation).await;
    assert_eq!(
        opened.apply(&operation, other).await.outcome,
        OutcomeKind::Conflict,
        "another plan than the approved one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_young_sidecar_is_shown_and_not_executable() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let opened = store
        .open_with(RequestLog::recording(), Duration::from_secs(7_200))
        .await;
    let plan = opened.plan(&operation).await;
    assert_eq!(
        (plan.disposition, plan.executable),
        (Disposition::RollBack, false)
    );
    assert_eq!(plan.blockers[0].code, Code::TooYoung);
    let patient = store.open().await;
    assert_eq!(
        patient.plan(&operation).await.digest,
        plan.digest,
        "age is no part of the plan"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_shares_a_table_waits_and_is_planned_anew_when_the_older_one_is_resolved() {
    let store = Store::with_tables(&TABLES).await;
    let older = store.crashed_write(&TABLES[..2], 1).await;
    let newer_bytes = {
        let text = std::fs::read_to_string(store.path().join("__recovery").join(older.file_name()))
            .unwrap();
        text.replace(older.as_str(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
    };
    std::fs::write(
        store
            .path()
            .join("__recovery/7ZZZZZZZZZZZZZZZZZZZZZZZZZ.json"),
        newer_bytes,
    )
    .unwrap();
    let newer = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse().unwrap();
    let opened = store.open().await;
    let plan = opened.plan(&newer).await;
    assert_eq!(
        (plan.disposition, plan.executable, plan.steps.len()),
        (Disposition::Waiting, false, 0)
    );
    assert!(plan.blockers[0].detail.contains(older.as_str()));
    assert_eq!(
        opened.recover(&older).await.outcome,
        OutcomeKind::RolledBack
    );
    assert_eq!(
        opened.plan(&newer).await.disposition,
        Disposition::Superseded,
        "its table was restored since"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_writer_of_ours_loses_cleanly_to_the_recovery_of_its_operation() {
    for committed in [1, 2] {
        let store = Store::with_tables(&TABLES).await;
        let mut slow = store.begin(&TABLES[..2]).await;
        for table in &TABLES[..committed] {
            let write = TableWrite::append_rows(&rows(100..103));
            done(slow.commit(table, write).await.unwrap());
        }
        let operation = slow.operation_id().clone();
        let opened = store.open().await;
        let report = opened.recover(&operation).await;
        let visible = store.visible_rows().await;
        let lost = if committed == 1 {
            match slow
                .commit(TABLES[1], TableWrite::append_rows(&rows(100..103)))
                .await
                .unwrap()
            {
                PhaseOutcome::Lost(loss) => loss,
                PhaseOutcome::Done(_) => {
                    panic!("the writer committed to a table of an operation that was recovered")
                }
            }
        } else {
            match slow.publish().await.unwrap() {
                PhaseOutcome::Lost(loss) => loss,
                PhaseOutcome::Done(_) => {
                    panic!("the writer published an operation that was recovered")
                }
            }
        };
        assert!(matches!(lost, Loss::Claimed { .. }), "{lost:?}");
        assert!(matches!(
            report.outcome,
            OutcomeKind::RolledBack | OutcomeKind::RolledForward
        ));
        assert_eq!(store.visible_rows().await, visible);
        assert!(store.drift().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_file_blocks_nobody() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let folder = store.path().join("__recovery");
    let good = std::fs::read_to_string(folder.join(operation.file_name())).unwrap();
    std::fs::write(folder.join("0-copy.json"), &good).unwrap();
    std::fs::write(
        folder.join("01000000000000000000000000.json"),
        good.replace("\"schema_version\": 1", "\"schema_version\": 99"),
    )
    .unwrap();
    std::fs::write(folder.join("00000000000000000000000000.json"), "not json").unwrap();
    let opened = store.open().await;
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let codes: Vec<(&str, Option<&str>)> = list
        .recoveries
        .iter()
        .map(|recovery| {
            (
                recovery.file.as_str(),
                recovery.refused.as_ref().map(|reason| reason.code.name()),
            )
        })
        .collect();
    assert_eq!(codes.len(), 4, "{codes:?}");
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledBack
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_root_does_not_take_its_approvals_along() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = store.open().await.approve(&operation).await;
    let copy = store.copy();
    let report = copy.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{report:?}");
}

/// Publishes to another table whenever the catalog is looked at, a few times over.
#[derive(Debug)]
struct BusyCatalog {
    store: Arc<Store>,
    left: AtomicUsize,
}

#[async_trait]
impl Gate for BusyCatalog {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        let looks = request.verb == Verb::List && request.path.starts_with("__manifest/_versions");
        let goes_on = || {
            let left = self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                });
            left.is_ok()
        };
        if looks && goes_on() {
            self.store.written(&["node:Book"], 500..501).await;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_published_to_all_the_time_can_still_be_looked_at() {
    let store = Arc::new(Store::with_tables(&TABLES).await);
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let busy = Arc::new(BusyCatalog {
        store: store.clone(),
        left: AtomicUsize::new(12),
    });
    let opened = store.open_behind(busy.clone()).await;
    let quiet = store.open().await.plan(&operation).await.digest;
    assert_eq!(opened.plan(&operation).await.digest, quiet);
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    assert_eq!(list.recoveries.len(), 1);
    assert!(
        busy.left.load(Ordering::SeqCst) < 11,
        "it was never published to"
    );
}

/// Two writers begin on one pin; one publishes, and the other dies. The one that is published is not the one that died.
#[tokio::test(flavor = "multi_thread")]
async fn the_loser_of_a_race_is_superseded_and_never_called_published() {
    let store = Store::with_tables(&TABLES).await;
    let both = &TABLES[..2];
    let (mut winner, loser) = (store.begin(both).await, store.begin(both).await);
    for table in both {
        let write = TableWrite::append_rows(&rows(300..303));
        done(winner.commit(table, write).await.unwrap());
    }
    done(
        done(winner.publish().await.unwrap())
            .finish()
            .await
            .unwrap(),
    );
    let (visible, operation) = (store.visible_rows().await, loser.stop());
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(
        plan.disposition,
        Disposition::Superseded,
        "{}",
        plan.explanation
    );
    assert!(
        !plan.explanation.contains("complete"),
        "{}",
        plan.explanation
    );
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    assert_eq!(list.recoveries[0].disposition, Disposition::Superseded);
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{}", report.detail);
    assert_eq!(store.visible_rows().await, visible);

    // One that published and died before its sidecar was gone is what is visible.
    let mut published = store.begin(both).await;
    for table in both {
        let write = TableWrite::append_rows(&rows(400..403));
        done(published.commit(table, write).await.unwrap());
    }
    let operation = done(published.publish().await.unwrap()).stop();
    let plan = store.open().await.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::AlreadyPublished);
}

/// Our writer names itself in every commit, so that a commit without a name is not what died here.
#[tokio::test(flavor = "multi_thread")]
async fn a_nameless_commit_on_a_pin_is_not_published_as_the_write_that_never_came_to_it() {
    let store = Store::with_tables(&TABLES).await;
    let before = store.visible_rows().await;
    let operation = store.begin(&TABLES[..1]).await.stop();
    let lance = store.lance().await;
    let table = place(TABLES[0]);
    lance.append_rows(&table, &rows(300..301)).await.unwrap();
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(
        plan.disposition,
        Disposition::RollBack,
        "{}",
        plan.explanation
    );
    let asked = [Requirement::WritersStopped, Requirement::UnexpectedCommits];
    assert_eq!(plan.requires, asked);
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    assert_eq!(list.recoveries[0].disposition, Disposition::RollBack);
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!(store.visible_rows().await, before);
}
