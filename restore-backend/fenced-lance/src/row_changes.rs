//! How the rows of two versions of a table differ, found by reading both, and within bounds.
//!
//! Lance's own delta between versions trusts the versions in which a row was made and last changed. A Restore brings old rows back
//! with their old versions, so across one that delta is wrong. Here both contents are compared instead. Fragments with the same files
//! are not read: of those only the rows that are deleted in one content and not in the other differ.

mod columns;
mod differing;
mod matching;
mod reading;
mod sample;
mod side;

use std::sync::Arc;

use futures::FutureExt;
use sidecar::rows_report::{
    MatchedBy, MatchedRows, RowChanges, RowSample, UnmatchedRows, UpdatedRows, WhyNotKnown,
};

use super::LanceRoot;
use super::TableError;
use columns::Columns;
use differing::Differing;
use matching::{Identity, Pairs, multiset_difference, paired};
use reading::{Reader, RowRead, Stopped};
use sample::Picked;
use side::Side;

pub use side::{RowBounds, RowsAt};

impl LanceRoot {
    /// How the rows of `after` differ from those of `before`; `None` is a table without rows and columns, as before it was made.
    ///
    /// # Errors
    /// A version or a file that it needs cannot be read, or is outside of the root.
    pub async fn row_changes(
        &self,
        before: Option<&RowsAt>,
        after: Option<&RowsAt>,
        bounds: &RowBounds,
    ) -> Result<RowChanges, TableError> {
        if before == after {
            return Ok(RowChanges::Same);
        }
        let (before, after) = futures::try_join!(self.side(before), self.side(after))?;
        self.compared(before.as_ref(), after.as_ref(), bounds)
            .boxed()
            .await
    }

    async fn side(&self, at: Option<&RowsAt>) -> Result<Option<Side>, TableError> {
        let Some(at) = at else { return Ok(None) };
        let place = self.place(&at.location)?;
        let file = self.known_version(&place, at.version).await?;
        let dataset = Arc::new(self.dataset_at(&place, &file).boxed().await?);
        Ok(Some(Side {
            place,
            file,
            dataset,
        }))
    }

    async fn compared(
        &self,
        before: Option<&Side>,
        after: Option<&Side>,
        bounds: &RowBounds,
    ) -> Result<RowChanges, TableError> {
        let mut columns = Columns::of(before, after);
        let Some(differing) = self
            .differing(before, after, &columns, bounds)
            .boxed()
            .await?
        else {
            let rows =
                differing::deleted_rows(before).saturating_add(differing::deleted_rows(after));
            return Ok(RowChanges::too_many_rows(rows, bounds.rows_max));
        };
        let [gone, new] = &differing;
        if gone.rows == 0 && new.rows == 0 && columns.changes.is_empty() {
            return Ok(RowChanges::Same);
        }
        let sides = [before, after];
        // Rows in one content only need not be read to be counted.
        if gone.rows == 0 || new.rows == 0 {
            let picked = Picked {
                inserted: first_addresses(after, new, bounds).await?,
                deleted: first_addresses(before, gone, bounds).await?,
                updated: Vec::new(),
            };
            return Ok(RowChanges::Rows(MatchedRows {
                inserted: new.rows,
                updated: UpdatedRows::Exactly { rows: 0 },
                deleted: gone.rows,
                matched_by: MatchedBy::Place,
                sample: sampled(sides, &columns, &picked, bounds).await?,
                columns: columns.changes,
            }));
        }
        let rows = gone.rows.saturating_add(new.rows);
        if rows > bounds.rows_max {
            return Ok(RowChanges::too_many_rows(rows, bounds.rows_max));
        }
        columns.leave_out_wide_vectors(rows, bounds.vector_bytes_max);
        let (Some(before), Some(after)) = (before, after) else {
            // Without a side it has no rows that differ.
            return Ok(RowChanges::Same);
        };
        let mut reader = Reader::new(&columns, has_row_ids(before, after), bounds.bytes_max);
        let mut read = Vec::with_capacity(2);
        for (side, differing) in [(before, gone), (after, new)] {
            match reader.read(side, differing).boxed().await {
                Ok(rows) => read.push(rows),
                Err(Stopped::TooManyBytes) => {
                    return Ok(RowChanges::too_many_bytes(bounds.bytes_max));
                }
                Err(Stopped::Failed(error)) => return Err(error),
            }
        }
        let has_keys = reader.has_keys();
        let (gone, new) = (&read[0], &read[1]);
        let (matched_by, pairs) = match identified(&columns, has_keys, &reader, gone, new) {
            Identified::By(matched_by, pairs) => (matched_by, pairs),
            Identified::Reused => return Ok(RowChanges::row_ids_reused()),
            Identified::No => {
                return unmatched(sides, columns, gone, new, bounds).await;
            }
        };
        let picked = Picked::of(&pairs.changed, gone, new, bounds.sample_rows);
        let Pairs { changed, same, .. } = pairs;
        let updated = changed.updated.len() as u64;
        Ok(RowChanges::Rows(MatchedRows {
            inserted: changed.inserted.len() as u64,
            deleted: changed.deleted.len() as u64,
            updated: match columns.not_compared.as_slice() {
                [] => UpdatedRows::Exactly { rows: updated },
                _ if same == 0 => UpdatedRows::Exactly { rows: updated },
                not_compared => UpdatedRows::Between {
                    at_least: updated,
                    at_most: updated + same,
                    not_compared: not_compared.to_vec(),
                },
            },
            matched_by,
            sample: sampled(sides, &columns, &picked, bounds).await?,
            columns: columns.changes,
        }))
    }
}

enum Identified {
    By(MatchedBy, Pairs),
    /// A row id names two rows.
    Reused,
    /// Nothing tells which row is which.
    No,
}

/// Tells which row is which: by the key, where it names each row once, else by stable row ids.
///
/// The key comes first: whoever replaces all rows of a table gives them new row ids, and readers know nothing of those.
fn identified(
    columns: &Columns,
    has_keys: bool,
    reader: &Reader<'_>,
    gone: &[RowRead],
    new: &[RowRead],
) -> Identified {
    if let Some(key) = columns.key.as_ref().filter(|_| has_keys)
        && let Some(pairs) = paired(gone, new, Identity::Key)
    {
        let columns = key.clone();
        return Identified::By(MatchedBy::Key { columns }, pairs);
    }
    if !reader.has_row_ids() {
        return Identified::No;
    }
    match paired(gone, new, Identity::RowId) {
        Some(pairs) if pairs.is_of_the_same_rows(gone, new) => {
            Identified::By(MatchedBy::RowId, pairs)
        }
        _ => Identified::Reused,
    }
}

async fn unmatched(
    sides: [Option<&Side>; 2],
    columns: Columns,
    gone: &[RowRead],
    new: &[RowRead],
    bounds: &RowBounds,
) -> Result<RowChanges, TableError> {
    if !columns.not_compared.is_empty() {
        return Ok(RowChanges::not_known(
            WhyNotKnown::ColumnsNotCompared,
            format!(
                "rows cannot be matched without stable row ids or a key, and {} columns are not compared",
                columns.not_compared.len()
            ),
        ));
    }
    let changed = multiset_difference(gone, new);
    let picked = Picked::of(&changed, gone, new, bounds.sample_rows);
    let (gone, new) = (changed.deleted.len() as u64, changed.inserted.len() as u64);
    let sample = sampled(sides, &columns, &picked, bounds).await?;
    if gone == 0 || new == 0 {
        return Ok(RowChanges::Rows(MatchedRows {
            inserted: new,
            updated: UpdatedRows::Exactly { rows: 0 },
            deleted: gone,
            matched_by: MatchedBy::Place,
            sample,
            columns: columns.changes,
        }));
    }
    Ok(RowChanges::Unmatched(UnmatchedRows {
        new,
        gone,
        why: WhyNotKnown::NoRowIdentity,
        detail: "no key column names each row once, and no stable row ids hold for both versions"
            .to_owned(),
        sample,
        columns: columns.changes,
    }))
}

/// Whether rows of both contents can be matched by Lance's stable row ids. On two Lance branches the same id may name two rows.
fn has_row_ids(before: &Side, after: &Side) -> bool {
    before.place.base == after.place.base
        && [before, after].iter().all(|side| {
            let manifest = &side.file.manifest;
            let mut fragments = manifest.fragments.iter();
            manifest.uses_stable_row_ids()
                && fragments.all(|fragment| fragment.created_at_version_meta.is_some())
        })
}

async fn first_addresses(
    side: Option<&Side>,
    differing: &Differing,
    bounds: &RowBounds,
) -> Result<Vec<u64>, TableError> {
    match side {
        Some(side) if bounds.sample_rows > 0 => {
            reading::first_addresses(side, differing, bounds.sample_rows)
                .boxed()
                .await
        }
        Some(_) | None => Ok(Vec::new()),
    }
}

async fn sampled(
    sides: [Option<&Side>; 2],
    columns: &Columns,
    picked: &Picked,
    bounds: &RowBounds,
) -> Result<Option<RowSample>, TableError> {
    if bounds.sample_rows == 0 {
        return Ok(None);
    }
    sample::sampled(sides, columns, picked)
        .boxed()
        .await
        .map(Some)
}
