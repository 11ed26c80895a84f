//! Files that no Lance manifest names, only files it names do: large binary values beside the data, and the row maps of compactions.

use sidecar::root_layout::{DATA_FOLDER, INDICES_FOLDER};
use std::collections::BTreeSet;
use std::collections::HashMap;

use arrow_array::Array;
use arrow_array::RecordBatch;
use arrow_array::StructArray;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt8Type;
use arrow_array::types::UInt32Type;
use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use lance::dataset::fragment::FileFragment;
use lance_core::Error as LanceError;
use lance_core::datatypes::BlobKind;
use lance_core::datatypes::Field;
use lance_core::utils::blob::blob_path;
use lance_table::format::Fragment;
use lance_table::format::IndexMetadata;
use lance_table::system_index::frag_reuse::ledger::FragReuseLedger;
use lance_table::system_index::frag_reuse::ledger::Mapping;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::LanceRoot;
use super::Needed;
use super::Place;
use super::TableError;
use super::needed::Folders;
use crate::version::VersionFile;

/// Fragments whose descriptors of large values are read, and held in memory, at the same time.
const FRAGMENTS_AT_ONCE: usize = 4;
/// Name of the only file of a row map. Source: lance-index 14.0.2.
const ROW_MAP_FILE: &str = "stable_partition.lance";
/// Name of the history of compactions, as system indices are named.
const FRAG_REUSE: &str = lance_index::frag_reuse::FRAG_REUSE_INDEX_NAME;

/// The first missing file; or, as an error, why it cannot be told whether one is missing.
type Found = Result<Option<String>, String>;

impl LanceRoot {
    /// The first missing file of those that only other files name. All files that the manifest names must be there.
    pub(super) async fn first_missing_unlisted(
        &self,
        place: &Place,
        file: &VersionFile,
        bases: &HashMap<u32, String>,
    ) -> Result<Found, TableError> {
        let folders = Folders::of(place, &file.manifest, bases);
        let mut row_maps = BTreeSet::new();
        for index in file.indices.iter().filter(|index| index.name == FRAG_REUSE) {
            match self.row_maps(place, index, &folders).await? {
                Ok(files) => row_maps.extend(files),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        if let Some(missing) = self.first_missing(place, only(row_maps)).await? {
            return Ok(Ok(Some(missing)));
        }
        self.first_missing_blob(place, file, &folders).await
    }

    async fn row_maps(
        &self,
        place: &Place,
        index: &IndexMetadata,
        folders: &Folders<'_>,
    ) -> Result<Result<BTreeSet<String>, String>, TableError> {
        let Some(details) = &index.index_details else {
            return Ok(Ok(BTreeSet::new()));
        };
        let folder = match folders.within(index.base_id, INDICES_FOLDER) {
            Ok(indices) => format!("{indices}/{}", index.uuid),
            Err(reason) => return Ok(Err(reason)),
        };
        let read = async |external: lance_table::format::pb::ExternalFile| {
            let path = self
                .path(&format!("{folder}/{}", external.path))
                .map_err(|error| LanceError::invalid_input(error.to_string()))?;
            let end = external.offset.saturating_add(external.size);
            let store = &self.inner.store.inner;
            Ok(store.get_range(&path, external.offset..end).await?)
        };
        let ledger = FragReuseLedger::decode(index.index_version, details, read)
            .await
            .map_err(|source| {
                TableError::lance(&place.name, "reading the history of compactions", source)
            })?;
        let maps =
            ledger
                .transitions()
                .iter()
                .filter_map(|transition| match transition.mapping() {
                    Mapping::StablePartition(map) => Some(map),
                    Mapping::OrderedCompaction(_) => None,
                });
        Ok(maps
            .map(|map| {
                let fri = folders.within(map.base_id, "_fri")?;
                Ok(format!("{fri}/{}/{ROW_MAP_FILE}", map.map_id))
            })
            .collect())
    }

    /// Large values lie in files of their own, which only the descriptors in the data name.
    async fn first_missing_blob(
        &self,
        place: &Place,
        file: &VersionFile,
        folders: &Folders<'_>,
    ) -> Result<Found, TableError> {
        let fields: Vec<&Field> = file
            .manifest
            .schema
            .fields
            .iter()
            .filter(|field| holds_blobs(field))
            .collect();
        if fields.is_empty() {
            return Ok(Ok(None));
        }
        let dataset = self.dataset_at(place, file).await?;
        let fields = &fields;
        let looks = stream::iter(dataset.get_fragments())
            .map(|fragment| async move {
                let files = self.blobs_of(place, &fragment, fields, folders).await?;
                Ok::<Found, TableError>(match files {
                    Ok(files) => Ok(self.first_missing(place, only(files)).await?),
                    Err(reason) => Err(reason),
                })
            })
            .buffered(FRAGMENTS_AT_ONCE);
        let mut looks = std::pin::pin!(looks);
        while let Some(found) = looks.try_next().await? {
            if found != Ok(None) {
                return Ok(found);
            }
        }
        Ok(Ok(None))
    }

    async fn blobs_of(
        &self,
        place: &Place,
        fragment: &FileFragment,
        fields: &[&Field],
        folders: &Folders<'_>,
    ) -> Result<Result<BTreeSet<String>, String>, TableError> {
        let failed = |source: LanceError| {
            TableError::lance(&place.name, "reading where its large values are", source)
        };
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let mut scan = fragment.scan();
        scan.project(&names).map_err(failed)?;
        let mut batches = Box::pin(scan.try_into_stream()).await.map_err(failed)?;
        let mut blobs = Blobs {
            fragment: fragment.metadata(),
            folders,
            files: BTreeSet::new(),
        };
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            if let Err(reason) = blobs.add(fields, &batch) {
                return Ok(Err(reason));
            }
        }
        Ok(Ok(blobs.files))
    }
}

fn only(files: BTreeSet<String>) -> Needed {
    Needed {
        files,
        folders: BTreeSet::new(),
    }
}

fn holds_blobs(field: &Field) -> bool {
    field.is_blob_v2() || field.children.iter().any(holds_blobs)
}

/// The files that the descriptors of one fragment name.
struct Blobs<'a> {
    fragment: &'a Fragment,
    folders: &'a Folders<'a>,
    files: BTreeSet<String>,
}

impl Blobs<'_> {
    fn add(&mut self, fields: &[&Field], batch: &RecordBatch) -> Result<(), String> {
        for field in fields {
            if let Some(column) = batch.column_by_name(&field.name) {
                self.add_column(field, column.as_ref())?;
            }
        }
        Ok(())
    }

    fn add_column(&mut self, field: &Field, column: &dyn Array) -> Result<(), String> {
        if field.is_blob_v2() {
            let descriptors = column.as_struct_opt().ok_or_else(|| unclear(&field.name))?;
            return self.add_descriptors(field, descriptors);
        }
        if let Some(column) = column.as_struct_opt() {
            for child in field.children.iter().filter(|child| holds_blobs(child)) {
                if let Some(values) = column.column_by_name(&child.name) {
                    self.add_column(child, values.as_ref())?;
                }
            }
            return Ok(());
        }
        let items = column
            .as_list_opt::<i32>()
            .map(|list| list.values())
            .or_else(|| column.as_list_opt::<i64>().map(|list| list.values()));
        match (items, field.children.first()) {
            (Some(items), Some(item)) => self.add_column(item, items.as_ref()),
            _ => Err(unclear(&field.name)),
        }
    }

    fn add_descriptors(&mut self, field: &Field, values: &StructArray) -> Result<(), String> {
        let column = |name: &str| values.column_by_name(name);
        let kinds = column("kind").and_then(|column| column.as_primitive_opt::<UInt8Type>());
        let ids = column("blob_id").and_then(|column| column.as_primitive_opt::<UInt32Type>());
        let uris = column("blob_uri").and_then(|column| column.as_string_opt::<i32>());
        let (Some(kinds), Some(ids), Some(uris)) = (kinds, ids, uris) else {
            return Err(unclear(&field.name));
        };
        for row in 0..values.len() {
            if values.is_null(row) || kinds.is_null(row) {
                continue;
            }
            let kind = BlobKind::try_from(kinds.value(row)).map_err(|error| error.to_string())?;
            let file = match kind {
                // In the data file itself, or outside of what Lance keeps.
                BlobKind::Inline | BlobKind::External => continue,
                BlobKind::Packed | BlobKind::Dedicated => self.beside(field, ids.value(row))?,
                BlobKind::Managed => {
                    let base = self.folders.base(self.data_file(field)?.base_id)?;
                    format!("{base}/{}", uris.value(row))
                }
                BlobKind::ManagedWithBase => {
                    let base = self.folders.base(Some(ids.value(row)))?;
                    format!("{base}/{}", uris.value(row))
                }
            };
            self.files.insert(file);
        }
        Ok(())
    }

    /// A file in the folder that is named after the data file.
    fn beside(&self, field: &Field, blob_id: u32) -> Result<String, String> {
        let data_file = self.data_file(field)?;
        let name = data_file.path.rsplit('/').next().unwrap_or_default();
        let key = name.strip_suffix(".lance").unwrap_or(name);
        let relative = blob_path(&Path::default(), key, blob_id);
        let data = self.folders.within(data_file.base_id, DATA_FOLDER)?;
        Ok(format!("{data}/{relative}"))
    }

    fn data_file(&self, field: &Field) -> Result<&lance_table::format::DataFile, String> {
        let mut files = self.fragment.files.iter();
        files
            .find(|file| file.fields.contains(&field.id))
            .ok_or_else(|| unclear(&field.name))
    }
}

fn unclear(column: &str) -> String {
    format!("nobody can tell where the values of column {column} are")
}
