//! The undo of a recovery against the release of its tags: one of them is about to claim while the other goes ahead, up to every
//! one of its requests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use root_objects::store::{Gate, Request, Verb};
use sidecar::follow_up::{release_id, undo_id};
use sidecar::journal::JournalEntry;
use sidecar::{Digest, Purpose};
use tokio::sync::Notify;

use super::*;

/// Stops before one request until it may go on.
#[derive(Default)]
struct Stop {
    stands: Notify,
    go: Notify,
}

impl Stop {
    async fn here(&self) {
        self.stands.notify_one();
        self.go.notified().await;
    }
}

/// Where the stop is.
enum Place {
    /// Before an object is created.
    Creating(String),
    /// Before the request that is so many from now.
    Request(AtomicU64),
}

struct StopsAt {
    place: Place,
    stop: Arc<Stop>,
    /// Set once the root is open: to open it is to ask what it is called, and that is nobody's turn.
    is_open: AtomicBool,
}

impl fmt::Debug for StopsAt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StopsAt").finish_non_exhaustive()
    }
}

#[async_trait]
impl Gate for StopsAt {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if !self.is_open.load(Ordering::SeqCst) {
            return Ok(());
        }
        let is_here = match &self.place {
            Place::Creating(path) => request.verb == Verb::PutCreate && request.path == *path,
            Place::Request(left) => left.fetch_sub(1, Ordering::SeqCst) == 1,
        };
        if is_here {
            self.stop.here().await;
        }
        Ok(())
    }
}

async fn applied(opened: Opened, operation: OperationId, digest: Digest) -> OutcomeKind {
    opened.apply(&operation, digest).await.outcome
}

/// What was seen while one stood still and the other was done.
struct Met {
    /// How the one ended that was about to claim.
    late: OutcomeKind,
    /// How the other one ended.
    ahead: OutcomeKind,
    /// Whether that one had its terminal record before the late one was done.
    ahead_was_finished: bool,
    /// Tags that were left when the late one went on.
    tags: usize,
    /// HEADs right after the late one was done.
    heads: BTreeMap<String, u64>,
    store: Store,
}

/// `None` if the one that goes ahead has fewer requests.
async fn meet(
    template: &Store,
    of: &OperationId,
    late: &OperationId,
    ahead: &OperationId,
    request: u64,
) -> Option<Met> {
    let store = template.copy();
    let opened = store.open().await;
    let mut digests = BTreeMap::new();
    for plan in [
        planned(opened.undo(of).await),
        planned(opened.release(of).await),
    ] {
        let (operation, digest): (OperationId, _) =
            (plan.operation_id.parse().unwrap(), plan.digest.unwrap());
        let answer = service::approve(&opened.root, &operation, digest, approver(), clock::now());
        assert!(matches!(answer.await.unwrap(), Answer::Done(_)));
        digests.insert(operation, digest);
    }
    // The first record is the approval.
    let claim = format!("__recovery_log/{late}/000002.json");
    let (of_late, of_ahead) = (Arc::new(Stop::default()), Arc::new(Stop::default()));
    let open = async |place, stop: &Arc<Stop>| {
        let gate = Arc::new(StopsAt {
            place,
            stop: stop.clone(),
            is_open: AtomicBool::new(false),
        });
        let opened = store.open_behind(gate.clone()).await;
        gate.is_open.store(true, Ordering::SeqCst);
        opened
    };
    let slow = open(Place::Creating(claim), &of_late).await;
    let slow = tokio::spawn(applied(slow, late.clone(), digests[late]));
    of_late.stands.notified().await;
    let quick = open(Place::Request(AtomicU64::new(request)), &of_ahead).await;
    let mut quick = tokio::spawn(applied(quick, ahead.clone(), digests[ahead]));
    let stands = tokio::select! {
        () = of_ahead.stands.notified() => true,
        _ = &mut quick => false,
    };
    let tags = tags(&store, of).await;
    of_late.go.notify_one();
    let late = slow.await.unwrap();
    // Looked at only now: where the one ahead stands at a look, its terminal record may have been on its way beside it.
    let ahead_was_finished = Journal::load(opened.root.objects(), ahead, &Limits::DEFAULT)
        .await
        .unwrap()
        .state
        .finished()
        .is_some();
    let heads = heads(&store).await;
    if !stands {
        return None;
    }
    of_ahead.go.notify_one();
    Some(Met {
        late,
        ahead: quick.await.unwrap(),
        ahead_was_finished,
        tags,
        heads,
        store,
    })
}

/// Whether an attempt at the operation ended without finishing.
async fn was_interrupted(opened: &Opened, operation: &OperationId) -> bool {
    let records = opened.records(operation).await;
    records
        .iter()
        .any(|entry| matches!(entry, JournalEntry::Interrupted { .. }))
}

/// Whatever came of both: what is left is an undo that is possible or done, or tags that can be dropped or are gone.
async fn ends(store: &Store, of: &OperationId) {
    let opened = store.open().await;
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    assert!(list.recoveries.is_empty(), "{list:?}");
    let undo = planned(opened.undo(of).await);
    assert!(matches!(undo.purpose, Purpose::Undo { .. }), "{undo:?}");
    if undo.executable && undo.progress != sidecar::api::Progress::Finished {
        opened.carry_out(&undo).await;
    }
    let release = planned(opened.release(of).await);
    assert!(
        matches!(release.purpose, Purpose::Release { .. }),
        "{release:?}"
    );
    if release.progress != sidecar::api::Progress::Finished {
        opened.carry_out(&release).await;
    }
    assert_eq!(tags(store, of).await, 0);
    assert!(store.drift().await.is_empty());
}

async fn recovered() -> (Store, OperationId) {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..1], 1).await;
    store.open().await.recover(&operation).await;
    (store, operation)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_claims_during_an_undo_drops_nothing_that_the_undo_still_needs() {
    let (template, of) = recovered().await;
    let before = heads(&template).await;
    let (undone, released) = (undo_id(&of), release_id(&of));
    let (mut interrupted, mut requests) = (0, 0);
    for request in 1.. {
        let Some(met) = meet(&template, &of, &released, &undone, request).await else {
            break;
        };
        requests += 1;
        let at = format!(
            "request {request}: the release {:?}, the undo {:?}",
            met.late, met.ahead
        );
        if met.late == OutcomeKind::CleanedUp && !met.ahead_was_finished {
            assert_ne!(met.ahead, OutcomeKind::RolledBack, "{at}");
            assert_eq!(met.heads, before, "{at}");
        }
        interrupted += usize::from(was_interrupted(&met.store.open().await, &released).await);
        ends(&met.store, &of).await;
    }
    assert!(requests > 40, "{requests} requests are no undo");
    assert!(interrupted > 10, "only {interrupted} releases met an undo");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_claims_during_a_release_brings_nothing_back_whose_tags_are_dropped() {
    let (template, of) = recovered().await;
    let before = heads(&template).await;
    let (undone, released) = (undo_id(&of), release_id(&of));
    let (mut interrupted, mut requests) = (0, 0);
    for request in 1.. {
        let Some(met) = meet(&template, &of, &undone, &released, request).await else {
            break;
        };
        requests += 1;
        let at = format!(
            "request {request}: the undo {:?}, the release {:?}",
            met.late, met.ahead
        );
        if met.tags < 2 {
            assert_ne!(met.late, OutcomeKind::RolledBack, "{at}");
            assert_eq!(met.heads, before, "{at}");
        }
        interrupted += usize::from(was_interrupted(&met.store.open().await, &undone).await);
        ends(&met.store, &of).await;
    }
    assert!(requests > 15, "{requests} requests are no release");
    assert!(interrupted > 5, "only {interrupted} undos met a release");
}

/// Stops at the first, and later at the second.
#[derive(Debug)]
struct Twice(StopsAt, StopsAt);

#[async_trait]
impl Gate for Twice {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        self.0.before(request).await?;
        self.1.before(request).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_was_stopped_among_its_tags_still_ends_undo() {
    let (store, of) = recovered().await;
    let before = heads(&store).await;
    let (undone, released) = (undo_id(&of), release_id(&of));
    let opened = store.open().await;
    let mut digests = BTreeMap::new();
    for plan in [
        planned(opened.undo(&of).await),
        planned(opened.release(&of).await),
    ] {
        let operation: OperationId = plan.operation_id.parse().unwrap();
        let digest = plan.digest.unwrap();
        let answer = service::approve(&opened.root, &operation, digest, approver(), clock::now());
        assert!(matches!(answer.await.unwrap(), Answer::Done(_)));
        digests.insert(operation, digest);
    }
    // The undo is about to claim; the release drops a tag and dies.
    let stops = [(), ()].map(|()| Arc::new(Stop::default()));
    let at = |name: &str, stop: &Arc<Stop>| StopsAt {
        place: Place::Creating(format!("__recovery_log/{undone}/{name}")),
        stop: stop.clone(),
        is_open: AtomicBool::new(true),
    };
    let gate = Twice(at("000002.json", &stops[0]), at("claim.json", &stops[1]));
    let undoing = store.open_behind(Arc::new(gate)).await;
    let undoing = tokio::spawn(applied(undoing, undone.clone(), digests[&undone]));
    stops[0].stands.notified().await;
    for request in 4.. {
        let gate = Arc::new(crate::support::gates::DiesAt::after(request));
        let dying = store.open_behind(gate).await;
        let digest = digests[&released];
        service::apply(&dying.root, &released, digest, &ProgressSink::default())
            .await
            .unwrap_err();
        if tags(&store, &of).await == 1 {
            break;
        }
    }
    // The undo claims; the release finds that, and gives up.
    stops[0].go.notify_one();
    stops[1].stands.notified().await;
    let report = opened.apply(&released, digests[&released]).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(tags(&store, &of).await, 1);
    stops[1].go.notify_one();
    assert_eq!(undoing.await.unwrap(), OutcomeKind::Conflict);
    assert_eq!(heads(&store).await, before);
    assert_eq!(codes(&planned(opened.undo(&of).await)), [Code::Released]);
    ends(&store, &of).await;
}
