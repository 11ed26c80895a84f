//! What is to happen in one run, and who does it: the product, or a broken imitation of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use restore_backend::execute::ProgressSink;
use restore_backend::service;
use root_objects::clock;
use sidecar::api::RecoveryList;
use sidecar::{ApplyReport, Digest};
use tokio::sync::Mutex;

use super::faults::Fault;
use super::subject::Subject;
use super::world::{Acknowledged, Writer};
use crate::support::{Opened, Store};

/// Somebody who executes: the product, or a broken imitation of it.
pub type Driver = Arc<dyn Fn(Acting) -> BoxFuture<Result<ApplyReport, String>> + Send + Sync>;
/// Somebody who looks: what was listed, and the digest of the plan, twice.
pub type Looker = Arc<dyn Fn(Acting) -> BoxFuture<Looked> + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What an executor has at hand.
pub struct Acting {
    pub opened: Opened,
    pub store: Arc<Store>,
    pub subject: Subject,
    pub digest: Option<Digest>,
    pub told: Arc<Mutex<Vec<Acknowledged>>>,
}

/// What a look at the root told.
#[derive(Clone, Debug)]
pub struct Looked {
    pub list: RecoveryList,
    pub digests: [Digest; 2],
}

/// What goes wrong in one execution: the fault, at which request, and who else is at work right before it.
pub type Disturbance = (Fault, usize, Option<Writer>);

/// How long an execution may take that nobody hinders: one that takes longer hangs.
const RUN_TIME_MAX: Duration = Duration::from_secs(120);

/// What is to happen in one run.
#[derive(Clone)]
pub struct Script {
    /// One execution each, cut short or disturbed.
    pub strikes: Vec<Disturbance>,
    /// Who executes those instead of the product, and once more after them with nothing in the way.
    pub planted: Option<Driver>,
    /// Whether a new plan may be needed to finish it.
    pub may_replan: bool,
    /// Who executes once more when all is finished.
    pub last: Driver,
    /// How long one execution may take.
    pub time_max: Duration,
    /// Who looks before anything is approved; what looking tells does not depend on what is struck later.
    pub looker: Option<Looker>,
}

impl Script {
    pub fn clean() -> Self {
        Self {
            strikes: Vec::new(),
            planted: None,
            may_replan: false,
            last: Arc::new(product),
            looker: None,
            time_max: RUN_TIME_MAX,
        }
    }

    /// Nothing is struck, and the root is looked at first.
    pub fn looking() -> Self {
        Self {
            looker: Some(Arc::new(look)),
            ..Self::clean()
        }
    }

    pub fn struck(strikes: &[Disturbance]) -> Self {
        Self {
            strikes: strikes.to_vec(),
            may_replan: strikes
                .iter()
                .any(|(fault, _, writer)| !fault.is_honest() || writer.is_some()),
            ..Self::clean()
        }
    }

    /// Somebody else than the product executes. It may take a new plan to put right what it does wrong.
    pub fn driven(driver: Driver) -> Self {
        Self {
            planted: Some(driver),
            may_replan: true,
            ..Self::clean()
        }
    }

    /// Somebody else than the product executes, is struck, and executes again.
    pub fn struck_and_driven(driver: Driver, strike: Disturbance) -> Self {
        Self {
            planted: Some(driver),
            ..Self::struck(&[strike])
        }
    }
}

/// Executes as the product does.
pub fn product(acting: Acting) -> BoxFuture<Result<ApplyReport, String>> {
    Box::pin(async move {
        let Some(digest) = acting.digest else {
            return Err("no digest".to_owned());
        };
        let (root, operation) = (&acting.opened.root, &acting.subject.operation);
        service::apply(root, operation, digest, &ProgressSink::default())
            .await
            .map_err(|error| format!("{error:?}"))
    })
}

/// Looks as the product does: lists everything, and plans twice.
pub fn look(acting: Acting) -> BoxFuture<Looked> {
    Box::pin(async move {
        let opened = &acting.opened;
        let list = service::list(&opened.root, clock::now()).await.unwrap();
        let digest = || async {
            let report = acting.subject.report(opened).await.unwrap();
            report.digest.unwrap()
        };
        Looked {
            list,
            digests: [digest().await, digest().await],
        }
    })
}
