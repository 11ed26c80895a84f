//! One run from a fresh copy to its end, and everything that is to be known of it afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use root_objects::journal_store::read_records;
use root_objects::store::{Durability, Request, RequestLog};
use sidecar::api::Progress;
use sidecar::journal::{JournalEntry, JournalRecord, verify_chain};
use sidecar::{ApplyReport, Code, Digest, Limits, OutcomeKind, Plan, PlanBytes};
use tokio::sync::Mutex;

use super::faults::{Fault, Strike};
use super::script::{Acting, Disturbance, Driver, Looked, Script, product};
use super::snapshot::Snapshot;
use super::subject::approve;
use super::world::{Acknowledged, World};
use crate::support::Store;

/// One execution by one process.
#[derive(Clone, Debug)]
pub struct Run {
    pub report: Result<ApplyReport, String>,
    pub has_panicked: bool,
    /// Whether it was given up.
    pub hangs: bool,
    /// Every request, in the order they were sent.
    pub sent: Vec<Request>,
    /// The mutating ones that were carried out, in order.
    pub done: Vec<Request>,
    /// The store right after; not looked at after the last, which the final look is for.
    pub left: Snapshot,
}

/// Reads that one execution sends and another of the same does not.
const READS_DIFFER: usize = 2;

/// Mutating requests of one restore.
const REQUESTS_OF_A_RESTORE: usize = 3;

/// A strike whose request was never sent.
#[derive(Clone, Debug)]
pub struct Miss {
    pub strike: String,
    /// Whether one execution may send so many requests less than another.
    pub may_be: bool,
}

/// Everything that is known of one scenario played through.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub looked: Option<Result<Looked, String>>,
    pub looking: Vec<Request>,
    pub runs: Vec<Run>,
    /// Executed once more when all was finished.
    pub idle: Option<Run>,
    pub after: Snapshot,
    /// What lies beside the root in the end.
    pub beside: Vec<PathBuf>,
    pub records: Vec<JournalRecord>,
    pub chain: Result<(), String>,
    pub acknowledged: Vec<Acknowledged>,
    /// Whether the same approval has to finish it.
    pub is_strict: bool,
    /// Why no new plan could be executed, where one was needed and there was none.
    pub blocked: Vec<Code>,
    /// What was struck in each of the first runs.
    pub faults: Vec<Fault>,
    /// Strikes whose request was never sent.
    pub missed: Vec<Miss>,
    pub census: BTreeMap<Fault, usize>,
}

/// A root opened anew by a process of its own.
struct Stage<'a> {
    world: &'a World,
    time_max: Duration,
    store: Arc<Store>,
    told: Arc<Mutex<Vec<Acknowledged>>>,
}

impl Stage<'_> {
    async fn acting(
        &self,
        log: RequestLog,
        nth: usize,
        digest: Option<Digest>,
    ) -> Result<Acting, String> {
        // The two durabilities share no cache, so neighbours in a run remember nothing of each other.
        let durability = if nth.is_multiple_of(2) {
            Durability::Relaxed
        } else {
            Durability::Synced
        };
        let opened = self.store.try_open_as(log, Duration::ZERO, durability);
        Ok(Acting {
            opened: opened.await.map_err(|error| format!("{error:?}"))?,
            store: self.store.clone(),
            subject: self.world.subject.clone(),
            digest,
            told: self.told.clone(),
        })
    }

    async fn run(&self, driver: &Driver, strike: &Arc<Strike>, nth: usize, digest: Digest) -> Run {
        let log = RequestLog::recording().with_gate(strike.clone());
        let acting = match self.acting(log.clone(), nth, Some(digest)).await {
            Ok(acting) => acting,
            // Not even what the root is called could be read.
            Err(error) => {
                return Run {
                    report: Err(error),
                    has_panicked: false,
                    hangs: false,
                    sent: log.requests(),
                    done: strike.done(),
                    left: Snapshot::default(),
                };
            }
        };
        let mut running = tokio::spawn(driver(acting));
        let ended = tokio::time::timeout(self.time_max, &mut running).await;
        let hangs = ended.is_err();
        if hangs {
            running.abort();
        }
        let ended = ended.unwrap_or_else(|late| Ok(Err(late.to_string())));
        let has_panicked = ended.is_err();
        Run {
            report: ended.unwrap_or_else(|panic| Err(panic.to_string())),
            has_panicked,
            hangs,
            sent: log.requests(),
            done: strike.done(),
            left: Snapshot::default(),
        }
    }

    async fn run_and_look(
        &self,
        driver: &Driver,
        strike: &Arc<Strike>,
        nth: usize,
        digest: Digest,
    ) -> Run {
        let run = self.run(driver, strike, nth, digest).await;
        Run {
            left: Snapshot::light(&self.store).await,
            ..run
        }
    }

    /// Approves a new plan where one is needed; the reasons why there is none that can be executed otherwise.
    async fn replan(&self, digest: Digest) -> Result<Digest, Vec<Code>> {
        let opened = self.store.open().await;
        let Ok(plan) = self.world.subject.report(&opened).await else {
            return Err(Vec::new());
        };
        if !plan.executable {
            return Err(plan.blockers.iter().map(|reason| reason.code).collect());
        }
        if plan.progress == Progress::UnderWay {
            return Ok(digest);
        }
        approve(&plan, &opened).await.map_err(|_| Vec::new())
    }
}

pub fn is_finished(report: &Result<ApplyReport, String>) -> bool {
    report.as_ref().is_ok_and(|report| {
        matches!(
            report.outcome,
            OutcomeKind::RolledForward | OutcomeKind::RolledBack | OutcomeKind::CleanedUp
        )
    })
}

impl Evidence {
    /// Plays a script on a copy of the world: look, approve, the struck executions, and executions that nothing disturbs.
    pub async fn of(world: &World, script: Script) -> Self {
        let stage = Stage {
            world,
            time_max: script.time_max,
            store: world.copy(),
            told: Arc::default(),
        };
        let log = RequestLog::recording();
        let looked = match &script.looker {
            Some(looker) => {
                let looking = looker(stage.acting(log.clone(), 1, None).await.unwrap());
                Some(
                    tokio::spawn(looking)
                        .await
                        .map_err(|panic| panic.to_string()),
                )
            }
            None => None,
        };
        let looking = log.requests();
        let mut digest = world.subject.approve(&stage.store.open().await).await;

        let is_strict = !script.may_replan;
        let product: Driver = Arc::new(product);
        let struck = script.planted.as_ref().unwrap_or(&product);
        // A writer that acts while a read is under way must not find that very read in a cache, and wait for it: writers are
        // relaxed, so whom they meet there is not.
        let meets_a_read =
            |(fault, _, writer): &Disturbance| writer.is_some() && Fault::READING.contains(fault);
        let first = usize::from(script.strikes.iter().any(meets_a_read));
        let (mut runs, mut missed, mut census) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (fault, at, writer) in &script.strikes {
            let act = writer.map(|writer| writer.act(&stage.store, &stage.told));
            let strike = Strike::new(*fault, *at, act);
            let run = stage.run_and_look(struck, &strike, first + runs.len(), digest);
            runs.push(run.await);
            // A first crash lets what goes together with its victim land or not: the other tag of a table, and of every other table
            // its tags, or its transaction, its version and its hint.
            // How many reads there are also differs with what was remembered, and looked at ahead, by then.
            let reads_differ = if Fault::READING.contains(fault) {
                READS_DIFFER
            } else {
                0
            };
            let beside = 1 + REQUESTS_OF_A_RESTORE * (world.drifted - 1);
            let may_miss = if runs.len() > 1 { beside } else { 0 } + reads_differ;
            if strike.missing() > 0 {
                missed.push(Miss {
                    strike: format!("{strike:?}"),
                    may_be: strike.missing() <= may_miss,
                });
            }
        }
        if let Some(planted) = &script.planted {
            let strike = Strike::none();
            let run = stage.run_and_look(planted, &strike, first + runs.len(), digest);
            runs.push(run.await);
        }
        // Once more with nothing in the way; where storage lied or somebody else was at work, a new plan may be needed.
        let (mut is_done, mut blocked) = (false, Vec::new());
        for _ in 0..3 {
            let strike = Strike::none();
            let run = stage
                .run_and_look(&product, &strike, first + runs.len(), digest)
                .await;
            census = strike.census();
            is_done = is_finished(&run.report);
            runs.push(run);
            if is_done || is_strict {
                break;
            }
            match stage.replan(digest).await {
                Ok(made) => digest = made,
                Err(reasons) => {
                    blocked = reasons;
                    break;
                }
            }
        }
        let idle = match is_done {
            true => Some(
                stage
                    .run(&script.last, &Strike::none(), first + runs.len(), digest)
                    .await,
            ),
            false => None,
        };
        let opened = stage.store.open().await;
        let stored = read_records(opened.root.objects(), &world.operation, &Limits::DEFAULT)
            .await
            .unwrap();
        let chain = verify_chain(&world.operation, stored.iter().map(Vec::as_slice));
        let acknowledged = stage.told.lock().await.clone();
        Self {
            looked,
            looking,
            runs,
            idle,
            after: Snapshot::full(&stage.store, &world.before).await,
            beside: stage.store.lies_beside(),
            records: stored
                .iter()
                .filter_map(|bytes| serde_json::from_slice(bytes).ok())
                .collect(),
            chain: chain.map(drop).map_err(|error| format!("{error:?}")),
            acknowledged,
            is_strict,
            blocked,
            faults: script.strikes.iter().map(|(fault, ..)| *fault).collect(),
            missed,
            census,
        }
    }

    /// The plans that were ever claimed, by digest.
    pub fn plans(&self) -> BTreeMap<String, Plan> {
        let claims = self
            .records
            .iter()
            .filter_map(|record| match &record.entry {
                JournalEntry::Claimed {
                    plan_digest, plan, ..
                } => {
                    let bytes = PlanBytes::verify(plan.clone(), *plan_digest).ok()?;
                    Some((plan_digest.to_string(), bytes.decode().ok()?))
                }
                _ => None,
            });
        claims.collect()
    }

    /// Whether an undo was cut short by storage that told lies, and was itself taken back by another plan then.
    pub fn was_undo_taken_back(&self, world: &World) -> bool {
        world.ending.is_undo() && self.plans().values().any(|plan| plan.purpose.is_recovery())
    }

    /// Whether nobody else committed to a table.
    pub fn is_alone(&self, table: &str) -> bool {
        self.acknowledged.iter().all(|told| told.table != table)
    }

    /// Whether somebody who knows of no sidecars was at work.
    pub fn met_raw_writer(&self) -> bool {
        self.acknowledged.iter().any(|told| !told.published)
    }

    /// What a look told, unless there was none or it panicked.
    pub fn seen(&self) -> Option<&Looked> {
        self.looked.as_ref()?.as_ref().ok()
    }

    pub fn last(&self) -> &Run {
        self.runs.last().unwrap()
    }

    /// Every snapshot in order, the last one full.
    pub fn snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        self.runs
            .iter()
            .map(|run| &run.left)
            .chain(std::iter::once(&self.after))
    }
}
