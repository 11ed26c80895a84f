//! Reads everything in a root that tells whether it is in order, and whether it is ready for an upgrade. It never writes.
//!
//! A thing that cannot be read is a fact with its reason, and hides nothing else. [`sidecar::doctor`] judges the facts.

mod bounds;
mod branches;
mod history;
mod operations;
mod schema;
mod tags;

use futures::FutureExt;
use sidecar::doctor::{
    Covers, DeclaredCatalog, DoctorReport, DoctorScope, FolderEntries, FolderFacts, Known,
    PendingFacts, RootFacts, operations_named, tables_are_read,
};
use sidecar::root_layout::STAMP_WITH_HISTORY;
use sidecar::{Timestamp, error_text};

use crate::error::ServiceError;
use crate::observe::bounds::LOOKS_MAX;
use crate::pending::{PendingRecovery, pending_and_skipped, summaries};
use crate::root::Root;
use root_objects::sidecar_dir::{self, Entries};

use branches::Branches;

/// The report about a root.
///
/// # Errors [`ServiceError::NoCatalog`] where there is none: then it is no root. Anything else that cannot be read is told in the
/// report.
pub(crate) async fn examine(
    root: &Root,
    scope: DoctorScope,
    now: Timestamp,
) -> Result<DoctorReport, ServiceError> {
    let tables = read_tables(root, now).boxed().await?;
    let Tables {
        catalog,
        branches,
        pending,
    } = tables;
    let declared = catalog.as_ref().ok();
    let keeps_history = declared.is_some_and(|declared| {
        let stamp = declared.stamp.as_ref().ok().copied();
        !declared.two_phase
            && stamp.is_some_and(|stamp| stamp >= STAMP_WITH_HISTORY && tables_are_read(stamp))
    });
    let names = branches.names();
    let histories = async {
        match (scope, keeps_history) {
            (DoctorScope::Upgrade, true) => Some(history::read(root, &names).await),
            _ => None,
        }
    };
    let (folder, schema, operations, tags, histories) = futures::join!(
        folder(root),
        schema::read(root),
        operations::read(root).boxed(),
        tags::read(root, &branches).boxed(),
        histories.boxed(),
    );
    let branches = branches.into_facts();
    let named = operations_named(&branches, &tags);
    let facts = RootFacts {
        commands: root.commands(),
        identity: root
            .unidentified()
            .map_or(Ok(()), |why| Err(why.to_owned())),
        catalog,
        branches,
        pending,
        folder,
        schema,
        operations: operations.map(|journals| journals.into_facts(named)),
        tags,
        histories,
    };
    Ok(DoctorReport::of(&facts, scope))
}

/// The facts that have to be read of one state of the root: pins, HEADs, and the sidecars that cover the commits between.
struct Tables {
    catalog: Known<DeclaredCatalog>,
    branches: Branches,
    pending: Known<PendingFacts>,
}

/// Reads the catalog first, then the tables, then the sidecars, then the version of the catalog once more. So a write that
/// goes on meanwhile either has its sidecar there, or has moved the catalog.
async fn read_tables(root: &Root, now: Timestamp) -> Result<Tables, ServiceError> {
    let mut looks = 0;
    loop {
        looks += 1;
        let root = &root.for_one_look();
        let catalog = declared(root).await?;
        let mut branches = Branches::read(root, &catalog).boxed().await;
        let pending = pending(root, now).boxed().await;
        let covers = pending.as_ref().ok().map(|pending| &pending.covers);
        branches.read_uncovered(root, covers).boxed().await;
        let moved = branches.moved(root, covers).boxed().await;
        if moved.is_empty() || looks == LOOKS_MAX {
            branches.note_moving(&moved);
            return Ok(Tables {
                catalog,
                branches,
                pending,
            });
        }
    }
}

async fn declared(root: &Root) -> Result<Known<DeclaredCatalog>, ServiceError> {
    match root.lance().catalog_declaration().await {
        Ok(Some(declared)) => Ok(Ok(DeclaredCatalog {
            stamp: declared.stamp,
            two_phase: declared.two_phase,
            is_being_upgraded: declared.is_being_upgraded,
        })),
        Ok(None) => Err(ServiceError::NoCatalog { root: root.shown() }),
        Err(error) => Ok(Err(error_text(&error))),
    }
}

async fn pending(root: &Root, now: Timestamp) -> Known<PendingFacts> {
    let read = async {
        let (recoveries, skipped) = pending_and_skipped(root, None).await?;
        let lines = summaries(root, &recoveries, now).await?;
        let entries = recoveries.into_iter().map(PendingRecovery::into_entry);
        let entries: Vec<_> = entries.collect();
        Ok::<_, ServiceError>(PendingFacts {
            recoveries: lines,
            skipped,
            covers: Covers::of(&entries),
        })
    };
    read.await.map_err(|error| error_text(&error))
}

async fn folder(root: &Root) -> Known<FolderFacts> {
    let entries = |entries: Entries| FolderEntries {
        count: entries.count,
        names: entries.names,
    };
    let listed = sidecar_dir::list_folder(root.objects()).await;
    let listed = listed.map_err(|error| error_text(&error))?;
    if listed.is_cut_short {
        return Err("it has more entries than are counted".to_owned());
    }
    Ok(FolderFacts {
        sidecars: listed.sidecars,
        others: entries(listed.others),
        nested: entries(listed.nested),
    })
}
