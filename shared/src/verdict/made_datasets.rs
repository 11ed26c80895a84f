//! The datasets that a schema change of version 9 made, when the change is taken back (PROTOCOL.md, section 18.5).

use super::{Action, CatalogChange};
use crate::code::{Code, Reason};
use crate::dataset_files::DatasetFiles;
use crate::observation::SchemaObservation;
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
    let made = sidecar
        .made_datasets()
        .filter(|(place, _)| {
            let table = judged.tables.get(*place);
            table.is_some_and(|table| table.carries != Carries::Nothing)
        })
        .map(|(_, pin)| &pin.table_key);
    for key in made {
        let is_of = |change: &&mut CatalogChange| {
            change.table_key == *key && change.tombstone_version.is_none()
        };
        let found = schema
            .registrations
            .iter()
            .find(|found| found.table_key == *key);
        let (Some(change), Some(found)) = (changes.iter_mut().find(is_of), found) else {
            return Err(not_removable(key, "it was not looked at"));
        };
        if let Some(conflict) = &found.location_conflict {
            return Err(conflict.clone());
        }
        if change.manifest_pinned.is_some() {
            return Err(not_removable(key, "a table of that name is visible"));
        }
        if change.lance_head != Some(FIRST_VERSION) || change.branch.is_some() {
            return Err(not_removable(key, "it has other versions than its first"));
        }
        match &found.files {
            Some(DatasetFiles::Listed { .. }) => {}
            Some(DatasetFiles::NotListed { reason }) => return Err(not_removable(key, reason)),
            None => return Err(not_removable(key, "its files were not looked at")),
        }
        "HEAD 1, made by this write, and not in the catalog".clone_into(&mut change.rule);
        change.action = Action::Drop;
    }
    Ok(())
}

fn not_removable(key: &str, why: &str) -> Reason {
    Reason::new(
        Code::Unverifiable,
        format!("the dataset that the schema change made for {key} cannot be removed: {why}"),
    )
}
