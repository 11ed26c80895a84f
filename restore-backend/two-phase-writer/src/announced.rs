//! An operation that is known by its sidecar, and may be taken over at any time.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use async_trait::async_trait;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sidecar::OperationId;
use sidecar::Sidecar;

use super::Loss;
use super::WriterError;
use fenced_lance::LanceRoot;
use fenced_lance::PreCommitCheck;
use root_objects::journal_store::CLAIM_OBJECT;
use root_objects::journal_store::JOURNAL_FOLDER;
use root_objects::store::Objects;

/// An operation whose sidecar is there.
#[derive(Clone, Debug)]
pub(super) struct Announced {
    pub(super) lance: LanceRoot,
    pub(super) objects: Objects,
    pub(super) operation_id: OperationId,
    pub(super) sidecar: Sidecar,
}

/// The look for a claim right before a table's commit is sent, and what it found.
#[derive(Debug)]
pub(super) struct ClaimCheck {
    announced: Announced,
    found: Mutex<Option<Result<Loss, WriterError>>>,
}

#[async_trait]
impl PreCommitCheck for ClaimCheck {
    async fn may_commit(&self) -> bool {
        let found = match self.announced.claim().await {
            Ok(None) => return true,
            Ok(Some(loss)) => Ok(loss),
            Err(error) => Err(error),
        };
        *self.answer() = Some(found);
        false
    }
}

impl ClaimCheck {
    /// Why the commit was given up, if it was.
    pub(super) fn given_up(&self) -> Option<Result<Loss, WriterError>> {
        self.answer().take()
    }

    fn answer(&self) -> MutexGuard<'_, Option<Result<Loss, WriterError>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Announced {
    pub(super) fn claim_look(&self) -> Arc<ClaimCheck> {
        Arc::new(ClaimCheck {
            announced: self.clone(),
            found: Mutex::default(),
        })
    }

    /// Whether recovery has taken this operation over: one request.
    pub(super) async fn claim(&self) -> Result<Option<Loss>, WriterError> {
        let path = Path::from_iter([JOURNAL_FOLDER, self.operation_id.as_str(), CLAIM_OBJECT]);
        match self.objects.head(&path).await {
            Ok(_) => Ok(Some(Loss::Claimed {
                operation_id: self.operation_id.clone(),
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(WriterError::Claim {
                operation_id: self.operation_id.clone(),
                source,
            }),
        }
    }
}
