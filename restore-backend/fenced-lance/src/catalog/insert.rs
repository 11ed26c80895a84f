//! New rows of the catalog, staged as a merge-insert of Lance stages rows of which none was there before.
//!
//! Lance plans a join for a merge-insert, which takes several times as long as the rest of a publish. Here the keys are looked up
//! and the rows written. The committed transaction is the same (a test compares it with `FullSchemaMergeInsertExec` of Lance
//! 14.0.2). It also carries the filter of the inserted keys, by which a concurrent publisher, ours or an engine's, sees that both
//! insert the same row. Without the filter Lance would let both in.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use futures::StreamExt;
use futures::TryStreamExt;
use lance::Dataset;
use lance::dataset::InsertBuilder;
use lance::dataset::WriteMode;
use lance::dataset::WriteParams;
use lance::dataset::transaction::Operation;
use lance::dataset::transaction::TransactionBuilder;
use lance_core::Error as LanceError;
use lance_core::datatypes::Schema as LanceSchema;
use lance_select::RowAddrTreeMap;
use lance_table::format::key_existence::KeyExistenceFilter;
use lance_table::format::key_existence::KeyExistenceFilterBuilder;
use lance_table::format::key_existence::KeyValue;
use lance_table::transaction::UpdateMode;

use super::batches::batches;
use super::rows;
use super::rows::CatalogRow;
use super::rows::KEY;
use crate::LanceRoot;
use crate::Place;
use crate::TableError;
use crate::catalog::columns::text;
use crate::catalog::columns::text_at;
use crate::commit::Refusal;
use crate::commit::is_refusal;
use crate::staged::Staged;

impl LanceRoot {
    /// The first of these keys that a row of the catalog has, whatever kind of row it is.
    ///
    /// # Errors
    /// The rows of the catalog cannot be read.
    pub(crate) async fn key_there(
        &self,
        place: &Place,
        dataset: &Dataset,
        keys: &BTreeSet<String>,
    ) -> Result<Option<String>, TableError> {
        let failed = |source| TableError::lance(&place.name, "looking for rows", source);
        let all = dataset.manifest().fragments.to_vec();
        let batches = batches(dataset, all, &[KEY]).await.map_err(failed)?;
        let mut batches = batches.boxed();
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            let found = key_in(&batch, keys).map_err(|detail| TableError::MalformedCatalog {
                version: dataset.version_id(),
                detail,
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Writes rows whose keys the catalog does not have, to be committed on the version that `dataset` is at and on no other.
    ///
    /// # Errors
    /// The rows of the catalog cannot be read, or the new ones cannot be written. Nothing is committed.
    pub(crate) async fn stage_new_rows(
        &self,
        place: &Place,
        dataset: &Dataset,
        keys: &BTreeSet<String>,
        rows: &[CatalogRow],
    ) -> Result<Result<Staged, Refusal>, TableError> {
        let failed = |source| TableError::lance(&place.name, "staging a publish", source);
        if !rows.iter().all(|row| keys.contains(&row.object_id)) {
            let detail = "a row is to be published whose key was not looked for";
            return Err(failed(LanceError::internal(detail)));
        }
        let arrow_schema = Arc::new(Schema::from(dataset.schema()));
        let malformed = |detail| TableError::MalformedCatalog {
            version: dataset.version_id(),
            detail,
        };
        let batch = rows::batch(arrow_schema, rows).map_err(malformed)?;
        let params = WriteParams {
            mode: WriteMode::Append,
            ..self.write_params()
        };
        let insert = InsertBuilder::new(Arc::new(dataset.clone())).with_params(&params);
        let appended = match Box::pin(insert.execute_uncommitted(vec![batch])).await {
            Ok(appended) => appended,
            Err(error) if is_refusal(&error) => return Ok(Err(Refusal::from_lance(&error))),
            Err(error) => return Err(failed(error)),
        };
        let Operation::Append { fragments } = appended.operation else {
            let operation = appended.operation.name();
            return Err(failed(LanceError::internal(format!(
                "an append was staged as {operation}"
            ))));
        };
        let schema = dataset.schema();
        let operation = Operation::Update {
            removed_fragment_ids: Vec::new(),
            updated_fragments: Vec::new(),
            new_fragments: fragments,
            fields_modified: Vec::new(),
            compacted_sstables: Vec::new(),
            fields_for_preserving_frag_bitmap: schema
                .fields_pre_order()
                .map(|field| field.id.cast_unsigned())
                .collect(),
            update_mode: Some(UpdateMode::RewriteRows),
            inserted_rows_filter: keys_inserted(schema, rows).map_err(failed)?,
            updated_fragment_offsets: None,
        };
        Ok(Ok(Staged {
            transaction: TransactionBuilder::new(dataset.version_id(), operation).build(),
            affected_rows: Some(RowAddrTreeMap::default()),
        }))
    }
}

fn key_in(batch: &RecordBatch, keys: &BTreeSet<String>) -> Result<Option<String>, String> {
    let column = text(batch, KEY)?;
    Ok((0..batch.num_rows())
        .filter_map(|row| text_at(column, row))
        .find(|key| keys.contains(*key))
        .map(str::to_owned))
}

/// The filter of the inserted keys. Like Lance, makes none unless the catalog declares this column as its key.
fn keys_inserted(
    schema: &LanceSchema,
    rows: &[CatalogRow],
) -> Result<Option<KeyExistenceFilter>, LanceError> {
    let key: Vec<i32> = schema
        .field(KEY)
        .map(|field| field.id)
        .into_iter()
        .collect();
    let declared = schema.unenforced_primary_key();
    if key.is_empty() || !declared.iter().map(|field| &field.id).eq(&key) {
        return Ok(None);
    }
    let mut filter = KeyExistenceFilterBuilder::new(key);
    for row in rows {
        filter.insert(KeyValue::String(row.object_id.clone()))?;
    }
    Ok(Some(KeyExistenceFilter::from_bloom_filter(&filter)))
}
