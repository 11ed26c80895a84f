//! A finished recovery is taken back, its tags are dropped, a stuck sidecar is set aside: each by a plan that is approved like any other.

mod age;
mod backup;
mod cleanup;
mod copies;
mod ending;
mod half_undone;
mod interrupted;
mod race;
mod releasing;
mod schema;
mod set_aside;
mod spellings;

use std::collections::BTreeMap;

use fenced_lance::TableWrite;
use restore_backend::execute::ProgressSink;
use restore_backend::service::{self, Answer};
use root_objects::clock;
use root_objects::journal_store::Journal;
use sidecar::api::PlanReport;
use sidecar::{Code, Disposition, Limits, OperationId, OutcomeKind, SidecarFate};

use crate::support::{Opened, Store, Visible, approver, done, numbers_at, place, rows};

const TABLES: [&str; 3] = ["edge:Wrote", "node:Author", "node:Book"];

impl Opened {
    async fn undo(&self, operation: &OperationId) -> Answer<PlanReport> {
        service::undo(&self.root, operation, clock::now())
            .await
            .unwrap()
    }

    async fn release(&self, operation: &OperationId) -> Answer<PlanReport> {
        service::release(&self.root, operation, clock::now())
            .await
            .unwrap()
    }

    /// Approves and applies exactly the plan of a report.
    async fn carry_out(&self, report: &PlanReport) -> OperationId {
        assert!(report.executable, "{report:?}");
        let operation: OperationId = report.operation_id.parse().unwrap();
        let digest = report.digest.unwrap();
        let approved =
            service::approve(&self.root, &operation, digest, approver(), clock::now()).await;
        assert!(
            matches!(&approved.unwrap(), Answer::Done(report) if report.authorized),
            "not approved"
        );
        let applied = service::apply(&self.root, &operation, digest, &ProgressSink::default())
            .await
            .unwrap();
        assert_eq!(
            Some(applied.outcome),
            match report.purpose.name() {
                "undo" => Some(OutcomeKind::RolledBack),
                _ => Some(OutcomeKind::CleanedUp),
            },
            "{}",
            applied.detail
        );
        let fate = match report.purpose.name() {
            "undo" | "release" => SidecarFate::NoFile,
            _ => SidecarFate::Retired,
        };
        assert_eq!(applied.sidecar, fate);
        assert!(self.audit_holds(&operation).await);
        operation
    }
}

fn planned(answer: Answer<PlanReport>) -> PlanReport {
    match answer {
        Answer::Done(report) => report,
        Answer::No(refusal) => panic!("{refusal:?}"),
    }
}

fn codes(report: &PlanReport) -> Vec<Code> {
    report.blockers.iter().map(|reason| reason.code).collect()
}

async fn tags(store: &Store, operation: &OperationId) -> usize {
    let lance = store.lance().await;
    let mut found = 0;
    for table in TABLES {
        for version in 1..10 {
            let name = sidecar::recovery_tag(operation, None, version);
            if lance.tagged(&place(table), &name).await.unwrap().is_some() {
                found += 1;
            }
        }
    }
    found
}

async fn heads(store: &Store) -> BTreeMap<String, u64> {
    let mut heads = BTreeMap::new();
    for table in TABLES {
        heads.insert(table.to_owned(), store.head(table).await);
    }
    heads
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_is_taken_back_and_that_is_taken_back_too() {
    let store = Store::with_tables(&TABLES).await;
    let before = store.visible_rows().await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let opened = store.open().await;
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledForward
    );
    let written = store.visible_rows().await;
    assert_ne!(written, before);

    let undo = planned(opened.undo(&operation).await);
    assert_ne!(undo.operation_id, operation.to_string());
    assert_eq!(
        undo.digest,
        opened
            .plan(&undo.operation_id.parse().unwrap())
            .await
            .digest
    );
    let undone = opened.carry_out(&undo).await;
    assert_eq!(store.visible_rows().await, before);
    assert!(store.drift().await.is_empty());

    let again = planned(opened.undo(&undone).await);
    opened.carry_out(&again).await;
    assert_eq!(store.visible_rows().await, written);
    assert!(store.drift().await.is_empty());
    assert_eq!(store.sidecars(), 0);

    // The first recovery is two undos away: its tables have moved since.
    let late = planned(opened.undo(&operation).await);
    assert!(!late.executable || late.digest == undo.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_is_taken_back_under_a_new_sidecar_and_never_published() {
    let store = Store::with_tables(&TABLES).await;
    let before = store.visible_rows().await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledBack
    );

    let undo = planned(opened.undo(&operation).await);
    assert_eq!(undo.disposition, Disposition::RollBack);
    let undone = opened.carry_out(&undo).await;
    assert_eq!(
        store.visible_rows().await,
        before,
        "half a write is never published"
    );
    assert_eq!(
        store.drift().await.len(),
        2,
        "both HEADs are back above their pins"
    );
    assert_eq!(store.sidecars(), 1, "and a sidecar covers them");
    let lance = store.lance().await;
    let head = store.head(TABLES[0]).await;
    assert_eq!(lance.count_rows(&place(TABLES[0]), head).await.unwrap(), 13);

    // It left a pending recovery like any other, and that is how the undo is undone.
    let pending = store.operation();
    let plan = planned(opened.undo(&undone).await);
    assert_eq!(plan.operation_id, pending.to_string());
    assert_eq!(plan.disposition, Disposition::RollBack);
    assert!(plan.executable, "{:?}", plan.blockers);
    assert_eq!(
        opened.recover(&pending).await.outcome,
        OutcomeKind::RolledBack
    );
    assert_eq!(store.visible_rows().await, before);
    assert!(store.drift().await.is_empty());
    assert_eq!(store.sidecars(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_is_not_taken_back_once_a_table_moved() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let opened = store.open().await;
    opened.recover(&operation).await;
    let undo = planned(opened.undo(&operation).await);
    let undo_operation: OperationId = undo.operation_id.parse().unwrap();
    let digest = undo.digest.unwrap();
    let approved = service::approve(
        &opened.root,
        &undo_operation,
        digest,
        approver(),
        clock::now(),
    )
    .await;
    assert!(matches!(approved.unwrap(), Answer::Done(_)));

    let mut live = store.begin(&["node:Book"]).await;
    done(
        live.commit("node:Book", TableWrite::append_rows(&rows(500..504)))
            .await
            .unwrap(),
    );
    done(done(live.publish().await.unwrap()).finish().await.unwrap());
    let visible = store.visible_rows().await;

    let report = opened.apply(&undo_operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert!(
        report.detail.contains("has moved since it was recovered"),
        "{}",
        report.detail
    );
    assert_eq!(store.visible_rows().await, visible, "the live write stands");
    let late = planned(opened.undo(&operation).await);
    assert!(!late.executable);
    assert_eq!(codes(&late), [Code::MovedSince]);
}

#[tokio::test(flavor = "multi_thread")]
async fn release_drops_the_tags_and_ends_undo() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    let Answer::No(early) = opened.release(&operation).await else {
        panic!("nothing is released before it is finished")
    };
    assert_eq!(early.reasons[0].code, Code::NothingToUndo);
    opened.recover(&operation).await;
    assert_eq!(tags(&store, &operation).await, 4);
    let (visible, before) = (store.visible_rows().await, heads(&store).await);

    let release = planned(opened.release(&operation).await);
    opened.carry_out(&release).await;
    assert_eq!(tags(&store, &operation).await, 0);
    assert_eq!(store.visible_rows().await, visible);
    assert_eq!(heads(&store).await, before, "no table was committed to");

    let undo = planned(opened.undo(&operation).await);
    assert!(!undo.executable);
    assert_eq!(codes(&undo), [Code::Released]);
    opened.log.reset();
    let again = opened
        .apply(
            &release.operation_id.parse().unwrap(),
            release.digest.unwrap(),
        )
        .await;
    assert_eq!(again.outcome, OutcomeKind::CleanedUp);
    assert_eq!(opened.log.mutations(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sidecar_is_set_aside_with_its_bytes_on_record() {
    let store = Store::with_tables(&TABLES).await;
    let folder = store.path().join("__recovery");
    std::fs::create_dir_all(&folder).unwrap();
    let newer =
        br#"{"schema_version": 10, "operation_id": "01M8125ENACWR9X1EZNRMDV5V2", "tables": []}"#;
    let too_large = usize::try_from(Limits::DEFAULT.sidecar_bytes_max).unwrap() + 1;
    for (file, bytes) in [
        ("01M8125ENACWR9X1EZNRMDV5V2.json", newer.to_vec()),
        ("copy of something.json", newer.to_vec()),
        ("notes.json", b"{ this is no sidecar".to_vec()),
        // The disk filled it with something else; twice, so that the second is not taken for the first.
        ("01M8125ENACWR9X1EZNRMDV5V3.json", vec![0xfe; 64]),
        ("01M8125ENACWR9X1EZNRMDV5V3.json", vec![0xff; 64]),
        ("01M8125ENACWR9X1EZNRMDV5V4.json", vec![b' '; too_large]),
        ("01M8125ENACWR9X1EZNRMDV5V4.json", vec![0xff; too_large + 1]),
        ("core.json", vec![0; 9 << 20]),
    ] {
        std::fs::write(folder.join(file), &bytes).unwrap();
        let opened = store.open().await;
        let before = store.files();
        let report = service::dismiss(&opened.root, file, clock::now())
            .await
            .unwrap();
        assert_eq!(store.files(), before, "planning writes nothing");
        assert_eq!(report.requires.len(), 1, "a dismissal needs its reason");
        let operation = opened.carry_out(&report).await;
        assert!(!folder.join(file).exists());
        let journal = Journal::load(opened.root.objects(), &operation, &Limits::DEFAULT)
            .await
            .unwrap();
        let kept = &journal.state.finished().unwrap().sidecar;
        assert!(
            kept.as_bytes() == bytes,
            "{file}: its bytes are in the journal"
        );
    }
    let opened = store.open().await;
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    assert!(list.recoveries.is_empty(), "{list:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_journal_cannot_keep_is_not_dismissed() {
    let store = Store::with_tables(&TABLES).await;
    let folder = store.path().join("__recovery");
    std::fs::create_dir_all(&folder).unwrap();
    let more = std::fs::File::create(folder.join("core.json")).unwrap();
    more.set_len(Limits::DEFAULT.kept_bytes_max + 1).unwrap();
    let opened = store.open().await;
    let report = service::dismiss(&opened.root, "core.json", clock::now())
        .await
        .unwrap();
    assert!(!report.executable && report.steps.is_empty());
    assert_eq!(codes(&report), [Code::Unreadable]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_is_overgrown_once_its_recovery_is_recorded_is_kept() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    assert_eq!(
        opened.apply(&operation, digest).await.outcome,
        OutcomeKind::RolledBack
    );
    let file = store.path().join("__recovery").join(operation.file_name());
    let more = std::fs::File::create(&file).unwrap();
    more.set_len(Limits::DEFAULT.kept_bytes_max + 1).unwrap();
    let report = opened.apply(&operation, digest).await;
    assert_eq!(
        (report.outcome, report.sidecar),
        (OutcomeKind::RolledBack, SidecarFate::Replaced)
    );
    assert!(file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_recovered_is_not_dismissed() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    let report = service::dismiss(&opened.root, operation.as_str(), clock::now())
        .await
        .unwrap();
    assert!(!report.executable);
    assert!(report.steps.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_approval_executes_nothing() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let revoked = service::revoke(
        &opened.root,
        &operation,
        digest,
        "grace",
        None,
        clock::now(),
    )
    .await
    .unwrap();
    assert!(matches!(revoked, Answer::Done(_)));
    let before = heads(&store).await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Refused, "{}", report.detail);
    assert_eq!(heads(&store).await, before);
    // Approved anew, it is carried out.
    assert_eq!(opened.approve(&operation).await, digest);
    assert_eq!(
        opened.apply(&operation, digest).await.outcome,
        OutcomeKind::RolledBack
    );
    let late = service::revoke(
        &opened.root,
        &operation,
        digest,
        "grace",
        None,
        clock::now(),
    )
    .await
    .unwrap();
    assert!(matches!(late, Answer::No(_)), "what is done is not revoked");
}

/// Two writers begin from the same pins; each commits one table before it dies. Their versions add up to one whole write.
#[tokio::test(flavor = "multi_thread")]
async fn the_halves_of_two_writes_are_not_published_as_one() {
    let store = Store::with_tables(&TABLES).await;
    let before = store.visible_rows().await;
    let both = &TABLES[..2];
    let (mut first, mut second) = (store.begin(both).await, store.begin(both).await);
    done(
        first
            .commit(both[0], TableWrite::append_rows(&rows(100..103)))
            .await
            .unwrap(),
    );
    done(
        second
            .commit(both[1], TableWrite::append_rows(&rows(200..203)))
            .await
            .unwrap(),
    );
    let mut operations = [first.stop(), second.stop()];
    operations.sort();
    let opened = store.open().await;
    let plan = opened.plan(&operations[0]).await;
    assert_eq!(
        plan.disposition,
        Disposition::RollBack,
        "{}",
        plan.explanation
    );
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    assert_eq!(list.recoveries[0].disposition, Disposition::RollBack);
    for operation in &operations {
        opened.recover(operation).await;
    }
    assert_eq!(store.visible_rows().await, before);
    assert!(store.drift().await.is_empty());
    assert_eq!(store.sidecars(), 0);
}
