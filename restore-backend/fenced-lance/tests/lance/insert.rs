//! New rows of the catalog: what is committed is what Lance's own merge-insert would have committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::RecordBatch;
use arrow_array::StringArray;
use arrow_schema::Schema;
use fenced_lance::CommitOutcome;
use fenced_lance::PublishRequest;
use fenced_lance::Refusal;
use lance::Dataset;
use lance::dataset::InsertBuilder;
use lance::dataset::MergeInsertBuilder;
use lance::dataset::MergeInsertJob;
use lance::dataset::WhenMatched;
use lance::dataset::WhenNotMatched;
use lance::dataset::WriteMode;
use lance::dataset::WriteParams;
use lance::dataset::transaction::Operation;
use lance_core::Error;
use lance_table::format::Fragment;

use crashed_roots::test_root::*;

/// Rows of every kind: a new version, a new table with its first version, a tombstone.
async fn unpublished() -> (TestRoot, PublishRequest) {
    let root = drifted().await;
    let city = fenced_lance::TableLocation::main("nodes/city");
    root.lance
        .create_table(&city, &rows("c", 4))
        .await
        .expect("a table");
    let request = PublishRequest {
        registrations: vec![sidecar::NewTable {
            table_key: "node:City".to_owned(),
            location: city.path,
            version: 1,
            branch: None,
        }],
        tombstones: vec![sidecar::RemovedTable {
            table_key: "edge:Knows".to_owned(),
            version: 2,
        }],
        ..publish_request(1, "node:Person", 1, 2)
    };
    (root, request)
}

async fn opened(folder: &Path) -> Arc<Dataset> {
    let uri = folder.join("__manifest").display().to_string();
    Arc::new(Dataset::open(&uri).await.expect("Lance reads the catalog"))
}

async fn rows_where(catalog: &Dataset, filter: &str) -> RecordBatch {
    let mut scanner = catalog.scan();
    scanner.filter(filter).expect("a filter");
    scanner.try_into_batch().await.expect("rows")
}

fn merge_of(catalog: Arc<Dataset>) -> MergeInsertJob {
    let mut merge =
        MergeInsertBuilder::try_new(catalog, vec!["object_id".to_owned()]).expect("a merge");
    merge
        .when_matched(WhenMatched::Fail)
        .when_not_matched(WhenNotMatched::InsertAll)
        .conflict_retries(0)
        .use_index(false);
    merge.try_build().expect("a merge")
}

/// Without the name of the data file, which differs from run to run, and without row ids, which are given when it is committed.
async fn committed(catalog: &Dataset, version: u64) -> Operation {
    let transaction = catalog
        .read_transaction_by_version(version)
        .await
        .expect("a transaction file")
        .expect("a transaction");
    let mut operation = transaction.operation;
    let Operation::Update { new_fragments, .. } = &mut operation else {
        panic!("{operation:?}");
    };
    unnamed(new_fragments);
    for fragment in new_fragments.iter_mut() {
        fragment.row_id_meta = None;
    }
    operation
}

fn unnamed(fragments: &mut [Fragment]) {
    for file in fragments.iter_mut().flat_map(|one| &mut one.files) {
        assert!(!file.path.is_empty());
        file.path = String::new();
    }
}

fn fragments(catalog: &Dataset) -> Vec<Fragment> {
    let mut fragments = catalog.manifest().fragments.as_ref().clone();
    unnamed(&mut fragments);
    fragments
}

fn copy_of(folder: &Path) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).expect("a copy");
            }
        }
    }
    let folder_of_copy = tempfile::tempdir().expect("a folder");
    copy(
        &folder.join("__manifest"),
        &folder_of_copy.path().join("__manifest"),
    );
    folder_of_copy
}

/// The catalog as an engine makes it that does not declare its key.
async fn without_declared_key(folder: &Path) {
    let catalog = opened(folder).await;
    let all = catalog.scan().try_into_batch().await.expect("rows");
    let schema = Schema::from(catalog.schema());
    let metadata = schema.metadata.clone();
    let fields = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_metadata(Default::default()));
    let schema = Arc::new(Schema::new_with_metadata(
        fields.collect::<Vec<_>>(),
        metadata,
    ));
    let all = RecordBatch::try_new(schema, all.columns().to_vec()).expect("a batch");
    fs::remove_dir_all(folder.join("__manifest")).expect("removed");
    let uri = folder.join("__manifest").display().to_string();
    InsertBuilder::new(uri.as_str())
        .with_params(&WriteParams {
            mode: WriteMode::Create,
            enable_stable_row_ids: true,
            ..WriteParams::default()
        })
        .execute(vec![all])
        .await
        .expect("a catalog");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_commits_what_lances_own_merge_insert_commits() {
    for declares_key in [true, false] {
        let (root, request) = unpublished().await;
        if !declares_key {
            without_declared_key(root.path()).await;
        }
        let copy = copy_of(root.path());
        let outcome = root.lance.publish(&request).await.expect("an outcome");
        assert_eq!(outcome, CommitOutcome::Committed { version: 2 });
        let ours = opened(root.path()).await;

        let catalog = opened(copy.path()).await;
        let before = catalog.scan().try_into_batch().await.expect("rows");
        let keys: BTreeSet<String> = text_of(&before, "object_id");
        let keys: Vec<String> = keys.iter().map(|key| format!("'{key}'")).collect();
        let inserted = rows_where(&ours, &format!("object_id NOT IN ({})", keys.join(", "))).await;
        assert_eq!(inserted.num_rows(), 4, "{inserted:?}");
        let (theirs, _) = merge_of(catalog)
            .execute_batches(vec![inserted])
            .await
            .expect("a merge");
        assert_eq!(theirs.version_id(), 2);

        let ours_committed = committed(&ours, 2).await;
        let Operation::Update {
            inserted_rows_filter,
            ..
        } = &ours_committed
        else {
            panic!("{ours_committed:?}");
        };
        assert_eq!(inserted_rows_filter.is_some(), declares_key);
        assert_eq!(ours_committed, committed(&theirs, 2).await);
        assert_eq!(fragments(&ours), fragments(&theirs));
        let (one, other) = (ours.manifest(), theirs.manifest());
        assert_eq!(
            (
                one.next_row_id,
                one.reader_feature_flags,
                one.writer_feature_flags
            ),
            (
                other.next_row_id,
                other.reader_feature_flags,
                other.writer_feature_flags
            )
        );
        let all = |catalog: Arc<Dataset>| async move {
            catalog.scan().try_into_batch().await.expect("rows")
        };
        assert_eq!(all(ours).await, all(theirs).await);
    }
}

/// A row that an engine is about to insert, staged before our publish.
async fn staged_elsewhere(
    root: &TestRoot,
    object_id: &str,
) -> (Arc<Dataset>, lance::dataset::UncommittedMergeInsert) {
    let catalog = opened(root.path()).await;
    let row = named(&catalog, object_id).await;
    let staged = merge_of(catalog.clone())
        .execute_uncommitted_batches(vec![row])
        .await
        .expect("a merge");
    (catalog, staged)
}

async fn named(catalog: &Dataset, object_id: &str) -> RecordBatch {
    let row = rows_where(catalog, "object_id = 'node:Person$00000000000000000001'").await;
    let mut columns = row.columns().to_vec();
    columns[0] = Arc::new(StringArray::from(vec![object_id])) as ArrayRef;
    RecordBatch::try_new(row.schema(), columns).expect("a row")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_inserts_the_same_row_loses_and_one_that_inserts_another_does_not() {
    for (object_id, loses) in [
        ("node:Person$00000000000000000002", true),
        ("node:City", true),
        ("node:Person$00000000000000000003", false),
    ] {
        let (root, request) = unpublished().await;
        let (catalog, staged) = staged_elsewhere(&root, object_id).await;
        let outcome = root.lance.publish(&request).await.expect("an outcome");
        assert_eq!(outcome, CommitOutcome::Committed { version: 2 });
        let mut commit = lance::dataset::CommitBuilder::new(catalog);
        if let Some(rows) = staged.affected_rows {
            commit = commit.with_affected_rows(rows);
        }
        match commit.execute(staged.transaction).await {
            Ok(catalog) => {
                assert!(!loses, "{object_id} is there twice");
                assert_eq!(catalog.version_id(), 3);
            }
            Err(Error::RetryableCommitConflict { .. } | Error::TooMuchWriteContention { .. }) => {
                assert!(loses, "{object_id}");
            }
            Err(error) => panic!("{object_id}: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_there_and_says_something_else_is_in_the_way() {
    for object_id in [
        "node:Person$00000000000000000002",
        "node:City",
        "node:City$00000000000000000001",
        "edge:Knows$tombstone$00000000000000000002",
    ] {
        let (root, mut request) = unpublished().await;
        let mut catalog = Arc::unwrap_or_clone(opened(root.path()).await);
        let row = named(&catalog, object_id).await;
        let reader = arrow_array::RecordBatchIterator::new([Ok(row.clone())], row.schema());
        catalog.append(reader, None).await.expect("an append");
        let before = files_in(&root.path().join("__manifest/data"));
        request.read_version = 2;
        root.log.reset();
        let outcome = root.lance.publish(&request).await.expect("an outcome");
        let reason = Refusal::RowThere {
            object_id: object_id.to_owned(),
        };
        assert_eq!(outcome, CommitOutcome::Refused { reason });
        assert_eq!(root.log.mutations(), 0);
        assert_eq!(files_in(&root.path().join("__manifest/data")), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_only_a_newer_lance_may_write_to_is_refused_and_left_alone() {
    let (root, request) = unpublished().await;
    change_manifest(&version_file(root.path(), "__manifest", 1), |manifest| {
        manifest.writer_feature_flags |= 1 << 40;
    });
    root.log.reset();
    let outcome = root.lance.publish(&request).await.expect("an outcome");
    assert!(
        matches!(
            outcome,
            CommitOutcome::Refused {
                reason: Refusal::Lance { .. }
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(root.log.mutations(), 0);
}

fn text_of(batch: &RecordBatch, column: &str) -> BTreeSet<String> {
    let column: &StringArray = batch
        .column_by_name(column)
        .and_then(|column| column.as_any().downcast_ref())
        .expect("a text column");
    column.iter().flatten().map(str::to_owned).collect()
}
