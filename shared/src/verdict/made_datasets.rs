//! The datasets that a schema change of version 9 made, when the change is taken back (PROTOCOL.md, section 18.5).

use super::{Action, CatalogChange};
use crate::code::{Code, Reason};
use crate::dataset_files::{DatasetFile, DatasetFiles, are_by};
use crate::observation::{HeadObservation, RegistrationObservation, SchemaObservation};
use crate::version_9::{Carries, Sidecar9, Verdict9};

/// The one version that a dataset has right after it was made. A later one is somebody else's.
const FIRST_VERSION: u64 = 1;

/// Plans the removal of each dataset that the write made. One that somebody else made at its place stays.
///
/// # Errors
/// Why one of them cannot be removed; nothing is done then.
pub(super) fn drop_them(
    sidecar: &Sidecar9,
    judged: &Verdict9,
    schema: &SchemaObservation,
    changes: &mut [CatalogChange],
) -> Result<(), Reason> {
    for (place, pin) in sidecar.made_datasets() {
        let key = &pin.table_key;
        let carries = judged.tables.get(place).map(|table| table.carries);
        let is_whole = carries.is_some_and(|carries| carries != Carries::Nothing);
        let found = schema
            .registrations
            .iter()
            .find(|found| found.table_key == *key);
        if !is_whole && !found.is_some_and(|found| is_left_in_part(sidecar, key, found)) {
            continue;
        }
        let is_of = |change: &&mut CatalogChange| {
            change.table_key == *key && change.tombstone_version.is_none()
        };
        let (Some(change), Some(found)) = (changes.iter_mut().find(is_of), found) else {
            return Err(not_removable(key, "it was not looked at"));
        };
        if let Some(conflict) = &found.location_conflict {
            return Err(conflict.clone());
        }
        if change.manifest_pinned.is_some() {
            return Err(not_removable(key, "a table of that name is visible"));
        }
        let is_new = change.lance_head.is_none_or(|head| head == FIRST_VERSION);
        if !is_new || change.branch.is_some() {
            return Err(not_removable(key, "it has other versions than its first"));
        }
        match &found.files {
            Some(DatasetFiles::Listed { files })
                if sidecar.made_by(key).is_some_and(|uuid| are_by(files, uuid)) => {}
            Some(DatasetFiles::Listed { .. }) => {
                return Err(not_removable(key, "another transaction made it"));
            }
            Some(DatasetFiles::NotListed { reason }) => return Err(not_removable(key, reason)),
            None => return Err(not_removable(key, "its files were not looked at")),
        }
        change.rule = match change.lance_head {
            Some(head) => format!("HEAD {head}, made by this write, and not in the catalog"),
            None => "what is left of it was made by this write".to_owned(),
        };
        change.action = Action::Drop;
    }
    Ok(())
}

/// Whether the files that are left of a dataset are the write's: the file of its transaction is among them, and no version any more.
fn is_left_in_part(sidecar: &Sidecar9, key: &str, found: &RegistrationObservation) -> bool {
    let Some(DatasetFiles::Listed { files }) = &found.files else {
        return false;
    };
    let transaction = sidecar.made_by(key);
    found.head == HeadObservation::DatasetMissing
        && !files.iter().any(DatasetFile::is_a_version_file)
        && files
            .iter()
            .any(|file| file.transaction().is_some() && file.transaction() == transaction)
}

fn not_removable(key: &str, why: &str) -> Reason {
    Reason::new(
        Code::Unverifiable,
        format!("the dataset that the schema change made for {key} cannot be removed: {why}"),
    )
}
