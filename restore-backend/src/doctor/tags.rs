//! The tags of all datasets, as far as recoveries may have set them.

use futures::StreamExt;
use sidecar::doctor::TagFacts;
use sidecar::error_text;

use super::branches::Branches;
use crate::observe::bounds::TABLES_AT_ONCE;
use crate::root::Root;
use fenced_lance::{CATALOG_PATH, TableLocation};

/// One listing for each dataset, the catalog included. No tag is read: its name says who set it.
pub(super) async fn read(root: &Root, branches: &Branches) -> TagFacts {
    let (places, are_all) = branches.places();
    let places = std::iter::once(CATALOG_PATH).chain(places);
    let looks: Vec<_> = places
        .map(|place| async move {
            let names = root.lance().tag_names(&TableLocation::main(place)).await;
            (place, names)
        })
        .collect();
    let mut facts = TagFacts {
        are_all,
        ..TagFacts::default()
    };
    let mut looks = futures::stream::iter(looks).buffered(TABLES_AT_ONCE);
    while let Some((place, names)) = looks.next().await {
        match names {
            Ok(names) => {
                let tags = names.into_iter().map(|name| (place.to_owned(), name));
                facts.tags.extend(tags);
            }
            Err(error) => facts.unread.push((place.to_owned(), error_text(&error))),
        }
    }
    facts
}
