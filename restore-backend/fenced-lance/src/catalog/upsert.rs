//! Rows of the catalog of which one may replace a row that is there: the one that names the head of a branch.
//!
//! Staged by Lance's own merge-insert, which takes the old row out and adds all new ones. A merge-insert plans a join and is slower
//! than [`LanceRoot::stage_new_rows`], which serves catalogs whose rows never change.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::Schema;
use lance::Dataset;
use lance::dataset::MergeInsertBuilder;
use lance::dataset::WhenMatched;
use lance::dataset::WhenNotMatched;
use lance_core::Error as LanceError;

use super::rows;
use super::rows::CatalogRow;
use super::rows::KEY;
use crate::LanceRoot;
use crate::Place;
use crate::TableError;
use crate::commit::Refusal;
use crate::commit::is_refusal;
use crate::staged::Staged;

impl LanceRoot {
    /// Writes rows of which exactly those with the keys in `replaced` replace one that is there, to be committed on the version that
    /// `dataset` is at and on no other.
    ///
    /// # Errors
    /// The rows cannot be read or written, or other rows than those would be replaced. Nothing is committed.
    pub(crate) async fn stage_upsert(
        &self,
        place: &Place,
        dataset: &Dataset,
        replaced: &BTreeSet<String>,
        rows: &[CatalogRow],
    ) -> Result<Result<Staged, Refusal>, TableError> {
        let failed = |source| TableError::lance(&place.name, "staging a publish", source);
        let arrow_schema = Arc::new(Schema::from(dataset.schema()));
        let batch = rows::batch(arrow_schema.clone(), rows).map_err(|detail| {
            TableError::MalformedCatalog {
                version: dataset.version_id(),
                detail,
            }
        })?;
        let mut builder =
            MergeInsertBuilder::try_new(Arc::new(dataset.clone()), vec![KEY.to_owned()])
                .map_err(failed)?;
        let job = builder
            .when_matched(WhenMatched::UpdateAll)
            .when_not_matched(WhenNotMatched::InsertAll)
            .conflict_retries(0)
            .use_index(false)
            .skip_auto_cleanup(true)
            .try_build()
            .map_err(failed)?;
        let merged = match Box::pin(job.execute_uncommitted_batches(vec![batch])).await {
            Ok(merged) => merged,
            Err(error) if is_refusal(&error) => return Ok(Err(Refusal::from_lance(&error))),
            Err(error) => return Err(failed(error)),
        };
        let (updated, inserted) = (
            merged.stats.num_updated_rows,
            merged.stats.num_inserted_rows,
        );
        let is_as_asked = usize::try_from(updated) == Ok(replaced.len())
            && usize::try_from(updated + inserted) == Ok(rows.len());
        if !is_as_asked {
            return Err(failed(LanceError::internal(format!(
                "{updated} rows would be replaced and {inserted} added, of {} of which {} replace one",
                rows.len(),
                replaced.len()
            ))));
        }
        Ok(Ok(Staged {
            transaction: merged.transaction,
            affected_rows: merged.affected_rows,
        }))
    }
}
