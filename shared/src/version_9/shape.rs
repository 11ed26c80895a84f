//! The rules of the shape of a sidecar of version 9 (PROTOCOL.md, section 18.3). No released engine wrote a file that breaks one.
//!
//! They are those that v0.9.0 checks whenever it reads such a file, and a few that only follow from the files that it writes.

mod graph_commit;
mod indices;
mod merge;
mod outcomes;
mod pins;
mod row;
mod schema;

use super::fault::{Fault, broken};
use super::payload::{Payload, Protocol};
use super::sidecar::Sidecar9;
use crate::limits::Limits;
use crate::sidecar::WriterKind;

/// Every rule, in this order.
pub(super) fn check(sidecar: &Sidecar9, limits: &Limits) -> Result<(), Fault> {
    let rows = sidecar.payload().map_or(0, |payload| {
        let delta = &payload.intended_delta;
        let tables = delta.registrations.len() + delta.renames.len() + delta.tombstones.len();
        payload
            .effects
            .len()
            .max(delta.table_updates.len() + tables)
    });
    let found = sidecar.tables.len().max(rows);
    if found > limits.tables_max {
        return Err(Fault::TooMany { found });
    }
    if sidecar.schema_apply_manifest_published {
        return broken(
            "schema_apply_manifest_published is true; only a version that was never released sets it",
        );
    }
    let payload = plan_of_its_kind(sidecar)?;
    pins::check(sidecar)?;
    let Some(payload) = payload else {
        return pins::check_without_a_plan(sidecar);
    };
    graph_commit::check(sidecar, payload)?;
    if !sidecar.writer_kind.changes_the_schema() {
        schema::check_that_none_changes(sidecar.writer_kind, payload)?;
    }
    let rows = row::check(sidecar, payload)?;
    match sidecar.writer_kind {
        WriterKind::Mutation | WriterKind::Load | WriterKind::Optimize => {}
        WriterKind::BranchMerge => merge::check(&rows, payload)?,
        WriterKind::SchemaApply => schema::check(&rows, payload)?,
        WriterKind::EnsureIndices => indices::check(&rows, sidecar)?,
    }
    outcomes::check(sidecar, payload)
}

fn plan_of_its_kind(sidecar: &Sidecar9) -> Result<Option<&Payload>, Fault> {
    let kind = sidecar.writer_kind;
    let wanted = Protocol::name_for(kind);
    match (wanted, sidecar.protocol.as_ref()) {
        (Some(wanted), None) => broken(format!(
            "{wanted} is missing: a write of kind {} has its plan there",
            kind.name()
        )),
        (None, Some(found)) => broken(format!(
            "it has a plan in {}, and a write of kind {} has none",
            found.name(),
            kind.name()
        )),
        (Some(wanted), Some(found)) if wanted != found.name() => broken(format!(
            "it has its plan in {}, and a write of kind {} has it in {wanted}",
            found.name(),
            kind.name()
        )),
        (_, found) => Ok(found.map(Protocol::payload)),
    }
}
