//! The journals of a root as they are stored, and whether their chains hold.

use sidecar::api::{AuditReport, AuditedOperation, AuditedRecord};
use sidecar::journal::{JournalEntry, JournalError, JournalRecord, JournalState, record_digest};
use sidecar::{OperationId, Reason};

use super::root_to_blame::{looked, readable_catalog};
use crate::error::ServiceError;
use crate::root::Root;
use root_objects::journal_store;
use root_objects::off_thread;
use sidecar::error_text;

/// Operations of one page, unless fewer are asked for.
pub const AUDIT_PAGE_MAX: usize = 100;
/// Bytes of the records that one answer carries. One record is carried whatever its size.
const PAGE_BYTES_MAX: u64 = 4 << 20;

/// What is wrong with a journal that is marked as closed and has no terminal record.
const CUT_OFF: &str = "the journal is marked as closed, and its terminal record is not there: records at its end were removed";

/// Which records of a journal are wanted.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// From the record with this number on.
    from: u64,
    /// As many bytes of records as this, and one record at least.
    bytes_max: u64,
}

impl Window {
    const WHOLE: Self = Self {
        from: 1,
        bytes_max: u64::MAX,
    };
}

/// The result of listing all journals of a root.
#[derive(Debug, Clone)]
pub struct OnRecord {
    /// The operations that have a journal, oldest first.
    pub operations: Vec<OperationId>,
    /// Objects beside the journals that should not be there and were skipped. A look lists the open operations alone and misses
    /// them, so the audit reports them.
    pub skipped: Vec<Reason>,
}

/// Everything that is on record in a root.
///
/// # Errors
/// See [`ServiceError`]. An empty answer is given only for a root with a readable catalog.
pub async fn on_record(root: &Root) -> Result<OnRecord, ServiceError> {
    looked(root, found_on_record(root)).await
}

async fn found_on_record(root: &Root) -> Result<OnRecord, ServiceError> {
    let (journals, skipped) = journal_store::list_all(root.objects()).await?;
    if journals.is_empty() {
        readable_catalog(root).await?;
    }
    Ok(OnRecord {
        operations: journals.into_keys().collect(),
        skipped: skipped.into_reasons(),
    })
}

/// The journals of a root, or of one operation; with `verify`, whether their chains of digests hold.
///
/// A journal that does not verify is shown as far as its records can be read. All the journals asked for are in memory at once;
/// for a whole root use [`on_record`] and [`audit_page`].
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if the one that is asked for has no journal; else see [`ServiceError`].
pub async fn audit(
    root: &Root,
    operation: Option<&OperationId>,
    verify: bool,
) -> Result<AuditReport, ServiceError> {
    let (operations, skipped) = match operation {
        Some(operation) => {
            let audited = one(root, operation, verify, Window::WHOLE);
            (vec![looked(root, audited).await?], Vec::new())
        }
        None => {
            let found = on_record(root).await?;
            let mut operations = Vec::new();
            for operation in found.operations {
                operations.push(audit_listed(root, &operation, verify).await);
            }
            (operations, found.skipped)
        }
    };
    Ok(AuditReport {
        root: root.address().to_string(),
        operations,
        skipped,
        next: None,
    })
}

/// The journal of a listed operation. A journal that cannot be read is an entry of its own and hides no other.
pub async fn audit_listed(root: &Root, operation: &OperationId, verify: bool) -> AuditedOperation {
    listed(root, operation, verify, Window::WHOLE).await
}

async fn listed(
    root: &Root,
    operation: &OperationId,
    verify: bool,
    window: Window,
) -> AuditedOperation {
    match one(root, operation, verify, window).await {
        Ok(audited) => audited,
        // The folder holds a claim or a note, but no record.
        Err(ServiceError::UnknownOperation { .. }) => AuditedOperation {
            operation_id: operation.to_string(),
            outcome: None,
            verified: verify.then_some(true),
            problem: None,
            records: Vec::new(),
            next_record: None,
        },
        Err(error) => unread_operation(operation, &error, verify),
    }
}

/// The journals of at most `limit` operations older than `after`, newest first. A long journal is cut after its first records.
///
/// # Errors
/// As [`on_record`].
pub async fn audit_page(
    root: &Root,
    after: Option<&OperationId>,
    limit: usize,
) -> Result<AuditReport, ServiceError> {
    let OnRecord {
        operations: mut left,
        mut skipped,
    } = on_record(root).await?;
    if let Some(after) = after {
        left.retain(|operation| operation < after);
        skipped.clear();
    }
    let mut operations = Vec::new();
    let (mut bytes_left, mut last) = (PAGE_BYTES_MAX, None);
    while operations.len() < limit.clamp(1, AUDIT_PAGE_MAX)
        && bytes_left > 0
        && let Some(operation) = left.pop()
    {
        let window = Window {
            from: 1,
            bytes_max: bytes_left,
        };
        let audited = listed(root, &operation, false, window).await;
        let bytes: usize = audited
            .records
            .iter()
            .map(|record| record.stored.len())
            .sum();
        bytes_left = bytes_left.saturating_sub(bytes as u64);
        operations.push(audited);
        last = Some(operation.to_string());
    }
    Ok(AuditReport {
        root: root.address().to_string(),
        operations,
        skipped,
        next: last.filter(|_| !left.is_empty()),
    })
}

/// The journal of one operation, verified, from the record with number `from` on, as far as one answer carries it.
///
/// # Errors
/// As [`audit`].
pub async fn audit_records(
    root: &Root,
    operation: &OperationId,
    from: u64,
) -> Result<AuditReport, ServiceError> {
    let window = Window {
        from,
        bytes_max: PAGE_BYTES_MAX,
    };
    let audited = looked(root, one(root, operation, true, window)).await?;
    Ok(AuditReport {
        root: root.address().to_string(),
        operations: vec![audited],
        skipped: Vec::new(),
        next: None,
    })
}

/// The entry of a journal that cannot be read.
fn unread_operation(
    operation_id: &OperationId,
    error: &ServiceError,
    verify: bool,
) -> AuditedOperation {
    AuditedOperation {
        operation_id: operation_id.to_string(),
        outcome: None,
        verified: verify.then_some(false),
        problem: Some(error_text(error)),
        records: Vec::new(),
        next_record: None,
    }
}

/// Reads and folds a journal record by record, and keeps those in the window.
async fn one(
    root: &Root,
    operation_id: &OperationId,
    verify: bool,
    window: Window,
) -> Result<AuditedOperation, ServiceError> {
    // Listed before the records are read: whoever closes the journal meanwhile has written its last record by then.
    let is_closed = verify && is_marked_closed(root, operation_id).await?;
    let mut audited = Audited {
        folded: Ok(JournalState::new(operation_id.clone())),
        sequence: 0,
        bytes_left: window.bytes_max,
        window,
        outcome: None,
        records: Vec::new(),
        next_record: None,
    };
    journal_store::visit_records(root.objects(), operation_id, &root.limits(), |bytes| {
        off_thread::in_place(bytes.len(), || audited.add(bytes));
    })
    .await?;
    if audited.sequence == 0 {
        return Err(ServiceError::UnknownOperation {
            root: root.shown(),
            operation: operation_id.to_string(),
        });
    }
    let is_unfinished = |state: &JournalState| state.finished().is_none();
    // A chain of digests does not show that records at its end are gone; the mark of a closed journal does.
    let is_cut_off = is_closed
        && audited.folded.as_ref().is_ok_and(is_unfinished)
        && is_marked_closed(root, operation_id).await?;
    let problem = audited.folded.err().map(|error| error_text(&error));
    let problem = problem.or_else(|| is_cut_off.then(|| CUT_OFF.to_owned()));
    Ok(AuditedOperation {
        operation_id: operation_id.to_string(),
        outcome: audited.outcome,
        verified: verify.then_some(problem.is_none()),
        problem,
        records: audited.records,
        next_record: audited.next_record,
    })
}

/// Whether the journal is marked as closed, and not as opened again since.
async fn is_marked_closed(root: &Root, operation_id: &OperationId) -> Result<bool, ServiceError> {
    let listed = journal_store::list_journal(root.objects(), operation_id).await?;
    Ok(listed.closed)
}

struct Audited {
    folded: Result<JournalState, JournalError>,
    sequence: u64,
    window: Window,
    bytes_left: u64,
    outcome: Option<sidecar::OutcomeKind>,
    records: Vec<AuditedRecord>,
    next_record: Option<u64>,
}

impl Audited {
    fn add(&mut self, bytes: Vec<u8>) {
        self.sequence += 1;
        let unfolded = Ok(JournalState::new(OperationId::of_nobody(&[])));
        self.folded =
            std::mem::replace(&mut self.folded, unfolded).and_then(|folded| folded.append(&bytes));
        let record: Option<JournalRecord> = serde_json::from_slice(&bytes).ok();
        match record.as_ref().map(|record| &record.entry) {
            Some(JournalEntry::Finished { outcome, .. }) => self.outcome = Some(*outcome),
            Some(JournalEntry::Reopened { .. }) => self.outcome = None,
            Some(
                JournalEntry::Approved { .. }
                | JournalEntry::Revoked { .. }
                | JournalEntry::Claimed { .. }
                | JournalEntry::StepsStarted { .. }
                | JournalEntry::StepsFinished { .. }
                | JournalEntry::Interrupted { .. },
            )
            | None => {}
        }
        if self.sequence < self.window.from || self.next_record.is_some() {
            return;
        }
        let size = bytes.len() as u64;
        if size > self.bytes_left && !self.records.is_empty() {
            self.next_record = Some(self.sequence);
            return;
        }
        self.bytes_left = self.bytes_left.saturating_sub(size);
        let digest = record_digest(&bytes);
        if let (Some(record), Ok(stored)) = (record, String::from_utf8(bytes)) {
            self.records.push(AuditedRecord {
                digest,
                record,
                stored,
            });
        }
    }
}
