//! Schema files that a `SchemaApply` left beside the tables it pinned (PROTOCOL.md, section 6.1).

use std::collections::BTreeSet;

use futures::StreamExt;
use sidecar::observation::obstacle::{base_path_outside_root, place_taken, still_catalogued};
use sidecar::observation::{
    FileObservation, HeadObservation, NextFile, NextSchema, Pinned, RegistrationObservation,
    SchemaObservation, TombstoneObservation, declared_tables,
};
use sidecar::{DatasetFiles, Registration, SchemaFile, Sidecar, Timestamp};

use super::bounds::TABLES_AT_ONCE;
use super::failed::Failures;
use crate::root::Root;
use fenced_lance::{Catalog, Head, LanceRoot, TableError, TableLocation, TransactionEntry};
use root_objects::dataset_files;
use root_objects::schema_files::{self, SchemaFileError};
use root_objects::store::NotRead;
use sidecar::error_text;

/// One schema file and the copy staged beside it, each read once, so that digests and contents are of the same bytes.
struct Found {
    file: SchemaFile,
    live: Option<Vec<u8>>,
    staged: Option<Vec<u8>>,
}

impl Found {
    /// `None` if one of the two cannot be read; the failures then say which.
    async fn read(root: &Root, file: SchemaFile, failures: &Failures) -> Option<Self> {
        let (live, staged) = futures::join!(
            read_one(root, file.live(), failures),
            read_one(root, file.staged(), failures)
        );
        Some(Self {
            file,
            live: live?,
            staged: staged?,
        })
    }

    fn digests(&self) -> FileObservation {
        let digest = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(schema_files::digest);
        FileObservation {
            live: digest(&self.live),
            staged: digest(&self.staged),
        }
    }

    /// The live file once every staged copy is in place.
    fn next(&self) -> NextFile<'_> {
        match &self.staged {
            Some(staged) => NextFile {
                name: self.file.staged(),
                bytes: Some(staged),
            },
            None => NextFile {
                name: self.file.live(),
                bytes: self.live.as_deref(),
            },
        }
    }
}

/// The bytes of one file, `None` within if it is not there; `None` if it cannot be read.
#[allow(
    clippy::option_option,
    reason = "a file that is not there is not one that cannot be read"
)]
async fn read_one(root: &Root, name: &str, failures: &Failures) -> Option<Option<Vec<u8>>> {
    match schema_files::read(root.objects(), name).await {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            failures.unread(name, why(&error));
            None
        }
    }
}

/// The reason without the name of the file, which stands beside it.
fn why(error: &SchemaFileError) -> String {
    match error {
        SchemaFileError::Storage { source, .. } => {
            NotRead::of(source).map_or_else(|| error_text(source), ToString::to_string)
        }
        other => error_text(other),
    }
}

/// `None` if a file or the lock cannot be read, or a file is larger than any schema: nothing is known then, and other sidecars are not
/// held up.
pub(super) async fn observe_schema(
    root: &Root,
    sidecar: &Sidecar,
    catalog: &Catalog,
    failures: &Failures,
) -> Option<SchemaObservation> {
    let files = async {
        futures::join!(
            Found::read(root, SchemaFile::Source, failures),
            Found::read(root, SchemaFile::Ir, failures),
            Found::read(root, SchemaFile::State, failures)
        )
    };
    let ((source, ir, state), lock) = futures::join!(files, root.lance().schema_lock());
    if let Err(error) = &lock {
        failures.of_root("the lock of the schema change", error);
    }
    let (source, ir, state, lock) = (source?, ir?, state?, lock.ok()?);
    let declared: BTreeSet<String> = ir
        .live
        .as_deref()
        .and_then(declared_tables)
        .into_iter()
        .flatten()
        .collect();
    let is_staged = [&source, &ir, &state]
        .into_iter()
        .any(|found| found.staged.is_some());
    let next = is_staged.then(|| NextSchema::read(source.next(), ir.next(), state.next()));
    let looks: Vec<_> = sidecar
        .additional_registrations
        .iter()
        .map(|registration| observe_registration(root, sidecar, registration, catalog, failures))
        .collect();
    let registrations: Vec<RegistrationObservation> = futures::stream::iter(looks)
        .buffered(TABLES_AT_ONCE)
        .collect()
        .await;
    let tombstones = sidecar
        .tombstones
        .iter()
        .map(|tombstone| TombstoneObservation {
            table_key: tombstone.table_key.clone(),
            pinned: pinned_of_removed(catalog, sidecar, &tombstone.table_key),
        });
    Some(SchemaObservation {
        source: source.digests(),
        ir: ir.digests(),
        state: state.digests(),
        next,
        live_ir_declares_tables: !registrations.is_empty()
            && registrations
                .iter()
                .all(|registration| declared.contains(&registration.table_key)),
        tombstones: tombstones.collect(),
        registrations,
        locked_since: lock.map(|lock| Timestamp::from_seconds(lock.created_at)),
    })
}

/// Where the catalog knows tables by identity, another table may have the name by now.
fn pinned_of_removed(catalog: &Catalog, sidecar: &Sidecar, table_key: &str) -> Pinned {
    let identity = sidecar
        .version_9
        .as_ref()
        .and_then(|version_9| version_9.removed_identity(table_key));
    match catalog.identified.as_deref().zip(identity) {
        Some((tables, identity)) => {
            tables
                .get(identity)
                .map_or(Pinned::Absent, |table| Pinned::At {
                    version: table.row.version,
                })
        }
        None => pinned(catalog, table_key),
    }
}

fn pinned(catalog: &Catalog, table_key: &str) -> Pinned {
    match (
        catalog.pins.get(table_key),
        catalog.tombstones.get(table_key),
    ) {
        (Some(pin), _) => Pinned::At {
            version: pin.version,
        },
        (None, Some(version)) => Pinned::Tombstoned { version: *version },
        (None, None) => Pinned::Absent,
    }
}

async fn observe_registration(
    root: &Root,
    sidecar: &Sidecar,
    registration: &Registration,
    catalog: &Catalog,
    failures: &Failures,
) -> RegistrationObservation {
    let path = registration.table_path.trim_matches('/');
    let located = catalog.locations.iter();
    let located = located.map(|(key, location)| (key.as_str(), location.as_str()));
    let mut location_conflict = place_taken(registration, located);
    let pinned = pinned(catalog, &registration.table_key);
    let head = match (&location_conflict, pinned.version()) {
        (None, None) => {
            let branch = registration.table_branch().name();
            match head(root.lance(), &TableLocation::on(path, branch)).await {
                Ok(head) => head,
                Err(error @ TableError::BasePathOutsideRoot { .. }) => {
                    let reason = format!("{}: {}", registration.table_key, error_text(&error));
                    location_conflict = Some(base_path_outside_root(&reason));
                    HeadObservation::Unreadable { reason }
                }
                Err(error) => {
                    failures.of_table(&registration.table_key, "the Lance HEAD", &error);
                    HeadObservation::Unreadable {
                        reason: error_text(&error),
                    }
                }
            }
        }
        (Some(_), _) | (_, Some(_)) => HeadObservation::of_a_taken_place(),
    };
    // A dataset that was removed in part has no version left.
    let may_be_removed = sidecar.version_9.is_some()
        && (head.version().is_some() || head == HeadObservation::DatasetMissing);
    let files = match may_be_removed {
        true => Some(files_of(root, registration, path, failures).await),
        false => None,
    };
    RegistrationObservation {
        table_key: registration.table_key.clone(),
        pinned,
        head,
        location_conflict,
        files,
    }
}

/// The files of a dataset that goes if the write is taken back. No branch of the graph may have a table there.
async fn files_of(
    root: &Root,
    registration: &Registration,
    path: &str,
    failures: &Failures,
) -> DatasetFiles {
    let unread = |what: &str, reason: String| {
        failures.unread(what, reason.clone());
        DatasetFiles::NotListed { reason }
    };
    match root.lance().catalogued_at(path).await {
        Ok(None) => {}
        Ok(Some(catalogued)) => {
            let branch = catalogued.branch.as_deref();
            let reason = still_catalogued(&catalogued.table_key, branch);
            return DatasetFiles::NotListed { reason };
        }
        Err(error) => {
            failures.of_root("the catalog on another branch", &error);
            return DatasetFiles::NotListed {
                reason: error_text(&error),
            };
        }
    }
    match dataset_files::list(root.objects(), path).await {
        Ok(files) => files,
        Err(error) => unread(&registration.table_key, error_text(&error)),
    }
}

async fn head(lance: &LanceRoot, place: &TableLocation) -> Result<HeadObservation, TableError> {
    Ok(match lance.head(place).await? {
        Head::DatasetMissing => HeadObservation::DatasetMissing,
        Head::BranchMissing => HeadObservation::BranchMissing,
        Head::At { version } => {
            let transaction = match lance.transaction(place, version).await? {
                TransactionEntry::Known(summary) => Some(summary.uuid),
                TransactionEntry::Gone { .. } => None,
            };
            HeadObservation::At {
                version,
                transaction: transaction.filter(|uuid| !uuid.is_empty()),
            }
        }
    })
}
