//! The rows of the catalog as they are stored, fragment by fragment.
//!
//! What a scan of Lance would read, with the readers that a scan uses, and without the query that it plans around them: a catalog is
//! read at every look, all of it or only what is new, and never filtered.

use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::Stream;
use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use lance::Dataset;
use lance::dataset::fragment::FileFragment;
use lance::dataset::fragment::FragReadConfig;
use lance_core::Error;
use lance_core::Result;
use lance_table::format::Fragment;

/// Rows in one batch, at most.
const BATCH_ROWS: u32 = 8192;
/// Every publish adds a fragment, so there are many small ones.
const FRAGMENTS_AT_ONCE: usize = 16;

/// These columns of the rows that are left in these fragments, in order.
pub(super) fn batches(
    dataset: &Dataset,
    fragments: Vec<Fragment>,
    columns: &[&str],
) -> Result<impl Stream<Item = Result<RecordBatch>> + use<>> {
    let projection = Arc::new(dataset.schema().project(columns)?);
    let dataset = Arc::new(dataset.clone());
    let opened = stream::iter(fragments).map(move |fragment| {
        let fragment = FileFragment::new(dataset.clone(), fragment);
        let projection = projection.clone();
        async move {
            let reader = fragment
                .open(&projection, FragReadConfig::default())
                .await?;
            let batches = reader.read_all(BATCH_ROWS).await?;
            Ok::<_, Error>(batches.buffered(1))
        }
    });
    Ok(opened.buffered(FRAGMENTS_AT_ONCE).try_flatten())
}
