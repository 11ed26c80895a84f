//! What a process may meet at one of its requests: its death, or something that happens right before.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use root_objects::store::{Gate, Request, Verb};
use tokio::sync::{Barrier, Notify};

/// How long somebody who is waited for may take to come: without an end, one that never comes would hang the test.
const WAIT_TIME_MAX: Duration = Duration::from_secs(240);

/// One request of a process.
#[derive(Debug)]
pub struct Point {
    kind: Kind,
    left: AtomicU64,
}

#[derive(Debug)]
enum Kind {
    Mutation,
    Below(Verb, String),
}

/// Where a request stands that was just sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stands {
    Before,
    Here,
    Behind,
}

impl Point {
    /// The mutating request of this number, counted from 1.
    pub fn mutation(number: u64) -> Self {
        Self {
            kind: Kind::Mutation,
            left: AtomicU64::new(number),
        }
    }

    /// The first request of a kind whose path begins so.
    pub fn first(verb: Verb, path: impl Into<String>) -> Self {
        Self {
            kind: Kind::Below(verb, path.into()),
            left: AtomicU64::new(1),
        }
    }

    /// Requests of its kind that are still to come, itself the last of them.
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::SeqCst)
    }

    // Requests are sent side by side: each is counted in one go, and none below zero.
    fn pass(&self, request: &Request) -> Stands {
        let counts = match &self.kind {
            Kind::Mutation => request.verb.is_mutation(),
            Kind::Below(verb, path) => request.verb == *verb && request.path.starts_with(path),
        };
        if !counts {
            return if self.left() == 0 {
                Stands::Behind
            } else {
                Stands::Before
            };
        }
        let counted = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        match counted {
            Ok(1) => Stands::Here,
            Ok(_) => Stands::Before,
            Err(_) => Stands::Behind,
        }
    }
}

/// Lets everything through up to one request, and fails everything from there on, as a dead process would.
#[derive(Debug)]
pub struct DiesAt {
    point: Point,
    after: bool,
}

impl DiesAt {
    /// The process dies before it sends mutating request number `request`, counted from 1.
    pub fn before(request: u64) -> Self {
        Self::at(Point::mutation(request))
    }

    /// It dies right after that request was carried out.
    pub fn after(request: u64) -> Self {
        Self {
            after: true,
            ..Self::before(request)
        }
    }

    /// It dies before it sends this request.
    pub fn at(point: Point) -> Self {
        Self {
            point,
            after: false,
        }
    }

    /// Requests it would still have let through; none once it is dead.
    pub fn left(&self) -> u64 {
        self.point.left()
    }
}

fn dead() -> object_store::Error {
    object_store::Error::Generic {
        store: "dead process",
        source: "the process is dead".into(),
    }
}

#[async_trait]
impl Gate for DiesAt {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        match self.point.pass(request) {
            Stands::Before => Ok(()),
            Stands::Here if self.after => Ok(()),
            Stands::Here | Stands::Behind => Err(dead()),
        }
    }

    // A request that was under way when the process died is carried out, and nobody hears of it.
    async fn after(&self, _: &Request) -> object_store::Result<()> {
        if self.left() == 0 {
            Err(dead())
        } else {
            Ok(())
        }
    }
}

type Act = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Does something right before one request.
pub struct Before {
    point: Point,
    act: Act,
}

impl fmt::Debug for Before {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Before")
            .field("point", &self.point)
            .finish_non_exhaustive()
    }
}

impl Before {
    /// Before the first request of a kind.
    pub fn new<F: Future<Output = ()> + Send + 'static>(
        verb: Verb,
        path: impl Into<String>,
        act: impl Fn() -> F + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::at(Point::first(verb, path), act)
    }

    pub fn at<F: Future<Output = ()> + Send + 'static>(
        point: Point,
        act: impl Fn() -> F + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            point,
            act: Box::new(move || act().boxed()),
        })
    }

    /// Whether the request was sent.
    pub fn is_reached(&self) -> bool {
        self.point.left() == 0
    }
}

#[async_trait]
impl Gate for Before {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if self.point.pass(request) == Stands::Here {
            (self.act)().await;
        }
        Ok(())
    }
}

/// Gates one behind the other; only what they do before a request.
#[derive(Debug)]
pub struct InTurn(pub Vec<Arc<dyn Gate>>);

#[async_trait]
impl Gate for InTurn {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        for gate in &self.0 {
            gate.before(request).await?;
        }
        Ok(())
    }
}

/// Processes that wait for each other right before a request, and send it all at once.
#[derive(Clone, Debug)]
pub struct Meeting {
    barrier: Arc<Barrier>,
    met: Arc<AtomicUsize>,
}

impl Meeting {
    pub fn of(count: usize) -> Self {
        Self {
            barrier: Arc::new(Barrier::new(count)),
            met: Arc::default(),
        }
    }

    /// One of them, which comes to this request.
    pub fn at(&self, point: Point) -> Arc<Before> {
        self.announced_at(point).0
    }

    /// One of them, and what tells that it came to this request.
    pub fn announced_at(&self, point: Point) -> (Arc<Before>, Arrival) {
        let arrival = Arrival::default();
        let (meeting, came) = (self.clone(), arrival.clone());
        let gate = Before::at(point, move || {
            came.0.notify_one();
            let meeting = meeting.clone();
            async move { meeting.join().await }
        });
        (gate, arrival)
    }

    /// Comes as one of them, and goes on when all are there.
    pub async fn join(&self) {
        in_time(self.barrier.wait()).await;
        self.met.fetch_add(1, Ordering::SeqCst);
    }

    /// How many of them met.
    pub fn met(&self) -> usize {
        self.met.load(Ordering::SeqCst)
    }
}

/// Tells when a process comes to a request.
#[derive(Clone, Debug, Default)]
pub struct Arrival(Arc<Notify>);

impl Arrival {
    pub async fn awaited(&self) {
        in_time(self.0.notified()).await;
    }
}

async fn in_time<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT_TIME_MAX, awaited)
        .await
        .expect("somebody who was waited for never came")
}
