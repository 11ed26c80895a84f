//! What happened to one write and what may be done about it: the disposition (PROTOCOL.md, section 4.3).

mod catalog_changes;
mod choice;
mod commits;
mod left_out;
mod obstacles;
mod schema;
mod whose;

use serde::{Deserialize, Serialize};

use crate::classification::{Classification, classify_table_for, rule_text};
use crate::code::{Code, Reason, Requirement};
use crate::decision::{Decision, decide};
use crate::listing::Standing;
use crate::observation::{
    CatalogObservation, ContentComparison, HeadObservation, Observation, Pinned, Restorability,
    TableObservation,
};
use crate::sidecar::{Sidecar, TablePin, WriterKind};

use catalog_changes::catalog_changes;
use commits::unexpected_commits;
use left_out::left_out;
pub(crate) use obstacles::support;
use obstacles::{branch_recreated, contradictions};
use schema::TablesStand;
use whose::Whose;

pub use catalog_changes::CatalogChange;
pub use choice::Choice;
pub use commits::UnexpectedCommit;
pub use left_out::LeftOut;
pub use obstacles::age_blocker;

/// What a person is shown: finer than the [`Decision`]. First match wins, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// The file cannot be trusted or understood: no effect, ever.
    Refused,
    /// An older unresolved sidecar overlaps it: no effect until that one is resolved.
    Waiting,
    /// The graph branch it wrote to is gone: record it, retire the sidecar.
    OrphanedBranch,
    /// Catalog and tables contradict each other: no effect, ever; a person has to look.
    Abort,
    /// The write is published; only its sidecar is left: record it, retire the sidecar.
    AlreadyPublished,
    /// Nothing of the write is pending, and others published since; whether it is among that cannot be claimed.
    Superseded,
    /// No table was committed: record it, retire the sidecar.
    NeverStarted,
    /// Every table was committed: publish them, in one commit of the catalog.
    RollForward,
    /// Some table was committed and not all: return the moved ones to what is published.
    RollBack,
}

impl Disposition {
    /// Every disposition, first match first.
    pub const ALL: [Self; 9] = [
        Self::Refused,
        Self::Waiting,
        Self::OrphanedBranch,
        Self::Abort,
        Self::AlreadyPublished,
        Self::Superseded,
        Self::NeverStarted,
        Self::RollForward,
        Self::RollBack,
    ];

    /// The name, spelled as in PROTOCOL.md, section 4.3.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Waiting => "waiting",
            Self::OrphanedBranch => "orphaned_branch",
            Self::Abort => "abort",
            Self::AlreadyPublished => "already_published",
            Self::Superseded => "superseded",
            Self::NeverStarted => "never_started",
            Self::RollForward => "roll_forward",
            Self::RollBack => "roll_back",
        }
    }

    /// Whether an approved plan of this disposition does anything at all.
    #[must_use]
    pub const fn has_effect(self) -> bool {
        !matches!(self, Self::Refused | Self::Waiting | Self::Abort)
    }
}

/// What is done to one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing.
    None,
    /// Its HEAD becomes the pin.
    Publish,
    /// The pin is restored as a new version, which becomes the pin.
    RestoreAndPublish,
    /// A version is restored as a new one, and the pin stays.
    Restore,
    /// The table is added to the catalog.
    Register,
    /// The table is removed from the catalog.
    Tombstone,
}

impl Action {
    /// The name as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Publish => "publish",
            Self::RestoreAndPublish => "restore_and_publish",
            Self::Restore => "restore",
            Self::Register => "register",
            Self::Tombstone => "tombstone",
        }
    }
}

/// One table's part of a [`Verdict`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableVerdict {
    /// Where the table stands; `None` if it is missing or unreadable, or was not looked at.
    pub classification: Option<Classification>,
    /// The rule that fired with its numbers, or why none could.
    pub rule: String,
    /// What is done to it.
    pub action: Action,
    /// The version it returns to.
    pub restore_to: Option<u64>,
    /// The version that becomes its pin.
    pub publish_as: Option<u64>,
    /// Lance commits above the pin that are published or taken back with it, though by all that can be told they are not this write's.
    pub unexpected: Vec<UnexpectedCommit>,
}

/// The whole verdict over one sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What a person is shown.
    pub disposition: Disposition,
    /// What the classifications add up to; `None` where some table has none.
    pub decision: Option<Decision>,
    /// What was chosen. [`Choice::Verdict`] as well where another choice was asked for that there is not.
    pub choice: Choice,
    /// For a merge: what publishing its sidecar leaves out of it, or may.
    pub left_out: Vec<LeftOut>,
    /// One entry per pin, in the sidecar's order.
    pub tables: Vec<TableVerdict>,
    /// What a `SchemaApply` adds and removes, in the sidecar's order; empty where nothing was decided about that.
    pub catalog_changes: Vec<CatalogChange>,
    /// Why it cannot be executed, whatever is approved.
    pub blockers: Vec<Reason>,
    /// What the approval has to state.
    pub requires: Vec<Requirement>,
}

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

/// As [`judge`], where a person chose. A choice that there is not here changes nothing, and the verdict's own `choice` says so.
#[must_use]
pub fn judge_choice<'a>(
    sidecar: &Sidecar,
    standing: impl Into<Standing<'a>>,
    observation: &Observation,
    choice: Choice,
) -> Verdict {
    let standing: Standing<'_> = standing.into();
    let refusal = sidecar.refusal(&sidecar.operation_id.file_name());
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

    if let Some(older) = standing.waiting_for {
        let reason = Reason::new(
            Code::WaitingFor,
            format!(
                "{older} is older and unresolved, and it overlaps this one or cannot be read, so that it may; resolve it first"
            ),
        );
        return verdict(Disposition::Waiting, tables, vec![reason], Vec::new());
    }
    let mut requires = Vec::new();
    if standing.older_unreadable {
        requires.push(Requirement::OlderUnreadable);
    }
    if observation.catalog == (CatalogObservation::BranchAbsent { tree_left: false })
        && sidecar.branch().is_some()
    {
        return verdict(
            Disposition::OrphanedBranch,
            tables,
            support(observation),
            requires,
        );
    }
    let contradictions = contradictions(&observation.catalog, &looked_at, decision);
    if !contradictions.is_empty() {
        return verdict(Disposition::Abort, tables, contradictions, Vec::new());
    }
    // A pin that was not looked at is a contradiction, so that from here on every pin has its observation.
    let pairs: Vec<(&TablePin, &TableObservation)> = looked_at
        .into_iter()
        .filter_map(|(pin, table)| Some((pin, table?)))
        .collect();

    let disposition = match disposition(whose, decision, &tables, &pairs) {
        Ok(disposition) => disposition,
        Err(reason) => return verdict(Disposition::Abort, tables, vec![reason], Vec::new()),
    };
    let left_out = if may_be_incomplete(sidecar, disposition) {
        left_out(observation)
    } else {
        Vec::new()
    };
    // Nothing of it is published yet, and every table it pins stands above a pin that it can be returned to.
    let is_taken_back = choice == Choice::RollBack
        && disposition == Disposition::RollForward
        && !left_out.is_empty();
    let disposition = if is_taken_back {
        Disposition::RollBack
    } else {
        disposition
    };
    let changes = observation
        .schema
        .as_ref()
        .filter(|_| sidecar.writer_kind == WriterKind::SchemaApply)
        .map_or_else(
            || Ok(Vec::new()),
            |schema| catalog_changes(sidecar, schema, disposition),
        );
    let changes = match changes {
        Ok(changes) => changes,
        Err(reason) => return verdict(Disposition::Abort, tables, vec![reason], Vec::new()),
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
        return verdict(Disposition::Abort, tables, vec![reason], Vec::new());
    }
    if tables.iter().any(|table| !table.unexpected.is_empty()) {
        requires.push(Requirement::UnexpectedCommits);
    }
    // No fence keeps a live writer from schema files, nor from its lock.
    let touches_schema_files = observation.schema.as_ref().is_some_and(|schema| {
        let files = [schema.source, schema.ir, schema.state];
        schema.locked_since.is_some() || files.iter().any(|file| file.staged.is_some())
    });
    // Nor does one keep a writer whose commits are not counted from making more of them, above what is published.
    let may_go_on =
        disposition == Disposition::RollForward && !sidecar.writer_kind.commits_each_table_once();
    if touches_schema_files
        || may_go_on
        || matches!(
            disposition,
            Disposition::RollBack | Disposition::NeverStarted
        )
    {
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
    let mut blockers = support(observation);
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

/// A table that is to return to a version which was cleaned away: no roll back brings that back, whoever tries and however often.
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
    sidecar.writer_kind == WriterKind::BranchMerge
        && matches!(
            disposition,
            Disposition::RollForward | Disposition::AlreadyPublished
        )
}

/// Whether what stands above the pin becomes visible or is taken back. Where HEAD holds the pin's content already, neither is so.
fn takes_commits_along(disposition: Disposition, table: &TableVerdict) -> bool {
    match table.action {
        Action::Publish => disposition == Disposition::RollForward,
        Action::RestoreAndPublish => true,
        Action::None | Action::Restore | Action::Register | Action::Tombstone => false,
    }
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
    if sidecar.writer_kind == WriterKind::SchemaApply {
        let stand = match () {
            () if tables.is_empty() => TablesStand::NoTables,
            () if all_moved => TablesStand::AllMoved,
            () if none_moved => TablesStand::NoneMoved(disposition_when_none_moved(whose, pairs)),
            () => TablesStand::SomeMoved,
        };
        let schema = observation
            .schema
            .as_ref()
            .ok_or("its staged schema files were not looked at");
        let schema = schema.map_err(|why| Reason::new(Code::SchemaContradictory, why))?;
        let disposition = schema::disposition(sidecar, schema, stand)
            .map_err(|why| Reason::new(Code::SchemaContradictory, why))?;
        if disposition == Disposition::RollForward {
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

fn unjudged(rule: impl Into<String>) -> TableVerdict {
    TableVerdict {
        classification: None,
        rule: rule.into(),
        action: Action::None,
        restore_to: None,
        publish_as: None,
        unexpected: Vec::new(),
    }
}

fn classify(whose: Whose<'_>, pin: &TablePin, table: Option<&TableObservation>) -> TableVerdict {
    let Some(table) = table else {
        return unjudged("it was not looked at");
    };
    let classified = |classification, rule| TableVerdict {
        classification: Some(classification),
        ..unjudged(rule)
    };
    let pinned = match table.pinned {
        Pinned::At { version } if version > 0 => version,
        Pinned::Absent | Pinned::At { .. } => {
            return unjudged("the catalog has no version of this table");
        }
        Pinned::Tombstoned { version } => {
            return unjudged(format!(
                "the table was removed by a tombstone at version {version}"
            ));
        }
    };
    match &table.head {
        HeadObservation::At { version, .. } => {
            let (classification, rule) = classify_head(whose, pin, table, *version, pinned);
            classified(classification, rule)
        }
        HeadObservation::BranchMissing => match pin.table_branch() {
            Some(branch) => classified(
                Classification::NoMovement,
                format!("the dataset has no Lance branch {branch} yet"),
            ),
            None => unjudged("the dataset has no main branch"),
        },
        HeadObservation::DatasetMissing => {
            unjudged("there is no dataset at the catalog's location")
        }
        HeadObservation::Unreadable { reason } => {
            unjudged(format!("its Lance HEAD cannot be read: {reason}"))
        }
    }
}

/// Where a table stands by its numbers, unless what stands there says that it is somebody else's.
fn classify_head(
    whose: Whose<'_>,
    pin: &TablePin,
    table: &TableObservation,
    head: u64,
    pinned: u64,
) -> (Classification, String) {
    let kind = whose.sidecar.writer_kind;
    if let Some(other) = &table.covered_by {
        return (
            Classification::NoMovement,
            format!(
                "HEAD {head} > pin {pinned}, but operation {other} committed it, and has a sidecar of its own: nothing of this write stands above the pin"
            ),
        );
    }
    let classification = classify_table_for(kind, pin, head, pinned);
    if classification == Classification::RolledPastExpected
        && let Some(rule) = whose.disowned(table, pinned, head)
    {
        let classification = if head == pinned.saturating_add(1) {
            Classification::UnexpectedAtP1
        } else {
            Classification::UnexpectedMultistep
        };
        return (classification, rule);
    }
    (classification, rule_text(kind, pin, head, pinned))
}

fn disposition_when_none_moved(
    whose: Whose<'_>,
    pairs: &[(&TablePin, &TableObservation)],
) -> Disposition {
    let pinned = |table: &TableObservation| table.pinned.version().unwrap_or_default();
    // Whatever a sidecar announces, a pin that did not move since the writer started does not show its write.
    let published = |pin: &TablePin, table: &TableObservation| {
        pinned(table) >= pin.post_commit_pin && pinned(table) > pin.expected_version
    };
    if pairs
        .iter()
        .all(|(pin, table)| published(pin, table) && whose.is_published(pin, table))
    {
        Disposition::AlreadyPublished
    } else if pairs
        .iter()
        .any(|(pin, table)| pinned(table) > pin.expected_version)
    {
        Disposition::Superseded
    } else {
        Disposition::NeverStarted
    }
}

fn assign_action(
    disposition: Disposition,
    table: &mut TableVerdict,
    pin: &TablePin,
    observed: &TableObservation,
    requires: &mut Vec<Requirement>,
) {
    let (Some(pinned), Some(head)) = (observed.pinned.version(), observed.head.version()) else {
        return;
    };
    if head <= pinned || observed.covered_by.is_some() {
        return;
    }
    match disposition {
        Disposition::RollForward => {
            table.action = Action::Publish;
            table.publish_as = Some(head);
        }
        Disposition::RollBack if holds_the_pin(observed, pinned, head) => {
            table.action = Action::Publish;
            table.publish_as = Some(head);
        }
        Disposition::RollBack => {
            table.action = Action::RestoreAndPublish;
            table.restore_to = Some(pinned);
            table.publish_as = head.checked_add(1);
            if pinned != pin.expected_version {
                requires.push(Requirement::TargetDiffersFromExpected);
            }
        }
        _ => {}
    }
}

/// HEAD already holds what is pinned: by comparison, or because HEAD itself is a Restore to exactly the pin.
fn holds_the_pin(observed: &TableObservation, pinned: u64, head: u64) -> bool {
    observed.head_content == ContentComparison::Equal
        || observed
            .transaction_at(head)
            .is_some_and(|transaction| transaction.restored_version == Some(pinned))
}
