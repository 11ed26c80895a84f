//! An operation that is known by its sidecar, and may be taken over at any time.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sidecar::OperationId;

use super::Loss;
use super::WriterError;
use crate::journal_store::CLAIM_OBJECT;
use crate::journal_store::JOURNAL_FOLDER;
use crate::lance_room::LanceRoom;

/// An operation whose sidecar is there.
#[derive(Clone, Debug)]
pub(super) struct Announced {
    pub(super) room: LanceRoom,
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) operation_id: OperationId,
}

impl Announced {
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
