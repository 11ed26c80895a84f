//! Publishing: one commit of the catalog that makes new versions of tables visible.

mod fixed;
mod keys;
mod refusal;
mod request;
mod rows;

use std::collections::BTreeMap;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::catalog::OpenCatalog;
use super::commit::CommitOutcome;
use super::commit::EffectKind;
use super::commit::Landed;
use super::commit::Refusal;
use super::commit::Signature;
use fixed::Asked;
use keys::{history_rows, new_keys, replaced_keys};
use refusal::refusal;

pub use request::{MadeBy, NewGraphCommit, PublishRequest};
pub(crate) use rows::WantedVersion;

impl LanceRoot {
    /// Publishes, if every pin is still as planned and nobody published since; done again, it does
    /// nothing.
    ///
    /// # Errors
    ///
    /// An error means that no commit was attempted.
    pub async fn publish(&self, request: &PublishRequest) -> Result<CommitOutcome, TableError> {
        self.publish_made(request, &BTreeMap::new()).await
    }

    /// As [`Self::publish`], but only if each of these tables' versions, by table key, was made by the given commit. After a
    /// backup was restored, another commit may have the same version number. The check takes no further request.
    ///
    /// # Errors
    ///
    /// As [`Self::publish`].
    pub async fn publish_made(
        &self,
        request: &PublishRequest,
        made: &BTreeMap<String, MadeBy>,
    ) -> Result<CommitOutcome, TableError> {
        let signature = request.identity.signature(EffectKind::Publish);
        self.publish_signed(request, made, &signature).await
    }

    /// As [`Self::publish`], for the writer of an operation, who signs with the operation alone and has no plan.
    ///
    /// # Errors
    ///
    /// As [`Self::publish`].
    pub async fn publish_as_writer(
        &self,
        request: &PublishRequest,
    ) -> Result<CommitOutcome, TableError> {
        let operation_id = &request.identity.operation_id;
        let signature = super::table_write::writer_signature(operation_id, "publish");
        self.publish_signed(request, &BTreeMap::new(), &signature)
            .await
    }

    async fn publish_signed(
        &self,
        request: &PublishRequest,
        made: &BTreeMap<String, MadeBy>,
        signature: &Signature,
    ) -> Result<CommitOutcome, TableError> {
        let place = self.catalog_place(request.branch.as_deref())?;
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
                .catalog_moved(&place, request.read_version, signature)
                .await;
        }
        if let Some(reason) = refusal(&opened.catalog, request) {
            return Ok(refused(reason));
        }
        let fixed = match &request.exact {
            Some(exact) => Some(fixed::rows(&opened.catalog, &asked(request), exact)?),
            None => None,
        };
        let fixed = match fixed.transpose() {
            Ok(fixed) => fixed,
            Err(reason) => return Ok(refused(reason)),
        };
        let keys = match new_keys(&opened.catalog, request, fixed.as_ref()) {
            Ok(keys) => keys,
            Err(reason) => return Ok(refused(reason)),
        };
        let mut replaced = replaced_keys(&opened.catalog, request);
        replaced.extend(
            fixed
                .iter()
                .flat_map(|fixed| fixed.replaced.iter().cloned()),
        );
        let dataset = opened.dataset;
        let (rows, there) = futures::try_join!(
            self.rows_of(&opened.catalog, request, made),
            self.key_there(&place, &dataset, &keys),
        )?;
        let described = match rows {
            Ok(rows) => rows,
            Err(reason) => return Ok(refused(reason)),
        };
        // Every version is there, made by the commit that the plan found. The catalog row of each was fixed beforehand.
        if let Some(wrong) = fixed
            .as_ref()
            .and_then(|fixed| fixed.miscounted(&described))
        {
            return Ok(refused(Refusal::Miscounted { table_key: wrong }));
        }
        let mut rows = fixed.map_or(described, |fixed| fixed.rows);
        if let Some(commit) = &request.graph_commit {
            let history = history_rows(&opened.catalog, request, commit).map_err(|source| {
                TableError::lance(&place.name, "describing a graph commit", source)
            })?;
            rows.extend(history);
        }
        if let Some(object_id) = there {
            return Ok(refused(Refusal::RowThere { object_id }));
        }
        let staged = if request.graph_commit.is_some() {
            self.stage_upsert(&place, &dataset, &replaced, &rows)
                .await?
        } else {
            self.stage_new_rows(&place, &dataset, &keys, &rows).await?
        };
        let mut staged = match staged {
            Ok(staged) => staged,
            Err(reason) => return Ok(refused(reason)),
        };
        signature.sign_over(&mut staged.transaction);
        match self.commit_fenced(&place, dataset, staged).await? {
            CommitOutcome::HeadMoved { .. } => {
                self.catalog_moved(&place, request.read_version, signature)
                    .await
            }
            outcome => Ok(outcome),
        }
    }

    /// Settles a catalog commit whose read version is no longer the latest.
    pub(super) async fn catalog_moved(
        &self,
        place: &Place,
        read_version: u64,
        signature: &Signature,
    ) -> Result<CommitOutcome, TableError> {
        let version = read_version + 1;
        Ok(match self.landed(place, version, signature).await? {
            Landed::Ours(_) => CommitOutcome::AlreadyDone { version },
            Landed::Foreign => self.head_moved(place, read_version).await?,
            Landed::Gone => {
                let moved = self.head_moved(place, read_version).await?;
                match &moved {
                    CommitOutcome::HeadMoved { found, .. } if *found > read_version => {
                        CommitOutcome::Unknown {
                            reason: format!(
                                "version {version} of the catalog was cleaned away, so nobody can tell whose it was"
                            ),
                        }
                    }
                    _ => moved,
                }
            }
        })
    }
}

const fn asked(request: &PublishRequest) -> Asked<'_> {
    Asked {
        updates: request.updates.as_slice(),
        registrations: request.registrations.as_slice(),
        tombstones: request.tombstones.as_slice(),
    }
}

fn refused(reason: Refusal) -> CommitOutcome {
    CommitOutcome::Refused { reason }
}
