//! The executions this server carries out: each in a task of its own, so that nobody's connection decides how far it comes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sidecar::api::ExecutionReport;
use sidecar::{ApplyReport, Digest, OperationId};
use tokio::sync::{Semaphore, watch};

use super::console::ServedRoot;
use crate::error::ServiceError;
use crate::patience::without_steps;
use crate::service::{self, ProgressSink};
use sidecar::error_text;

/// Executions at a time. Each of them is bounded by the store, not by this machine.
const EXECUTIONS_MAX: u32 = 16;

/// Executions at a time in one root, so that a root that hangs leaves some to the others.
const EXECUTIONS_PER_ROOT_MAX: usize = 8;

/// Ended executions whose reports are kept, for those that a journal does not tell of: refusals and failures.
const ENDED_MAX: usize = 1024;

/// One operation of one root, by the root's name.
type Key = (String, OperationId);

#[derive(Debug)]
pub(super) struct Executions {
    slots: Arc<Semaphore>,
    closing: AtomicBool,
    known: Mutex<BTreeMap<Key, Execution>>,
}

#[derive(Debug, Clone)]
struct Execution {
    digest: Digest,
    progress: watch::Receiver<ExecutionReport>,
}

/// The answer to a request to execute a plan.
#[derive(Debug)]
pub(super) enum Start {
    /// It is being carried out, by this request or an earlier one.
    Running(watch::Receiver<ExecutionReport>),
    /// Another plan of the same operation is being carried out.
    OtherPlan { digest: Digest },
    /// Too many executions are running.
    Full,
    /// The server is about to stop.
    Closing,
}

impl Default for Executions {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(EXECUTIONS_MAX as usize)),
            closing: AtomicBool::new(false),
            known: Mutex::default(),
        }
    }
}

impl Executions {
    /// Begins to carry out a plan, unless that is under way. `waiting` is the report before the first step.
    pub(super) fn start(
        &self,
        served: &ServedRoot,
        operation: &OperationId,
        digest: Digest,
        waiting: ExecutionReport,
    ) -> Start {
        let key = (served.name().to_owned(), operation.clone());
        let mut known = self.known();
        if let Some(execution) = known
            .get(&key)
            .filter(|execution| execution.progress.borrow().running)
        {
            return if execution.digest == digest {
                Start::Running(execution.progress.clone())
            } else {
                Start::OtherPlan {
                    digest: execution.digest,
                }
            };
        }
        if self.closing.load(Ordering::SeqCst) {
            return Start::Closing;
        }
        let in_this_root = known
            .iter()
            .filter(|((root, _), execution)| {
                root == served.name() && execution.progress.borrow().running
            })
            .count();
        if in_this_root >= EXECUTIONS_PER_ROOT_MAX {
            return Start::Full;
        }
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return Start::Full;
        };
        let (sender, progress) = watch::channel(ExecutionReport {
            running: true,
            report: None,
            failure: None,
            ..waiting
        });
        make_room(&mut known);
        known.insert(
            key,
            Execution {
                digest,
                progress: progress.clone(),
            },
        );
        drop(known);

        let (root, operation, sender) =
            (served.root().clone(), operation.clone(), Arc::new(sender));
        let (patience, mut steps) = (served.patience().step, progress.clone());
        tokio::spawn(async move {
            let _slot = slot;
            let sink = {
                let sender = Arc::clone(&sender);
                ProgressSink::new(move |report| {
                    sender.send_replace(ExecutionReport {
                        running: true,
                        ..report
                    });
                })
            };
            // In a task of its own again, so that a panic in it ends as a report and not as silence.
            let mut work = tokio::spawn(async move {
                Box::pin(service::apply(&root, &operation, digest, &sink)).await
            });
            tokio::select! {
                ended = &mut work => sender.send_modify(|report| end(report, ended)),
                () = without_steps(&mut steps, patience) => {
                    // This is like a crash: the journal holds the steps that were begun, and the next apply resumes.
                    work.abort();
                    sender.send_modify(|report| give_up(report, patience));
                }
            }
        });
        Start::Running(progress)
    }

    /// The last report of an operation this server has executed, or is executing.
    pub(super) fn of(
        &self,
        root_name: &str,
        operation: &OperationId,
    ) -> Option<watch::Receiver<ExecutionReport>> {
        self.known()
            .get(&(root_name.to_owned(), operation.clone()))
            .map(|execution| execution.progress.clone())
    }

    /// Drops the report of an ended execution, once a person has ended its attempt in another way.
    pub(super) fn forget(&self, root_name: &str, operation: &OperationId) {
        let key = (root_name.to_owned(), operation.clone());
        let mut known = self.known();
        if known
            .get(&key)
            .is_some_and(|execution| !execution.progress.borrow().running)
        {
            known.remove(&key);
        }
    }

    /// Begins no more executions, and waits for those under way. Returns whether all of them ended in time; one that did not
    /// is resumed by the next apply, like one that crashed.
    pub(super) async fn close(&self, wait_max: Duration) -> bool {
        self.closing.store(true, Ordering::SeqCst);
        tokio::time::timeout(wait_max, self.slots.acquire_many(EXECUTIONS_MAX))
            .await
            .is_ok()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Key, Execution>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(known: &mut BTreeMap<Key, Execution>) {
    if known.len() >= ENDED_MAX {
        known.retain(|_, execution| execution.progress.borrow().running);
    }
}

fn give_up(report: &mut ExecutionReport, patience: Duration) {
    let seconds = patience.as_secs();
    tracing::error!(
        operation_id = report.operation_id,
        seconds,
        "an execution makes no progress and is given up; see to the storage of its root"
    );
    report.running = false;
    report.failure = Some(format!(
        "no step was done for {seconds} s, and the execution is given up: the storage does not answer; requests that it sent may still take effect, and executing the plan again resumes"
    ));
}

fn end(
    report: &mut ExecutionReport,
    ended: Result<Result<ApplyReport, ServiceError>, tokio::task::JoinError>,
) {
    report.running = false;
    match ended {
        Ok(Ok(outcome)) => (report.report, report.failure) = (Some(outcome), None),
        Ok(Err(error)) => {
            tracing::error!(
                operation_id = report.operation_id,
                code = error.code(),
                error = error_text(&error),
                "an execution failed"
            );
            report.failure = Some(format!(
                "{error}; the server's log says why, and executing the plan again resumes"
            ));
        }
        Err(error) => {
            tracing::error!(
                operation_id = report.operation_id,
                error = error_text(&error),
                "an execution ended abnormally"
            );
            report.failure = Some(
                "internal error: the execution ended abnormally; executing the plan again resumes"
                    .to_owned(),
            );
        }
    }
}
