//! Catalogs of omnigraph v0.11.0, which number the rows of a table by the version of the catalog that each landed in.
//!
//! No graph of that engine is at hand. These are graphs of 0.9.0 whose catalog was rewritten by the rules of stamps 8 and 9.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow_schema::Schema;
use fenced_lance::CatalogReading;
use lance::Dataset;
use lance::dataset::{InsertBuilder, WriteMode, WriteParams};
use sidecar::api::PlanReport;
use sidecar::{Code, Disposition};

use crate::support::Store;

const ENGINE: &str = "omnigraph-0.9.0";
const CONFIRMED: &str = "v9-mutation-insert-confirmed";
const STAMP: &str = "omnigraph:internal_schema_version";

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = batch.column_by_name(column).unwrap();
    let column = column.as_any().downcast_ref::<StringArray>().unwrap();
    (0..column.len())
        .map(|row| column.value(row).to_owned())
        .collect()
}

fn with_column(batch: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    columns[batch.schema().index_of(name).unwrap()] = column;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

async fn write(store: &Store, batch: RecordBatch, mode: WriteMode, stamp: &str) {
    let folder = store.path().join("__manifest");
    let dataset = Dataset::open(folder.to_str().unwrap()).await.unwrap();
    let mut schema = Schema::clone(&batch.schema());
    schema.metadata.insert(STAMP.to_owned(), stamp.to_owned());
    let batch = RecordBatch::try_new(Arc::new(schema), batch.columns().to_vec()).unwrap();
    let params = WriteParams {
        mode,
        ..WriteParams::default()
    };
    InsertBuilder::new(Arc::new(dataset))
        .with_params(&params)
        .execute(vec![batch])
        .await
        .unwrap();
}

/// The rows of the catalog, each named by the version of the catalog in which it was first seen.
async fn renumbered(store: &Store) -> RecordBatch {
    let folder = store.path().join("__manifest");
    let dataset = Dataset::open(folder.to_str().unwrap()).await.unwrap();
    let mut landed_in = BTreeMap::new();
    let mut latest = None;
    for version in 1..=dataset.version_id() {
        let then = dataset.checkout_version(version).await.unwrap();
        let batch = then.scan().try_into_batch().await.unwrap();
        for id in texts(&batch, "object_id") {
            landed_in.entry(id).or_insert(version);
        }
        latest = Some(batch);
    }
    let batch = latest.unwrap();
    let kinds = texts(&batch, "object_type");
    let ids = texts(&batch, "object_id").into_iter().zip(kinds);
    let ids = ids.map(|(id, kind)| match kind.as_str() {
        "table_version" | "table_tombstone" => {
            let (table, _) = id.rsplit_once(':').unwrap();
            format!("{table}:{:020}", landed_in[&id])
        }
        _ => id,
    });
    let ids: Vec<String> = ids.collect();
    with_column(&batch, "object_id", Arc::new(StringArray::from(ids)))
}

/// The graph as an engine of that stamp would have it.
async fn upgraded(stamp: &str) -> Store {
    let store = Store::unpacked(ENGINE, CONFIRMED);
    let rows = renumbered(&store).await;
    write(&store, rows, WriteMode::Overwrite, stamp).await;
    store
}

/// Adds a row of the table's first version, which landed in this version of the catalog. That version of the table is what readers see
/// from then on.
async fn back_to_the_first_version(store: &Store, table_key: &str, landed_in: u64) {
    let rows = renumbered(store).await;
    let keys = texts(&rows, "table_key").into_iter();
    let mut kinds = keys.zip(texts(&rows, "object_type"));
    let row = kinds.position(|(key, kind)| key == table_key && kind == "table_version");
    let row = rows.slice(row.unwrap(), 1);
    let id = &texts(&row, "object_id")[0];
    let (table, _) = id.rsplit_once(':').unwrap();
    let id = Arc::new(StringArray::from(vec![format!("{table}:{landed_in:020}")]));
    let row = with_column(&row, "object_id", id);
    let row = with_column(&row, "table_version", Arc::new(UInt64Array::from(vec![1])));
    write(store, row, WriteMode::Append, "8").await;
}

/// `table, pin, Lance HEAD` of every table of a plan.
fn stands(plan: &PlanReport) -> Vec<(String, Option<u64>, Option<u64>)> {
    let tables = plan.tables.iter().map(|table| &table.table);
    tables
        .map(|table| {
            (
                table.table_key.clone(),
                table.manifest_pinned,
                table.lance_head,
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_judged_and_shown_there_and_recovered_with_its_own_release() {
    let original = Store::unpacked(ENGINE, CONFIRMED);
    let operation = original.operation();
    let before = original.open().await.plan(&operation).await;
    assert_eq!(before.disposition, Disposition::RollForward);
    for stamp in ["8", "9"] {
        let store = upgraded(stamp).await;
        let files = store.files();
        let plan = store.open().await.plan(&operation).await;
        assert_eq!(stands(&plan), stands(&before), "stamp {stamp}");
        assert_eq!(plan.disposition, Disposition::RollForward, "{plan:#?}");
        assert!(!plan.executable && plan.steps.is_empty(), "stamp {stamp}");
        let codes: Vec<Code> = plan.blockers.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, [Code::CatalogStampUnsupported]);
        let detail = &plan.blockers[0].detail;
        assert!(detail.contains("omnigraph v0.11.0"), "{detail}");
        assert_eq!(store.files(), files, "not a byte changed");
    }
}

/// The row that landed last holds, whatever version of the table it names.
#[tokio::test(flavor = "multi_thread")]
async fn readers_may_have_gone_back_to_a_lower_version() {
    let store = upgraded("8").await;
    let seen = async || match store.lance().await.catalog(None).await.unwrap() {
        CatalogReading::Present(catalog) => (catalog.version, catalog.pins["node:Author"].version),
        reading => panic!("{reading:?}"),
    };
    let (version, pin) = seen().await;
    assert!(pin > 1, "{pin}");
    back_to_the_first_version(&store, "node:Author", version + 1).await;
    assert_eq!(seen().await, (version + 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_landed_in_a_version_which_is_not_there_makes_the_catalog_unreadable() {
    let store = upgraded("8").await;
    back_to_the_first_version(&store, "node:Author", 999).await;
    let plan = store.open().await.plan(&store.operation()).await;
    assert!(!plan.executable);
    let told = "landed in version 999, which is not there yet";
    let mut blockers = plan.blockers.iter();
    assert!(
        blockers.any(|reason| reason.detail.contains(told)),
        "{:?}",
        plan.blockers
    );
}
