//! The branch of the catalog by which released engines keep others from writing while a schema changes.
//!
//! No store can delete an object only if it is the one that was read. An executor that lost its operation cannot delete a later
//! lock, because it acts under a [`root_objects::store::Hold`]. One race is left on every store: a foreign engine takes its lock anew
//! between the last look, which is part of the removal, and the deletion, one request later.

use lance::dataset::refs::branch_contents_path;
use sidecar::root_layout::SCHEMA_LOCK_BRANCH;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::head::BranchEntry;

/// A schema change holds, or held, the lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SchemaLock {
    /// When it was made, in seconds since the Unix epoch.
    pub created_at: u64,
}

/// The outcome of removing the lock.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UnlockOutcome {
    /// It is gone now.
    Removed,
    /// It was gone before.
    Absent,
    /// It is another one, made at another time, and stays.
    Another {
        /// The one that is there.
        lock: SchemaLock,
    },
    /// Something depends on the branch, which a lock never has.
    Used {
        /// What.
        detail: String,
    },
}

impl LanceRoot {
    /// The lock, if there is one: one read.
    ///
    /// # Errors
    /// The entry of the branch that is the lock cannot be read or decoded.
    pub async fn schema_lock(&self) -> Result<Option<SchemaLock>, TableError> {
        Ok(self.lock_entry().await?.map(|entry| SchemaLock {
            created_at: entry.create_at,
        }))
    }

    async fn lock_entry(&self) -> Result<Option<BranchEntry>, TableError> {
        let place = self.catalog_place(Some(SCHEMA_LOCK_BRANCH))?;
        self.branch_entry(&place, SCHEMA_LOCK_BRANCH).await
    }

    /// Removes the lock that was made at this time, in seconds since the Unix epoch. A branch to which somebody committed is no lock,
    /// and stays.
    ///
    /// Lance removes the branch's entry first, then its files. If a removal died in between, the next one removes the files.
    ///
    /// # Errors
    ///
    /// After an error the lock may be there or not; removing it again is safe.
    pub async fn remove_schema_lock(&self, made_at: u64) -> Result<UnlockOutcome, TableError> {
        let place = self.catalog_place(Some(SCHEMA_LOCK_BRANCH))?;
        let head = self.latest(&place, &place.base).await?;
        let head = head.map(|location| location.version);
        let main = self.catalog_place(None)?;
        let Some(location) = self.latest(&main, &main.base).await? else {
            return Ok(UnlockOutcome::Absent);
        };
        let file = self.known_version(&main, location.version).await?;
        let mut dataset = self.dataset_at(&main, &file).await?;
        let entry = self.lock_entry().await?;
        match (&entry, head) {
            (None, None) => {
                self.make_unlocking_durable(&place).await?;
                return Ok(UnlockOutcome::Absent);
            }
            (Some(entry), _) if entry.create_at != made_at => {
                return Ok(UnlockOutcome::Another {
                    lock: SchemaLock {
                        created_at: entry.create_at,
                    },
                });
            }
            (Some(entry), Some(head)) if Some(head) != entry.parent_version => {
                return Ok(UnlockOutcome::Used {
                    detail: format!("the branch {SCHEMA_LOCK_BRANCH} has commits of its own"),
                });
            }
            _ => {}
        }
        let failed = |source| TableError::lance(&place.name, "removing the schema lock", source);
        match dataset.force_delete_branch(SCHEMA_LOCK_BRANCH).await {
            Ok(()) => {
                self.make_unlocking_durable(&place).await?;
                Ok(UnlockOutcome::Removed)
            }
            Err(lance_core::Error::RefConflict { message, .. }) => {
                Ok(UnlockOutcome::Used { detail: message })
            }
            Err(source) => Err(failed(source)),
        }
    }

    /// Makes the removal of the branch's entry and files durable. Lance removes folders past our store, and syncs none.
    async fn make_unlocking_durable(&self, place: &Place) -> Result<(), TableError> {
        let entry = branch_contents_path(&place.dataset, SCHEMA_LOCK_BRANCH);
        self.make_durable(place, &[entry, place.base.clone()]).await
    }
}
