//! How long a guarded roll back takes against Lance's bare calls: the same tables, in turns, in one run.
//!
//! Medians over the rounds, the ratio's over those of each round; requests are counted in the last round. Approving is not part of it: people do that.
//! With `trace COUNT` it prints instead what one guarded roll back of so many tables asks of the store, and what waits for what.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops where something is wrong"
)]

mod bare;
#[allow(dead_code, unused_imports, reason = "what the tests need besides")]
#[path = "../e2e/support/mod.rs"]
mod support;
mod trace;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lance::session::Session;
use restore_backend::execute::ProgressSink;
use restore_backend::root::{Root, RootOptions};
use restore_backend::service;
use root_objects::store::{Durability, Gate, Request, RequestLog};
use sidecar::{OperationId, OutcomeKind};
use support::{Store, numbers, place};
use trace::Trace;

/// As in the shipped program.
const STACK_BYTES: usize = 8 << 20;
const ROUNDS_DEFAULT: usize = 11;
/// About what an object store in the same region takes.
const NETWORK_DELAY: Duration = Duration::from_millis(20);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    let traced = (first.as_deref() == Some("trace"))
        .then(|| arguments.next().map_or(1, |count| count.parse().unwrap()));
    let rounds = || first.map_or(ROUNDS_DEFAULT, |rounds| rounds.parse().unwrap());
    tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .unwrap()
        .block_on(Box::pin(async {
            match traced {
                Some(count) => follow(count).await,
                None => compare(rounds()).await,
            }
        }));
}

/// Prints the requests of one recovery of so many tables, each with the round of requests it belongs to.
async fn follow(count: usize) {
    Case::new(count).await.guarded(Place::Relaxed).await;
    let trace = Trace::begin();
    let log = RequestLog::new().with_gate(trace.clone());
    Case::new(count).await.recovered(Place::Relaxed, log).await;
    trace.print();
}

async fn compare(rounds: usize) {
    println!("medians of {rounds} rounds; requests are reads + writes");
    println!("store     tables  guarded ms  bare ms  ratio  guarded requests  bare requests");
    for place in [Place::Synced, Place::Relaxed, Place::Distant] {
        let session = bare::session(place.durability());
        for count in [1, 4, 16] {
            let mut guarded = Vec::new();
            let mut bare = Vec::new();
            let mut logs = None;
            // The first pair fills the caches and does not count.
            for round in 0..=rounds {
                let (one, other) = if round % 2 == 0 {
                    let one = Case::new(count).await.guarded(place).await;
                    (one, Case::new(count).await.bare(place, &session).await)
                } else {
                    let other = Case::new(count).await.bare(place, &session).await;
                    (Case::new(count).await.guarded(place).await, other)
                };
                if round > 0 {
                    guarded.push(one.0);
                    bare.push(other.0);
                }
                logs = Some((one.1, other.1));
            }
            // Of each pair, which share what else the machine was doing.
            let ratios = guarded.iter().zip(&bare);
            let ratio = median(ratios.map(|(one, other)| one.div_duration_f64(*other)));
            let ms = |times: Vec<Duration>| median(times.iter().map(Duration::as_secs_f64)) * 1e3;
            let (guarded, bare) = (ms(guarded), ms(bare));
            let (ours, theirs) = logs.unwrap();
            let requests = |log: &RequestLog| format!("{} + {}", log.reads(), log.mutations());
            println!(
                "{:<8}  {count:>6}  {:>10.1}  {:>7.1}  {:>5.2}  {:>16}  {:>13}",
                format!("{place:?}"),
                guarded,
                bare,
                ratio,
                requests(&ours),
                requests(&theirs),
            );
        }
    }
}

/// Where the store is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// On local disk, every mutation synced.
    Synced,
    /// On local disk, nothing synced.
    Relaxed,
    /// Behind a network: every request takes a while to get there, however many are under way.
    Distant,
}

impl Place {
    fn durability(self) -> Durability {
        match self {
            Self::Synced => Durability::Synced,
            Self::Relaxed | Self::Distant => Durability::Relaxed,
        }
    }

    fn log(self) -> RequestLog {
        match self {
            Self::Synced | Self::Relaxed => RequestLog::new(),
            Self::Distant => RequestLog::new().with_gate(Arc::new(Network)),
        }
    }
}

#[derive(Debug)]
struct Network;

#[async_trait]
impl Gate for Network {
    async fn before(&self, _: &Request) -> object_store::Result<()> {
        tokio::time::sleep(NETWORK_DELAY).await;
        Ok(())
    }
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// A store with so many tables to roll back, and one that was not reached by the writer that died.
struct Case {
    store: Store,
    operation: OperationId,
    moved: Vec<String>,
}

impl Case {
    async fn new(count: usize) -> Self {
        let names: Vec<String> = (0..=count).map(|table| format!("node:T{table}")).collect();
        let tables: Vec<&str> = names.iter().map(String::as_str).collect();
        let store = Store::with_tables(&tables).await;
        let operation = store.crashed_write(&tables, count).await;
        Self {
            store,
            operation,
            moved: names[..count].to_vec(),
        }
    }

    async fn guarded(self, at: Place) -> (Duration, RequestLog) {
        self.recovered(at, at.log()).await
    }

    async fn recovered(self, at: Place, log: RequestLog) -> (Duration, RequestLog) {
        // Whoever approves has caches of another durability, so none of what they hold is known here.
        let others = match at.durability() {
            Durability::Synced => Durability::Relaxed,
            Durability::Relaxed => Durability::Synced,
        };
        let approver = self
            .store
            .open_as(RequestLog::new(), Duration::ZERO, others);
        let digest = approver.await.approve(&self.operation).await;
        let options = RootOptions {
            min_age: Duration::ZERO,
            durability: at.durability(),
            log: log.clone(),
            ..RootOptions::default()
        };
        let start = Instant::now();
        let root = Root::open(self.store.path().to_str().unwrap(), options)
            .await
            .unwrap();
        let progress = ProgressSink::default();
        let report = service::apply(&root, &self.operation, digest, &progress)
            .await
            .unwrap();
        let took = start.elapsed();
        assert_eq!(report.outcome, OutcomeKind::RolledBack);
        self.is_rolled_back().await;
        (took, log)
    }

    async fn bare(self, at: Place, session: &Arc<Session>) -> (Duration, RequestLog) {
        let tables: Vec<(String, String)> = self
            .moved
            .iter()
            .map(|table_key| (table_key.clone(), place(table_key).path))
            .collect();
        let sidecar = self.operation.file_name();
        let log = at.log();
        let start = Instant::now();
        bare::roll_back(self.store.path(), session, &log, &tables, &sidecar).await;
        let took = start.elapsed();
        self.is_rolled_back().await;
        (took, log)
    }

    async fn is_rolled_back(&self) {
        assert_eq!(self.store.sidecars(), 0);
        assert!(self.store.drift().await.is_empty());
        let visible = self.store.visible_rows().await;
        assert!(visible.values().all(|rows| *rows == numbers(0..10)));
    }
}
