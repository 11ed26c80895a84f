//! The verdict over a sidecar of version 9, as every plan is made from it.

use super::catalog_changes::catalog_changes;
use super::made_datasets::drop_them;
use super::{Action, Choice, TableVerdict, UnexpectedCommit, Verdict};
use crate::catalog_stamp::stamp_unsupported;
use crate::classification::Classification;
use crate::code::{Code, Reason, Requirement};
use crate::decision::Decision;
use crate::disposition::Disposition;
use crate::listing::Standing;
use crate::observation::{CatalogObservation, Observation, Restorability, TableObservation};
use crate::root_layout::STAMP_WITH_IDENTITIES;
use crate::sidecar::{Sidecar, TablePin};
use crate::stays_in_part::{Kept, may_stay_in_part};
use crate::version_9::{
    Carries, EffectPhase, Sidecar9, TableUpdate, TableVerdict9, Verdict9, judge_version_9,
};

/// [`judge_version_9`] says from the evidence what happened. This says what is done about it. The error is the reason why nothing
/// was judged.
pub(super) fn verdict(
    sidecar: &Sidecar,
    version_9: &Sidecar9,
    standing: Standing<'_>,
    observation: &Observation,
) -> Result<Verdict, Reason> {
    // Branches are told apart by their identifiers, not by the versions that they were made from.
    let outside = observation.tables.iter().find_map(|table| {
        let conflict = table.location_conflict.as_ref()?;
        (conflict.code != Code::BranchRecreated).then(|| conflict.clone())
    });
    if let Some(reason) = outside {
        return Err(reason);
    }
    let evidence = match observation.version_9.as_deref() {
        Some(Ok(evidence)) => evidence,
        Some(Err(reason)) => return Err(reason.clone()),
        None => {
            return Err(Reason::new(
                Code::Unreadable,
                "the evidence of version 9 was not looked at",
            ));
        }
    };
    let judged = judge_version_9(version_9, evidence);
    let written = version_9
        .table_pins()
        .filter_map(|(place, _)| judged.tables.get(place));
    let mut tables: Vec<TableVerdict> = written
        .enumerate()
        .map(|(index, table)| {
            let observed = observation.tables.get(index);
            table_verdict(version_9, judged.disposition, table, observed)
        })
        .collect();
    let pointed = version_9
        .pointers()
        .zip(&observation.tables[tables.len().min(observation.tables.len())..]);
    tables.extend(pointed.map(|(row, observed)| pointer(judged.disposition, row, observed)));
    if tables.len() != sidecar.tables.len() {
        return Err(Reason::new(
            Code::TableUnreadable,
            "not every table of the write was looked at",
        ));
    }
    let mut disposition = judged.disposition;
    let mut blockers = Vec::new();
    if let Some(older) = standing
        .waiting_for
        .filter(|_| disposition != Disposition::Waiting)
    {
        disposition = Disposition::Waiting;
        blockers.push(waits_for(older));
    }
    match disposition {
        Disposition::Waiting | Disposition::Abort | Disposition::Refused => {
            blockers.extend(judged.reasons.iter().cloned());
            tables.iter_mut().for_each(leave);
        }
        Disposition::OrphanedBranch
        | Disposition::AlreadyPublished
        | Disposition::StaleArmed
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded
        | Disposition::NeverStarted
        | Disposition::RollForward
        | Disposition::RollBack => {
            blockers.extend(stamp(observation));
            blockers.extend(not_restorable(sidecar, &tables, observation));
            blockers.extend(not_carried_out(version_9, &judged, &tables, observation));
        }
    }
    let schema = observation
        .schema
        .as_ref()
        .filter(|_| sidecar.writer_kind.changes_the_schema());
    let mut changes = Vec::new();
    if sidecar.writer_kind.changes_the_schema() && disposition.has_effect() {
        let planned = match schema {
            Some(schema) => catalog_changes(sidecar, schema, disposition),
            None => Err(Reason::new(
                Code::SchemaContradictory,
                "its schema files and the lock of its schema change were not looked at, or make no sense",
            )),
        };
        let planned = planned.and_then(|mut planned| {
            if let Some(schema) = schema.filter(|_| disposition.clears_what_it_made()) {
                drop_them(version_9, &judged, schema, &mut planned)?;
            }
            Ok(planned)
        });
        match planned {
            Ok(planned) => changes = planned,
            Err(reason) => {
                disposition = Disposition::Abort;
                blockers = vec![reason];
                tables.iter_mut().for_each(leave);
            }
        }
    }
    let mut requires = requirements(version_9, disposition, sidecar, standing, &tables);
    let kept = sidecar.tables.iter().zip(&tables).zip(&observation.tables);
    let committed = version_9.table_pins().count();
    let kept = kept.take(committed).map(|((pin, table), observed)| Kept {
        action: table.action,
        visible: observed.pinned.version(),
        expected: pin.expected_version,
    });
    let in_part = may_stay_in_part(disposition, kept);
    requires.extend(in_part.then_some(Requirement::StaysPublishedInPart));
    let drops = changes.iter().any(|change| change.action == Action::Drop);
    requires.extend(drops.then_some(Requirement::DropsDatasets));
    // No fence keeps a live writer from schema files, nor from its lock.
    let touches_files =
        schema.is_some_and(|schema| schema.is_staged() || schema.locked_since.is_some());
    if touches_files && disposition.has_effect() {
        requires.push(Requirement::WritersStopped);
    }
    requires.sort_unstable();
    requires.dedup();
    Ok(Verdict {
        disposition,
        decision: decision(disposition),
        choice: Choice::Verdict,
        left_out: Vec::new(),
        requires,
        tables,
        catalog_changes: changes,
        blockers,
    })
}

/// A table that a merge makes visible as it is elsewhere.
fn pointer(
    disposition: Disposition,
    row: &TableUpdate,
    observed: &TableObservation,
) -> TableVerdict {
    let visible = observed.pinned.version();
    let version = row
        .confirmed
        .as_ref()
        .map(|confirmed| confirmed.table_version)
        .filter(|_| disposition.publishes_it())
        .filter(|version| Some(*version) > visible);
    TableVerdict {
        classification: None,
        rule: match visible {
            Some(visible) => {
                format!("readers see version {visible}; the merge commits nothing to it")
            }
            None => "readers do not see it; the merge commits nothing to it".to_owned(),
        },
        action: match version {
            Some(_) => Action::Publish,
            None => Action::None,
        },
        restore_to: None,
        publish_as: version,
        unexpected: Vec::new(),
    }
}

fn waits_for(older: &str) -> Reason {
    Reason::new(
        Code::WaitingFor,
        format!(
            "{older} is older and unresolved, and what becomes of it decides whether this one can still be published; resolve it first"
        ),
    )
    .about(older)
}

const fn decision(disposition: Disposition) -> Option<Decision> {
    match disposition {
        Disposition::RollForward => Some(Decision::RollForward),
        Disposition::RollBack => Some(Decision::RollBack),
        Disposition::Abort => Some(Decision::Abort),
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::AlreadyPublished
        | Disposition::StaleArmed
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded
        | Disposition::NeverStarted => None,
    }
}

fn leave(table: &mut TableVerdict) {
    table.action = Action::None;
    table.restore_to = None;
    table.publish_as = None;
    table.unexpected = Vec::new();
}

fn table_verdict(
    version_9: &Sidecar9,
    disposition: Disposition,
    judged: &TableVerdict9,
    observed: Option<&TableObservation>,
) -> TableVerdict {
    let mut table = TableVerdict {
        classification: classification(version_9, judged, observed),
        rule: judged.sentence.clone(),
        action: Action::None,
        restore_to: None,
        publish_as: None,
        unexpected: Vec::new(),
    };
    let (Some(visible), Some(head)) = (judged.visible_version, judged.head) else {
        return table;
    };
    match (disposition, judged.carries) {
        // A Lance branch alone carries no commit of the write, and becomes visible with it.
        (Disposition::RollForward, _) if head > visible => {
            table.action = Action::Publish;
            table.publish_as = Some(head);
        }
        (Disposition::RollBack, Carries::ItsReturn) => {
            table.action = Action::Publish;
            table.publish_as = Some(head);
        }
        (Disposition::RollBack, Carries::TheWrite) => {
            table.action = Action::RestoreAndPublish;
            table.restore_to = Some(visible);
            table.publish_as = head.checked_add(1);
        }
        (_, Carries::Nothing) => {}
        (
            Disposition::Refused
            | Disposition::Waiting
            | Disposition::OrphanedBranch
            | Disposition::Abort
            | Disposition::AlreadyPublished
            | Disposition::StaleArmed
            | Disposition::AlreadyRolledBack
            | Disposition::Superseded
            | Disposition::NeverStarted
            | Disposition::RollForward,
            Carries::TheWrite | Carries::ItsReturn,
        ) => {}
    }
    if table.action != Action::None {
        table.unexpected = judged
            .foreign_versions
            .iter()
            .map(|version| UnexpectedCommit {
                version: *version,
                operation: observed
                    .and_then(|observed| observed.transaction_at(*version))
                    .map(|transaction| transaction.operation.clone()),
            })
            .collect();
    }
    table
}

/// The classification that the same finding has in other versions. Transactions prove whose a commit is, so no number makes one
/// unexpected.
fn classification(
    version_9: &Sidecar9,
    judged: &TableVerdict9,
    observed: Option<&TableObservation>,
) -> Option<Classification> {
    let head = observed.and_then(|observed| observed.head.version());
    match (judged.carries, judged.visible_version.zip(head)) {
        (Carries::TheWrite | Carries::ItsReturn, _) => Some(match version_9.phase() {
            Some(EffectPhase::Armed) => Classification::IncompletePhaseB,
            Some(EffectPhase::EffectsConfirmed) | None => Classification::RolledPastExpected,
        }),
        (Carries::Nothing, Some((visible, head))) if head < visible => {
            Some(Classification::InvariantViolation { observed: head })
        }
        (Carries::Nothing, Some(_)) => Some(Classification::NoMovement),
        (Carries::Nothing, None) => None,
    }
}

fn requirements(
    version_9: &Sidecar9,
    disposition: Disposition,
    sidecar: &Sidecar,
    standing: Standing<'_>,
    tables: &[TableVerdict],
) -> Vec<Requirement> {
    if !disposition.has_effect() {
        return Vec::new();
    }
    let mut requires = Vec::new();
    requires.extend(
        standing
            .older_unreadable
            .then_some(Requirement::OlderUnreadable),
    );
    // The fences of the catalog keep no writer from its tables, and an armed one may be alive.
    let may_go_on = match disposition {
        Disposition::NeverStarted | Disposition::RollBack => true,
        Disposition::RollForward => !version_9.writer_kind.commits_each_table_once(),
        Disposition::StaleArmed => {
            requires.push(Requirement::StaleArmed);
            true
        }
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::AlreadyPublished
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded => false,
    };
    if may_go_on {
        requires.push(Requirement::WritersStopped);
    }
    if tables.iter().any(|table| !table.unexpected.is_empty()) {
        requires.push(Requirement::UnexpectedCommits);
    }
    let is_another_target = |(table, pin): (&TableVerdict, &TablePin)| {
        table
            .restore_to
            .is_some_and(|target| target != pin.expected_version)
    };
    if tables.iter().zip(&sidecar.tables).any(is_another_target) {
        requires.push(Requirement::TargetDiffersFromExpected);
    }
    requires
}

fn stamp(observation: &Observation) -> Option<Reason> {
    match observation.catalog {
        CatalogObservation::Present { stamp, .. } if stamp != STAMP_WITH_IDENTITIES => {
            Some(stamp_unsupported(stamp))
        }
        CatalogObservation::Present { .. }
        | CatalogObservation::BranchAbsent { .. }
        | CatalogObservation::Unreadable { .. } => None,
    }
}

fn not_restorable(
    sidecar: &Sidecar,
    tables: &[TableVerdict],
    observation: &Observation,
) -> Vec<Reason> {
    let restored = tables
        .iter()
        .zip(&sidecar.tables)
        .enumerate()
        .filter(|(_, (table, _))| table.restore_to.is_some());
    restored
        .filter_map(|(index, (_, pin))| {
            let observed = observation.of_pin(index, pin);
            let why = match observed.map(|observed| &observed.restorable) {
                Some(Restorability::Restorable) => return None,
                Some(Restorability::NotRestorable { reason }) => reason.as_str(),
                Some(Restorability::NotChecked) | None => {
                    "whether it can be restored was not looked at"
                }
            };
            Some(Reason::new(
                Code::TargetNotRestorable,
                format!("{} cannot be returned to its pin: {why}", pin.table_key),
            ))
        })
        .collect()
}

/// The cases that this build judges and does not carry out.
fn not_carried_out(
    version_9: &Sidecar9,
    judged: &Verdict9,
    tables: &[TableVerdict],
    observation: &Observation,
) -> Option<Reason> {
    let not_yet = |what: String| Some(Reason::new(Code::NotYetSupported, what));
    let is_prepared = version_9
        .payload()
        .is_none_or(|payload| payload.rollback_audit_outcomes.is_some());
    if judged.disposition.takes_it_back() && !is_prepared && !version_9.spelling.is_an_engines {
        return not_yet(
            "the file is not spelled as engines spell it, so writing the undo into it would change more than the undo".to_owned(),
        );
    }
    match judged.disposition {
        // An engine then replaces the row of that very version, so that it points to another Lance branch.
        Disposition::RollForward => {
            let stays = tables
                .iter()
                .zip(&observation.tables)
                .find(|(table, _)| table.action == Action::None)?;
            not_yet(format!(
                "{} becomes visible at the version that readers see already, on another Lance branch, which this build does not publish yet",
                stays.1.table_key
            ))
        }
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::RollBack
        | Disposition::AlreadyPublished
        | Disposition::StaleArmed
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded
        | Disposition::NeverStarted => None,
    }
}
