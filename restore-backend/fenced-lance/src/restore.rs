//! The one effect on a table: bringing an older version back as a new one.

use std::sync::Arc;

use lance::dataset::transaction::Operation;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::commit::CommitOutcome;
use super::commit::EffectIdentity;
use super::commit::EffectKind;
use super::commit::Landed;
use super::commit::Refusal;
use super::commit::Signature;
use super::head::HeadSearch;
use super::location::TableLocation;
use super::staged::Staged;
use super::version::VersionFile;

/// Brings `target` back as the version after `head_version`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestoreRequest {
    /// The table.
    pub location: TableLocation,
    /// HEAD in the plan. The restore lands at exactly the version after it, or not at all.
    pub head_version: u64,
    /// The uuid of the transaction that made HEAD, which a dropped and re-made table has not.
    pub head_transaction: String,
    /// The version to bring back.
    pub target: u64,
    /// What the restore belongs to.
    pub identity: EffectIdentity,
}

impl LanceRoot {
    /// Restores a table, if it still stands where the plan says; done again, it does nothing.
    ///
    /// # Errors
    ///
    /// An error means that no commit was attempted.
    pub async fn restore(&self, request: &RestoreRequest) -> Result<CommitOutcome, TableError> {
        let place = self.place(&request.location)?;
        let signature = request.identity.signature(EffectKind::Restore);
        // The look before read HEAD. The commit itself fails if that is no longer HEAD, so HEAD is read again only if it moved.
        if let Some(file) = self.approved_head(&place, request) {
            let outcome = self
                .restore_over(&place, &file, request, &signature)
                .await?;
            return match outcome {
                CommitOutcome::HeadMoved { found, .. } if found > request.head_version => {
                    self.restored_before(&place, request, &signature).await
                }
                outcome => Ok(outcome),
            };
        }
        let head_location = match self.find_head(&place).await? {
            HeadSearch::At { location, .. } => location,
            HeadSearch::DatasetMissing => return Ok(refused(Refusal::TableMissing)),
            HeadSearch::BranchMissing => return Ok(refused(Refusal::BranchMissing)),
        };
        let head = head_location.version;
        if head > request.head_version {
            return self.restored_before(&place, request, &signature).await;
        }
        if head < request.head_version {
            return self.head_moved(&place, request.head_version).await;
        }
        let file = self.listed_version(&place, &head_location).await?;
        if file.transaction_uuid().unwrap_or_default() != request.head_transaction {
            return Ok(CommitOutcome::HeadMoved {
                expected: request.head_version,
                found: head,
                found_transaction: file.transaction_uuid().map(str::to_owned),
            });
        }
        self.restore_over(&place, &file, request, &signature).await
    }

    /// The plan's HEAD, if this `LanceRoot` has read it.
    fn approved_head(&self, place: &Place, request: &RestoreRequest) -> Option<Arc<VersionFile>> {
        let file = self.version_last_read(place, request.head_version)?;
        // For a branch, HEAD is not enough: the branch entry may have been deleted. So no shortcut.
        let is_approved = place.location.other_branch().is_none()
            && file.location.e_tag.is_some()
            && !request.head_transaction.is_empty()
            && file.transaction_uuid() == Some(request.head_transaction.as_str());
        is_approved.then_some(file)
    }

    async fn restore_over(
        &self,
        place: &Place,
        head: &VersionFile,
        request: &RestoreRequest,
        signature: &Signature,
    ) -> Result<CommitOutcome, TableError> {
        if request.target >= request.head_version {
            return Ok(refused(Refusal::Lance {
                reason: format!("version {} is not older than HEAD", request.target),
            }));
        }
        let dataset = self.dataset_at(place, head).await?;
        let restore = Operation::Restore {
            version: request.target,
        };
        let staged = Staged::plain(signature.sign(request.head_version, restore));
        let handler = match self.version_last_read(place, request.target) {
            Some(target) => self.handler().knowing(target.location.clone()),
            None => self.handler(),
        };
        self.commit_with(place, dataset, staged, handler).await
    }

    // Others may have committed on top of our restore since, so it is looked for at the only
    // version it can have landed at, not at HEAD.
    async fn restored_before(
        &self,
        place: &Place,
        request: &RestoreRequest,
        signature: &Signature,
    ) -> Result<CommitOutcome, TableError> {
        let version = request.head_version + 1;
        match self.landed(place, version, signature).await? {
            Landed::Ours(summary) if summary.restored_version == Some(request.target) => {
                Ok(CommitOutcome::AlreadyDone { version })
            }
            Landed::Ours(_) | Landed::Foreign => self.head_moved(place, request.head_version).await,
            Landed::Gone => match self.head_moved(place, request.head_version).await? {
                // Lance never removes HEAD, so others had committed above this version before it was cleaned away.
                CommitOutcome::HeadMoved { found, .. } if found > version => {
                    Ok(refused(Refusal::CleanedAway { version }))
                }
                CommitOutcome::HeadMoved { .. } => Ok(CommitOutcome::Unknown {
                    reason: format!("version {version} was there and could not be read"),
                }),
                missing => Ok(missing),
            },
        }
    }
}

fn refused(reason: Refusal) -> CommitOutcome {
    CommitOutcome::Refused { reason }
}
