//! The rows of the catalog as they are stored, fragment by fragment.
//!
//! Uses the readers of a Lance scan without planning a query around them: all rows of a catalog are read, or all new ones, and
//! none are filtered.

use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::FutureExt;
use futures::Stream;
use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use lance::Dataset;
use lance::dataset::fragment::BaseSchedulers;
use lance::dataset::fragment::FileFragment;
use lance::dataset::fragment::FragReadConfig;
use lance_core::Error;
use lance_core::Result;
use lance_io::scheduler::ScanScheduler;
use lance_io::scheduler::SchedulerConfig;
use lance_table::format::Fragment;

/// Rows in one batch, at most.
const BATCH_ROWS: u32 = 8192;
/// Fragments that are opened ahead. Every publish adds one, so there are many small ones, and each takes two requests.
const FRAGMENTS_AHEAD: usize = 64;
/// Encoded bytes that are fetched ahead, of all fragments together.
const BYTES_AHEAD: u64 = 256 << 20;

/// Streams `columns` of the rows of `fragments` that are not deleted, in order.
pub(super) async fn batches(
    dataset: &Dataset,
    fragments: Vec<Fragment>,
    columns: &[&str],
) -> Result<impl Stream<Item = Result<RecordBatch>> + Send + use<>> {
    let projection = Arc::new(dataset.schema().project(columns)?);
    let store = dataset.object_store(None).await?;
    let config = FragReadConfig::default()
        .with_scan_scheduler(ScanScheduler::new(store, SchedulerConfig::new(BYTES_AHEAD)))
        .with_base_schedulers(BaseSchedulers::new(BYTES_AHEAD));
    let dataset = Arc::new(dataset.clone());
    let opened = stream::iter((0..).zip(fragments)).map(move |(priority, fragment)| {
        let fragment = FileFragment::new(dataset.clone(), fragment);
        // Fragments are fetched in order. Otherwise later ones could use up `BYTES_AHEAD` before the first one is read.
        let config = config.clone().with_reader_priority(priority);
        let projection = projection.clone();
        let open = async move {
            let reader = fragment.open(&projection, config).await?;
            let batches = reader.read_all(BATCH_ROWS).await?;
            Ok::<_, Error>(batches.buffered(1))
        };
        // The task opens this fragment while earlier ones are read. Dropping its handle cancels it.
        let (open, opened) = open.remote_handle();
        tokio::spawn(open);
        opened
    });
    Ok(opened.buffered(FRAGMENTS_AHEAD).try_flatten())
}
