//! Phases B and C: every table is committed, then all are made visible at once.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use sidecar::OperationId;
use sidecar::PinMove;

use super::Loss;
use super::PhaseOutcome;
use super::Published;
use super::WriterError;
use super::announced::Announced;
use super::late_commit;
use super::pinned_table::PinnedTable;
use super::read_catalog::read_catalog;
use fenced_lance::CommitOutcome;
use fenced_lance::EffectIdentity;
use fenced_lance::PublishRequest;
use fenced_lance::Refusal;
use fenced_lance::TableWrite;

/// How often a publish is tried again because somebody published other tables meanwhile. Each
/// attempt reads the catalog anew; a root this busy for longer needs its writers to take turns.
const PUBLISH_ATTEMPTS_MAX: usize = 16;

/// Phases B and C: an announced operation whose tables are to be committed and published.
#[derive(Debug)]
pub struct Prepared {
    pub(super) announced: Announced,
    pub(super) branch: Option<String>,
    pub(super) tables: BTreeMap<String, PinnedTable>,
    pub(super) committed: BTreeSet<String>,
}

impl Prepared {
    /// The operation.
    pub fn operation_id(&self) -> &OperationId {
        &self.announced.operation_id
    }

    /// The version of a table its write is staged on; its commit makes the next one.
    pub fn expected_version(&self, table_key: &str) -> Option<u64> {
        self.tables.get(table_key).map(|table| table.expected)
    }

    /// Phase B, one table: commits its write at exactly the version after its pin, and returns
    /// that version.
    ///
    /// Looks for a claim right before the commit is sent, and again after it landed. A claim that came
    /// in between may belong to a recovery that is over, so the table is announced anew then.
    ///
    /// # Errors
    ///
    /// See [`WriterError`].
    pub async fn commit(
        &mut self,
        table_key: &str,
        write: TableWrite,
    ) -> Result<PhaseOutcome<u64>, WriterError> {
        let table = self
            .tables
            .get(table_key)
            .filter(|_| !self.committed.contains(table_key))
            .ok_or_else(|| WriterError::NotLeftToCommit {
                operation_id: self.announced.operation_id.clone(),
                table_key: table_key.to_owned(),
            })?;
        let look = self.announced.claim_look();
        let outcome = self
            .announced
            .lance
            .commit_write(
                &table.location,
                table.expected,
                write,
                self.announced.operation_id.as_str(),
                look.clone(),
            )
            .await;
        if let Some(given_up) = look.given_up() {
            return given_up.map(PhaseOutcome::Lost);
        }
        let outcome = outcome.map_err(WriterError::Table)?;
        let may_have_landed = matches!(
            outcome,
            CommitOutcome::Committed { .. }
                | CommitOutcome::AlreadyDone { .. }
                | CommitOutcome::Unknown { .. }
        );
        if may_have_landed && let Some(loss) = self.announced.claim().await? {
            let sidecar = &self.announced.sidecar;
            late_commit::announce(&self.announced.lance, sidecar, table_key).await?;
            return Ok(PhaseOutcome::Lost(loss));
        }
        match outcome {
            CommitOutcome::Committed { version } | CommitOutcome::AlreadyDone { version } => {
                self.committed.insert(table_key.to_owned());
                Ok(PhaseOutcome::Done(version))
            }
            CommitOutcome::HeadMoved {
                expected, found, ..
            } => Ok(PhaseOutcome::Lost(Loss::Overtaken {
                table_key: table_key.to_owned(),
                expected,
                found: Some(found),
            })),
            CommitOutcome::Refused { reason } => Err(WriterError::Refused {
                what: table_key.to_owned(),
                reason,
            }),
            CommitOutcome::Unknown { reason } => Err(WriterError::Unknown {
                what: table_key.to_owned(),
                reason,
            }),
        }
    }

    /// Phase C: makes all tables visible in one commit of the catalog.
    ///
    /// The catalog is read first, then a claim is looked for, then the publish is sent for exactly
    /// the version that was read. A recovery writes its claim first and then moves the catalog on.
    /// So either the claim is seen here, or the catalog moved after it was read and the publish
    /// does not land.
    ///
    /// # Errors
    ///
    /// See [`WriterError`].
    pub async fn publish(self) -> Result<PhaseOutcome<Published>, WriterError> {
        if let Some(table_key) = self
            .tables
            .keys()
            .find(|table_key| !self.committed.contains(*table_key))
        {
            return Err(WriterError::NotCommitted {
                operation_id: self.announced.operation_id,
                table_key: table_key.clone(),
            });
        }
        let lance = &self.announced.lance;
        let mut catalog_version = 0;
        for _ in 0..PUBLISH_ATTEMPTS_MAX {
            let catalog = read_catalog(lance, self.branch.as_deref()).await?;
            catalog_version = catalog.version;
            if let Some(loss) = self.announced.claim().await? {
                return Ok(PhaseOutcome::Lost(loss));
            }
            let request = self.publish_request(catalog_version);
            let outcome = lance.publish_as_writer(&request).await;
            match outcome.map_err(WriterError::Table)? {
                CommitOutcome::Committed { version } | CommitOutcome::AlreadyDone { version } => {
                    return Ok(PhaseOutcome::Done(Published {
                        announced: self.announced,
                        catalog_version: version,
                    }));
                }
                CommitOutcome::HeadMoved { .. } => {}
                CommitOutcome::Refused {
                    reason:
                        Refusal::PinMoved {
                            table_key,
                            expected,
                            found,
                        },
                } => {
                    return Ok(PhaseOutcome::Lost(Loss::Overtaken {
                        table_key,
                        expected: expected.unwrap_or_default(),
                        found,
                    }));
                }
                CommitOutcome::Refused { reason } => {
                    return Err(WriterError::Refused {
                        what: "the catalog".to_owned(),
                        reason,
                    });
                }
                CommitOutcome::Unknown { reason } => {
                    return Err(WriterError::Unknown {
                        what: "the catalog".to_owned(),
                        reason,
                    });
                }
            }
        }
        Ok(PhaseOutcome::Lost(Loss::Crowded { catalog_version }))
    }

    fn publish_request(&self, read_version: u64) -> PublishRequest {
        let updates = self.tables.iter().map(|(table_key, table)| PinMove {
            table_key: table_key.clone(),
            from_version: table.expected,
            to_version: table.expected + 1,
            branch: table.location.branch.clone(),
        });
        PublishRequest {
            branch: self.branch.clone(),
            read_version,
            updates: updates.collect(),
            registrations: Vec::new(),
            tombstones: Vec::new(),
            graph_commit: None,
            exact: None,
            identity: EffectIdentity {
                operation_id: self.announced.operation_id.to_string(),
                plan_digest: String::new(),
            },
        }
    }

    /// Leaves the operation as it is, like a crash would, and returns its id.
    pub fn stop(self) -> OperationId {
        self.announced.operation_id
    }
}
