//! Taking a finished recovery back (PROTOCOL.md, section 14.1).
//!
//! | what was done | what takes it back |
//! |---|---|
//! | a roll forward | the content of the old pins is restored and published |
//! | a roll back | the tagged HEADs are restored and *not* published, under a new pending sidecar that covers them |
//! | an undo that published | what was published before it is restored and published |
//! | an undo that left a sidecar | that sidecar is recovered; there is nothing else to plan |

use crate::branch::Branch;
use crate::catalog_stamp::not_undone;
use crate::classification::ClassificationLabel;
use crate::code::{Code, Reason, Requirement};
use crate::digest::{Digest, Tag};
use crate::ids::{OperationId, RootId};
use crate::journal::Finished;
use crate::observation::{CatalogObservation, Observation, Restorability, TableObservation};
use crate::plan::{Plan, PlannedTable, Precondition, Purpose, Step, graph_history_of_an_undo};
use crate::sidecar::{Sidecar, TablePin, WriterKind};
use crate::text::version_text;
use crate::verdict::{Action, Choice, Disposition};

use super::FollowUp;
use super::operation_ids::{undo_id, undo_sidecar_id};
use super::own_sidecar::{NEVER_WHOLE, sidecar_like, text_of};
use super::undo_steps::{Touched, undo_restores, undo_tags};

/// The operation whose sidecar a plan with these steps leaves behind, if it leaves one.
#[must_use]
pub fn announced_by<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Option<OperationId> {
    let mut left = steps.into_iter().filter_map(Step::left_sidecar);
    left.find_map(|file| file.strip_suffix(".json")?.parse().ok())
}

/// Why a finished operation of this plan has nothing to take back, wherever tables stand: it set a file aside, or dropped tags.
#[must_use]
pub fn never_undone(of: &OperationId, plan: &Plan) -> Option<Reason> {
    let why = match &plan.purpose {
        Purpose::Recover | Purpose::Undo { .. } => return None,
        Purpose::Dismiss { .. } => "it only set a file aside; its bytes are in the journal",
        Purpose::Release { .. } => "dropped tags do not come back",
    };
    let detail = format!("operation {of} cannot be taken back: {why}");
    Some(Reason::new(Code::NothingToUndo, detail))
}

/// A table that an undo looks at, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returning {
    /// How it stands: where the recovery left it, and where a restore would take it.
    pub pin: TablePin,
    /// The version that comes back; `None` if the table stays as it is.
    pub target: Option<u64>,
}

/// The tables that have to be looked at before the undo of a finished recovery can be laid down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    of: OperationId,
    finished: Finished,
    /// The kind of the write that was recovered.
    writer_kind: WriterKind,
    /// The tables to look at.
    pub tables: Vec<Returning>,
    /// Whether its recovery was of a file of version 9.
    is_of_version_9: bool,
    /// Stands for the undo in its journal, with the pins of those tables in the same order.
    pub sidecar: Sidecar,
    /// The sidecar that covers restored versions which are not published.
    pending: Option<Sidecar>,
}

impl Undo {
    /// Finds out what taking `finished` back consists of. `original` is the sidecar it recovered.
    ///
    /// # Errors
    /// The reason why there is nothing to take back.
    pub fn of(of: &OperationId, finished: &Finished, original: &Sidecar) -> Result<Self, Reason> {
        let nothing = |why: &str| {
            Err(Reason::new(
                Code::NothingToUndo,
                format!("operation {of} cannot be taken back: {why}"),
            ))
        };
        let plan = &finished.plan;
        if let Some(reason) = never_undone(of, plan) {
            return Err(reason);
        }
        if let Some(left) = announced_by(&plan.steps) {
            return nothing(&format!(
                "it left the sidecar of operation {left}; look at that one"
            ));
        }
        if plan.steps.iter().any(Step::changes_the_schema) {
            return Err(Reason::new(
                Code::SchemaChanged,
                format!(
                    "operation {of} cannot be taken back: it changed the schema; change it anew instead"
                ),
            ));
        }
        let leaves_a_sidecar = plan.purpose.is_recovery() && plan.disposition.takes_it_back();
        if original.version_9.is_some()
            && let Some(why) = kept_for_good(plan)
        {
            return nothing(&why);
        }
        let target = |table: &PlannedTable| match table.action {
            Action::Publish if leaves_a_sidecar => None,
            Action::Publish => table.manifest_pinned,
            Action::RestoreAndPublish => table.lance_head,
            Action::None
            | Action::Restore
            | Action::Register
            | Action::Tombstone
            | Action::Drop => None,
        };
        if !plan.tables.iter().any(|table| target(table).is_some()) {
            return nothing("it changed no table");
        }
        if let Some(table) = plan
            .tables
            .iter()
            .find(|table| table.pin_gone && target(table) == table.manifest_pinned)
        {
            return nothing(&format!(
                "version {} of {}, which readers saw before, had been cleaned away when it was recovered: there is nothing to return to",
                table.manifest_pinned.unwrap_or_default(),
                table.table_key
            ));
        }
        // Tables that the write added or removed had no version of before.
        let covered = plan.tables.iter().filter(|table| {
            table.catalog_change.is_none()
                && (target(table).is_some() || (leaves_a_sidecar && table.pin_after().is_some()))
        });
        // An undone roll back brings back a partial write, so its pins must match no strict rule.
        let ahead = if leaves_a_sidecar { NEVER_WHOLE } else { 1 };
        let mut tables = Vec::new();
        for table in covered {
            let pin = original.tables.iter().find(|pin| is_of(table, pin));
            let (Some(pin), Some(after)) = (pin, table.pin_after()) else {
                return nothing(&format!(
                    "{} was changed, and its sidecar does not pin it",
                    table.table_key
                ));
            };
            tables.push(Returning {
                pin: TablePin {
                    expected_version: after,
                    post_commit_pin: after.saturating_add(ahead),
                    ..pin.clone()
                },
                target: target(table),
            });
        }
        let like = |operation_id| {
            let pins = tables.iter().map(|table| table.pin.clone()).collect();
            sidecar_like(original, operation_id, pins)
        };
        Ok(Self {
            of: of.clone(),
            sidecar: like(undo_id(of)),
            pending: leaves_a_sidecar.then(|| like(undo_sidecar_id(of))),
            writer_kind: plan.writer_kind.unwrap_or(original.writer_kind),
            is_of_version_9: original.version_9.is_some(),
            tables,
            finished: finished.clone(),
        })
    }

    /// The operation whose recovery is taken back.
    #[must_use]
    pub const fn of_operation(&self) -> &OperationId {
        &self.of
    }

    /// The plan of that recovery.
    #[must_use]
    pub const fn recovery(&self) -> &Plan {
        &self.finished.plan
    }

    /// The version of a table that comes back; `None` if it stays as it is.
    #[must_use]
    pub fn target_of(&self, table_key: &str, branch: Option<&str>) -> Option<u64> {
        let names = |table: &&Returning| {
            table.pin.table_key == table_key && table.pin.table_branch() == Branch::of(branch)
        };
        self.tables.iter().find(names)?.target
    }

    /// The tables on Lance branches of their own that come back, each with the version. Of these readers may have seen another Lance branch
    /// before a write of version 9 made this one.
    pub fn on_other_branches(&self) -> impl Iterator<Item = (&TablePin, u64)> {
        let tables = self.tables.iter().filter(|_| self.is_of_version_9);
        let tables = tables.filter(|table| !table.pin.table_branch().is_main());
        tables.filter_map(|table| Some((&table.pin, table.target?)))
    }

    /// The operation whose sidecar covers the versions that come back unpublished.
    #[must_use]
    pub fn announced(&self) -> Option<&OperationId> {
        self.pending.as_ref().map(|pending| &pending.operation_id)
    }

    /// The same under another operation; see [`super::next_undo_id`].
    #[must_use]
    pub fn under(mut self, operation_id: OperationId) -> Self {
        self.sidecar.operation_id = operation_id;
        self
    }

    /// The same undo after an earlier attempt at it stopped half way and was rolled back with `plan`: the tables stand where that
    /// plan left them.
    #[must_use]
    pub fn after_rolling_back(mut self, plan: &Plan) -> Self {
        for (index, Returning { pin, .. }) in self.tables.iter_mut().enumerate() {
            let left = plan
                .tables
                .iter()
                .find(|table| is_of(table, pin))
                .filter(|table| table.manifest_pinned == Some(pin.expected_version))
                .and_then(PlannedTable::pin_after);
            let Some(left) = left else { continue };
            let ahead = pin.post_commit_pin.saturating_sub(pin.expected_version);
            pin.expected_version = left;
            pin.post_commit_pin = left.saturating_add(ahead);
            for sidecar in [Some(&mut self.sidecar), self.pending.as_mut()] {
                if let Some(named) = sidecar.and_then(|sidecar| sidecar.tables.get_mut(index)) {
                    named.clone_from(pin);
                }
            }
        }
        self
    }

    /// The same with another operation for that sidecar; see [`super::next_undo_sidecar_id`].
    #[must_use]
    pub fn announcing(mut self, operation_id: OperationId) -> Self {
        if let Some(pending) = &mut self.pending {
            pending.operation_id = operation_id;
        }
        self
    }
}

/// Whether the journal of a finished operation alone tells that it is never taken back: it changed the schema, or is of a kind that is
/// not undone. Where its tables stand now, only the plan of the undo tells.
#[must_use]
pub fn is_never_undone(plan: &Plan) -> bool {
    let is_kept = plan.rests_on_its_sidecar().is_some() && kept_for_good(plan).is_some();
    is_kept
        || plan.steps.iter().any(Step::changes_the_schema)
        || never_undone(&plan.operation_id, plan).is_some()
}

/// Why a recovery of version 9 is never taken back, if so. A schema change is not taken back either: see [`Step::changes_the_schema`].
///
/// A merge publishes tables that it commits nothing to, and moves others to another Lance branch, whose versions have other contents
/// than those of the same numbers that readers saw before.
pub(crate) fn kept_for_good(plan: &Plan) -> Option<String> {
    if plan.disposition.takes_it_back() {
        return Some("it rolled back a write of version 9, and engines of that graph would not read the sidecar that covers what comes back".to_owned());
    }
    if plan.writer_kind.is_some_and(WriterKind::is_merge) {
        return Some(
            "it published a merge of version 9, which moves tables from one Lance branch to another"
                .to_owned(),
        );
    }
    let is_touched = |key: &str| {
        let mut tables = plan.tables.iter();
        tables.any(|table| table.table_key == key && table.action != Action::None)
    };
    let mut published = plan.steps.iter().flat_map(Step::exact_rows);
    if let Some(row) = published.find(|row| !is_touched(&row.table_key)) {
        let key = &row.table_key;
        return Some(format!(
            "it published {key}, to which the write committed nothing"
        ));
    }
    let lance_branch = plan.lance_branch.as_ref()?;
    Some(format!(
        "its branch is {lance_branch} in the catalog, and this build undoes nothing on a branch with such a suffix"
    ))
}

/// Lays down how a recovery is taken back, from the facts that were found. `observation` is of [`Undo::sidecar`], each table's
/// `restorable` about its target.
#[must_use]
pub fn undo(root: &RootId, undo: &Undo, observation: &Observation) -> FollowUp {
    let text = text_of(&undo.sidecar);
    let mut blockers = Vec::new();
    if let CatalogObservation::Present { stamp, .. } = observation.catalog {
        blockers.extend(not_undone(stamp, undo.pending.is_some()));
    }
    if let CatalogObservation::Unreadable { reason } = &observation.catalog {
        blockers.push(Reason::new(
            Code::CatalogUnreadable,
            format!("the catalog cannot be read: {reason}"),
        ));
    }
    let mut tables = Vec::new();
    for (index, Returning { pin, target }) in undo.tables.iter().enumerate() {
        let Some(found) = observation.of_pin(index, pin) else {
            blockers.push(Reason::new(
                Code::TableUnreadable,
                format!("{} was not looked at", pin.table_key),
            ));
            continue;
        };
        if target.is_some() {
            blockers.extend(obstacles(pin, found, recorded(undo, pin)));
        }
        tables.push(planned(pin, found, *target, undo.pending.is_some()));
    }
    tables.sort_by(|left, right| {
        (&left.table_key, &left.branch).cmp(&(&right.table_key, &right.branch))
    });
    let operation_id = undo.sidecar.operation_id.clone();
    let steps = if blockers.is_empty() {
        steps(&operation_id, undo, observation, &tables)
    } else {
        Vec::new()
    };
    let plan = Plan {
        purpose: Purpose::Undo {
            of: undo.of.clone(),
        },
        root: root.clone(),
        file: operation_id.file_name(),
        operation_id,
        sidecar: Digest::of(Tag::Sidecar, text.as_bytes()),
        writer_kind: Some(undo.writer_kind),
        branch: undo.sidecar.branch().owned(),
        lance_branch: None,
        actor_id: undo.sidecar.actor_id.clone(),
        disposition: Disposition::RollBack,
        decision: None,
        choice: Choice::Verdict,
        requires: requires(&undo.finished.plan),
        left_out: Vec::new(),
        tables,
        steps,
    };
    FollowUp {
        plan,
        sidecar: text.into(),
        blockers,
    }
}

/// The acknowledgements an undo needs. A published merge stays recorded, because the history only grows.
fn requires(recovery: &Plan) -> Vec<Requirement> {
    let records_a_merge = recovery.purpose.is_recovery() && recovery.merged_parent().is_some();
    let merge = records_a_merge.then_some(Requirement::MergeStaysRecorded);
    // Commits of others that went with the recovery go, or come back, with its undo.
    let unexpected = Requirement::UnexpectedCommits;
    let unexpected = recovery
        .requires
        .contains(&unexpected)
        .then_some(unexpected);
    let mut requires: Vec<Requirement> = [Requirement::WritersStopped]
        .into_iter()
        .chain(merge)
        .chain(unexpected)
        .collect();
    requires.sort_unstable();
    requires
}

/// How the recovery left a table, if it still stands where that was.
fn recorded<'a>(undo: &'a Undo, pin: &TablePin) -> Option<&'a PlannedTable> {
    let mut tables = undo.finished.plan.tables.iter();
    tables.find(|table| is_of(table, pin) && table.pin_after() == Some(pin.expected_version))
}

fn is_of(table: &PlannedTable, pin: &TablePin) -> bool {
    table.table_key == pin.table_key && table.branch.as_deref() == pin.table_branch().name()
}

/// Why one touched table cannot be taken back. Its HEAD and its pin have to be what the recovery left.
fn obstacles(
    pin: &TablePin,
    found: &TableObservation,
    recorded: Option<&PlannedTable>,
) -> Vec<Reason> {
    if let Some(conflict) = &found.location_conflict {
        return vec![conflict.clone()];
    }
    let key = &pin.table_key;
    let after = Some(pin.expected_version);
    let (head, pinned) = (found.head.version(), found.pinned.version());
    let another_transaction = recorded
        .filter(|table| table.restore_to.is_none())
        .and_then(|table| table.head_transaction.as_deref())
        .zip(found.head.transaction())
        .is_some_and(|(recorded, found)| recorded != found);
    if pinned.is_none() {
        return vec![Reason::new(
            Code::MovedSince,
            format!(
                "the catalog has {key} no more: it was renamed or removed, or its branch is gone; there is nothing to return"
            ),
        )];
    }
    if head != after || pinned != after || another_transaction {
        return vec![Reason::new(
            Code::MovedSince,
            format!(
                "{key} has moved since it was recovered: it was left with HEAD and pin at {}, and now has HEAD {} and pin {}; taking the recovery back would take that back too",
                pin.expected_version,
                version_text(head),
                version_text(pinned)
            ),
        )];
    }
    let why = match &found.restorable {
        Restorability::Restorable => return Vec::new(),
        Restorability::NotRestorable { reason } => reason.as_str(),
        Restorability::NotChecked => "whether it can be restored was not looked at",
    };
    vec![Reason::new(
        Code::TargetNotRestorable,
        format!("{key} cannot be returned: {why}"),
    )]
}

fn planned(
    pin: &TablePin,
    found: &TableObservation,
    target: Option<u64>,
    stays_unpublished: bool,
) -> PlannedTable {
    let head = found.head.version();
    let (action, publish_as) = match target {
        None => (Action::None, None),
        Some(_) if stays_unpublished => (Action::Restore, None),
        Some(_) => (
            Action::RestoreAndPublish,
            head.and_then(|head| head.checked_add(1)),
        ),
    };
    PlannedTable {
        table_key: pin.table_key.clone(),
        branch: pin.table_branch().owned(),
        location: found.location.clone(),
        expected_version: pin.expected_version,
        post_commit_pin: pin.post_commit_pin,
        manifest_pinned: found.pinned.version(),
        lance_head: head,
        head_transaction: found.head.transaction().map(str::to_owned),
        classification: (head.is_some() && head == found.pinned.version())
            .then_some(ClassificationLabel::NoMovement),
        rule: format!(
            "the recovery left HEAD and pin at {}, and there they are",
            pin.expected_version
        ),
        action,
        restore_to: target,
        publish_as,
        unexpected: Vec::new(),
        catalog_change: None,
        pin_gone: false,
    }
}

fn steps(
    operation_id: &OperationId,
    undo: &Undo,
    observation: &Observation,
    tables: &[PlannedTable],
) -> Vec<Step> {
    let touched: Vec<Touched<'_>> = tables
        .iter()
        .filter_map(|table| Some((table, table.lance_head?, table.restore_to?)))
        .collect();
    let mut steps = undo_tags(operation_id, &touched);
    if let Some(pending) = &undo.pending {
        steps.push(Step::Announce {
            file: pending.operation_id.file_name(),
            sidecar: text_of(pending),
            precondition: Precondition::FileAbsent,
        });
    }
    steps.push(Step::FenceCatalog {
        precondition: Precondition::PinsAsPlanned,
    });
    // The history names the original write, not the sidecar that stands for its undo.
    let written = Sidecar {
        writer_kind: undo.writer_kind,
        ..undo.sidecar.clone()
    };
    let history = graph_history_of_an_undo(&written, observation, tables);
    steps.extend(undo_restores(&touched, history.commit.clone()));
    steps.extend(history.row_steps());
    steps.push(Step::Record {
        precondition: Precondition::StepsDone,
    });
    steps
}
