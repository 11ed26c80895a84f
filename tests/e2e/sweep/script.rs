//! What is to happen in one run, and who does it: the product, or a broken imitation of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use restore_backend::clock;
use restore_backend::execute::ProgressSink;
use restore_backend::service;
use sidecar::api::RecoveryList;
use sidecar::{ApplyReport, Digest, OperationId};
use tokio::sync::Mutex;

use super::faults::Fault;
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
    pub operation: OperationId,
    pub digest: Option<Digest>,
    pub told: Arc<Mutex<Vec<Acknowledged>>>,
}

/// What a look at the root told.
#[derive(Clone, Debug)]
pub struct Looked {
    pub list: RecoveryList,
    pub digests: [Digest; 2],
}

/// What is to happen in one run.
#[derive(Clone)]
pub struct Script {
    /// One execution each, cut short or disturbed.
    pub strikes: Vec<(Fault, usize, Option<Writer>)>,
    /// Who executes the first time, instead of the product.
    pub first: Option<Driver>,
    /// Who executes once more when all is finished.
    pub last: Driver,
    /// Who looks before anything is approved; what looking tells does not depend on what is struck later.
    pub looker: Option<Looker>,
}

impl Script {
    pub fn clean() -> Self {
        Self {
            strikes: Vec::new(),
            first: None,
            last: Arc::new(product),
            looker: None,
        }
    }

    /// Nothing is struck, and the root is looked at first.
    pub fn looking() -> Self {
        Self {
            looker: Some(Arc::new(look)),
            ..Self::clean()
        }
    }

    pub fn struck(strikes: &[(Fault, usize, Option<Writer>)]) -> Self {
        Self {
            strikes: strikes.to_vec(),
            ..Self::clean()
        }
    }

    pub fn driven(driver: Driver) -> Self {
        Self {
            first: Some(driver),
            ..Self::clean()
        }
    }
}

/// Executes as the product does.
pub fn product(acting: Acting) -> BoxFuture<Result<ApplyReport, String>> {
    Box::pin(async move {
        let Some(digest) = acting.digest else {
            return Err("no digest".to_owned());
        };
        let progress = ProgressSink::default();
        service::apply(&acting.opened.root, &acting.operation, digest, &progress)
            .await
            .map_err(|error| format!("{error:?}"))
    })
}

/// Looks as the product does: lists everything, and plans twice.
pub fn look(acting: Acting) -> BoxFuture<Looked> {
    Box::pin(async move {
        let root = &acting.opened.root;
        let list = service::list(root, clock::now()).await.unwrap();
        let digest = || async { acting.opened.plan(&acting.operation).await.digest.unwrap() };
        Looked {
            list,
            digests: [digest().await, digest().await],
        }
    })
}
