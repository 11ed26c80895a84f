//! Looks at everything that the verdict over a sidecar of version 9 asks for (PROTOCOL.md, section 18.4). It never writes.
//!
//! Requests: the catalog on one branch, its version at the write's graph commit, six schema files; per table one listing, the entry of
//! its Lance branch, and one read for each version above the pin; then the catalog's version and the HEADs once more.

mod graph;
mod schema;
mod tables;
mod unreadable;

use futures::FutureExt;
use sidecar::version_9::{Evidence, Sidecar9, Verdict9, judge_version_9, place_conflict};
use sidecar::{Code, Reason};

use super::bounds::LOOKS_MAX;
use crate::root::Root;
use graph::{Graph, GraphReading};

/// The verdict, or why there is none.
///
/// `waiting_for` is the older file that has to be resolved first.
pub(crate) async fn judge_9(
    root: &Root,
    sidecar: &Sidecar9,
    waiting_for: Option<String>,
) -> Result<Verdict9, Reason> {
    if let Some(reason) = place_conflict(sidecar, root.id(), root.relocated_from()) {
        return Err(reason);
    }
    for _ in 0..LOOKS_MAX {
        let root = &root.for_one_look();
        if let Some(evidence) = look(root, sidecar, waiting_for.clone()).boxed().await? {
            return Ok(judge_version_9(sidecar, &evidence));
        }
    }
    Err(Reason::new(
        Code::Unreadable,
        format!(
            "the catalog or a table moved during each of {LOOKS_MAX} looks at it; try again when less is being written"
        ),
    ))
}

/// `None` if something moved meanwhile, so that what was read does not belong together.
async fn look(
    root: &Root,
    sidecar: &Sidecar9,
    waiting_for: Option<String>,
) -> Result<Option<Evidence>, Reason> {
    let GraphReading {
        branch,
        graph,
        read,
    } = graph::read(root, sidecar).await?;
    let (schema, tables) = futures::join!(
        schema::read(root).boxed(),
        tables::read(root.lance(), sidecar, &graph).boxed()
    );
    let schema = schema?;
    let (graph_holds, tables_hold) = futures::join!(
        still_holds(root, read),
        tables::still_hold(root.lance(), sidecar, &tables)
    );
    Ok((graph_holds && tables_hold).then_some(Evidence {
        waiting_for,
        branch,
        graph,
        schema,
        tables,
    }))
}

async fn still_holds(root: &Root, read: Option<Graph>) -> bool {
    let Some(Graph {
        lance_branch,
        version,
    }) = read
    else {
        return true;
    };
    let now = root.lance().catalog_version(lance_branch.as_deref()).await;
    now.is_ok_and(|now| now == fenced_lance::Head::At { version })
}
