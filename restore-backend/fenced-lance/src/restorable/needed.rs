//! The files a version refers to in its Lance manifest.

use sidecar::root_layout::{DATA_FOLDER, DELETIONS_FOLDER, INDICES_FOLDER};
use std::collections::BTreeSet;
use std::collections::HashMap;

use lance_table::format::IndexMetadata;
use lance_table::format::Manifest;
use lance_table::format::pb;
use lance_table::io::deletion::relative_deletion_file_path;
use lance_table::system_index::is_system_index;
use prost::Message;

use super::Place;
use crate::version::VersionFile;

/// Where a version's files lie, relative to the root.
pub(crate) struct Folders<'a> {
    own: String,
    manifest: &'a Manifest,
    bases: &'a HashMap<u32, String>,
}

impl<'a> Folders<'a> {
    pub(crate) fn of(
        place: &Place,
        manifest: &'a Manifest,
        bases: &'a HashMap<u32, String>,
    ) -> Self {
        let own = match place.location.other_branch() {
            Some(branch) => format!("{}/tree/{branch}", place.location.path),
            None => place.location.path.clone(),
        };
        Self {
            own,
            manifest,
            bases,
        }
    }

    /// A folder of a base. A base is a whole dataset or, rarely, just a folder of files.
    pub(crate) fn within(&self, base_id: Option<u32>, folder: &str) -> Result<String, String> {
        match base_id {
            None => Ok(format!("{}/{folder}", self.own)),
            Some(id) => match (self.bases.get(&id), self.manifest.base_paths.get(&id)) {
                (Some(relative), Some(base)) if base.is_dataset_root => {
                    Ok(format!("{relative}/{folder}"))
                }
                (Some(relative), Some(_)) => Ok(relative.clone()),
                _ => Err(self.undefined()),
            },
        }
    }

    /// A base itself.
    pub(crate) fn base(&self, base_id: Option<u32>) -> Result<String, String> {
        match base_id {
            None => Ok(self.own.clone()),
            Some(id) => self.bases.get(&id).cloned().ok_or_else(|| self.undefined()),
        }
    }

    fn undefined(&self) -> String {
        format!(
            "version {} refers to a base path it does not define",
            self.manifest.version
        )
    }
}

/// The files that a version refers to, relative to the root.
pub(super) struct Needed {
    pub(super) files: BTreeSet<String>,
    // Folders of indices whose files are not known: such a folder must not be empty.
    pub(super) folders: BTreeSet<String>,
}

impl Needed {
    /// `elsewhere` are the indices of another version of the table: if old writers did not record the files of an index here,
    /// that version may have them.
    pub(super) fn of(
        place: &Place,
        file: &VersionFile,
        bases: &HashMap<u32, String>,
        elsewhere: &[IndexMetadata],
    ) -> Result<Self, String> {
        let folders_of = Folders::of(place, &file.manifest, bases);
        let mut files = BTreeSet::new();
        let mut folders = BTreeSet::new();
        for fragment in file.manifest.fragments.iter() {
            for data_file in fragment.referenced_lance_files() {
                let data = folders_of.within(data_file.base_id, DATA_FOLDER)?;
                files.insert(format!("{data}/{}", data_file.path));
            }
            if let Some(deletion) = &fragment.deletion_file {
                let deletions = folders_of.within(deletion.base_id, DELETIONS_FOLDER)?;
                let path = relative_deletion_file_path(fragment.id, deletion);
                let name = path.rsplit('/').next().unwrap_or(&path);
                files.insert(format!("{deletions}/{name}"));
            }
        }
        for index in &file.indices {
            let indices = folders_of.within(index.base_id, INDICES_FOLDER)?;
            let folder = format!("{indices}/{}", index.uuid);
            // System indices keep what they know in the manifest, or in one file that the manifest names.
            if is_system_index(index) {
                files.extend(spilled(index).map(|name| format!("{folder}/{name}")));
                continue;
            }
            let recorded = index.files.as_ref().or_else(|| {
                let same = elsewhere.iter().find(|other| other.uuid == index.uuid)?;
                same.files.as_ref()
            });
            let names: Vec<&str> = match recorded {
                Some(recorded) => recorded.iter().map(|file| file.path.as_str()).collect(),
                None => always_written(index).to_vec(),
            };
            if names.is_empty() && recorded.is_none() {
                folders.insert(folder);
            } else {
                files.extend(names.iter().map(|name| format!("{folder}/{name}")));
            }
        }
        Ok(Self { files, folders })
    }
}

/// Files that every index of a kind has, whatever Lance wrote it.
fn always_written(index: &IndexMetadata) -> &'static [&'static str] {
    let kind = index
        .index_details
        .as_ref()
        .and_then(|details| details.type_url.rsplit(['/', '.']).next());
    match kind {
        Some("BTreeIndexDetails") => &["page_lookup.lance", "page_data.lance"],
        Some("BitmapIndexDetails") => &["bitmap_page_lookup.lance"],
        _ => &[],
    }
}

/// The file into which Lance writes the history of compactions once it is too long for the manifest.
fn spilled(index: &IndexMetadata) -> Option<String> {
    use pb::fragment_reuse_index_details::Content;
    let details = index.index_details.as_ref()?;
    if !details.type_url.ends_with("FragmentReuseIndexDetails") {
        return None;
    }
    let details = pb::FragmentReuseIndexDetails::decode(details.value.as_slice()).ok()?;
    match details.content? {
        Content::External(file) => Some(file.path),
        Content::Inline(_) => None,
    }
}
