//! The catalog fence: an empty commit that makes every publisher who read the catalog before it lose.

use lance::dataset::transaction::Operation;
use sidecar::root_layout::STAMPS_ACTED_ON;

use super::LanceRoot;
use super::TableError;
use super::catalog::OpenCatalog;
use super::commit::CommitOutcome;
use super::commit::EffectIdentity;
use super::commit::EffectKind;
use super::commit::Refusal;
use super::staged::Staged;

/// Moves the catalog from one version to the next without changing it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FenceRequest {
    /// The branch of the catalog.
    pub branch: Option<String>,
    /// The catalog version that was read. The fence lands at exactly the one after it.
    pub read_version: u64,
    /// The uuid of the transaction that made it, which a dropped and re-made catalog has not.
    pub read_transaction: String,
    /// What the fence belongs to.
    pub identity: EffectIdentity,
}

impl LanceRoot {
    /// Fences the catalog, if nobody published since it was read; done again, it does nothing.
    ///
    /// # Errors
    ///
    /// An error means that no commit was attempted.
    pub async fn fence_catalog(&self, request: &FenceRequest) -> Result<CommitOutcome, TableError> {
        let place = self.catalog_place(request.branch.as_deref())?;
        let signature = request.identity.signature(EffectKind::FenceCatalog);
        // The commit itself finds out whether the version that was read is still the latest, and lands on no other.
        let opened = match self.catalog_read_at(&place, request.read_version) {
            Some(opened) => opened,
            None => match self.open_catalog(&place).await? {
                OpenCatalog::Present(opened) => *opened,
                OpenCatalog::NoCatalog => return Ok(refused(Refusal::CatalogMissing)),
                OpenCatalog::NoBranch { .. } => return Ok(refused(Refusal::BranchMissing)),
            },
        };
        if opened.catalog.version != request.read_version {
            return self
                .catalog_moved(&place, request.read_version, &signature)
                .await;
        }
        if opened.file.transaction_uuid().unwrap_or_default() != request.read_transaction {
            return Ok(CommitOutcome::HeadMoved {
                expected: request.read_version,
                found: opened.catalog.version,
                found_transaction: opened.catalog.transaction,
            });
        }
        if !STAMPS_ACTED_ON.contains(&opened.catalog.stamp)
            && !opened.catalog.publishes_by_identity()
        {
            return Ok(refused(Refusal::StampNotSupported {
                stamp: opened.catalog.stamp,
            }));
        }
        // An append of no fragments. Every Lance reads it, it is what appending nothing has always
        // written, and the new version has the same rows, schema, settings and indices as the one
        // before. To an engine's merge that is under way it is one more concurrent publish: a
        // conflict that may be retried, so the engine reads the catalog again, finds its pins as
        // they were, and goes on. (A change of settings would pass unnoticed; an overwrite or a
        // restore would fail the engine for good.) Our own publishers do not retry on top of it:
        // they commit at exactly the version after what they read, which is now taken.
        let nothing = Operation::Append {
            fragments: Vec::new(),
        };
        let staged = Staged::plain(signature.sign(request.read_version, nothing));
        match self.commit_fenced(&place, opened.dataset, staged).await? {
            CommitOutcome::HeadMoved { .. } => {
                self.catalog_moved(&place, request.read_version, &signature)
                    .await
            }
            outcome => Ok(outcome),
        }
    }
}

fn refused(reason: Refusal) -> CommitOutcome {
    CommitOutcome::Refused { reason }
}
