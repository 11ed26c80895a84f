//! Whether the catalog already shows how the write ended: by the graph commits whose ids the file fixed beforehand.

use super::super::delta::{ConfirmedUpdate, TableUpdate};
use super::super::evidence::{CatalogTables, Evidence, HeadSeen};
use super::super::payload::Payload;
use super::super::sidecar::Sidecar9;
use super::found::{Found, abort};
use super::schema::{discard_pending, promotion_pending};
use crate::code::Code;
use crate::disposition::Disposition;
use crate::graph_history::GraphCommit;

/// `None` if neither graph commit is visible.
pub(super) fn visible(sidecar: &Sidecar9, payload: &Payload, evidence: &Evidence) -> Option<Found> {
    let (published, undone) = (
        &payload.lineage.graph_commit_id,
        &payload.rollback_graph_commit_id,
    );
    match (&evidence.graph.original, &evidence.graph.rollback) {
        (None, None) => None,
        (Some(_), Some(_)) => Some(abort(
            Code::OutcomeConflict,
            format!(
                "the catalog has graph commit {published}, which makes the write visible, and {undone}, which says that it was taken back"
            ),
        )),
        (None, Some(_)) if payload.rollback_audit_outcomes.is_some() => Some(
            Found::from(Disposition::AlreadyRolledBack).with(discard_pending(payload, evidence)),
        ),
        (None, Some(_)) => Some(abort(
            Code::OutcomeConflict,
            format!(
                "the catalog has graph commit {undone}, which says that the write was taken back, and the file does not say which tables that moved: a writer may have written the file again after the recovery"
            ),
        )),
        (Some(commit), None) => Some(is_published(sidecar, payload, evidence, commit)),
    }
}

fn is_published(
    sidecar: &Sidecar9,
    payload: &Payload,
    evidence: &Evidence,
    commit: &GraphCommit,
) -> Found {
    let conflict = |detail: String| {
        abort(
            Code::OutcomeConflict,
            format!("graph commit {} is in the catalog, but {detail}", commit.id),
        )
    };
    if let Some(difference) = other_commit(payload, commit) {
        return conflict(difference);
    }
    let Some(then) = &evidence.graph.tables_then else {
        return abort(
            Code::Unverifiable,
            format!(
                "graph commit {} is in the catalog, and version {} of it, which it made, is gone: what it published cannot be compared",
                commit.id, commit.manifest_version
            ),
        );
    };
    let changes = other_changes(payload, then);
    let rows = payload.intended_delta.table_updates.iter();
    let row = rows.clone().find_map(|slot| other_row(slot, then));
    match (changes, row) {
        (None, None) => told(Disposition::AlreadyPublished, payload, evidence),
        (None, Some(row)) => {
            let is_unconfirmed = rows.clone().any(|slot| slot.confirmed.is_none());
            match unproven(sidecar, payload, evidence, then).filter(|_| is_unconfirmed) {
                None if is_unconfirmed => told(Disposition::StaleArmed, payload, evidence),
                Some(Unproven::Gone(why)) => abort(Code::Unverifiable, why),
                Some(Unproven::Another(why)) => conflict(why),
                None => conflict(row),
            }
        }
        (Some(change), _) => conflict(change),
    }
}

/// A published write, with the work left on its schema files.
fn told(disposition: Disposition, payload: &Payload, evidence: &Evidence) -> Found {
    match promotion_pending(payload, evidence) {
        Some(reason) if reason.code == Code::SchemaContradictory => {
            Found::because(Disposition::Abort, reason)
        }
        reason => Found::from(disposition).with(reason),
    }
}

/// Why a row is not proven to be the write's.
enum Unproven {
    /// The proof is gone.
    Gone(String),
    /// It is another's.
    Another(String),
}

/// The field of the graph commit that is not as the file fixed it.
fn other_commit(payload: &Payload, commit: &GraphCommit) -> Option<String> {
    let (lineage, head) = (&payload.lineage, &payload.authority.graph_head);
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let differs = |what: &str, planned: &Option<String>, found: &Option<String>| {
        (planned != found).then(|| format!("its {what} is {}, not {}", text(found), text(planned)))
    };
    differs("branch", &lineage.branch, &commit.manifest_branch)
        .or_else(|| {
            let planned = head.as_ref().map(|_| head)?;
            differs("parent", planned, &commit.parent)
        })
        .or_else(|| {
            differs(
                "merged parent",
                &lineage.merged_parent_commit_id,
                &commit.merged_parent,
            )
        })
        .or_else(|| differs("actor", &lineage.actor_id, &commit.actor))
        .or_else(|| {
            (lineage.created_at != commit.created_at).then(|| {
                format!(
                    "it was made at {}, not at {}",
                    commit.created_at, lineage.created_at
                )
            })
        })
}

/// The table that was to be added, renamed or removed and is not as planned.
fn other_changes(payload: &Payload, then: &CatalogTables) -> Option<String> {
    let delta = &payload.intended_delta;
    let added = delta.registrations.iter().find_map(|added| {
        let found = then.get(added.identity);
        let is_there = found.is_some_and(|found| {
            found.table_key == added.table_key
                && found.location == added.table_path
                && found.row.table_branch == added.table_branch
        });
        (!is_there).then(|| format!("{} was not added as planned", added.table_key))
    });
    let renamed = || {
        delta.renames.iter().find_map(|renamed| {
            let found = then.get(renamed.identity);
            let is_called = found.is_some_and(|found| found.table_key == renamed.table_key);
            (!is_called).then(|| {
                format!(
                    "{} was not renamed to {}",
                    renamed.expected_table_key, renamed.table_key
                )
            })
        })
    };
    let removed = || {
        let mut removed = delta.tombstones.iter();
        removed
            .find(|removed| then.get(removed.identity).is_some())
            .map(|removed| format!("{} was not removed", removed.table_key))
    };
    added.or_else(renamed).or_else(removed)
}

/// The field of a published row that is not as the writer confirmed it.
fn other_row(slot: &TableUpdate, then: &CatalogTables) -> Option<String> {
    let key = &slot.table_key;
    let Some(ConfirmedUpdate {
        table_version,
        table_branch,
        row_count,
        version_metadata,
    }) = &slot.confirmed
    else {
        return Some(format!(
            "the file does not say which version of {key} it publishes"
        ));
    };
    let Some(found) = then.get(slot.identity) else {
        return Some(format!("{key} was not visible then"));
    };
    let row = &found.row;
    if found.table_key != *key {
        return Some(format!("{key} was called {} then", found.table_key));
    }
    if row.version != *table_version || row.table_branch != *table_branch {
        return Some(format!(
            "readers saw version {} of {key}{}, not {table_version}{}",
            row.version,
            on(row.table_branch.as_deref()),
            on(table_branch.as_deref())
        ));
    }
    if row.row_count != Some(*row_count) {
        return Some(format!("the row of {key} counts other rows than the file"));
    }
    (row.metadata.as_ref() != Some(version_metadata))
        .then(|| format!("the row of {key} names another file of the version than the sidecar"))
}

fn on(branch: Option<&str>) -> String {
    branch.map_or_else(String::new, |branch| format!(" on Lance branch {branch}"))
}

/// Why the rows of that graph commit are not proven to be the write's, for a file that does not say yet which rows it publishes.
/// `None` if they are: at that version every pinned table stood at the end of its planned commits, and each of these is the
/// planned transaction.
fn unproven(
    sidecar: &Sidecar9,
    payload: &Payload,
    evidence: &Evidence,
    then: &CatalogTables,
) -> Option<Unproven> {
    let pairs = sidecar.tables.iter().zip(&evidence.tables);
    pairs.into_iter().find_map(|(pin, seen)| {
        let key = &pin.table_key;
        let effect = payload.effect_of(pin.identity)?;
        let Some(row) = then.get(pin.identity).map(|table| &table.row) else {
            return Some(Unproven::Another(format!("{key} was not visible then")));
        };
        if row.table_branch != pin.table_branch {
            return Some(Unproven::Another(format!(
                "readers saw {key}{}, and the write is{}",
                on(row.table_branch.as_deref()),
                on(pin.table_branch.as_deref())
            )));
        }
        let last = effect.last_version();
        let has_index_tail = matches!(effect.name(), "MultiCommitHead");
        let is_its_version =
            row.version == last || has_index_tail && Some(row.version) == last.checked_add(1);
        if !is_its_version {
            return Some(Unproven::Another(format!(
                "readers saw version {} of {key}, and the write makes version {last}",
                row.version
            )));
        }
        let HeadSeen::At(versions) = &seen.head else {
            return Some(Unproven::Gone(format!(
                "the write is visible, and the transactions of {key} cannot be read"
            )));
        };
        effect.planned().iter().find_map(|planned| {
            let version = planned.read_version.checked_add(1)?;
            match versions.transactions.get(&version) {
                Some(found) if found.identity == *planned => None,
                Some(_) => Some(Unproven::Another(format!(
                    "version {version} of {key} is not the transaction that the file planned"
                ))),
                None => Some(Unproven::Gone(format!(
                    "the write is visible, and version {version} of {key} was cleaned away or cannot be read, so nobody can tell whose it was"
                ))),
            }
        })
    })
}
