//! Whether a journal's chain holds, checked over its stored bytes.

use std::error::Error;

use serde::Deserialize;
use sidecar::journal::{JournalRecord, record_digest, verify_chain};
use sidecar::{Digest, OperationId, OutcomeKind, Reason, error_text};

/// The part of a [`sidecar::api::AuditReport`] that the page reads: the stored bytes. The rest follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredAudit {
    /// One journal per operation, the newest first.
    pub operations: Vec<StoredJournal>,
    /// Files and folders beside the journals that belong to none, and were skipped.
    #[serde(default)]
    pub skipped: Vec<Reason>,
    /// The operation after which the next page goes on.
    #[serde(default)]
    pub next: Option<String>,
}

impl StoredAudit {
    /// This report with the next page appended.
    #[must_use]
    pub fn with(mut self, page: Self) -> Self {
        self.operations.extend(page.operations);
        self.skipped.extend(page.skipped);
        self.next = page.next;
        self
    }
}

/// The journal of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredJournal {
    /// The operation.
    pub operation_id: String,
    /// How it ended, as the server says.
    pub outcome: Option<OutcomeKind>,
    /// What is wrong with it, as the server says.
    pub problem: Option<String>,
    /// Its records, in order.
    pub records: Vec<StoredRecord>,
    /// The number of the first record left out, if the journal is too long for one answer.
    #[serde(default)]
    pub next_record: Option<u64>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredRecord {
    /// The stored bytes as text.
    pub stored: String,
}

impl StoredRecord {
    /// The record that the bytes say.
    #[must_use]
    pub fn decode(&self) -> Option<JournalRecord> {
        serde_json::from_slice(self.stored.as_bytes()).ok()
    }

    /// The digest that the next record has to carry.
    #[must_use]
    pub fn digest(&self) -> Digest {
        record_digest(self.stored.as_bytes())
    }
}

/// What the check of one journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalCheck {
    /// Every record continues the one before it.
    Verified {
        /// How many there are.
        records: u64,
        /// How the operation ended, if it did.
        outcome: Option<OutcomeKind>,
    },
    /// The records that are here do so; there are more.
    InPart {
        /// How many are here.
        records: u64,
    },
    /// Some record does not continue the one before it.
    Broken {
        /// Which, and why.
        reason: String,
    },
}

impl JournalCheck {
    /// Verifies the stored bytes of one journal, in order.
    #[must_use]
    pub fn of<'a>(operation_id: &str, stored: impl IntoIterator<Item = &'a str>) -> Self {
        let broken = |error: &dyn Error| Self::Broken {
            reason: error_text(error),
        };
        let operation_id: OperationId = match operation_id.parse() {
            Ok(operation_id) => operation_id,
            Err(error) => return broken(&error),
        };
        match verify_chain(&operation_id, stored.into_iter().map(str::as_bytes)) {
            Ok(state) => Self::Verified {
                records: state.records(),
                outcome: state.finished().map(|finished| finished.outcome),
            },
            Err(error) => broken(&error),
        }
    }

    /// Verifies what the server gave of one operation.
    #[must_use]
    pub fn of_journal(operation: &StoredJournal) -> Self {
        match (
            Self::of(
                &operation.operation_id,
                operation
                    .records
                    .iter()
                    .map(|record| record.stored.as_str()),
            ),
            &operation.problem,
        ) {
            (Self::Verified { records, .. }, None) if operation.next_record.is_some() => {
                Self::InPart { records }
            }
            // Records that cannot be read are not given, so a chain that ends early can look whole.
            (Self::Verified { .. }, Some(problem)) => Self::Broken {
                reason: problem.clone(),
            },
            (Self::Verified { outcome, .. }, None) if outcome != operation.outcome => {
                Self::Broken {
                    reason: "the outcome shown is not the one on record".to_owned(),
                }
            }
            (check, _) => check,
        }
    }
}

#[cfg(test)]
mod tests {
    use sidecar::journal::{JournalEntry, JournalState};
    use sidecar::{OperationId, Timestamp};

    use super::*;
    use crate::state::recovery::sample;

    fn journal() -> (String, Vec<String>) {
        let report = sample::report();
        let operation_id: OperationId = report.operation_id.parse().unwrap();
        let plan = report.plan.clone().unwrap();
        let entries = [
            JournalEntry::Approved {
                approval: sample::approval(&report, true),
                plan: plan.clone(),
            },
            JournalEntry::Claimed {
                epoch: 1,
                executor: "x".to_owned(),
                plan_digest: report.digest.unwrap(),
                plan,
                sidecar: sample::SIDECAR.to_owned().into(),
            },
        ];
        let mut state = JournalState::new(operation_id);
        let mut stored = Vec::new();
        for entry in entries {
            let bytes = state
                .next_record(Timestamp::from_micros(1), entry)
                .to_bytes()
                .unwrap();
            state = state.append(&bytes).unwrap();
            stored.push(String::from_utf8(bytes).unwrap());
        }
        (report.operation_id, stored)
    }

    fn check(operation_id: &str, stored: &[String]) -> JournalCheck {
        JournalCheck::of(operation_id, stored.iter().map(String::as_str))
    }

    #[test]
    fn an_untouched_journal_is_verified() {
        let (operation_id, stored) = journal();
        assert_eq!(
            check(&operation_id, &stored),
            JournalCheck::Verified {
                records: 2,
                outcome: None
            }
        );
    }

    #[test]
    fn a_changed_missing_or_foreign_record_breaks_it() {
        let (operation_id, stored) = journal();
        let changed = [stored[0].replace("\"ada\"", "\"bob\""), stored[1].clone()];
        for records in [&changed[..], &stored[1..]] {
            assert!(
                matches!(check(&operation_id, records), JournalCheck::Broken { .. }),
                "{records:?}"
            );
        }
        assert!(matches!(
            check("01M8125GKP4DN25YTCN5T9RC5H", &stored),
            JournalCheck::Broken { .. }
        ));
        assert!(matches!(
            check("nonsense", &stored),
            JournalCheck::Broken { .. }
        ));
    }
}
