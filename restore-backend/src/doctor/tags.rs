//! The tags of all datasets, as far as recoveries may have set them.

use std::collections::BTreeSet;

use futures::StreamExt;
use object_store::ObjectStore as _;
use object_store::path::Path;
use sidecar::doctor::TagFacts;
use sidecar::error_text;

use super::bounds::{FOLDERS_MAX, UNNAMED_DATASETS_MAX};
use super::branches::Branches;
use crate::observe::bounds::TABLES_AT_ONCE;
use crate::root::Root;
use fenced_lance::{CATALOG_PATH, TableError, TableLocation};
use root_objects::store::Objects;
use sidecar::root_layout::VERSIONS_FOLDER;

/// One listing for each dataset, the catalog included. No tag is read: its name says who set it.
///
/// A dataset that no catalog names, as after a table was removed, is looked for in the folders directly below the root.
pub(super) async fn read(root: &Root, branches: &Branches) -> TagFacts {
    let (named, are_all) = branches.places();
    let mut facts = TagFacts {
        are_all,
        ..TagFacts::default()
    };
    let mut places: BTreeSet<String> = named.iter().map(|place| (*place).to_owned()).collect();
    match datasets(root.objects()).await {
        Ok(found) => {
            let unnamed = found.datasets.into_iter();
            let unnamed: Vec<String> = unnamed.filter(|place| !places.contains(place)).collect();
            facts.are_all &= !found.is_cut_short && unnamed.len() <= UNNAMED_DATASETS_MAX;
            places.extend(unnamed.into_iter().take(UNNAMED_DATASETS_MAX));
        }
        Err(error) => {
            let place = "datasets that no catalog names".to_owned();
            facts.unread.push((place, error_text(&error)));
        }
    }
    let places = std::iter::once(CATALOG_PATH.to_owned()).chain(places);
    let looks: Vec<_> = places
        .map(|place| async move {
            let names = root.lance().tag_names(&TableLocation::main(&place)).await;
            (place, names)
        })
        .collect();
    let mut looks = futures::stream::iter(looks).buffered(TABLES_AT_ONCE);
    while let Some((place, names)) = looks.next().await {
        match names {
            Ok(names) => {
                let tags = names.into_iter().map(|name| (place.clone(), name));
                facts.tags.extend(tags);
            }
            // A folder that no catalog names may be no dataset at all, or lie where no table can be.
            Err(TableError::InvalidLocation { .. } | TableError::SymbolicLink { .. })
                if !named.contains(place.as_str()) => {}
            Err(error) => facts.unread.push((place, error_text(&error))),
        }
    }
    facts
}

/// The datasets in the folders directly below the root.
struct Found {
    datasets: BTreeSet<String>,
    /// Whether there are more folders than were looked into.
    is_cut_short: bool,
}

async fn datasets(objects: &Objects) -> Result<Found, object_store::Error> {
    let below = objects.list_with_delimiter(None).await?.common_prefixes;
    // A folder whose name begins like this holds no tables.
    let is_of_tables = |folder: &Path| {
        let name = folder.filename();
        name.is_some_and(|name| !name.starts_with(['_', '.']))
    };
    let folders: Vec<Path> = below.into_iter().filter(is_of_tables).collect();
    let is_cut_short = folders.len() > FOLDERS_MAX;
    let looks = folders.into_iter().take(FOLDERS_MAX);
    let looks = looks.map(|folder| async move {
        let listed = objects.list_with_delimiter(Some(&folder)).await;
        (folder, listed)
    });
    let mut looks = futures::stream::iter(looks).buffered(TABLES_AT_ONCE);
    let mut datasets = BTreeSet::new();
    while let Some((folder, listed)) = looks.next().await {
        let below = match listed {
            Ok(listed) => listed.common_prefixes,
            Err(object_store::Error::NotFound { .. }) => continue,
            Err(error) => return Err(error),
        };
        let is_dataset = |below: &Path| below.filename() == Some(VERSIONS_FOLDER);
        if below.iter().any(is_dataset) {
            datasets.insert(folder.to_string());
        } else {
            datasets.extend(below.iter().map(ToString::to_string));
        }
    }
    Ok(Found {
        datasets,
        is_cut_short,
    })
}
