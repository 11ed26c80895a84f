//! The engine that owns the store recovers the same sidecar by itself, at every moment of our own recovery of it: whole, or its
//! restores at one moment and its publish at a later one.

mod engine;

use std::sync::Arc;

use futures::future::BoxFuture;
use restore_backend::service;
use root_objects::clock;
use sidecar::{ApplyReport, OperationId, OutcomeKind};
use tokio::sync::Mutex;

use crate::support::gates::{Before, InTurn, Point};
use crate::support::{Opened, Store, Visible};
use engine::{Ended, Engine};

const TABLES: [&str; 3] = ["edge:Wrote", "node:Author", "node:Book"];

/// When the engine does what, in mutating requests of ours, right before which it comes; one more than there are is after the end.
#[derive(Clone, Copy, Debug)]
struct Moments {
    /// It looks, and restores.
    restores: u64,
    /// It publishes, and deletes the sidecar.
    publishes: u64,
}

/// What is recovered, and what an undisturbed recovery comes to.
struct World {
    template: Store,
    operation: OperationId,
    outcome: OutcomeKind,
    visible: Visible,
    requests: u64,
    /// The requests that make a version of a table or of the catalog.
    commits: Vec<u64>,
}

impl World {
    async fn of(committed: usize) -> Self {
        let template = Store::with_tables(&TABLES).await;
        let operation = template.crashed_write(&TABLES, committed).await;
        let clean = template.copy();
        let opened = clean.open().await;
        let digest = opened.approve(&operation).await;
        opened.log.reset();
        let outcome = opened.apply(&operation, digest).await.outcome;
        let requests = opened.log.requests();
        let mutations = (1..).zip(requests.iter().filter(|request| request.verb.is_mutation()));
        let commits = mutations.filter(|(_, request)| request.path.contains("/_versions/"));
        Self {
            commits: commits.map(|(number, _)| number).collect(),
            requests: opened.log.mutations(),
            visible: clean.visible_rows().await,
            template,
            operation,
            outcome,
        }
    }

    /// The engine comes whole, at every moment.
    fn whole(&self) -> Vec<Moments> {
        let moments = (1..=self.requests).map(|request| Moments {
            restores: request,
            publishes: request,
        });
        moments.collect()
    }

    /// Its two halves come right before or right after what matters to them: our commits, the first request and the end. With
    /// `SIDECAR_LONG=1`, at every pair of moments.
    fn halves(&self) -> Vec<Moments> {
        let mut points: Vec<u64> = if std::env::var_os("SIDECAR_LONG").is_some() {
            (1..=self.requests + 1).collect()
        } else {
            let around = self.commits.iter().flat_map(|commit| [*commit, commit + 1]);
            [1, self.requests, self.requests + 1]
                .into_iter()
                .chain(around)
                .collect()
        };
        points.sort_unstable();
        points.dedup();
        let pairs = points.iter().enumerate().flat_map(|(place, restores)| {
            points[place + 1..].iter().map(|publishes| Moments {
                restores: *restores,
                publishes: *publishes,
            })
        });
        pairs.collect()
    }
}

/// What came of all runs together.
#[derive(Debug, Default)]
struct Tally {
    conflicts: usize,
    recovered: usize,
    engine_restored: usize,
    engine_finished: usize,
    engine_lost: usize,
}

/// One engine and its two halves, each done once.
#[derive(Clone)]
struct Running {
    engine: Engine,
    prepared: Arc<Mutex<Option<engine::Prepared>>>,
    ended: Arc<Mutex<Option<Ended>>>,
}

impl Running {
    fn restores(&self) -> BoxFuture<'static, ()> {
        let Self {
            engine, prepared, ..
        } = self.clone();
        Box::pin(async move {
            let mut prepared = prepared.lock().await;
            if prepared.is_none() {
                *prepared = Some(engine.restores().await);
            }
        })
    }

    fn publishes(&self) -> BoxFuture<'static, ()> {
        let running = self.clone();
        Box::pin(async move {
            running.restores().await;
            let mut ended = running.ended.lock().await;
            if ended.is_none() {
                let prepared = running.prepared.lock().await;
                *ended = Some(running.engine.publishes(prepared.as_ref().unwrap()).await);
            }
        })
    }
}

async fn both_recover(world: &World, moments: Moments, tally: &mut Tally) {
    let at = format!("{moments:?} of {}", world.requests);
    let store = Arc::new(world.template.copy());
    let digest = store.open().await.approve(&world.operation).await;
    let running = Running {
        engine: Engine::of(store.path(), &world.operation),
        prepared: Arc::default(),
        ended: Arc::default(),
    };
    let (first, second) = (running.clone(), running.clone());
    let restores = Before::at(Point::mutation(moments.restores), move || first.restores());
    let publishes = Before::at(Point::mutation(moments.publishes), move || {
        second.publishes()
    });
    let ours = store
        .open_behind(Arc::new(InTurn(vec![restores.clone(), publishes])))
        .await;
    let report = ours.apply(&world.operation, digest).await;
    assert!(
        restores.is_reached() || moments.restores > world.requests,
        "{at}: never reached"
    );
    is_truthful(world, &store, &report, &at).await;
    match report.outcome {
        OutcomeKind::Conflict => tally.conflicts += 1,
        _ => tally.recovered += 1,
    }
    // The rest of what the engine has to do, if ours came to its end before.
    running.publishes().await;
    let restored = running.prepared.lock().await.as_ref().unwrap().restored();
    tally.engine_restored += usize::from(restored);
    match running.ended.lock().await.unwrap() {
        Ended::Published => tally.engine_finished += 1,
        Ended::Lost => tally.engine_lost += 1,
        Ended::NothingToDo => {}
    }
    heals(world, &store, &at).await;
}

/// The report of our recovery is true at the moment when it is given.
async fn is_truthful(world: &World, store: &Store, report: &ApplyReport, at: &str) {
    if report.outcome == OutcomeKind::Conflict {
        assert!(!report.differences.is_empty(), "{at}: {}", report.detail);
        return;
    }
    assert_eq!(report.outcome, world.outcome, "{at}: {}", report.detail);
    assert_eq!(store.visible_rows().await, world.visible, "{at}");
    assert!(store.drift().await.is_empty(), "{at}: {report:?}");
}

/// Whatever is left is healed by one more plan.
async fn heals(world: &World, store: &Store, at: &str) {
    let opened = store.open().await;
    if is_pending(&opened).await {
        let plan = opened.plan(&world.operation).await;
        let (operation, digest) = opened.approve_plan(&plan).await;
        let healed = opened.apply(&operation, digest).await;
        assert!(
            matches!(
                healed.outcome,
                OutcomeKind::RolledForward | OutcomeKind::RolledBack | OutcomeKind::CleanedUp
            ),
            "{at}: {healed:?}"
        );
    }
    assert!(!is_pending(&opened).await, "{at}");
    assert_eq!(store.visible_rows().await, world.visible, "{at}");
    let drift = store.drift().await;
    assert!(drift.is_empty(), "{at}: {drift:?}");
    assert_eq!(store.sidecars(), 0, "{at}");
}

async fn is_pending(opened: &Opened) -> bool {
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    !list.recoveries.is_empty()
}

async fn both_recover_at_every_moment(committed: usize, moments: fn(&World) -> Vec<Moments>) {
    let world = World::of(committed).await;
    let mut tally = Tally::default();
    for moments in moments(&world) {
        both_recover(&world, moments, &mut tally).await;
    }
    say(&format!("{:?}: {tally:?}", world.outcome));
    assert!(
        tally.conflicts > 0 && tally.recovered > 0 && tally.engine_finished > 0,
        "{tally:?}"
    );
    let rolls_back = world.outcome == OutcomeKind::RolledBack;
    assert_eq!(tally.engine_restored > 0, rolls_back, "{tally:?}");
}

/// Prints what came of the runs; `cargo test -- --nocapture` shows it.
#[expect(
    clippy::print_stdout,
    reason = "who won how often is part of the result"
)]
fn say(what: &str) {
    println!("beside the engine: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_beside_the_engines_own_ends_truthfully() {
    both_recover_at_every_moment(3, World::whole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_beside_the_engines_own_ends_truthfully() {
    both_recover_at_every_moment(2, World::whole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_between_what_the_engine_saw_and_its_publish_ends_truthfully() {
    both_recover_at_every_moment(3, World::halves).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_between_the_engines_restores_and_its_publish_ends_truthfully() {
    both_recover_at_every_moment(2, World::halves).await;
}
