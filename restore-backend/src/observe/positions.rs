//! Where the catalog and the tables of one sidecar stand, from what was read of the root.

use futures::FutureExt;
use sidecar::observation::obstacle::base_path_outside_root;
use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, KeptHistory, Pinned, PinnedElsewhere,
    Restorability, TableObservation,
};
use sidecar::root_layout::CATALOG_FOLDER;
use sidecar::{Observation, Sidecar, TablePin, Timestamp, error_text};

use super::evidence::{read_branch_identities, read_origins};
use super::failed::Failures;
use super::readings::{RootReadings, conflict, key_now};
use super::schema;
use crate::root::Root;
use fenced_lance::{CatalogReading, Head, TableError, TableLocation};

impl RootReadings {
    pub(super) async fn observation(
        &self,
        root: &Root,
        sidecar: &Sidecar,
        failures: &Failures,
    ) -> Observation {
        let catalog = match self.catalogs.get(&sidecar.branch().owned()) {
            Some(Ok(CatalogReading::Present(catalog))) => CatalogObservation::Present {
                version: catalog.version,
                stamp: catalog.stamp,
                two_phase: catalog.two_phase,
                branch_created_at: catalog.branch_created_at.map(Timestamp::from_seconds),
            },
            Some(Ok(CatalogReading::NoBranch { tree_left })) => CatalogObservation::BranchAbsent {
                tree_left: *tree_left,
            },
            Some(Ok(CatalogReading::NoCatalog)) | None => CatalogObservation::Unreadable {
                reason: format!("there is no {CATALOG_FOLDER} in this root"),
            },
            Some(Err(error)) => {
                failures.of_root("the catalog", error);
                CatalogObservation::Unreadable {
                    reason: error_text(error),
                }
            }
        };
        let mut tables: Vec<TableObservation> = sidecar
            .tables
            .iter()
            .map(|pin| self.table(root, sidecar, pin, failures))
            .collect();
        read_origins(root.lance(), &mut tables, failures).await;
        read_branch_identities(root.lance(), sidecar, &mut tables, failures).await;
        let schema = match self.catalog(sidecar) {
            Some(catalog) if sidecar.writer_kind.changes_the_schema() => {
                schema::observe_schema(root, sidecar, catalog, failures)
                    .boxed()
                    .await
            }
            Some(_) | None => None,
        };
        Observation {
            catalog,
            tables,
            schema,
            kept_history: KeptHistory::Nowhere,
            recorded: Default::default(),
            merge: None,
            unread: Vec::new(),
            version_9: None,
        }
    }

    fn table(
        &self,
        root: &Root,
        sidecar: &Sidecar,
        pin: &TablePin,
        failures: &Failures,
    ) -> TableObservation {
        let catalog = self.catalog(sidecar);
        let key = catalog.map_or(pin.table_key.as_str(), |catalog| {
            key_now(catalog, sidecar, pin)
        });
        let location = catalog
            .and_then(|catalog| catalog.locations.get(key))
            .cloned();
        let pinned = match catalog {
            None => Pinned::Absent,
            Some(catalog) => match (catalog.pins.get(key), catalog.tombstones.get(key)) {
                (Some(pin), _) => Pinned::At {
                    version: pin.version,
                },
                (None, Some(version)) => Pinned::Tombstoned { version: *version },
                (None, None) => Pinned::Absent,
            },
        };
        let mut location_conflict = location
            .as_deref()
            .and_then(|location| conflict(root, pin, location));
        if let Some(Err(error @ TableError::BasePathOutsideRoot { .. })) =
            self.catalogs.get(&sidecar.branch().owned())
        {
            location_conflict = Some(base_path_outside_root(&error_text(error)));
        }
        let reading = location.as_ref().and_then(|location| {
            self.heads
                .get(&TableLocation::on(location, pin.table_branch().name()))
        });
        let head = match reading {
            Some(Ok(Head::At { version })) => HeadObservation::At {
                version: *version,
                transaction: None,
            },
            Some(Ok(Head::BranchMissing)) => HeadObservation::BranchMissing,
            Some(Ok(Head::DatasetMissing)) => HeadObservation::DatasetMissing,
            Some(Err(error)) => {
                let reason = error_text(error);
                if matches!(error, TableError::BasePathOutsideRoot { .. }) {
                    location_conflict.get_or_insert_with(|| {
                        base_path_outside_root(&format!("{}: {reason}", pin.table_key))
                    });
                }
                failures.of_table(&pin.table_key, "the Lance HEAD", error);
                HeadObservation::Unreadable { reason }
            }
            None => HeadObservation::of_no_place(),
        };
        let pinned_branch = catalog
            .and_then(|catalog| catalog.pins.get(key))
            .map(|pin| pin.table_branch.clone());
        // `read_origins` reads later, and only if it matters, whether the pin's branch was made from there.
        let pinned_elsewhere = pinned_branch
            .filter(|branch| branch.as_deref() != pin.table_branch().name())
            .map(|branch| PinnedElsewhere {
                branch,
                is_origin: head == HeadObservation::BranchMissing,
            });
        TableObservation {
            table_key: pin.table_key.clone(),
            branch: pin.table_branch().owned(),
            location,
            pinned,
            pinned_elsewhere,
            head,
            location_conflict,
            transactions: Vec::new(),
            head_content: ContentComparison::NotCompared,
            restorable: Restorability::NotChecked,
            covered_by: None,
            pin_gone: false,
        }
    }
}
