//! Looks at everything that the verdict over a sidecar of version 9 asks for (PROTOCOL.md, section 18.4). It never writes.
//!
//! Requests: the catalog on one branch, its version at the write's graph commit, six schema files; per table one listing, the entry of
//! its Lance branch, and one read for each version above the pin; then the catalog's version and the HEADs once more.

mod graph;
mod schema;
mod tables;
mod unreadable;

use fenced_lance::Head;
use futures::FutureExt;
use sidecar::Reason;
use sidecar::version_9::{
    Beside, Evidence, Sidecar9, Verdict9, judge_version_9, no_evidence, place_conflict,
};

use super::bounds::LOOKS_MAX;
use crate::root::Root;
use graph::{Graph, GraphReading};
use unreadable::catalog_unreadable;

/// The verdict, or why there is none. Whether the root was moved and locked is looked up here; the rest of `beside` is the caller's.
pub(crate) async fn judge_9(
    root: &Root,
    sidecar: &Sidecar9,
    beside: Beside,
) -> Result<Verdict9, Reason> {
    let evidence = look_9(root, sidecar, beside).await?;
    Ok(judge_version_9(sidecar, &evidence))
}

/// Everything that the verdict asks for, as it was at one moment, or why that was not found.
pub(super) async fn look_9(
    root: &Root,
    sidecar: &Sidecar9,
    beside: Beside,
) -> Result<Evidence, Reason> {
    if let Some(reason) = place_conflict(sidecar, root.id(), root.relocated_from()) {
        return Err(reason);
    }
    let is_moved = root
        .relocated_from()
        .filter(|_| place_conflict(sidecar, root.id(), None).is_some());
    let beside = Beside {
        moved_from: is_moved.map(ToString::to_string),
        ..beside
    };
    for _ in 0..LOOKS_MAX {
        let root = &root.for_one_look();
        if let Some(evidence) = look(root, sidecar, beside.clone()).boxed().await? {
            return Ok(evidence);
        }
    }
    Err(no_evidence::never_at_rest(LOOKS_MAX))
}

/// `None` if something moved meanwhile, so that the facts that were read do not belong together.
async fn look(root: &Root, sidecar: &Sidecar9, beside: Beside) -> Result<Option<Evidence>, Reason> {
    let GraphReading {
        branch,
        graph,
        read,
    } = graph::read(root, sidecar).await?;
    let (schema, tables, is_locked) = futures::join!(
        schema::read(root).boxed(),
        tables::read(root.lance(), sidecar, &graph).boxed(),
        is_locked(root, sidecar).boxed()
    );
    let (schema, is_locked) = (schema?, is_locked?);
    let (graph_holds, tables_hold) = futures::join!(
        still_holds(root, sidecar, read),
        tables::still_hold(root.lance(), sidecar, &tables)
    );
    Ok((graph_holds && tables_hold).then_some(Evidence {
        beside: Beside {
            is_locked,
            ..beside
        },
        branch,
        graph,
        schema,
        tables,
    }))
}

/// Whether the lock that a schema change takes is there.
async fn is_locked(root: &Root, sidecar: &Sidecar9) -> Result<bool, Reason> {
    if !sidecar.writer_kind.changes_the_schema() {
        return Ok(false);
    }
    let lock = root.lance().schema_lock().await;
    lock.map(|lock| lock.is_some())
        .map_err(|error| catalog_unreadable(&error))
}

async fn still_holds(root: &Root, sidecar: &Sidecar9, read: Option<Graph>) -> bool {
    let lance = root.lance();
    match read {
        Some(Graph {
            lance_branch,
            version,
        }) => {
            let now = lance.catalog_version(lance_branch.as_deref()).await;
            now.is_ok_and(|now| now == Head::At { version })
        }
        // The branch was not there. If it was made meanwhile, it has a version by now.
        None => {
            let now = lance.catalog_version(sidecar.branch().name()).await;
            !matches!(now, Ok(Head::At { .. }))
        }
    }
}
