//! From the facts to the verdict, in the order of PROTOCOL.md, section 4.3.

use std::collections::BTreeSet;

use super::catalog_changes::catalog_changes;
use super::choice::Choice;
use super::commits::unexpected_commits;
use super::left_out::left_out;
use super::obstacles::{branch_recreated, contradictions, support};
use super::schema::{self, TablesStand};
use super::table::{assign_action, classify, disposition_when_none_moved, unjudged};
use super::version_9;
use super::whose::Whose;
use super::{Action, Disposition, TableVerdict, Verdict};
use crate::classification::Classification;
use crate::code::{Code, Reason, Requirement};
use crate::decision::{Decision, decide};
use crate::listing::Standing;
use crate::observation::{CatalogObservation, Observation, Restorability, TableObservation};
use crate::sidecar::{Sidecar, TablePin};
use crate::stays_in_part::{Kept, may_stay_in_part};

/// Judges a sidecar that was refused before anything was looked at.
#[must_use]
pub fn refuse(reason: Reason, sidecar: Option<&Sidecar>) -> Verdict {
    let tables = sidecar
        .map(|sidecar| {
            sidecar
                .tables
                .iter()
                .map(|_| unjudged("not looked at: the sidecar is refused"))
                .collect()
        })
        .unwrap_or_default();
    Verdict {
        disposition: Disposition::Refused,
        decision: None,
        choice: Choice::Verdict,
        left_out: Vec::new(),
        tables,
        catalog_changes: Vec::new(),
        blockers: vec![reason],
        requires: Vec::new(),
    }
}

/// Judges a sidecar against what was observed. Pure: the same facts give the same verdict, natively and in wasm.
///
/// `standing` is what older files of the root mean for this one. `observation.tables` has one entry per pin, in order.
#[must_use]
pub fn judge<'a>(
    sidecar: &Sidecar,
    standing: impl Into<Standing<'a>>,
    observation: &Observation,
) -> Verdict {
    judge_choice(sidecar, standing, observation, Choice::Verdict)
}

/// As [`judge`], for a person's choice. If the choice does not exist for this write, it is ignored and the verdict's `choice` is
/// [`Choice::Verdict`].
#[must_use]
pub fn judge_choice<'a>(
    sidecar: &Sidecar,
    standing: impl Into<Standing<'a>>,
    observation: &Observation,
    choice: Choice,
) -> Verdict {
    let standing: Standing<'_> = standing.into();
    let refusal = sidecar.refusal(&sidecar.operation_id.file_name());
    if let Some(version_9) = &sidecar.version_9 {
        let verdict = match refusal {
            Some(reason) => Err(reason),
            None => version_9::verdict(sidecar, version_9, standing, observation),
        };
        return verdict.unwrap_or_else(|reason| refuse(reason, Some(sidecar)));
    }
    if let Some(reason) = refusal.or_else(|| {
        observation
            .tables
            .iter()
            .find_map(|table| table.location_conflict.clone())
    }) {
        return refuse(reason, Some(sidecar));
    }
    let whose = Whose {
        sidecar,
        observation,
    };
    let looked_at: Vec<(&TablePin, Option<&TableObservation>)> = sidecar
        .tables
        .iter()
        .enumerate()
        .map(|(index, pin)| (pin, observation.of_pin(index, pin)))
        .collect();
    let mut tables: Vec<TableVerdict> = looked_at
        .iter()
        .map(|(pin, table)| classify(whose, pin, *table))
        .collect();
    let classifications: Option<Vec<Classification>> =
        tables.iter().map(|table| table.classification).collect();
    let decision = classifications.as_deref().map(decide);
    let verdict = |disposition, tables, blockers, requires| Verdict {
        disposition,
        decision,
        choice: Choice::Verdict,
        left_out: Vec::new(),
        tables,
        catalog_changes: Vec::new(),
        blockers,
        requires,
    };
    let abort = |tables, mut reasons: Vec<Reason>| {
        reasons.extend(unread(observation, &reasons));
        verdict(Disposition::Abort, tables, reasons, Vec::new())
    };

    let is_undo = observation.recorded.undo.is_some();
    if let Some(first) = standing.waiting_for {
        return verdict(
            Disposition::Waiting,
            tables,
            vec![waits_for(first, is_undo)],
            Vec::new(),
        );
    }
    let mut requires = Vec::new();
    if standing.older_unreadable {
        requires.push(Requirement::OlderUnreadable);
    }
    if observation.catalog == (CatalogObservation::BranchAbsent { tree_left: false })
        && !sidecar.branch().is_main()
    {
        return verdict(
            Disposition::OrphanedBranch,
            tables,
            support(observation, is_undo),
            requires,
        );
    }
    let contradictions = contradictions(&observation.catalog, &looked_at, decision);
    if !contradictions.is_empty() {
        return abort(tables, contradictions);
    }
    // A pin that was not looked at is a contradiction, so that from here on every pin has its observation.
    let pairs: Vec<(&TablePin, &TableObservation)> = looked_at
        .into_iter()
        .filter_map(|(pin, table)| Some((pin, table?)))
        .collect();

    let disposition = match disposition(whose, decision, &tables, &pairs) {
        Ok(disposition) => disposition,
        Err(reason) => return abort(tables, vec![reason]),
    };
    let left_out = if may_be_incomplete(sidecar, disposition) {
        left_out(observation)
    } else {
        Vec::new()
    };
    // The write is not published yet, and every table it pins stands above a pin to which it can be returned.
    let is_taken_back =
        choice == Choice::RollBack && disposition.publishes_it() && !left_out.is_empty();
    let disposition = if is_taken_back {
        Disposition::RollBack
    } else {
        disposition
    };
    let changes = observation
        .schema
        .as_ref()
        .filter(|_| sidecar.writer_kind.changes_the_schema())
        .map_or_else(
            || Ok(Vec::new()),
            |schema| catalog_changes(sidecar, schema, disposition),
        );
    let changes = match changes {
        Ok(changes) => changes,
        Err(reason) => return abort(tables, vec![reason]),
    };
    for (table, (pin, observed)) in tables.iter_mut().zip(&pairs) {
        assign_action(disposition, table, pin, observed, &mut requires);
        if takes_commits_along(disposition, table) {
            table.unexpected = unexpected_commits(whose, observed);
        }
    }
    if let Some(reason) = nothing_to_return_to(&tables, &pairs) {
        for table in &mut tables {
            *table = TableVerdict {
                classification: table.classification,
                ..unjudged(std::mem::take(&mut table.rule))
            };
        }
        return abort(tables, vec![reason]);
    }
    if tables.iter().any(|table| !table.unexpected.is_empty()) {
        requires.push(Requirement::UnexpectedCommits);
    }
    let kept = tables
        .iter()
        .zip(&pairs)
        .map(|(table, (pin, observed))| Kept {
            action: table.action,
            visible: observed.pinned.version(),
            expected: pin.expected_version,
        });
    if may_stay_in_part(disposition, kept) {
        requires.push(Requirement::StaysPublishedInPart);
    }
    // No fence keeps a live writer from schema files, nor from its lock.
    let touches_schema_files = observation.schema.as_ref().is_some_and(|schema| {
        let files = [schema.source, schema.ir, schema.state];
        schema.locked_since.is_some() || files.iter().any(|file| file.staged.is_some())
    });
    // Nor does a fence keep a writer of a loose kind from committing once more, above the published versions.
    let may_go_on = disposition.publishes_it() && !sidecar.writer_kind.commits_each_table_once();
    if touches_schema_files || may_go_on || disposition.ends_it_unpublished() {
        requires.push(Requirement::WritersStopped);
    }
    if branch_recreated(sidecar, &observation.catalog) {
        requires.push(Requirement::BranchRecreated);
    }
    if !left_out.is_empty() && !is_taken_back {
        requires.push(Requirement::IncompleteMerge);
    }
    requires.sort_unstable();
    requires.dedup();
    let mut blockers = support(observation, is_undo);
    blockers.extend(
        tables
            .iter()
            .zip(&pairs)
            .filter(|(table, _)| table.restore_to.is_some())
            .filter_map(|(_, (pin, observed))| {
                let why = match &observed.restorable {
                    Restorability::NotRestorable { reason } => reason.as_str(),
                    Restorability::NotChecked => "whether it can be restored was not looked at",
                    Restorability::Restorable => return None,
                };
                Some(Reason::new(
                    Code::TargetNotRestorable,
                    format!("{} cannot be returned to its pin: {why}", pin.table_key),
                ))
            }),
    );
    Verdict {
        catalog_changes: changes,
        choice: if is_taken_back {
            Choice::RollBack
        } else {
            Choice::Verdict
        },
        left_out,
        ..verdict(disposition, tables, blockers, requires)
    }
}

/// The reason that something about the write could not be read now, so that its file is not set aside either. `None` if
/// everything was read, or if `reasons` say so already.
fn unread(observation: &Observation, reasons: &[Reason]) -> Option<Reason> {
    let first = observation.unread.first()?;
    if reasons.iter().any(|reason| reason.code == Code::Unreadable) {
        return None;
    }
    let whats: BTreeSet<&str> = observation
        .unread
        .iter()
        .map(|unread| unread.what.as_str())
        .collect();
    let whats: Vec<&str> = whats.into_iter().collect();
    let is_told = reasons
        .iter()
        .any(|reason| reason.detail.contains(&first.reason));
    let why = if is_told {
        String::new()
    } else {
        format!(" ({})", first.reason)
    };
    Some(Reason::new(
        Code::Unreadable,
        format!(
            "{} cannot be read now{why}, so nobody can tell what became of this write; put that right, then look again",
            whats.join(", ")
        ),
    ))
}

/// A table whose target of a roll back was cleaned away. No roll back can ever bring that version back.
fn nothing_to_return_to(
    tables: &[TableVerdict],
    pairs: &[(&TablePin, &TableObservation)],
) -> Option<Reason> {
    let (table, (pin, _)) = tables
        .iter()
        .zip(pairs)
        .find(|(table, (_, observed))| table.restore_to.is_some() && observed.pin_gone)?;
    Some(Reason::new(
        Code::TargetNotRestorable,
        format!(
            "{} cannot be returned to its pin: version {}, which readers see, was cleaned away; bring it back from a backup, or set the sidecar aside",
            pin.table_key,
            table.restore_to.unwrap_or_default()
        ),
    ))
}

/// Whether publishing a write, or recording it as published, may call half of a merge whole.
#[must_use]
pub fn may_be_incomplete(sidecar: &Sidecar, disposition: Disposition) -> bool {
    // A sidecar of version 9 names every row of its publish.
    sidecar.writer_kind.is_merge() && sidecar.version_9.is_none() && disposition.leaves_it_visible()
}

/// Whether the commits above the pin become visible or are taken back. Neither happens where HEAD has the pin's content.
fn takes_commits_along(disposition: Disposition, table: &TableVerdict) -> bool {
    match table.action {
        Action::Publish => disposition.publishes_it(),
        Action::RestoreAndPublish => true,
        Action::None | Action::Restore | Action::Register | Action::Tombstone | Action::Drop => {
            false
        }
    }
}

/// `first` is a [`Standing::waiting_for`].
fn waits_for(first: &str, is_undo: bool) -> Reason {
    let why = if is_undo {
        "is unresolved, and it shares a table with this undo, or cannot be read, so that it may, or was written for the graph as it is now, which this one would make another"
    } else {
        "is older and unresolved, and it overlaps this one or cannot be read, so that it may"
    };
    let detail = format!("{first} {why}; resolve it first");
    Reason::new(Code::WaitingFor, detail).about(first)
}

fn disposition(
    whose: Whose<'_>,
    decision: Option<Decision>,
    tables: &[TableVerdict],
    pairs: &[(&TablePin, &TableObservation)],
) -> Result<Disposition, Reason> {
    let Whose {
        sidecar,
        observation,
    } = whose;
    let all_moved = decision == Some(Decision::RollForward);
    let none_moved = tables
        .iter()
        .all(|table| table.classification == Some(Classification::NoMovement));
    if sidecar.writer_kind.changes_the_schema() {
        let stand = match () {
            () if tables.is_empty() => TablesStand::NoTables,
            () if all_moved => TablesStand::AllMoved,
            () if none_moved => TablesStand::NoneMoved(disposition_when_none_moved(whose, pairs)),
            () => TablesStand::SomeMoved,
        };
        let schema = observation.schema.as_ref();
        let schema = schema.ok_or_else(|| {
            unread(observation, &[]).unwrap_or_else(|| {
                let why = "its schema files and the lock of its schema change were not looked at, or make no sense";
                Reason::new(Code::SchemaContradictory, why)
            })
        })?;
        let disposition = schema::disposition(sidecar, schema, stand)
            .map_err(|why| Reason::new(Code::SchemaContradictory, why))?;
        if disposition.publishes_it() {
            schema::promotable(sidecar, schema)
                .map_err(|why| Reason::new(Code::SchemaNotPromotable, why))?;
        }
        return Ok(disposition);
    }
    Ok(match () {
        () if tables.is_empty() => Disposition::AlreadyPublished,
        () if all_moved => Disposition::RollForward,
        () if none_moved => disposition_when_none_moved(whose, pairs),
        () => Disposition::RollBack,
    })
}
