//! Rules of the two graph commits that a plan of version 9 names: the one of the write, and the one of its undo.

use super::super::fault::{Fault, broken};
use super::super::payload::Payload;
use super::super::sidecar::Sidecar9;
use crate::branch::Branch;
use crate::ids::OperationId;

pub(super) fn check(sidecar: &Sidecar9, payload: &Payload) -> Result<(), Fault> {
    let (lineage, kind) = (&payload.lineage, sidecar.writer_kind);
    for (name, id) in [
        ("graph_commit_id", &lineage.graph_commit_id),
        (
            "rollback_graph_commit_id",
            &payload.rollback_graph_commit_id,
        ),
    ] {
        if id.parse::<OperationId>().is_err() {
            return broken(format!("{name} is {id:?}, which is no ULID"));
        }
    }
    if lineage.graph_commit_id == payload.rollback_graph_commit_id {
        return broken(format!(
            "the write and its undo would both be the graph commit {}",
            lineage.graph_commit_id
        ));
    }
    let branch = Branch::of(lineage.branch.as_deref());
    if kind.changes_the_schema() && (sidecar.branch.is_some() || lineage.branch.is_some()) {
        return broken(format!(
            "it is about branch {}, and a schema changes on main only",
            Branch::of(sidecar.branch.as_deref().or(lineage.branch.as_deref()))
        ));
    }
    if sidecar.branch() != branch {
        return broken(format!(
            "it is about branch {}, and its graph commit is on {branch}",
            sidecar.branch()
        ));
    }
    if sidecar.actor_id != lineage.actor_id {
        return broken("its actor_id is not that of its graph commit");
    }
    match &lineage.merged_parent_commit_id {
        None if kind.is_merge() => {
            broken("its graph commit names no merged_parent_commit_id, and a merge has one")
        }
        Some(_) if !kind.is_merge() => broken(format!(
            "its graph commit names a merged_parent_commit_id, and a write of kind {} has none",
            kind.name()
        )),
        _ => Ok(()),
    }
}
