//! Phase D: the sidecar of a visible operation goes.

use sidecar::OperationId;

use super::PhaseOutcome;
use super::WriterError;
use super::announced::Announced;
use root_objects::sidecar_dir::delete_sidecar;

/// Phase D: a published operation whose sidecar is to be deleted.
#[derive(Debug)]
pub struct Published {
    pub(super) announced: Announced,
    pub(super) catalog_version: u64,
}

impl Published {
    /// The operation.
    pub fn operation_id(&self) -> &OperationId {
        &self.announced.operation_id
    }

    /// The catalog version that made the write visible.
    pub fn catalog_version(&self) -> u64 {
        self.catalog_version
    }

    /// Deletes the sidecar, unless recovery has taken the operation over; the write stays visible
    /// either way, and recovery finds that out.
    ///
    /// # Errors
    ///
    /// See [`WriterError`].
    pub async fn finish(self) -> Result<PhaseOutcome<Finished>, WriterError> {
        if let Some(loss) = self.announced.claim().await? {
            return Ok(PhaseOutcome::Lost(loss));
        }
        let operation_id = self.announced.operation_id;
        delete_sidecar(&self.announced.objects, &operation_id.file_name())
            .await
            .map_err(WriterError::Sidecar)?;
        Ok(PhaseOutcome::Done(Finished {
            operation_id,
            catalog_version: self.catalog_version,
        }))
    }

    /// Leaves the operation as it is, like a crash would, and returns its id.
    pub fn stop(self) -> OperationId {
        self.announced.operation_id
    }
}

/// An operation that is visible and has left nothing behind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finished {
    /// The operation.
    pub operation_id: OperationId,
    /// The catalog version that made the write visible.
    pub catalog_version: u64,
}
