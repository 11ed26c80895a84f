//! The journals of a root as they are stored, and whether their chains hold.

use sidecar::OperationId;
use sidecar::api::{AuditReport, AuditedOperation, AuditedRecord};
use sidecar::journal::{JournalEntry, JournalRecord, record_digest, verify_chain};

use super::ServiceError;
use crate::chain;
use crate::journal_store::{self, JournalStoreError};
use crate::root::Root;

/// The journals of a root, or of one operation; with `verify`, whether their chains of digests hold.
///
/// A journal that does not verify is shown as far as its records can be read.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if the one that is asked for has no journal; else see [`ServiceError`].
pub async fn audit(
    root: &Root,
    operation: Option<&OperationId>,
    verify: bool,
) -> Result<AuditReport, ServiceError> {
    let operations: Vec<OperationId> = match operation {
        Some(operation) => vec![operation.clone()],
        None => journal_store::list_journals(root.objects())
            .await?
            .into_keys()
            .collect(),
    };
    let mut audited = Vec::with_capacity(operations.len());
    for operation_id in operations {
        let stored = match journal_store::read_records(
            root.objects(),
            &operation_id,
            &root.limits(),
        )
        .await
        {
            Ok(stored) => stored,
            Err(error) if operation.is_some() => return Err(error.into()),
            Err(error) => {
                audited.push(unread_operation(&operation_id, &error, verify));
                continue;
            }
        };
        if stored.is_empty() && operation.is_some() {
            return Err(ServiceError::UnknownOperation {
                root: root.id().to_string(),
                operation: operation_id.to_string(),
            });
        }
        audited.push(audited_operation(&operation_id, &stored, verify));
    }
    Ok(AuditReport {
        root: root.id().to_string(),
        operations: audited,
    })
}

/// A journal that cannot be read hides no other.
fn unread_operation(
    operation_id: &OperationId,
    error: &JournalStoreError,
    verify: bool,
) -> AuditedOperation {
    AuditedOperation {
        operation_id: operation_id.to_string(),
        outcome: None,
        verified: verify.then_some(false),
        problem: Some(chain::text(error)),
        records: Vec::new(),
    }
}

fn audited_operation(
    operation_id: &OperationId,
    stored: &[Vec<u8>],
    verify: bool,
) -> AuditedOperation {
    let folded = verify_chain(operation_id, stored.iter().map(Vec::as_slice));
    let records: Vec<AuditedRecord> = stored
        .iter()
        .filter_map(|bytes| {
            let record: JournalRecord = serde_json::from_slice(bytes).ok()?;
            Some(AuditedRecord {
                digest: record_digest(bytes),
                record,
                stored: String::from_utf8(bytes.clone()).ok()?,
            })
        })
        .collect();
    let outcome = records
        .iter()
        .rev()
        .find_map(|audited| match &audited.record.entry {
            JournalEntry::Finished { outcome, .. } => Some(Some(*outcome)),
            JournalEntry::Reopened { .. } => Some(None),
            _ => None,
        })
        .flatten();
    AuditedOperation {
        operation_id: operation_id.to_string(),
        outcome,
        verified: verify.then_some(folded.is_ok()),
        problem: folded.err().map(|error| chain::text(&error)),
        records,
    }
}
