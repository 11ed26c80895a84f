//! A file that was set aside is there again: a backup brought it back, or somebody copied it there once more.

use std::path::PathBuf;
use std::sync::Arc;

use root_objects::store::Verb;
use sidecar::Digest;
use sidecar::api::Progress;
use sidecar::journal::JournalEntry;

use super::*;
use crate::support::gates::{DiesAt, Point};

const NEWER: &str =
    r#"{"schema_version": 10, "operation_id": "01M8125ENACWR9X1EZNRMDV5V2", "tables": []}"#;

impl Opened {
    async fn dismissal(&self, file: &str) -> PlanReport {
        service::dismiss(&self.root, file, clock::now())
            .await
            .unwrap()
    }

    async fn listed(&self) -> Vec<(String, Progress)> {
        let list = service::list(&self.root, clock::now()).await.unwrap();
        let entries = list.recoveries.into_iter();
        entries.map(|entry| (entry.file, entry.progress)).collect()
    }

    /// What approving a plan is answered that was carried out to its end.
    async fn approve_again(&self, operation: &OperationId, digest: Digest) -> String {
        let answer = service::approve(&self.root, operation, digest, approver(), clock::now());
        match answer.await.unwrap() {
            Answer::No(refusal) => refusal.detail,
            Answer::Done(report) => panic!("approved: {report:?}"),
        }
    }
}

fn file_among_the_sidecars(store: &Store, name: &str, bytes: &[u8]) -> PathBuf {
    let file = store.path().join("__recovery").join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, bytes).unwrap();
    file
}

/// Carries the plan that sets a file aside out up to the terminal record, and dies before the file goes.
async fn dies_before_the_file_goes(store: &Store, plan: &PlanReport) -> (OperationId, Digest) {
    let (operation, digest) = store.open().await.approve_plan(plan).await;
    let gate = Arc::new(DiesAt::at(Point::first(Verb::Delete, "__recovery/")));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .unwrap_err();
    assert_eq!(gate.left(), 0);
    (operation, digest)
}

async fn is_not_deleted_on_old_consent(name: &str, bytes: &[u8]) {
    let store = Store::with_tables(&TABLES).await;
    let file = file_among_the_sidecars(&store, name, bytes);
    // A file that is too large to be read is known by its inode and its time.
    let kept = store.beside().join("kept");
    std::fs::hard_link(&file, &kept).unwrap();
    let opened = store.open().await;
    let plan = opened.dismissal(name).await;
    let digest = plan.digest.unwrap();
    let operation = opened.carry_out(&plan).await;

    for time in 1..=2 {
        assert!(!file.exists());
        std::fs::hard_link(&kept, &file).unwrap();
        let opened = store.open().await;
        let told = opened.dismissal(name).await;
        assert_eq!(
            (told.operation_id.as_str(), told.digest, told.progress),
            (operation.as_str(), Some(digest), Progress::Finished),
            "{name}, time {time}"
        );
        let detail = opened.approve_again(&operation, digest).await;
        assert!(
            detail.contains("finished: cleaned_up")
                && detail.contains(&format!("Apply plan {digest} once more")),
            "{detail}"
        );

        let report = opened.apply(&operation, digest).await;
        assert!(file.exists(), "{name}, time {time}: nobody agreed to that");
        assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
        assert_eq!(report.sidecar, SidecarFate::Kept);
        assert_eq!(report.differences[0].field.name(), "sidecar");
        assert!(matches!(
            opened.records(&operation).await.last(),
            Some(JournalEntry::Reopened { .. })
        ));
        let again = opened.apply(&operation, digest).await;
        assert_eq!(again.outcome, OutcomeKind::Refused, "{}", again.detail);
        assert!(file.exists());
        assert_eq!(
            opened.listed().await,
            [(name.to_owned(), Progress::Open)],
            "time {time}"
        );

        let plan = opened.dismissal(name).await;
        assert!(plan.approvals.is_empty(), "{plan:?}");
        assert_eq!(plan.digest, Some(digest), "as it was planned before");
        assert_eq!(opened.carry_out(&plan).await, operation);
        assert!(opened.listed().await.is_empty());
    }
    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(
        (report.outcome, opened.log.mutations()),
        (OutcomeKind::CleanedUp, 0),
        "nothing is left to do"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misnamed_file_that_is_back_is_set_aside_only_with_new_consent() {
    is_not_deleted_on_old_consent("copy of something.json", NEWER.as_bytes()).await;
    is_not_deleted_on_old_consent("notes.json", b"no sidecar").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_too_large_to_be_read_that_is_back_is_set_aside_only_with_new_consent() {
    let too_large = usize::try_from(Limits::DEFAULT.sidecar_bytes_max).unwrap() + 1;
    is_not_deleted_on_old_consent("01M8125ENACWR9X1EZNRMDV5V4.json", &vec![b' '; too_large]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sidecar_that_is_back_is_set_aside_only_with_new_consent() {
    is_not_deleted_on_old_consent("01M8125ENACWR9X1EZNRMDV5V2.json", NEWER.as_bytes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_deleted_by_another_executor_meanwhile_is_not_taken_for_one_that_is_back() {
    let store = Arc::new(Store::with_tables(&TABLES).await);
    let file = file_among_the_sidecars(&store, "notes.json", b"no sidecar");
    let plan = store.open().await.dismissal("notes.json").await;
    let (operation, digest) = dies_before_the_file_goes(&store, &plan).await;

    // One finds the file still there, and before it looks whether the operation is closed another one has closed it.
    let closed = format!("__recovery_log/{operation}/closed");
    let other = Arc::clone(&store);
    let applied = operation.clone();
    let gate = crate::support::gates::Before::new(Verb::Head, closed, move || {
        let (other, operation) = (Arc::clone(&other), applied.clone());
        async move {
            let report = other.open().await.apply(&operation, digest).await;
            assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{}", report.detail);
        }
    });
    let opened = store.open_behind(gate.clone()).await;
    let report = opened.apply(&operation, digest).await;
    assert!(gate.is_reached());
    assert_eq!(
        (report.outcome, report.sidecar),
        (OutcomeKind::CleanedUp, SidecarFate::Retired),
        "{}",
        report.detail
    );
    assert!(!file.exists());
    assert!(store.open().await.audit_holds(&operation).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissal_that_was_opened_again_is_told_until_its_file_is_gone() {
    let original = Store::with_tables(&TABLES).await;
    file_among_the_sidecars(&original, "notes.json", b"no sidecar");
    let plan = original.open().await.dismissal("notes.json").await;
    let (operation, begun) = dies_before_the_file_goes(&original, &plan).await;

    // In a copy nobody consented to it.
    let store = original.copy();
    let opened = store.open().await;
    let report = opened.apply(&operation, begun).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    let plan = opened.dismissal("notes.json").await;
    let (_, digest) = dies_before_the_file_goes(&store, &plan).await;

    let is_told = async || {
        let opened = store.open().await;
        assert_eq!(
            opened.listed().await,
            [("notes.json".to_owned(), Progress::Finished)]
        );
        for told in [
            service::plan(&opened.root, "notes.json", clock::now()).await,
            service::plan(&opened.root, operation.as_str(), clock::now()).await,
            service::dismiss(&opened.root, "notes.json", clock::now()).await,
        ] {
            let told = told.unwrap();
            assert_eq!(
                (told.operation_id.as_str(), told.digest, told.progress),
                (operation.as_str(), Some(digest), Progress::Finished)
            );
        }
    };
    is_told().await;
    // An approval puts right what the look before it found out of order.
    let other = store.crashed_write(&TABLES, 2).await;
    assert_eq!(
        store.open().await.recover(&other).await.outcome,
        OutcomeKind::RolledBack
    );
    is_told().await;

    // It was consented to, and the process died: it goes on as it is.
    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(
        (report.outcome, report.sidecar),
        (OutcomeKind::CleanedUp, SidecarFate::Retired),
        "{}",
        report.detail
    );
    assert_eq!(store.sidecars(), 0);
    assert!(opened.listed().await.is_empty());
    assert!(store.marks_of(&operation).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_in_place_of_one_that_is_set_aside_keeps_nothing_open() {
    let store = Store::with_tables(&TABLES).await;
    file_among_the_sidecars(&store, "notes.json", b"no sidecar");
    let plan = store.open().await.dismissal("notes.json").await;
    let (operation, digest) = dies_before_the_file_goes(&store, &plan).await;
    let file = file_among_the_sidecars(&store, "notes.json", b"something else");
    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(
        (report.outcome, report.sidecar),
        (OutcomeKind::CleanedUp, SidecarFate::Replaced)
    );
    assert!(store.marks_of(&operation).is_empty());
    assert_eq!(
        opened.listed().await,
        [("notes.json".to_owned(), Progress::Open)]
    );
    let other = opened.dismissal("notes.json").await;
    assert_ne!(opened.carry_out(&other).await, operation);
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_comes_back_whole_after_it_was_set_aside_damaged_is_recovered() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let file = store.path().join("__recovery").join(operation.file_name());
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let opened = store.open().await;
    let plan = opened.dismissal(&operation.file_name()).await;
    assert_eq!(opened.carry_out(&plan).await, operation);

    std::fs::write(&file, &whole).unwrap();
    let opened = store.open().await;
    let report = opened.apply(&operation, plan.digest.unwrap()).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(report.differences[0].field.name(), "sidecar");
    assert!(file.exists());
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledBack
    );
    assert!(store.drift().await.is_empty());
    assert!(opened.listed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_finished_is_not_unknown_to_whoever_approves_it_again() {
    let store = Store::with_tables(&TABLES).await;
    let recovered = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    opened.recover(&recovered).await;
    for plan in [
        planned(opened.undo(&recovered).await),
        planned(opened.release(&recovered).await),
    ] {
        let operation = opened.carry_out(&plan).await;
        let detail = opened.approve_again(&operation, plan.digest.unwrap()).await;
        assert!(detail.contains("the operation is finished"), "{detail}");
    }
}
