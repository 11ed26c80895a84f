//! The record of every request that reached a store, shared by everything that talks to one root.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use async_trait::async_trait;
use tokio::time::Instant;

use super::Conduct;

/// Recorded requests are kept up to this many, so that a log left recording cannot fill memory.
/// A whole recovery of a hundred tables makes a few thousand.
const REQUESTS_RECORDED_MAX: usize = 100_000;

/// What one request asked of the store.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Verb {
    /// Read an object or a range of it.
    Get,
    /// Read an object's size and e_tag.
    Head,
    /// List a prefix; counted once whatever its pages.
    List,
    /// Write an object, replacing any.
    Put,
    /// Write an object that must not exist.
    PutCreate,
    /// Write an object that must be unchanged.
    PutUpdate,
    /// Begin a multipart write.
    PutMultipart,
    /// Send one part of a multipart write.
    PutPart,
    /// Make a multipart write visible.
    CompleteMultipart,
    /// Drop a multipart write.
    AbortMultipart,
    /// Remove an object.
    Delete,
    /// Copy an object, replacing any.
    Copy,
    /// Copy an object to a place that must be free.
    CopyCreate,
    /// Move an object, replacing any.
    Rename,
    /// Move an object to a place that must be free.
    RenameCreate,
}

impl Verb {
    /// Whether the request can change what is stored.
    pub fn is_mutation(self) -> bool {
        !matches!(self, Self::Get | Self::Head | Self::List)
    }

    /// The name used in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::List => "list",
            Self::Put => "put",
            Self::PutCreate => "put_create",
            Self::PutUpdate => "put_update",
            Self::PutMultipart => "put_multipart",
            Self::PutPart => "put_part",
            Self::CompleteMultipart => "complete_multipart",
            Self::AbortMultipart => "abort_multipart",
            Self::Delete => "delete",
            Self::Copy => "copy",
            Self::CopyCreate => "copy_create",
            Self::Rename => "rename",
            Self::RenameCreate => "rename_create",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One request: what was asked, and of which object, relative to the root.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Request {
    /// What was asked.
    pub verb: Verb,
    /// The object or prefix, relative to the root.
    pub path: String,
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb, self.path)
    }
}

/// Stands before and after every request, to fail it or to let something else happen in between.
///
/// An error from `before` is a request that was never sent; one from `after` is a request that was
/// carried out and whose answer was lost.
#[async_trait]
pub trait Gate: Debug + Send + Sync {
    /// Runs before the request is sent.
    async fn before(&self, _request: &Request) -> object_store::Result<()> {
        Ok(())
    }

    /// How a request that `before` let through is treated by the store; asked once for each.
    fn conduct(&self, _request: &Request) -> Conduct {
        Conduct::Faithful
    }

    /// Hears whether the store did what was asked, right before `after`.
    fn answered(&self, _request: &Request, _is_done: bool) {}

    /// Runs after the request was carried out.
    async fn after(&self, _request: &Request) -> object_store::Result<()> {
        Ok(())
    }
}

/// Counts every request, and keeps them by name when asked to.
///
/// Cheap to clone: the clones share one record, so that one log sees our own objects and Lance's.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    record: Arc<Mutex<Record>>,
    keeps_requests: bool,
    gate: Option<Arc<dyn Gate>>,
}

#[derive(Debug, Default)]
struct Record {
    counts: BTreeMap<Verb, u64>,
    requests: Vec<Request>,
    last_answer: Option<Instant>,
}

impl RequestLog {
    /// A log that counts.
    pub fn new() -> Self {
        Self::default()
    }

    /// A log that counts and keeps the requests in their order.
    pub fn recording() -> Self {
        Self {
            keeps_requests: true,
            ..Self::default()
        }
    }

    /// The same log with a gate in front of every request.
    pub fn with_gate(self, gate: Arc<dyn Gate>) -> Self {
        Self {
            gate: Some(gate),
            ..self
        }
    }

    /// Requests that cannot have changed anything.
    pub fn reads(&self) -> u64 {
        self.total(|verb| !verb.is_mutation())
    }

    /// Requests that may have changed something.
    pub fn mutations(&self) -> u64 {
        self.total(Verb::is_mutation)
    }

    /// Requests of one kind.
    pub fn count(&self, verb: Verb) -> u64 {
        self.record().counts.get(&verb).copied().unwrap_or_default()
    }

    /// The requests since the last reset, if this log keeps them.
    pub fn requests(&self) -> Vec<Request> {
        self.record().requests.clone()
    }

    /// Forgets everything recorded so far.
    pub fn reset(&self) {
        *self.record() = Record::default();
    }

    pub(super) async fn begin(&self, request: &Request) -> object_store::Result<()> {
        {
            let mut record = self.record();
            *record.counts.entry(request.verb).or_default() += 1;
            if self.keeps_requests && record.requests.len() < REQUESTS_RECORDED_MAX {
                record.requests.push(request.clone());
            }
        }
        match &self.gate {
            Some(gate) => gate.before(request).await,
            None => Ok(()),
        }
    }

    pub(super) fn conduct(&self, request: &Request) -> Conduct {
        self.gate
            .as_ref()
            .map_or(Conduct::Faithful, |gate| gate.conduct(request))
    }

    pub(super) async fn end(&self, request: &Request, is_done: bool) -> object_store::Result<()> {
        match &self.gate {
            Some(gate) => {
                gate.answered(request, is_done);
                gate.after(request).await
            }
            None => Ok(()),
        }
    }

    /// When the store last answered, if it ever did. Every part of an answer counts, each entry of a long listing too.
    pub fn last_answer(&self) -> Option<Instant> {
        self.record().last_answer
    }

    pub(super) fn note_answer(&self) {
        self.record().last_answer = Some(Instant::now());
    }

    fn total(&self, counted: impl Fn(Verb) -> bool) -> u64 {
        self.record()
            .counts
            .iter()
            .filter(|(verb, _)| counted(**verb))
            .map(|(_, count)| count)
            .sum()
    }

    // A panic elsewhere cannot leave the counts half written, so a poisoned lock is still good.
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
