//! Whether two versions of a table read the same, judged from their Lance manifests alone.

use std::collections::HashMap;

use lance_table::format::DataFile;
use lance_table::format::DeletionFile;
use lance_table::format::Fragment;
use lance_table::format::IndexMetadata;
use lance_table::format::Manifest;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::location::TableLocation;
use super::version::VersionFile;

impl LanceRoot {
    /// Whether versions `a` and `b` of a table have the same content: two reads.
    ///
    /// Sound, not complete. "Equal" is proof: every input of a read is compared, and the files
    /// are immutable and uniquely named. "Not equal" may be said of two versions that read the
    /// same, as before and after a compaction; restoring one over the other then does no harm.
    ///
    /// # Errors
    /// One of the versions does not exist, cannot be read, needs a newer Lance, or refers to files outside the root.
    pub async fn content_equal(
        &self,
        location: &TableLocation,
        a: u64,
        b: u64,
    ) -> Result<bool, TableError> {
        let place = self.place(location)?;
        let (a, b) =
            futures::try_join!(self.known_version(&place, a), self.known_version(&place, b))?;
        Ok(equal(
            &a,
            &self.base_paths_of(&place, &a)?,
            &b,
            &self.base_paths_of(&place, &b)?,
        ))
    }

    /// The base paths of a version relative to the root.
    pub(super) fn base_paths_of(
        &self,
        place: &Place,
        file: &VersionFile,
    ) -> Result<HashMap<u32, String>, TableError> {
        self.inner
            .base_paths
            .of(&file.manifest)
            .map_err(|base_path| TableError::BasePathOutsideRoot {
                table: place.name.clone(),
                version: file.manifest.version,
                base_path,
            })
    }
}

// Left out on purpose: the version and its time, who wrote it and through which transaction, and
// the allocators of fragment, row and field ids, which a restore keeps at their highest. Tags and
// branches are not part of a version.
fn equal(
    a: &VersionFile,
    a_base_paths: &HashMap<u32, String>,
    b: &VersionFile,
    b_base_paths: &HashMap<u32, String>,
) -> bool {
    a_base_paths == b_base_paths
        && settings_equal(&a.manifest, &b.manifest)
        && fragments_equal(&a.manifest.fragments, &b.manifest.fragments)
        && indices_equal(&a.indices, &b.indices)
}

fn settings_equal(a: &Manifest, b: &Manifest) -> bool {
    // `Schema` compares its fields only, so its metadata is compared beside it.
    a.branch == b.branch
        && a.schema == b.schema
        && a.schema.metadata == b.schema.metadata
        && a.data_storage_format == b.data_storage_format
        && a.config == b.config
        && a.table_metadata == b.table_metadata
        && a.reader_feature_flags == b.reader_feature_flags
        && a.writer_feature_flags == b.writer_feature_flags
        && base_kinds(a) == base_kinds(b)
}

fn base_kinds(manifest: &Manifest) -> HashMap<u32, (bool, Option<&str>)> {
    manifest
        .base_paths
        .iter()
        .map(|(id, base)| (*id, (base.is_dataset_root, base.name.as_deref())))
        .collect()
}

fn fragments_equal(a: &[Fragment], b: &[Fragment]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fragment_equal(a, b))
}

// Fragment ids say nothing alone: a delete keeps them and changes only the deletion file, and an
// overwritten table may use them again.
fn fragment_equal(a: &Fragment, b: &Fragment) -> bool {
    // Destructured so that a field added by a new Lance does not compile until it is judged.
    let Fragment {
        id,
        files,
        overlays,
        deletion_file,
        row_id_meta,
        physical_rows,
        last_updated_at_version_meta,
        created_at_version_meta,
    } = a;
    *id == b.id
        && files.len() == b.files.len()
        && files.iter().zip(&b.files).all(|(a, b)| file_equal(a, b))
        && *overlays == b.overlays
        && deletion_equal(deletion_file.as_ref(), b.deletion_file.as_ref())
        && *row_id_meta == b.row_id_meta
        && *created_at_version_meta == b.created_at_version_meta
        && *last_updated_at_version_meta == b.last_updated_at_version_meta
        // Filled in by a later commit where an old Lance did not write it.
        && (*physical_rows == b.physical_rows || physical_rows.is_none() || b.physical_rows.is_none())
}

fn file_equal(a: &DataFile, b: &DataFile) -> bool {
    let DataFile {
        path,
        fields,
        column_indices,
        file_major_version,
        file_minor_version,
        // A cache of the file's size that a later commit may fill in.
        file_size_bytes: _,
        base_id,
    } = a;
    *path == b.path
        && *fields == b.fields
        && *column_indices == b.column_indices
        && *file_major_version == b.file_major_version
        && *file_minor_version == b.file_minor_version
        && *base_id == b.base_id
}

fn deletion_equal(a: Option<&DeletionFile>, b: Option<&DeletionFile>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.id == b.id
                && a.read_version == b.read_version
                && a.file_type == b.file_type
                && a.base_id == b.base_id
        }
        _ => false,
    }
}

fn indices_equal(a: &[IndexMetadata], b: &[IndexMetadata]) -> bool {
    let by_uuid = |indices: &[IndexMetadata]| -> Vec<IndexMetadata> {
        let mut indices = indices.to_vec();
        indices.sort_by_key(|index| index.uuid);
        indices
    };
    a.len() == b.len()
        && by_uuid(a)
            .iter()
            .zip(&by_uuid(b))
            .all(|(a, b)| index_equal(a, b))
}

// Not compared: the list of files and the time of making, which migrations fill in.
fn index_equal(a: &IndexMetadata, b: &IndexMetadata) -> bool {
    a.uuid == b.uuid
        && a.name == b.name
        && a.fields == b.fields
        && a.covering_fields == b.covering_fields
        && a.dataset_version == b.dataset_version
        && a.fragment_bitmap == b.fragment_bitmap
        && a.index_version == b.index_version
        && a.index_details == b.index_details
        && a.base_id == b.base_id
}
