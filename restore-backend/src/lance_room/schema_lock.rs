//! The branch of the catalog by which released engines keep others from writing while a schema changes.

use super::LanceRoom;
use super::TableError;
use super::head::BranchEntry;

/// The branch.
const LOCK_BRANCH: &str = "__schema_apply_lock__";

/// A schema change holds, or held, the lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SchemaLock {
    /// When it was made, in seconds since the Unix epoch.
    pub created_at: u64,
}

/// What removing the lock came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UnlockOutcome {
    /// It is gone now.
    Removed,
    /// It was gone before.
    Absent,
    /// Something depends on the branch, which a lock never has.
    Used {
        /// What.
        detail: String,
    },
}

impl LanceRoom {
    /// The lock, if there is one: one read.
    pub async fn schema_lock(&self) -> Result<Option<SchemaLock>, TableError> {
        Ok(self.lock_entry().await?.map(|entry| SchemaLock {
            created_at: entry.create_at,
        }))
    }

    async fn lock_entry(&self) -> Result<Option<BranchEntry>, TableError> {
        let place = self.catalog_place(Some(LOCK_BRANCH))?;
        self.branch_entry(&place, LOCK_BRANCH).await
    }

    /// Removes the lock. A branch to which somebody committed is no lock, and stays.
    ///
    /// Lance removes the branch's entry first and its files then; of a removal that died in between, the files are left, and
    /// removing it again removes those.
    ///
    /// # Errors
    ///
    /// After an error the lock may be there or not; removing it again is safe.
    pub async fn remove_schema_lock(&self) -> Result<UnlockOutcome, TableError> {
        let place = self.catalog_place(Some(LOCK_BRANCH))?;
        let entry = self.lock_entry().await?;
        let head = self.latest(&place, &place.base).await?;
        let head = head.map(|location| location.version);
        match (&entry, head) {
            (None, None) => return Ok(UnlockOutcome::Absent),
            (Some(entry), Some(head)) if Some(head) != entry.parent_version => {
                return Ok(UnlockOutcome::Used {
                    detail: format!("the branch {LOCK_BRANCH} has commits of its own"),
                });
            }
            _ => {}
        }
        let failed = |source| TableError::lance(&place.name, "removing the schema lock", source);
        let main = self.catalog_place(None)?;
        let Some(location) = self.latest(&main, &main.base).await? else {
            return Ok(UnlockOutcome::Absent);
        };
        let file = self.known_version(&main, location.version).await?;
        let mut dataset = self.dataset_at(&main, &file).await?;
        match dataset.force_delete_branch(LOCK_BRANCH).await {
            Ok(()) => Ok(UnlockOutcome::Removed),
            Err(lance_core::Error::RefConflict { message, .. }) => {
                Ok(UnlockOutcome::Used { detail: message })
            }
            Err(source) => Err(failed(source)),
        }
    }
}
