//! The faults, and the one gate that strikes with one of them at the k-th request it can strike.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use object_store::PutMode;
use root_objects::store::{Conduct, Gate, Request, Verb};

use crate::support::Store;

/// What goes wrong at one request.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fault {
    /// Nothing: where only a concurrent writer acts.
    Nothing,
    /// The process dies before the request is sent.
    CrashBefore,
    /// The process dies when the request is carried out, and hears no answer.
    CrashAfter,
    /// The request fails and is not carried out.
    Error,
    /// The request is carried out, and its answer is an error.
    AnswerLost,
    /// A create is carried out, and its answer says that the object existed, as after a retry below us.
    ConflictAfterSuccess,
    /// A read fails.
    ReadError,
    /// The body of a read ends half-way.
    ReadTruncated,
    /// A read does not see what this run has written so far.
    ReadStale,
    /// A write is acknowledged and not carried out. No store may do this; it is planted to be caught.
    WriteLost,
}

impl Fault {
    pub const MUTATING: [Self; 5] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::Error,
        Self::AnswerLost,
        Self::ConflictAfterSuccess,
    ];
    pub const READING: [Self; 3] = [Self::ReadError, Self::ReadTruncated, Self::ReadStale];
    const ALL: [Self; 10] = [
        Self::Nothing,
        Self::CrashBefore,
        Self::CrashAfter,
        Self::Error,
        Self::AnswerLost,
        Self::ConflictAfterSuccess,
        Self::ReadError,
        Self::ReadTruncated,
        Self::ReadStale,
        Self::WriteLost,
    ];

    /// Whether a run struck by it must be finished by the same approval: storage never said anything that could be taken for
    /// true and is not. A body that ends early is shorter than the store said it was.
    pub fn is_honest(self) -> bool {
        !matches!(self, Self::ReadStale | Self::WriteLost)
    }

    fn can_strike(self, request: &Request, written: &BTreeSet<String>) -> bool {
        match self {
            Self::Nothing
            | Self::CrashBefore
            | Self::CrashAfter
            | Self::Error
            | Self::AnswerLost
            | Self::WriteLost => request.verb.is_mutation(),
            Self::ConflictAfterSuccess => matches!(
                request.verb,
                Verb::PutCreate | Verb::CopyCreate | Verb::RenameCreate
            ),
            Self::ReadError => !request.verb.is_mutation(),
            Self::ReadTruncated => request.verb == Verb::Get,
            Self::ReadStale => match request.verb {
                Verb::Get | Verb::Head => written.contains(&request.path),
                Verb::List => written.iter().any(|path| path.starts_with(&request.path)),
                _ => false,
            },
        }
    }
}

/// What somebody else does in between; run once, to its end, before the request that is struck.
pub type Act = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Strikes once, and keeps what was carried out, in order.
pub struct Strike {
    fault: Fault,
    at: usize,
    act: Option<Act>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: BTreeMap<Fault, usize>,
    written: BTreeSet<String>,
    done: Vec<Request>,
    victim: Option<Request>,
    is_dead: bool,
}

impl fmt::Debug for Strike {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} at {}", self.fault, self.at)
    }
}

impl Strike {
    /// Strikes at the `at`-th request that the fault can strike, counted from 1.
    pub fn new(fault: Fault, at: usize, act: Option<Act>) -> Arc<Self> {
        Arc::new(Self {
            fault,
            at,
            act,
            state: Mutex::default(),
        })
    }

    /// Never strikes; counts what could be struck.
    pub fn none() -> Arc<Self> {
        Self::new(Fault::Nothing, 0, None)
    }

    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// How many requests each fault could have struck.
    pub fn census(&self) -> BTreeMap<Fault, usize> {
        self.state().seen.clone()
    }

    /// How many requests were missing to the one it was to strike; none if that was sent.
    pub fn missing(&self) -> usize {
        let seen = self.state().seen.get(&self.fault).copied();
        self.at.saturating_sub(seen.unwrap_or_default())
    }

    /// The mutating requests that the store carried out, in order; what it refused is not among them.
    pub fn done(&self) -> Vec<Request> {
        self.state().done.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrive(&self, request: &Request) -> object_store::Result<bool> {
        let mut state = self.state();
        if state.is_dead {
            return Err(failure("the process is dead"));
        }
        let State { seen, written, .. } = &mut *state;
        for fault in Fault::ALL {
            if fault.can_strike(request, written) {
                *seen.entry(fault).or_default() += 1;
            }
        }
        let strikes = self.fault.can_strike(request, &state.written)
            && state.seen.get(&self.fault) == Some(&self.at);
        if strikes {
            match self.fault {
                Fault::Nothing | Fault::Error | Fault::ReadError => {}
                Fault::CrashBefore => state.is_dead = true,
                _ => state.victim = Some(request.clone()),
            }
        }
        Ok(strikes)
    }
}

fn failure(what: &'static str) -> object_store::Error {
    object_store::Error::Generic {
        store: "a store that fails",
        source: what.into(),
    }
}

#[async_trait]
impl Gate for Strike {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if !self.arrive(request)? {
            return Ok(());
        }
        if let Some(act) = &self.act {
            act().await;
        }
        match self.fault {
            Fault::CrashBefore => Err(failure("the process is dead")),
            Fault::Error | Fault::ReadError => Err(failure("not carried out")),
            _ => Ok(()),
        }
    }

    fn conduct(&self, request: &Request) -> Conduct {
        let mut state = self.state();
        let conduct = match self.fault {
            Fault::ReadTruncated => Conduct::Truncated,
            Fault::ReadStale => Conduct::Without(Arc::new(state.written.clone())),
            Fault::WriteLost => Conduct::Pretended,
            _ => return Conduct::Faithful,
        };
        match state.victim.take_if(|victim| victim == request) {
            Some(_) => conduct,
            None => Conduct::Faithful,
        }
    }

    fn answered(&self, request: &Request, is_done: bool) {
        if is_done && request.verb.is_mutation() {
            let mut state = self.state();
            state.written.insert(request.path.clone());
            state.done.push(request.clone());
        }
    }

    async fn after(&self, request: &Request) -> object_store::Result<()> {
        let mut state = self.state();
        if state.is_dead {
            return Err(failure("the process is dead"));
        }
        if state.victim.take_if(|victim| victim == request).is_none() {
            return Ok(());
        }
        match self.fault {
            Fault::CrashAfter => {
                state.is_dead = true;
                Err(failure("the process is dead"))
            }
            Fault::ConflictAfterSuccess => Err(object_store::Error::AlreadyExists {
                path: request.path.clone(),
                source: "412 after a retry".into(),
            }),
            _ => Err(failure("the answer is lost")),
        }
    }
}

#[tokio::test]
async fn what_a_store_refuses_is_not_taken_for_done() {
    let store = Store::with_tables(&["node:T0"]).await;
    let strike = Strike::none();
    let opened = store.open_behind(strike.clone()).await;
    let path = "__recovery_log/note.json".into();
    for is_new in [true, false] {
        let create = PutMode::Create.into();
        let put = opened.root.objects().put_opts(&path, "{}".into(), create);
        assert_eq!(put.await.is_ok(), is_new);
    }
    let done: Vec<String> = strike.done().iter().map(Request::to_string).collect();
    assert_eq!(done, ["put_create __recovery_log/note.json"]);
    assert_eq!(strike.census()[&Fault::CrashBefore], 2);
}
