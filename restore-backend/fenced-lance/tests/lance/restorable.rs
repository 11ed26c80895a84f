use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::RecordBatchIterator;
use arrow_schema::Schema;
use fenced_lance::Restorable;
use fenced_lance::TableLocation;
use lance::Dataset;
use lance::blob::BlobArrayBuilder;
use lance::blob::BlobFieldOptions;
use lance::blob::blob_field_with_options;
use lance::dataset::CommitBuilder;
use lance::dataset::WriteMode;
use lance::dataset::WriteParams;
use lance::dataset::transaction::Operation;
use lance::dataset::transaction::TransactionBuilder;
use lance::index::DatasetIndexExt;
use lance_table::feature_flags::FLAG_FRAG_REUSE_WITH_STABLE_ROW_IDS;
use lance_table::feature_flags::FLAG_FRAGMENT_REUSE_INDEX;
use lance_table::feature_flags::FLAG_STABLE_ROW_IDS;
use lance_table::feature_flags::FLAG_UNSTABLE_DATA_OVERLAY_FILES;
use lance_table::format::IndexMetadata;
use lance_table::format::pb;
use lance_table::format::pb::fragment_reuse_index_details::InlineContent;
use lance_table::format::pb::fragment_reuse_index_details::transition::Mapping;
use lance_table::rowids::RowIdSequence;
use lance_table::rowids::write_row_ids;
use prost::Message;

use crashed_roots::test_root::*;

#[track_caller]
fn reason(answer: Restorable) -> String {
    match answer {
        Restorable::No { reason } => reason,
        Restorable::Yes => panic!("restorable"),
    }
}

fn one_of(folder: &Path) -> std::path::PathBuf {
    files_in(folder).into_iter().next().expect("a file")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_needs_every_file_it_refers_to() {
    let root = published().await;
    let lance = &root.lance;
    lance
        .delete_rows(&people(), "value = 1")
        .await
        .expect("a delete");
    lance.index_rows(&people(), "id").await.expect("an index");
    lance
        .append_rows(&people(), &rows("b", 1))
        .await
        .expect("an append");
    assert_eq!(
        lance.restorable(&people(), 4, 3).await.expect("an answer"),
        Restorable::Yes
    );
    let table = root.path().join("nodes/people");
    let index = one_of(&table.join("_indices"));
    for file in [
        one_of(&table.join("_deletions")),
        one_of(&index),
        version_file(root.path(), "nodes/people", 3),
    ] {
        let bytes = fs::read(&file).expect("the file");
        fs::remove_file(&file).expect("removed");
        let answer = lance.restorable(&people(), 4, 3).await.expect("an answer");
        reason(answer);
        fs::write(&file, bytes).expect("put back");
    }
    assert_eq!(
        lance.restorable(&people(), 4, 3).await.expect("an answer"),
        Restorable::Yes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_data_file_is_found_by_looking_and_by_listing() {
    let root = published().await;
    let lance = &root.lance;
    for fragments in 2..=70 {
        lance
            .append_rows(&people(), &rows("b", 1))
            .await
            .expect("an append");
        if fragments != 3 && fragments != 70 {
            continue;
        }
        // One that the target refers to, whatever HEAD adds.
        let file = one_of(&root.path().join("nodes/people/data"));
        let head = lance
            .append_rows(&people(), &rows("c", 1))
            .await
            .expect("an append");
        let target = head - 1;
        assert_eq!(
            lance
                .restorable(&people(), head, target)
                .await
                .expect("an answer"),
            Restorable::Yes
        );
        let hidden = file.with_extension("hidden");
        fs::rename(&file, &hidden).expect("hidden");
        let answer = lance
            .restorable(&people(), head, target)
            .await
            .expect("an answer");
        assert!(reason(answer).contains("which is gone"));
        fs::rename(&hidden, &file).expect("put back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_older_versions_that_exist_are_restorable() {
    let root = published().await;
    root.lance
        .append_rows(&people(), &rows("b", 1))
        .await
        .expect("an append");
    for target in [2, 3] {
        let answer = root
            .lance
            .restorable(&people(), 2, target)
            .await
            .expect("an answer");
        reason(answer);
    }
    let answer = root
        .lance
        .restorable(&people(), 2, 0)
        .await
        .expect("an answer");
    reason(answer);
}

/// The files below a folder, at any depth, with this ending.
fn files_ending(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in files_in(folder) {
        if path.is_dir() {
            found.extend(files_ending(&path, ending));
        } else if path.to_str().is_some_and(|name| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found
}

/// A table of one large value a row, written by Lance as it chooses.
async fn write_blobs(
    root: &TestRoot,
    options: BlobFieldOptions,
    is_managed: bool,
    mode: WriteMode,
) {
    let mut values = BlobArrayBuilder::new(2);
    for byte in [1, 2] {
        values.push_bytes(vec![byte; 100 << 10]).expect("a value");
    }
    let metadata = is_managed.then(|| ("lance.blob.managed".to_owned(), "true".to_owned()));
    let schema = Arc::new(Schema::new_with_metadata(
        vec![blob_field_with_options("picture", true, options)],
        metadata.into_iter().collect(),
    ));
    let batch = RecordBatch::try_new(schema.clone(), vec![values.finish().expect("values")])
        .expect("a batch");
    let params = WriteParams {
        mode,
        data_storage_version: Some("2.2".parse().expect("a version")),
        ..WriteParams::default()
    };
    let path = root.path().join("nodes/pictures");
    Dataset::write(
        RecordBatchIterator::new([Ok(batch)], schema),
        path.to_str().expect("text"),
        Some(params),
    )
    .await
    .expect("a write");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_needs_the_files_beside_its_data() {
    let dedicated = BlobFieldOptions {
        dedicated_size_threshold: Some(std::num::NonZeroUsize::MIN),
        ..BlobFieldOptions::default()
    };
    for (options, is_managed, files) in [
        (BlobFieldOptions::default(), false, 1),
        (dedicated.clone(), false, 2),
        (dedicated, true, 2),
    ] {
        let root = TestRoot::new().await;
        let pictures = TableLocation::main("nodes/pictures");
        write_blobs(&root, options.clone(), is_managed, WriteMode::Create).await;
        let blobs = files_ending(root.path(), ".blob");
        assert_eq!(blobs.len(), files, "{options:?}, managed {is_managed}");
        let folder = if is_managed { "/_blobs/" } else { "/data/" };
        assert!(blobs[0].to_str().expect("text").contains(folder));
        write_blobs(&root, options, is_managed, WriteMode::Append).await;

        let lance = &root.lance;
        let answer = lance.restorable(&pictures, 2, 1).await.expect("an answer");
        assert_eq!(answer, Restorable::Yes);
        assert_eq!(lance.missing_file(&pictures, 2).await.expect("read"), None);
        for file in blobs {
            let hidden = file.with_extension("hidden");
            fs::rename(&file, &hidden).expect("hidden");
            let answer = lance.restorable(&pictures, 2, 1).await.expect("an answer");
            let name = file.file_name().and_then(|name| name.to_str());
            assert!(reason(answer).contains(name.expect("a name")));
            // The later version has the values of the first as well.
            let missing = lance.missing_file(&pictures, 2).await.expect("read");
            assert!(missing.expect("missing").contains(name.expect("a name")));
            fs::rename(&hidden, &file).expect("put back");
        }
    }
}

/// Commits an index as another writer might have: the one on `people`, changed.
async fn rewrite_index(root: &TestRoot, change: impl FnOnce(&mut IndexMetadata)) {
    let path = root.path().join("nodes/people");
    let dataset = Dataset::open(path.to_str().expect("text"))
        .await
        .expect("a table");
    let indices = dataset.load_indices().await.expect("indices");
    let mut changed = indices[0].clone();
    change(&mut changed);
    let kept = changed.uuid != indices[0].uuid;
    let operation = Operation::CreateIndex {
        new_indices: vec![changed],
        removed_indices: if kept {
            Vec::new()
        } else {
            vec![indices[0].clone()]
        },
    };
    let transaction = TransactionBuilder::new(dataset.version().version, operation).build();
    CommitBuilder::new(Arc::new(dataset))
        .execute(transaction)
        .await
        .expect("a commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_whose_files_nobody_recorded_needs_those_of_its_kind() {
    let root = published().await;
    let lance = &root.lance;
    lance.index_rows(&people(), "id").await.expect("an index");
    rewrite_index(&root, |index| index.files = None).await;
    lance
        .append_rows(&people(), &rows("b", 1))
        .await
        .expect("an append");
    let restorable = || async { lance.restorable(&people(), 4, 3).await.expect("an answer") };
    assert_eq!(restorable().await, Restorable::Yes);
    let index = one_of(&root.path().join("nodes/people/_indices"));
    let files = files_in(&index);
    assert!(files.len() > 1, "one is left whichever goes: {files:?}");
    for file in files {
        let hidden = root.path().join("hidden");
        fs::rename(&file, &hidden).expect("hidden");
        let name = file.file_name().and_then(|name| name.to_str());
        assert!(reason(restorable().await).contains(name.expect("a name")));
        // Asked alone, nothing but the kind of the index tells which files it has.
        let missing = lance.missing_file(&people(), 3).await.expect("read");
        assert!(missing.expect("missing").contains(name.expect("a name")));
        fs::rename(&hidden, &file).expect("put back");
    }
}

/// A table of which version 3 has a history of compactions, in a file of its own, and version 4 some rows more.
async fn compacted() -> (TestRoot, PathBuf) {
    let root = TestRoot::new().await;
    let lance = &root.lance;
    without_stable_row_ids(&root).await;
    lance.index_rows(&people(), "id").await.expect("an index");
    let content = InlineContent {
        legacy_versions: vec![pb::fragment_reuse_index_details::Version {
            dataset_version: 1,
            groups: Vec::new(),
        }],
        ..Default::default()
    }
    .encode_to_vec();
    let uuid = uuid::Uuid::new_v4();
    let folder = root.path().join(format!("nodes/people/_indices/{uuid}"));
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("details.binpb"), &content).expect("a file");
    rewrite_index(&root, |index| {
        let external = pb::ExternalFile {
            path: "details.binpb".to_owned(),
            offset: 0,
            size: content.len() as u64,
        };
        let details = pb::FragmentReuseIndexDetails {
            content: Some(pb::fragment_reuse_index_details::Content::External(
                external,
            )),
        };
        let mut any = (**index.index_details.as_ref().expect("details")).clone();
        any.type_url = "/lance.table.FragmentReuseIndexDetails".to_owned();
        any.value = details.encode_to_vec();
        index.index_details = Some(Arc::new(any));
        index.name = lance_index::frag_reuse::FRAG_REUSE_INDEX_NAME.to_owned();
        index.uuid = uuid;
        index.fields = Vec::new();
        index.files = None;
        index.fragment_bitmap = None;
        index.index_version = 0;
    })
    .await;
    lance
        .append_rows(&people(), &rows("b", 1))
        .await
        .expect("an append");
    (root, folder.join("details.binpb"))
}

/// Stable row ids and such a history are not committed by this Lance.
async fn without_stable_row_ids(root: &TestRoot) {
    let copied = TableLocation::main("nodes/copied");
    let made = root.lance.create_table(&copied, &rows("a", 10)).await;
    made.expect("a table");
    let at = |name: &str| root.path().join("nodes").join(name).display().to_string();
    let rows = Dataset::open(&at("copied")).await.expect("a table");
    let rows = rows.scan().try_into_batch().await.expect("rows");
    let schema = rows.schema();
    Dataset::write(
        RecordBatchIterator::new([Ok(rows)], schema),
        &at("people"),
        None,
    )
    .await
    .expect("a write");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_of_compactions_too_long_for_the_manifest_is_needed() {
    let (root, history) = compacted().await;
    let restorable = || async {
        let answer = root.lance.restorable(&people(), 4, 3).await;
        answer.expect("an answer")
    };
    assert_eq!(restorable().await, Restorable::Yes);
    fs::remove_file(history).expect("removed");
    assert!(reason(restorable().await).contains("details.binpb"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_map_of_a_compaction_is_needed() {
    let digest = |id| pb::fragment_reuse_index_details::FragmentDigest {
        id,
        physical_rows: 10,
        num_deleted_rows: 0,
    };
    let map = uuid::Uuid::new_v4();
    let partition = pb::fragment_reuse_index_details::StablePartition {
        map_id: map.to_string(),
        map_size_bytes: 3,
        base_id: None,
    };
    let content = InlineContent {
        legacy_versions: Vec::new(),
        transitions: vec![pb::fragment_reuse_index_details::Transition {
            sources: vec![digest(7)],
            destinations: vec![digest(0)],
            mapping: Some(Mapping::StablePartition(partition)),
        }],
    }
    .encode_to_vec();
    let (root, history) = compacted().await;
    fs::write(&history, &content).expect("written");
    // Lance takes such a history from its own compaction only.
    let file = version_file(root.path(), "nodes/people", 3);
    change_version(&file, |manifest, indices| {
        manifest.reader_feature_flags |= FLAG_FRAGMENT_REUSE_INDEX;
        manifest.writer_feature_flags |= FLAG_FRAGMENT_REUSE_INDEX;
        let mut indices = indices.indices.iter_mut();
        let index = indices
            .find(|index| index.name == lance_index::frag_reuse::FRAG_REUSE_INDEX_NAME)
            .expect("a history");
        let details = index.index_details.as_mut().expect("details");
        let external = pb::ExternalFile {
            path: "details.binpb".to_owned(),
            offset: 0,
            size: content.len() as u64,
        };
        details.value = pb::FragmentReuseIndexDetails {
            content: Some(pb::fragment_reuse_index_details::Content::External(
                external,
            )),
        }
        .encode_to_vec();
        index.index_version = Some(1);
    });
    let restorable = || async {
        let answer = root.lance.restorable(&people(), 4, 3).await;
        answer.expect("an answer")
    };
    assert!(reason(restorable().await).contains("stable_partition.lance"));
    let folder = root.path().join(format!("nodes/people/_fri/{map}"));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("stable_partition.lance"), "map").expect("a file");
    assert_eq!(restorable().await, Restorable::Yes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_an_unreleased_lance_commits_is_not_restored() {
    let (root, _) = compacted().await;
    let file = version_file(root.path(), "nodes/people", 3);
    change_manifest(&file, |manifest| {
        manifest.reader_feature_flags |= FLAG_STABLE_ROW_IDS;
        manifest.writer_feature_flags |= FLAG_STABLE_ROW_IDS;
        for fragment in &mut manifest.fragments {
            let first = manifest.next_row_id;
            manifest.next_row_id += fragment.physical_rows;
            let ids = write_row_ids(&RowIdSequence::from(first..manifest.next_row_id));
            fragment.row_id_sequence =
                Some(pb::data_fragment::RowIdSequence::InlineRowIds(ids.into()));
        }
    });
    let answer = root.lance.restorable(&people(), 4, 3).await;
    let reason = reason(answer.expect("an answer"));
    assert!(reason.contains("fragment reuse index"), "{reason}");

    let path = root.path().join("nodes/people").display().to_string();
    let dataset = Dataset::open(&path).await.expect("a table");
    let mut third = dataset.checkout_version(3).await.expect("version 3");
    let error = third.restore().await.expect_err("Lance refuses it");
    assert!(
        error.to_string().contains("fragment reuse index"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_format_that_is_not_finished_is_not_understood() {
    for flag in [
        FLAG_UNSTABLE_DATA_OVERLAY_FILES,
        FLAG_FRAG_REUSE_WITH_STABLE_ROW_IDS,
    ] {
        let root = published().await;
        root.lance
            .append_rows(&people(), &rows("b", 1))
            .await
            .expect("an append");
        change_manifest(&version_file(root.path(), "nodes/people", 1), |manifest| {
            manifest.reader_feature_flags |= flag;
            manifest.writer_feature_flags |= flag;
        });
        let answer = root.lance.restorable(&people(), 2, 1).await;
        let reason = reason(answer.expect("an answer"));
        assert!(reason.contains("a newer Lance is needed"), "{reason}");
    }
}
