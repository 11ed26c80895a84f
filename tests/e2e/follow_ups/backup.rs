//! A journal that says finished, in a root that is not as it was left: restored from a backup with the journals kept, or copied.

use std::sync::Arc;

use fenced_lance::TableLocation;
use root_objects::store::Verb;
use sidecar::api::Progress;
use sidecar::journal::JournalEntry;
use sidecar::{Digest, Effect};
use tempfile::TempDir;

use super::ending::{end, ending};
use super::*;
use crate::support::copy_folder;
use crate::support::gates::{DiesAt, Point};

const FOLDERS: [&str; 3] = ["tables", "__manifest", "__recovery"];

/// What lies in some folders of a store at one time.
struct Backup(TempDir);

impl Backup {
    fn of(store: &Store) -> Self {
        let backup = tempfile::tempdir().unwrap();
        for folder in FOLDERS {
            copy_folder(&store.path().join(folder), &backup.path().join(folder));
        }
        Self(backup)
    }

    fn restore(&self, store: &Store, folders: &[&str]) {
        for folder in folders {
            let place = store.path().join(folder);
            std::fs::remove_dir_all(&place).unwrap();
            copy_folder(&self.0.path().join(folder), &place);
        }
    }
}

/// Carries a plan out up to the terminal record, and dies before the sidecar goes.
async fn dies_before_it_retires(store: &Store, operation: &OperationId, digest: Digest) {
    let gate = Arc::new(DiesAt::at(Point::first(Verb::Delete, "__recovery/")));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, operation, digest, &ProgressSink::default())
        .await
        .unwrap_err();
    assert_eq!(gate.left(), 0);
    assert_eq!(store.sidecars(), 1);
}

async fn is_pending(opened: &Opened, operation: &OperationId) -> bool {
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let files: Vec<_> = list
        .recoveries
        .into_iter()
        .map(|entry| entry.file)
        .collect();
    assert!(
        files.is_empty() || files == [operation.file_name()],
        "{files:?}"
    );
    !files.is_empty()
}

/// The answer of an apply that finds the terminal record untrue: nothing was done, and the journal says so.
async fn is_reopened(store: &Store, operation: &OperationId, digest: Digest) {
    let before = store.visible_rows().await;
    let opened = store.open().await;
    let report = opened.apply(operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    let file = store.path().join("__recovery").join(operation.file_name());
    assert_eq!(
        report.sidecar == SidecarFate::Kept,
        file.exists(),
        "{:?}",
        report.sidecar
    );
    assert!(!report.differences.is_empty());
    assert_eq!(store.visible_rows().await, before);
    let records = opened.records(operation).await;
    assert!(matches!(
        records.last(),
        Some(JournalEntry::Reopened { .. })
    ));
    assert!(!opened.audit_holds(operation).await, "no outcome any more");
    assert!(is_pending(&opened, operation).await);
    let plan = opened.plan(operation).await;
    assert_eq!(plan.progress, Progress::Open);
    assert!(plan.approvals.is_empty(), "consent was for what was done");
    let refused = opened.apply(operation, digest).await;
    assert!(
        matches!(
            refused.outcome,
            OutcomeKind::Refused | OutcomeKind::Conflict
        ),
        "{}",
        refused.detail
    );
    assert_eq!(store.visible_rows().await, before);
}

async fn a_restored_backup_is_recovered_again(committed: usize, outcome: OutcomeKind) {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, committed).await;
    let backup = Backup::of(&store);
    let before = store.visible_rows().await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, outcome);
    let recovered = (store.visible_rows().await, heads(&store).await);

    backup.restore(&store, &FOLDERS);
    is_reopened(&store, &operation, digest).await;
    assert_eq!(store.visible_rows().await, before);
    assert_eq!(store.sidecars(), 1);

    // The note that it was closed once hides it no more, whatever becomes of the file.
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let gate = Arc::new(DiesAt::after(2));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .unwrap_err();
    std::fs::remove_file(store.path().join("__recovery").join(operation.file_name())).unwrap();
    assert!(is_pending(&opened, &operation).await);

    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, outcome, "{}", report.detail);
    assert_eq!((store.visible_rows().await, heads(&store).await), recovered);
    assert!(store.drift().await.is_empty());
    assert!(!is_pending(&opened, &operation).await);
    assert!(opened.audit_holds(&operation).await);
    opened.log.reset();
    let again = opened.apply(&operation, digest).await;
    assert_eq!((again.outcome, opened.log.mutations()), (outcome, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_is_not_believed_of_a_restored_backup() {
    a_restored_backup_is_recovered_again(3, OutcomeKind::RolledForward).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_is_not_believed_of_a_restored_backup() {
    a_restored_backup_is_recovered_again(2, OutcomeKind::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_older_than_the_catalog_are_not_taken_for_recovered() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let backup = Backup::of(&store);
    // One of the tables goes back to what it was before the write.
    let version = store.head(TABLES[0]).await;
    let digest = store.open().await.approve(&operation).await;
    store.open().await.apply(&operation, digest).await;
    backup.restore(&store, &["tables", "__recovery"]);
    let versions = store.path().join(place(TABLES[0]).path).join("_versions");
    let newest = versions.join(format!("{:020}.manifest", u64::MAX - version));
    std::fs::remove_file(newest).unwrap();

    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(report.differences[0].field.name(), "lance_head");
    let effects: BTreeMap<&str, Effect> = report
        .tables
        .iter()
        .map(|table| (table.table_key.as_str(), table.effect))
        .collect();
    assert_eq!(effects[TABLES[0]], Effect::Unknown);
    assert_eq!(effects[TABLES[1]], Effect::Changed);
    assert_eq!(store.sidecars(), 1);
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::Abort);
    assert_eq!(codes(&plan), [Code::HeadBelowPin]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_commit_under_the_same_number_is_not_taken_for_ours() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let backup = Backup::of(&store);
    let digest = store.open().await.approve(&operation).await;
    store.open().await.apply(&operation, digest).await;
    let recovered = heads(&store).await;

    // After the backup was restored, somebody else went as far as the recovery had gone.
    backup.restore(&store, &FOLDERS);
    let lance = store.lance().await;
    for (table, head) in &recovered {
        while store.head(table).await < *head {
            lance
                .append_rows(&place(table), &rows(700..702))
                .await
                .unwrap();
        }
    }
    let moves: Vec<(&str, u64, u64)> = recovered
        .iter()
        .filter(|(_, head)| **head > 1)
        .map(|(table, head)| (table.as_str(), 1, *head))
        .collect();
    crate::races::setup::publish_as_a_stranger(&store, &moves).await;
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert!(
        report
            .differences
            .iter()
            .all(|difference| difference.field.name() == "head_transaction"),
        "{:?}",
        report.differences
    );
    assert_eq!(store.sidecars(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_before_the_sidecar_went_is_planned_and_approved_anew() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let digest = store.open().await.approve(&operation).await;
    dies_before_it_retires(&store, &operation, digest).await;

    let copy = store.copy();
    is_reopened(&copy, &operation, digest).await;
    let opened = copy.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::AlreadyPublished);
    let (_, anew) = opened.approve_plan(&plan).await;
    let report = opened.apply(&operation, anew).await;
    assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{}", report.detail);
    assert_eq!(copy.sidecars(), 0);

    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledForward);
    assert_eq!(store.sidecars(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_publish_before_the_sidecar_goes_changes_nothing() {
    for (committed, outcome) in [
        (3, OutcomeKind::RolledForward),
        (2, OutcomeKind::RolledBack),
    ] {
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES, committed).await;
        let digest = store.open().await.approve(&operation).await;
        dies_before_it_retires(&store, &operation, digest).await;
        let table = TABLES[0];
        let pin = store.head(table).await;
        let appended = store.lance().await;
        let appended = appended.append_rows(&place(table), &rows(800..803)).await;
        appended.unwrap();
        crate::races::setup::publish_as_a_stranger(&store, &[(table, pin, pin + 1)]).await;
        // And somebody is at work on another.
        let lance = store.lance().await;
        lance
            .append_rows(&place(TABLES[1]), &rows(900..901))
            .await
            .unwrap();
        let visible = store.visible_rows().await;
        let opened = store.open().await;
        let report = opened.apply(&operation, digest).await;
        assert_eq!(report.outcome, outcome, "{}", report.detail);
        assert_eq!(report.sidecar, SidecarFate::Retired);
        assert_eq!(store.visible_rows().await, visible);
        assert!(!is_pending(&opened, &operation).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_never_closed_is_not_believed_without_its_sidecar_either() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let backup = Backup::of(&store);
    let digest = store.open().await.approve(&operation).await;
    dies_before_it_retires(&store, &operation, digest).await;
    backup.restore(&store, &["tables", "__manifest"]);
    std::fs::remove_file(store.path().join("__recovery").join(operation.file_name())).unwrap();
    is_reopened(&store, &operation, digest).await;
    assert_eq!(
        store.open().await.recover(&operation).await.outcome,
        OutcomeKind::RolledBack
    );
    assert!(store.drift().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_not_believed_of_a_restored_backup_because_the_sidecar_is_another_by_now() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let backup = Backup::of(&store);
    let digest = store.open().await.approve(&operation).await;
    dies_before_it_retires(&store, &operation, digest).await;
    backup.restore(&store, &["tables", "__manifest"]);
    let file = store.path().join("__recovery").join(operation.file_name());
    std::fs::write(&file, "something else").unwrap();

    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(report.sidecar, SidecarFate::Replaced);
    let records = opened.records(&operation).await;
    assert!(matches!(
        records.last(),
        Some(JournalEntry::Reopened { .. })
    ));
    let report = opened.recover(&operation).await;
    assert_eq!(
        (report.outcome, report.sidecar),
        (OutcomeKind::RolledBack, SidecarFate::Replaced),
        "{}",
        report.detail
    );
    assert!(store.drift().await.is_empty());
    assert_eq!(std::fs::read(&file).unwrap(), b"something else");
}

/// The process dies once everything is done, before it removes what marks the operation as open.
async fn dies_before_it_unmarks(store: &Store, operation: &OperationId, digest: Digest) {
    let mark = format!("__recovery_log/open/{operation}");
    let gate = Arc::new(DiesAt::at(Point::first(Verb::Delete, mark)));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, operation, digest, &ProgressSink::default())
        .await
        .ok();
    assert_eq!(gate.left(), 0);
    assert_eq!(store.sidecars(), 0);
    assert!(!store.marks_of(operation).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_is_left_of_what_is_done_goes_when_that_is_applied_once_more() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let backup = Backup::of(&store);
    for time in 1..=2 {
        let digest = store.open().await.approve(&operation).await;
        dies_before_it_unmarks(&store, &operation, digest).await;
        let opened = store.open().await;
        let report = opened.apply(&operation, digest).await;
        assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
        let left = store.marks_of(&operation);
        assert!(left.is_empty(), "time {time}: {left:?}");
        opened.log.reset();
        opened.apply(&operation, digest).await;
        assert_eq!(opened.log.mutations(), 0, "nothing is left to do");
        if time == 1 {
            backup.restore(&store, &FOLDERS);
            is_reopened(&store, &operation, digest).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_stands_where_a_restore_was_recorded_is_not_published() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 1).await;
    let backup = Backup::of(&store);
    let digest = store.open().await.approve(&operation).await;
    // The restore is recorded, and the publish not begun.
    let last = format!("__recovery_log/{operation}/000009.json");
    let gate = Arc::new(DiesAt::at(Point::first(Verb::PutCreate, last)));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .unwrap_err();
    assert_eq!(gate.left(), 0);
    let records = store.open().await.records(&operation).await;
    let Some(JournalEntry::StepsFinished { results, .. }) = records.last() else {
        panic!("{records:?}")
    };
    let restored = results[0].version.unwrap();
    assert_eq!(store.head(TABLES[0]).await, restored);

    backup.restore(&store, &["tables", "__manifest"]);
    let before = store.visible_rows().await;
    let lance = store.lance().await;
    lance
        .append_rows(&place(TABLES[0]), &rows(700..702))
        .await
        .unwrap();
    assert_eq!(
        store.head(TABLES[0]).await,
        restored,
        "under the same number"
    );
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(store.visible_rows().await, before, "nobody sees it");
    assert_eq!(store.sidecars(), 1);
}

/// A roll forward and a backup from right after it; then it was taken back, and the backup was brought back under the journals.
async fn an_undo_that_is_lost() -> (Store, OperationId, (OperationId, Digest), Visible) {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let opened = store.open().await;
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledForward
    );
    let backup = Backup::of(&store);
    let undo = planned(opened.undo(&operation).await);
    let (undone, digest) = opened.approve_plan(&undo).await;
    let report = opened.apply(&undone, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack);
    let without = store.visible_rows().await;
    backup.restore(&store, &["tables", "__manifest"]);
    assert_ne!(store.visible_rows().await, without);
    (store, operation, (undone, digest), without)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_a_backup_took_away_is_planned_anew_and_carried_out() {
    let (store, operation, (undone, _), without) = an_undo_that_is_lost().await;
    let opened = store.open().await;
    let anew = planned(opened.undo(&operation).await);
    assert!(anew.executable, "{:?}", anew.blockers);
    assert_ne!(anew.operation_id, undone.to_string());
    let told = opened.plan(&undone).await;
    assert_eq!(
        told.planned_anew_as.map(String::from).as_ref(),
        Some(&anew.operation_id)
    );

    let second = opened.carry_out(&anew).await;
    assert_eq!(store.visible_rows().await, without);
    assert!(store.drift().await.is_empty());
    // It is the one now, and what it did can be taken back like any other.
    let frozen = planned(opened.undo(&operation).await);
    assert_eq!(frozen.operation_id, second.to_string());
    assert_eq!(frozen.progress, Progress::Finished);
    assert_eq!(opened.plan(&second).await.planned_anew_as, None);
    let redo = planned(opened.undo(&second).await);
    opened.carry_out(&redo).await;
    assert_ne!(store.visible_rows().await, without);
    // Whoever asks for the first one again is not told that it is done.
    let release = planned(opened.release(&second).await);
    opened.carry_out(&release).await;
}

/// The sidecar of an undo is written out at length, so that of very many tables is longer than a file may be.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_whose_sidecar_is_too_long_for_a_file_is_not_believed_of_a_restored_backup() {
    let (store, _, (undone, digest), _) = an_undo_that_is_lost().await;
    let limits = Limits {
        sidecar_bytes_max: 16,
        ..Limits::DEFAULT
    };
    let log = root_objects::store::RequestLog::recording();
    let opened = store.open_within(limits, log).await;
    let report = opened.apply(&undone, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert!(!report.differences.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_is_closed_is_not_believed_of_a_restored_backup() {
    let (store, operation, (undone, digest), without) = an_undo_that_is_lost().await;
    is_reopened_and_stands_alone(&store, &undone, digest).await;
    // Nothing is left of it. That is resolved like any other write; then it is taken back anew.
    let opened = store.open().await;
    let left = planned(opened.undo(&operation).await);
    assert_eq!(left.operation_id, undone.to_string());
    opened.carry_out(&left).await;
    let anew = planned(opened.undo(&operation).await);
    assert_ne!(anew.operation_id, undone.to_string());
    opened.carry_out(&anew).await;
    assert_eq!(store.visible_rows().await, without);
    assert!(store.drift().await.is_empty());
}

/// As [`is_reopened`], of an operation that never had a file.
async fn is_reopened_and_stands_alone(store: &Store, operation: &OperationId, digest: Digest) {
    let before = store.visible_rows().await;
    let opened = store.open().await;
    let report = opened.apply(operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert!(!report.differences.is_empty());
    assert_eq!(store.visible_rows().await, before);
    assert!(is_pending(&opened, operation).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_recovery_is_not_believed_where_a_backup_came_back_without_its_sidecar() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let backup = Backup::of(&store);
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    opened.apply(&operation, digest).await;
    let recovered = store.visible_rows().await;
    backup.restore(&store, &["tables", "__manifest"]);
    is_reopened_and_stands_alone(&store, &operation, digest).await;
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledForward);
    assert_eq!(store.visible_rows().await, recovered);
    assert!(!is_pending(&opened, &operation).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_are_set_anew_after_a_release_keep_their_versions_and_can_be_dropped() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let before = store.visible_rows().await;
    let backup = Backup::of(&store);
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    opened.apply(&operation, digest).await;
    let release = planned(opened.release(&operation).await);
    let released = opened.carry_out(&release).await;
    assert_eq!(
        codes(&planned(opened.undo(&operation).await)),
        [Code::Released]
    );

    backup.restore(&store, &FOLDERS);
    is_reopened(&store, &operation, digest).await;
    let digest = opened.approve(&operation).await;
    opened.apply(&operation, digest).await;
    let again = planned(opened.release(&operation).await);
    assert!(again.executable, "{:?}", again.blockers);
    assert_ne!(again.operation_id, released.to_string());
    let undo = planned(opened.undo(&operation).await);
    assert!(undo.executable, "{:?}", undo.blockers);
    opened.carry_out(&undo).await;
    assert_eq!(store.visible_rows().await, before);

    // And the other way round: dropped once more, they are dropped.
    backup.restore(&store, &FOLDERS);
    is_reopened(&store, &operation, digest).await;
    opened.recover(&operation).await;
    let again = planned(opened.release(&operation).await);
    opened.carry_out(&again).await;
    assert_eq!(
        codes(&planned(opened.undo(&operation).await)),
        [Code::Released]
    );
    let frozen = planned(opened.release(&operation).await);
    assert_eq!(frozen.operation_id, again.operation_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_above_an_operation_that_is_over_does_not_open_it_again() {
    let store = Store::unpacked("omnigraph-0.7.0", "back-mid-phase");
    let operation = store.operation();
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let outcome = opened.apply(&operation, digest).await.outcome;
    let plan = opened.plan(&operation).await;
    let table = &plan.tables[0].table;
    let place = TableLocation::on(table.location.as_deref().unwrap(), None);
    store
        .lance()
        .await
        .delete_rows(&place, "true")
        .await
        .unwrap();
    opened.log.reset();
    let again = opened.apply(&operation, digest).await;
    assert_eq!((again.outcome, opened.log.mutations()), (outcome, 0));
    assert_eq!(store.sidecars(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_published_in_place_of_a_lost_undo_is_not_taken_back_with_it() {
    let (store, _, (undone, _), _) = an_undo_that_is_lost().await;
    let table = TABLES[0];
    let pin = store.head(table).await;
    let lance = store.lance().await;
    lance
        .append_rows(&place(table), &rows(800..803))
        .await
        .unwrap();
    crate::races::setup::publish_as_a_stranger(&store, &[(table, pin, pin + 1)]).await;
    let before = store.visible_rows().await;
    let opened = store.open().await;
    match opened.undo(&undone).await {
        Answer::No(refusal) => assert_eq!(refusal.reasons[0].code, Code::MovedSince),
        Answer::Done(plan) => assert!(!plan.executable, "{}", plan.explanation),
    }
    assert_eq!(store.visible_rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_can_be_taken_back_after_its_lost_undo_was_set_aside() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let before = store.visible_rows().await;
    let backup = Backup::of(&store);
    let opened = store.open().await;
    let first = opened.approve(&operation).await;
    opened.apply(&operation, first).await;
    let undo = planned(opened.undo(&operation).await);
    let (undone, digest) = opened.approve_plan(&undo).await;
    opened.apply(&undone, digest).await;

    backup.restore(&store, &FOLDERS);
    let opened = store.open().await;
    let report = opened.apply(&undone, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    let dismissal = service::dismiss(&opened.root, undone.as_str(), clock::now());
    let dismissal = dismissal.await.unwrap();
    assert_eq!(opened.carry_out(&dismissal).await, undone);
    is_reopened(&store, &operation, first).await;
    let opened = store.open().await;
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledForward
    );
    let anew = planned(opened.undo(&operation).await);
    assert!(anew.executable, "{:?}", anew.blockers);
    assert_ne!(anew.operation_id, undone.to_string());
    opened.carry_out(&anew).await;
    assert_eq!(store.visible_rows().await, before);
    // Nobody opens the first one again beside it.
    let records = opened.records(&undone).await.len();
    let report = opened.apply(&undone, dismissal.digest.unwrap()).await;
    assert_eq!(report.outcome, OutcomeKind::Refused, "{}", report.detail);
    assert!(
        report.detail.contains(&anew.operation_id),
        "{}",
        report.detail
    );
    assert_eq!(opened.records(&undone).await.len(), records);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_tags_that_a_backup_brought_back_are_not_told_to_be_dropped() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let opened = store.open().await;
    opened.recover(&operation).await;
    let backup = Backup::of(&store);
    let release = planned(opened.release(&operation).await);
    let (released, digest) = opened.approve_plan(&release).await;
    opened.apply(&released, digest).await;
    backup.restore(&store, &["tables", "__manifest"]);
    let opened = store.open().await;
    let report = opened.apply(&released, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(report.differences[0].field.name(), "tag");
    let again = planned(opened.release(&operation).await);
    assert_eq!(again.operation_id, released.to_string());
    opened.carry_out(&again).await;
    let report = opened.apply(&released, again.digest.unwrap()).await;
    assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{}", report.detail);
}

/// A branch is deleted once it is merged, and a catalog may be closed to this build for a while: neither says that a backup came back.
#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_branch_later_does_not_open_a_finished_operation_again() {
    let store = Store::unpacked("omnigraph-0.7.0", "forward-branch-mutation");
    let operation = store.operation();
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let outcome = opened.apply(&operation, digest).await.outcome;
    assert_eq!(outcome, OutcomeKind::RolledForward);
    let catalog = store.path().join("__manifest");
    std::fs::remove_file(catalog.join("_refs/branches/feature.json")).unwrap();
    std::fs::remove_dir_all(catalog.join("tree")).unwrap();
    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(
        (report.outcome, opened.log.mutations()),
        (outcome, 0),
        "{}",
        report.detail
    );

    std::fs::rename(&catalog, store.beside().join("catalog")).unwrap();
    let opened = store.open().await;
    let applied = service::apply(&opened.root, &operation, digest, &ProgressSink::default()).await;
    let error = applied.expect_err("what cannot be read is an error");
    assert!(format!("{error:?}").contains("catalog"), "{error:?}");
    assert_eq!(opened.log.mutations(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_operation_that_cannot_come_to_its_end_is_opened_again_by_a_person() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let digest = store.open().await.approve(&operation).await;
    dies_before_it_retires(&store, &operation, digest).await;
    // Nobody may read any more what it left.
    let head = store.head(TABLES[0]).await;
    let versions = store.path().join(place(TABLES[0]).path).join("_versions");
    let newest = versions.join(format!("{:020}.manifest", u64::MAX - head));
    std::fs::write(&newest, "torn").unwrap();
    let opened = store.open().await;
    let stuck = service::apply(&opened.root, &operation, digest, &ProgressSink::default()).await;
    stuck.expect_err("it fails, and fails again");

    let answer = end(&opened, &operation, digest, ending()).await;
    let Answer::Done(report) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(report.plan_digest, digest);
    assert!(!opened.audit_holds(&operation).await);
    assert!(is_pending(&opened, &operation).await);
    assert_eq!(
        opened.plan(&operation).await.progress,
        Progress::Open,
        "it can be set aside"
    );
    // One that is at its end is not.
    let other = Store::with_tables(&TABLES).await;
    let operation = other.crashed_write(&TABLES, 2).await;
    let opened = other.open().await;
    let digest = opened.approve(&operation).await;
    opened.apply(&operation, digest).await;
    let answer = end(&opened, &operation, digest, ending()).await;
    assert!(matches!(answer, Answer::No(_)), "{answer:?}");
}
