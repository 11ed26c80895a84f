//! Open journals that together take more memory than a look may: who is told what, who waits, and that one after the other is
//! resolved all the same.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use root_objects::journal_store::Journal;
use root_objects::store::RequestLog;
use sidecar::{Code, Disposition, Limits, OutcomeKind};

use super::*;

const FIVE: [&str; 5] = ["node:A", "node:B", "node:C", "node:D", "node:E"];

/// Two writes that died half-way, of which each was claimed by an executor that died too, with the plans they had, and as much memory
/// as one of their journals takes.
async fn two_claimed(store: &Store) -> ([(OperationId, Digest); 2], Limits) {
    let mut operations = Vec::new();
    for tables in [&FIVE[..2], &FIVE[2..4]] {
        let operation = store.crashed_write(tables, 1).await;
        let claim = format!("__recovery_log/{operation}/000002.json");
        let digest = dies_after(store, &operation, claim).await;
        operations.push((operation, digest));
    }
    let opened = store.open().await;
    let mut held = 0;
    for (operation, _) in &operations {
        let journal = Journal::load(opened.root.objects(), operation, &Limits::DEFAULT).await;
        held = held.max(journal.unwrap().state.held_bytes());
    }
    let limits = Limits {
        journals_held_bytes_max: held,
        ..Limits::DEFAULT
    };
    (operations.try_into().unwrap(), limits)
}

async fn listed(opened: &Opened) -> Vec<(String, Disposition, Option<String>)> {
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let line = |recovery: sidecar::api::RecoverySummary| {
        let why = recovery.refused.map(|reason| {
            assert_eq!(reason.code, Code::Unreadable);
            reason.detail
        });
        (
            recovery.file.trim_end_matches(".json").to_owned(),
            recovery.disposition,
            why,
        )
    };
    list.recoveries.into_iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_does_not_fit_is_refused_by_name_and_holds_up_what_it_may_overlap() {
    let store = Store::with_tables(&FIVE).await;
    let ([(first, of_first), (second, of_second)], limits) = two_claimed(&store).await;
    // Its journal is all that is left of the second, and it may be about any table.
    let file = store.path().join("__recovery").join(second.file_name());
    std::fs::remove_file(&file).unwrap();
    let younger = store.crashed_write(&FIVE[4..], 1).await;

    let opened = store.open_within(limits, RequestLog::recording()).await;
    let list = listed(&opened).await;
    let [one, two, three] = list.as_slice() else {
        panic!("{list:?}")
    };
    assert_eq!(
        (one.0.as_str(), one.1),
        (first.as_str(), Disposition::RollBack)
    );
    assert_eq!(one.2, None);
    assert_eq!(
        (two.0.as_str(), two.1),
        (second.as_str(), Disposition::Refused)
    );
    let why = two.2.as_ref().unwrap();
    for part in [second.as_str(), "MiB in memory", "resolve the older"] {
        assert!(why.contains(part), "{why}");
    }
    assert_eq!(
        (three.0.as_str(), three.1),
        (younger.as_str(), Disposition::Waiting)
    );
    assert!(!opened.plan(&younger).await.executable);
    assert_eq!(opened.log.mutations(), 0);

    // Once the older one is resolved there is room.
    assert_eq!(
        opened.apply(&first, of_first).await.outcome,
        OutcomeKind::RolledBack
    );
    let list = listed(&opened).await;
    assert_eq!(
        (list[0].0.as_str(), list[0].1),
        (second.as_str(), Disposition::RollBack)
    );
    assert_eq!(list[1].1, Disposition::RollForward, "they share no table");
    assert_eq!(
        opened.apply(&second, of_second).await.outcome,
        OutcomeKind::RolledBack
    );
    opened.recover(&younger).await;
    assert_eq!(listed(&opened).await, []);
    assert!(store.drift().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_asked_for_by_itself_needs_no_room() {
    let store = Store::with_tables(&FIVE).await;
    let ([(first, of_first), (second, of_second)], limits) = two_claimed(&store).await;
    let none = Limits {
        journals_held_bytes_max: 0,
        ..limits
    };
    let opened = store.open_within(none, RequestLog::recording()).await;
    let refused = listed(&opened).await;
    assert!(refused.iter().all(|line| line.2.is_some()), "{refused:?}");
    for (operation, digest) in [(&first, of_first), (&second, of_second)] {
        let plan = opened.plan(operation).await;
        assert_eq!(plan.digest, Some(digest), "{:?}", plan.blockers);
        let report = opened.apply(operation, digest).await;
        assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    }
    assert!(store.drift().await.is_empty());
}

/// Notes of how many operations journal records are read at the same time.
#[derive(Debug, Default)]
struct ReadTogether {
    /// The record that is being read, and the most operations there were at once.
    reads: Mutex<(BTreeSet<String>, usize)>,
}

impl ReadTogether {
    fn most(&self) -> usize {
        self.reads.lock().unwrap().1
    }
}

fn is_a_record(request: &Request) -> bool {
    let path = &request.path;
    request.verb == Verb::Get && path.starts_with("__recovery_log/01") && path.contains("/0000")
}

#[async_trait]
impl Gate for ReadTogether {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if is_a_record(request) {
            {
                let mut reads = self.reads.lock().unwrap();
                reads.0.insert(request.path.clone());
                let of = |path: &String| path.split('/').nth(1).map(str::to_owned);
                let operations: BTreeSet<_> = reads.0.iter().filter_map(of).collect();
                reads.1 = reads.1.max(operations.len());
            }
            // Whoever may read now does.
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    async fn after(&self, request: &Request) -> object_store::Result<()> {
        if is_a_record(request) {
            self.reads.lock().unwrap().0.remove(&request.path);
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_journals_are_read_side_by_side_and_large_ones_one_after_the_other() {
    let store = Store::with_tables(&FIVE).await;
    two_claimed(&store).await;
    for (bytes, expected) in [(Limits::DEFAULT.journals_read_bytes_max, 2), (1 << 10, 1)] {
        let limits = Limits {
            journals_read_bytes_max: bytes,
            ..Limits::DEFAULT
        };
        let gate = Arc::new(ReadTogether::default());
        let log = RequestLog::recording().with_gate(gate.clone());
        let opened = store.open_within(limits, log).await;
        let list = listed(&opened).await;
        assert_eq!(list.len(), 2, "{list:?}");
        assert_eq!(gate.most(), expected, "{bytes} bytes at the same time");
    }
}
