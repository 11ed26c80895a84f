//! Everything that is pending is planned on one page, and only plans whose digests a person lists are carried out.

use std::sync::Arc;

use restore_backend::execute::ProgressSink;
use restore_backend::service::{self, DrainTurn};
use root_objects::clock;
use root_objects::store::Verb;
use sidecar::api::Progress;
use sidecar::drain::{DrainReport, DrainStep, DrainedReport, Draining};
use sidecar::journal::JournalEntry;
use sidecar::{Code, Digest, Disposition, OperationId, OutcomeKind};

use crate::support::gates::{DiesAt, Point};
use crate::support::{Opened, Store, approver, place, rows};

const TABLES: [&str; 4] = ["node:A", "node:B", "edge:C", "edge:D"];

/// The page, which sends no request that writes and changes no byte of the root.
async fn planned(store: &Store) -> DrainReport {
    let files = store.files();
    let opened = store.open().await;
    let report = service::drain(&opened.root, clock::now()).await.unwrap();
    assert_eq!(opened.log.mutations(), 0, "it writes nothing");
    assert_eq!(store.files(), files, "not a byte changed");
    report
}

fn digests(report: &DrainReport) -> Vec<Digest> {
    report.plans.iter().filter_map(|plan| plan.digest).collect()
}

/// Goes through a list as the command line does.
async fn drain(opened: &Opened, list: &[Digest]) -> DrainedReport {
    let address = opened.root.address().to_string();
    let mut draining = Draining::of(address, list.to_vec());
    while let Some(digest) = draining.next() {
        let progress = ProgressSink::default();
        let turn = DrainTurn {
            seen: None,
            list: list.iter().copied().collect(),
        };
        let step = service::drain_one(
            &opened.root,
            digest,
            &turn,
            approver(),
            &progress,
            clock::now(),
        );
        draining.note(step.await.unwrap());
    }
    draining.report()
}

async fn approvals(opened: &Opened, operation: &OperationId) -> usize {
    let records = opened.records(operation).await;
    let is_approval = |entry: &&JournalEntry| matches!(entry, JournalEntry::Approved { .. });
    records.iter().filter(is_approval).count()
}

fn is_on_record(store: &Store, operation: &OperationId) -> bool {
    let journal = store.path().join("__recovery_log").join(operation.as_str());
    journal.exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sidecars_that_share_a_table_are_drained_one_after_the_other() {
    let store = Store::unpacked("omnigraph-0.7.0", "two-sidecars");
    let first = planned(&store).await;
    let [older, younger] = first.plans.as_slice() else {
        panic!("{first:#?}")
    };
    assert!(older.operation_id < younger.operation_id, "oldest first");
    assert_eq!(older.disposition, Disposition::RollBack);
    assert_eq!(younger.disposition, Disposition::Waiting);
    assert_eq!(younger.blockers[0].code, Code::WaitingFor);
    assert!(younger.waits_for_another() && younger.next.is_none());
    let command = older.next.as_ref().unwrap();
    let digest = older.digest.unwrap();
    let path = store.path().to_str().unwrap();
    let begins = format!("sidecar-inspector approve {path} {}", older.operation_id);
    assert!(command.starts_with(&begins), "{command}");
    assert!(command.contains(&format!(" --digest {digest} --as NAME")));

    // The plan that waits cannot be approved, and the list says so before anything is done.
    let opened = store.open().await;
    let waiting = younger.digest.unwrap();
    let files = store.files();
    let drained = drain(&opened, &[waiting, digest]).await;
    let stop = drained.stopped.unwrap();
    assert_eq!(
        (stop.digest, stop.code.as_str()),
        (waiting, "refused"),
        "{}",
        stop.detail
    );
    assert_eq!(drained.done, []);
    assert_eq!(store.files(), files, "not a byte changed");

    // In the right order the first is done, and the digest of the second is not its plan any more.
    let drained = drain(&opened, &[digest, waiting]).await;
    assert_eq!(drained.done.len(), 1);
    assert_eq!(drained.done[0].operation_id.as_str(), older.operation_id);
    assert_eq!(drained.done[0].outcome, OutcomeKind::RolledBack);
    assert_eq!(drained.stopped.unwrap().code, "conflict");
    assert_eq!(drained.not_done, [waiting]);

    let second = planned(&store).await;
    assert_eq!(second.plans.len(), 1);
    assert_eq!(second.plans[0].operation_id, younger.operation_id);
    let drained = drain(&opened, &digests(&second)).await;
    assert_eq!(drained.stopped, None);
    assert_eq!(drained.done[0].outcome, OutcomeKind::CleanedUp);
    assert_eq!(planned(&store).await.plans, []);
    assert_eq!(store.sidecars(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_plans_are_carried_out_in_the_order_of_the_list() {
    let store = Store::with_tables(&TABLES).await;
    store.crashed_write(&TABLES[..2], 1).await;
    store.crashed_write(&TABLES[2..], 2).await;
    let report = planned(&store).await;
    let mut list = digests(&report);
    list.reverse();
    let opened = store.open().await;
    let drained = drain(&opened, &list).await;
    assert_eq!(drained.stopped, None);
    let outcomes: Vec<OutcomeKind> = drained.done.iter().map(|done| done.outcome).collect();
    assert_eq!(
        outcomes,
        [OutcomeKind::RolledForward, OutcomeKind::RolledBack]
    );
    let done: Vec<Digest> = drained.done.iter().map(|done| done.digest).collect();
    assert_eq!(done, list);
    assert_eq!(store.sidecars(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_that_is_no_longer_that_of_the_plan_stops_the_drain() {
    let store = Store::with_tables(&TABLES).await;
    let first = store.crashed_write(&TABLES[..1], 1).await;
    let second = store.crashed_write(&TABLES[1..2], 1).await;
    let third = store.crashed_write(&TABLES[2..3], 1).await;
    let list = digests(&planned(&store).await);
    // Somebody commits to the table of the second after the list was made.
    let lance = store.lance().await;
    lance
        .append_rows(&place(TABLES[1]), &rows(900..903))
        .await
        .unwrap();
    let opened = store.open().await;
    let drained = drain(&opened, &list).await;
    assert_eq!(drained.done.len(), 1);
    assert_eq!(drained.done[0].operation_id, first);
    let stop = drained.stopped.unwrap();
    assert_eq!((stop.digest, stop.code.as_str()), (list[1], "conflict"));
    assert!(
        stop.detail
            .contains("no pending recovery that was looked at has this plan now"),
        "{}",
        stop.detail
    );
    assert!(
        stop.detail.contains(second.as_str()) && !stop.detail.contains(third.as_str()),
        "the one that has another plan is named: {}",
        stop.detail
    );
    assert_eq!(drained.not_done, list[1..]);
    for untouched in [second, third] {
        assert!(
            !is_on_record(&store, &untouched),
            "nothing is on record of it"
        );
    }
    assert_eq!(store.sidecars(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_carried_out_without_its_digest() {
    let store = Store::with_tables(&TABLES).await;
    store.crashed_write(&TABLES[..2], 2).await;
    let other = store.crashed_write(&TABLES[2..], 1).await;
    let before = store.heads(&TABLES[2..]).await;
    let list = digests(&planned(&store).await);
    let opened = store.open().await;
    let drained = drain(&opened, &list[..1]).await;
    assert_eq!((drained.done.len(), drained.stopped), (1, None));
    assert!(!is_on_record(&store, &other));
    assert_eq!(store.heads(&TABLES[2..]).await, before);
    let left = planned(&store).await;
    assert_eq!(left.plans.len(), 1);
    assert_eq!(left.plans[0].operation_id, other.as_str());
    assert_eq!(left.plans[0].progress, Progress::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_whose_requirements_are_not_stated_is_not_begun() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = digests(&planned(&store).await)[0];
    let opened = store.open().await;
    let silent = service::Approver {
        name: "grace".to_owned(),
        ..service::Approver::default()
    };
    let progress = ProgressSink::default();
    let turn = DrainTurn::default();
    let step = service::drain_one(&opened.root, digest, &turn, silent, &progress, clock::now());
    let DrainStep::No(refusal) = step.await.unwrap() else {
        panic!("it was begun")
    };
    assert!(
        refusal.detail.contains("writers_stopped"),
        "{}",
        refusal.detail
    );
    assert!(!is_on_record(&store, &operation));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_under_way_is_resumed_by_its_digest_and_not_approved_again() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = store.open().await.approve(&operation).await;
    let dying = Arc::new(DiesAt::at(Point::first(
        Verb::PutCreate,
        format!("{}/_versions", place(TABLES[0]).path),
    )));
    let dead = store.open_behind(dying).await;
    service::apply(&dead.root, &operation, digest, &ProgressSink::default())
        .await
        .ok();
    let report = planned(&store).await;
    assert_eq!(report.plans[0].progress, Progress::UnderWay);
    assert_eq!(report.plans[0].digest, Some(digest));
    let next = report.plans[0].next.as_ref().unwrap();
    assert!(next.starts_with("sidecar-inspector apply "), "{next}");
    let opened = store.open().await;
    let drained = drain(&opened, &[digest]).await;
    assert_eq!(drained.stopped, None);
    assert_eq!(drained.done[0].outcome, OutcomeKind::RolledBack);
    assert_eq!(approvals(&opened, &operation).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_list_once_more_passes_over_what_is_done() {
    let store = Store::with_tables(&TABLES).await;
    let first = store.crashed_write(&TABLES[..1], 1).await;
    let second = store.crashed_write(&TABLES[1..2], 1).await;
    let list = digests(&planned(&store).await);
    let opened = store.open().await;
    assert_eq!(drain(&opened, &list[..1]).await.stopped, None);
    let drained = drain(&opened, &list).await;
    assert_eq!(drained.stopped, None, "{drained:#?}");
    let before: Vec<_> = drained
        .done_before
        .iter()
        .map(|it| &it.operation_id)
        .collect();
    assert_eq!(before, [&first]);
    assert_eq!(drained.done_before[0].digest, list[0]);
    assert_eq!(drained.done.len(), 1);
    assert_eq!(drained.done[0].operation_id, second);
    let again = drain(&opened, &list).await;
    assert_eq!((again.done_before.len(), again.done.len()), (2, 0));
    assert_eq!(again.stopped, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_since_a_plan_was_seen_is_told() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let page = planned(&store).await;
    let seen = page.plans[0].clone();
    let digest = seen.digest.unwrap();
    let lance = store.lance().await;
    lance
        .append_rows(&place(TABLES[0]), &rows(900..903))
        .await
        .unwrap();
    let opened = store.open().await;
    let turn = DrainTurn {
        seen: Some(seen),
        list: [digest].into(),
    };
    let progress = ProgressSink::default();
    let step = service::drain_one(
        &opened.root,
        digest,
        &turn,
        approver(),
        &progress,
        clock::now(),
    );
    let DrainStep::NotCurrent(not_current) = step.await.unwrap() else {
        panic!("it was begun")
    };
    assert_eq!(
        not_current.operation_id.as_deref(),
        Some(operation.as_str())
    );
    assert!(!not_current.differences.is_empty(), "{not_current:?}");
    assert!(!is_on_record(&store, &operation));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_beyond_those_of_a_page_is_not_said_to_have_changed() {
    let store = Store::with_tables(&TABLES[..1]).await;
    let operation = store.crashed_write(&TABLES[..1], 1).await;
    let own = store.path().join("__recovery").join(operation.file_name());
    let bytes = std::fs::read_to_string(&own).unwrap();
    // Older operations of the same write, as many as a page has plans.
    for number in 0..service::DRAIN_PLANS_MAX {
        let id = format!("00000000000000000000000{number:03}");
        let copy = bytes.replace(operation.as_str(), &id);
        let name = format!("__recovery/{id}.json");
        std::fs::write(store.path().join(name), copy).unwrap();
    }
    let opened = store.open().await;
    let wanted = opened.plan(&operation).await.digest.unwrap();
    let drained = drain(&opened, &[wanted]).await;
    let detail = drained.stopped.unwrap().detail;
    assert!(
        detail.contains("1 more recoveries are pending and were not looked at"),
        "{detail}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_version_9_is_approved_like_any_other_and_looked_into_where_it_cannot_be_decided()
{
    for (name, command) in [
        ("v9-mutation-insert-confirmed", " approve "),
        ("v9-schema-add-type-confirmed-killed", " approve "),
        ("v9-schema-add-type-effects", " approve "),
        ("v9-stale-armed-after-publish", " approve "),
        ("v9-foreign-commit-on-top-confirmed", " plan "),
    ] {
        let store = Store::unpacked("omnigraph-0.9.0", name);
        let next = planned(&store).await.plans[0].next.clone();
        assert!(next.as_ref().unwrap().contains(command), "{name}: {next:?}");
    }
}
