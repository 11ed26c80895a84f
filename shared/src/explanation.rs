//! The words people read, the same on the command line and in the browser.

mod begun;
mod finished;
mod half_undo;
mod merge;
mod objects;
mod purposes;
mod roll_back;
mod schema_change;
mod steps;
mod words;

use crate::branch::Branch;
use crate::classification::ClassificationLabel;
use crate::code::{Code, Reason};
use crate::follow_up;
use crate::observation::Observation;
use crate::outcome::Extent;
use crate::plan::{CatalogChangeKind, Plan, PlannedTable, Step};
use crate::sidecar::{Sidecar, WriterKind};
use crate::text::{shown, version_text};
use crate::timestamp::Timestamp;
use crate::verdict::{Action, Choice, Disposition};

/// What an approval is worth, for people who read one.
pub const WHO_CAN_APPROVE: &str =
    "Approvals are not signed: whoever can write to __recovery_log/ of this root can approve.";

pub use begun::{Begun, explain_begun, finished_before, over_and_undone};
pub use finished::finished_sentence;
pub use merge::left_out_sentence;
pub use objects::step_objects;
pub use steps::{precondition_sentence, step_sentence};
pub use words::Explanation;
pub(crate) use words::capitalised;

use words::{
    NAME_CHARS_MAX, all_of_its_tables, and_more, count_word, inside_a_sentence, some_of,
    some_of_its_tables, table_name, tables_with, write_name, written,
};

/// Explains the plan of a sidecar that was looked at, as [`explain`], with what the sidecar and its journal tell besides.
#[must_use]
pub fn explain_looked_at(
    plan: &Plan,
    sidecar: Option<&Sidecar>,
    observation: Option<&Observation>,
    blockers: &[Reason],
) -> Explanation {
    let started_at = sidecar.map(|sidecar| sidecar.started_at);
    let explained = explain(plan, started_at, blockers);
    let stands_for_an_undo = observation.is_some_and(|found| found.recorded.undo.is_some());
    match sidecar {
        Some(sidecar) if sidecar.version_9.is_some() => explained.of_version_9(plan, blockers),
        Some(_) if stands_for_an_undo && plan.purpose.is_recovery() => {
            half_undo::planned(explained, plan)
        }
        Some(_) | None => explained,
    }
}

/// Explains a plan. `blockers` supply the words for what is refused, aborted or waiting.
#[must_use]
pub fn explain(plan: &Plan, started_at: Option<Timestamp>, blockers: &[Reason]) -> Explanation {
    if let Some(explanation) = purposes::explain(plan, started_at, blockers) {
        return explanation;
    }
    let write = write_name(plan, started_at);
    let total = written(plan).count();
    let why = blockers.first().map_or_else(
        || "the reason is not known".to_owned(),
        |reason| reason.detail.clone(),
    );
    let (headline, consequence) = match plan.disposition {
        Disposition::Refused => {
            (format!("The sidecar is refused: {why}."), "Nothing will be done to its tables or to the file.".to_owned())
        }
        Disposition::Waiting => (
            format!("{write} has to wait: {why}."),
            "Nothing is done until then. Resolving the older write can move these tables, so this one is judged anew afterwards.".to_owned(),
        ),
        Disposition::OrphanedBranch => {
            (format!("{write} went to branch {}, which no longer exists.", shown(Branch::of(plan.branch.as_deref()).text(), NAME_CHARS_MAX)), CLEANED_UP.to_owned())
        }
        Disposition::Abort => (
            format!("{write} cannot be resolved: {why}{}.", and_more(blockers.len().saturating_sub(1), "reason")),
            lacking(plan).unwrap_or_else(|| "Neither finishing the write nor undoing it is safe, so nothing will be done; a person has to look.".to_owned()),
        ),
        Disposition::AlreadyPublished | Disposition::StaleArmed if schema_change::promotes(plan) => schema_change::not_in_force(&write),
        Disposition::AlreadyPublished if total == 0 => (format!("Nothing of {} is left to do; only its sidecar was left behind.", inside_a_sentence(&write)), CLEANED_UP.to_owned()),
        Disposition::AlreadyPublished if !plan.left_out.is_empty() => (
            format!("{write} is published in every table that its sidecar names; only its sidecar was left behind."),
            format!("{} {CLEANED_UP}", merge::left_out_consequence(plan)),
        ),
        Disposition::AlreadyPublished if is_counted(plan) => (format!("{write} is complete and published; only its sidecar was left behind."), CLEANED_UP.to_owned()),
        Disposition::AlreadyPublished => (format!("{write} is published; only its sidecar was left behind."), CLEANED_UP.to_owned()),
        Disposition::StaleArmed => (
            format!("{write} is published; its sidecar was left behind, and still says that the write had only begun."),
            format!("The versions that readers see were made by the very transactions that the sidecar planned. {CLEANED_UP}"),
        ),
        Disposition::AlreadyRolledBack => schema_change::left_behind(&write, plan).unwrap_or_else(|| (
            format!("{write} was taken back, and the catalog says so; only its sidecar was left behind."),
            CLEANED_UP.to_owned(),
        )),
        Disposition::Superseded if plan.may_stay_in_part() => (
            format!("No commit of {} waits to be published, and a part of it may be visible.", inside_a_sentence(&write)),
            format!("{} {CLEANED_UP}", in_part(plan)),
        ),
        Disposition::Superseded => (
            format!("No commit of {} waits to be published, but at least one of its tables has been published since it started.", inside_a_sentence(&write)),
            format!("Nothing that is left tells whether readers see this write, so the record does not claim it. {CLEANED_UP}"),
        ),
        Disposition::NeverStarted => (
            format!("No table carries a commit of {}.", inside_a_sentence(&write)),
            format!("Readers see none of it. A writer that is still alive may yet commit: stop it first. {CLEANED_UP}"),
        ),
        Disposition::RollForward => roll_forward(&write, plan),
        Disposition::RollBack if plan.choice == Choice::RollBack => (
            merge::headline(&write, plan),
            format!("{} {}{}", merge::CHOSEN_BACK, roll_back::consequence(plan, "a write"), merge::stays_unpublished(plan)),
        ),
        Disposition::RollBack => (roll_back::headline(&write, plan), roll_back::consequence(plan, "a write")),
    };
    let has = |code| blockers.iter().any(|blocker| blocker.code == code);
    let (headline, consequence) = if has(Code::TooYoung) && plan.has_effect() {
        (
            may_be_running(&write, plan),
            format!(
                "Its file is too young to tell a slow writer from a dead one, so nothing is done yet. If the writer has stopped here, this holds: {consequence}"
            ),
        )
    } else {
        (headline, consequence)
    };
    let carried_out = !has(Code::NotYetSupported);
    let consequence = if carried_out {
        consequence
    } else {
        format!(
            "{consequence} This build does not carry that out yet: recover it with the engine that wrote it."
        )
    };
    Explanation {
        headline,
        consequence,
    }
}

impl Explanation {
    /// The same for the recovery of a file of version 9: the undo of some is refused, and people know that before they approve the
    /// recovery. `blockers` are those of the plan.
    #[must_use]
    fn of_version_9(mut self, plan: &Plan, blockers: &[Reason]) -> Self {
        let has = |code| blockers.iter().any(|blocker| blocker.code == code);
        if has(Code::CatalogStampUnsupported) && plan.disposition.has_effect() {
            self.consequence
                .push_str(" This build does not do that in this catalog.");
            return self;
        }
        let is_carried_out = plan.purpose.is_recovery() && !has(Code::NotYetSupported);
        let changes_tables = plan.tables.iter().any(|table| table.action != Action::None);
        let changes_the_schema = plan.steps.iter().any(Step::changes_the_schema);
        let is_never_undone = changes_the_schema || follow_up::kept_for_good(plan).is_some();
        if is_carried_out && is_never_undone && (changes_tables || changes_the_schema) {
            self.consequence
                .push_str(" This build cannot undo it afterwards.");
        }
        self
    }
}

/// How far a write has come whose writer may be at work.
fn may_be_running(write: &str, plan: &Plan) -> String {
    let moved = plan
        .tables
        .iter()
        .filter(|table| roll_back::has_moved(table))
        .count();
    let total = written(plan).count().max(moved);
    match moved {
        0 => format!("{write} may still be running. So far it moved no table."),
        _ => format!(
            "{write} may still be running. So far {} {} above the published version.",
            some_of_its_tables(moved, total),
            if moved == 1 { "stands" } else { "stand" },
        ),
    }
}

/// Which versions readers are sent to that are not there, and what to do about it; `None` where every version is there.
fn lacking(plan: &Plan) -> Option<String> {
    let tables = plan.tables.iter().filter_map(|table| {
        let pinned = table.manifest_pinned?;
        let name = || table_name(&table.table_key, table.branch.as_deref());
        (table.lance_head? < pinned).then(|| format!("version {pinned} of {}", name()))
    });
    let versions: Vec<String> = tables.collect();
    some_of(&versions).map(|versions| {
        format!("Readers are sent to {versions}, which is not there. Restore it from a backup, then look again. Until then nothing is done, because neither finishing the write nor undoing it is safe.")
    })
}

/// Names a table of which readers see a later version, and one of which they do not.
fn in_part(plan: &Plan) -> String {
    let mut tables = plan.tables.iter();
    let later = tables.find(|table| table.keeps_a_later_version());
    let mut tables = plan.tables.iter();
    let started_from = tables.find(|table| table.manifest_pinned == Some(table.expected_version));
    let (Some(later), Some(started_from)) = (later, started_from) else {
        return String::new();
    };
    format!(
        "Readers see version {} of {}, which was published since this writer started and may be a part of this write. Of {} they see version {}, from which it started, and so nothing of the write.",
        version_text(later.manifest_pinned),
        table_name(&later.table_key, later.branch.as_deref()),
        table_name(&started_from.table_key, started_from.branch.as_deref()),
        started_from.expected_version
    )
}

fn roll_forward(write: &str, plan: &Plan) -> (String, String) {
    let published = tables_with(plan, Action::Publish);
    let mut parts = Vec::new();
    match published {
        0 => {}
        1 => parts.push("the new version of one table becomes visible".to_owned()),
        _ => parts.push(format!(
            "the new versions of {} tables become visible",
            count_word(published)
        )),
    }
    let named = |action| {
        let keys: Vec<String> = plan
            .tables
            .iter()
            .filter(|table| table.action == action)
            .map(|table| table_name(&table.table_key, table.branch.as_deref()))
            .collect();
        some_of(&keys)
    };
    parts.extend(named(Action::Register).map(|keys| format!("{keys} becomes part of the catalog")));
    parts
        .extend(named(Action::Tombstone).map(|keys| format!("{keys} is removed from the catalog")));
    parts.extend(schema_change::renamed(plan));
    let promotes = schema_change::promotes(plan);
    let is_fixed = plan.rests_on_its_sidecar().is_some();
    let headline = match (published, parts.is_empty()) {
        (0, true) if is_fixed => {
            format!("{write} was confirmed, but never published. It changes no table.")
        }
        (0, true) => {
            format!("{write} published its tables, but its schema files are not in place.")
        }
        (0, false) => format!("{write} staged its schema whole, but never published it."),
        _ if !plan.left_out.is_empty() => merge::headline(write, plan),
        _ => format!(
            "{write} was committed to {}, but never published.",
            all_of_its_tables(written(plan).count())
        ),
    };
    let catalog = if parts.is_empty() {
        match is_fixed {
            true => "its graph commit is recorded in the catalog".to_owned(),
            false => "no table changes".to_owned(),
        }
    } else {
        format!("{}, in one commit of the catalog", parts.join(", "))
    };
    let files = if promotes {
        match parts.is_empty() {
            true => ", and its schema files are put in place",
            false => "; then its schema files are put in place",
        }
    } else {
        ""
    };
    let unseen = if parts.is_empty() {
        ""
    } else {
        "Readers see none of it yet. "
    };
    let lost: Vec<String> = plan
        .tables
        .iter()
        .filter(|table| table.pin_gone)
        .map(|table| table_name(&table.table_key, table.branch.as_deref()))
        .collect();
    let not_undoable = some_of(&lost).map_or_else(String::new, |keys| {
        format!(
            " It cannot be taken back afterwards: the version that readers see now of {keys} was cleaned away."
        )
    });
    let extent = match plan.extent() {
        Some(Extent::LeavesOut) => format!(
            " {} {}",
            merge::left_out_consequence(plan),
            merge::OTHER_CHOICE
        ),
        Some(Extent::AsCommitted) if !is_counted(plan) => format!(" {NOT_COUNTED}"),
        Some(Extent::AsCommitted | Extent::Whole) | None => String::new(),
    };
    (
        headline,
        format!("{unseen}It will be rolled forward: {catalog}{files}.{extent}{not_undoable}"),
    )
}

/// Whether such a write makes one commit for each of its tables, so that none can be missing.
fn is_counted(plan: &Plan) -> bool {
    plan.writer_kind
        .is_some_and(WriterKind::commits_each_table_once)
}

const NOT_COUNTED: &str = "The sidecar does not say how many commits such a write makes, so these may not be all of them. A writer that is still alive may make more: stop it first.";

const CLEANED_UP: &str =
    "No table is touched: the operation is recorded, and its sidecar is retired.";

/// Where one table stands, in a word or two.
#[must_use]
pub fn table_stands(table: &PlannedTable) -> &'static str {
    match (table.catalog_change, table.classification) {
        (Some(CatalogChangeKind::Registration), _) => "new table",
        (Some(CatalogChangeKind::Tombstone), _) => "removed table",
        (Some(CatalogChangeKind::Pointer), _) => "merged as it is",
        (None, Some(classification)) => classification.name(),
        (None, None) => "not classified",
    }
}

/// What readers see of one table before and after.
#[must_use]
pub fn table_effect(plan: &Plan, table: &PlannedTable) -> String {
    match (table.action, plan.disposition) {
        (Action::Publish, Disposition::RollForward) if table.pin_gone => {
            format!(
                "Readers move from version {}, which was cleaned away, to version {}. Version {0} cannot be kept by a tag, and readers cannot be returned to it.",
                version_text(table.manifest_pinned),
                version_text(table.publish_as)
            )
        }
        (Action::Publish, Disposition::RollForward) => {
            format!(
                "Readers move from version {} to version {}.",
                version_text(table.manifest_pinned),
                version_text(table.publish_as)
            )
        }
        (
            Action::Publish,
            Disposition::Refused
            | Disposition::Waiting
            | Disposition::OrphanedBranch
            | Disposition::Abort
            | Disposition::AlreadyPublished
            | Disposition::StaleArmed
            | Disposition::AlreadyRolledBack
            | Disposition::Superseded
            | Disposition::NeverStarted
            | Disposition::RollBack,
        ) => format!(
            "Version {} already has the content of version {}, so only the pin moves.",
            version_text(table.publish_as),
            version_text(table.manifest_pinned)
        ),
        (Action::RestoreAndPublish, _) if !plan.purpose.is_recovery() => format!(
            "Readers return to the content of version {}, which comes back as version {}. Version {} stays as an old version.",
            version_text(table.restore_to),
            version_text(table.publish_as),
            version_text(table.lance_head)
        ),
        (Action::Restore, _) => format!(
            "Version {} comes back as version {}, unpublished. Readers stay at version {}.",
            version_text(table.restore_to),
            version_text(table.head_after()),
            version_text(table.manifest_pinned)
        ),
        (Action::RestoreAndPublish, _) => format!(
            "Version {} comes back as version {}, and readers see no change. Version {} stays as an old version.",
            version_text(table.restore_to),
            version_text(table.publish_as),
            version_text(table.lance_head)
        ),
        (Action::None, disposition) => {
            let is_untouched = table.classification == Some(ClassificationLabel::NoMovement)
                && table
                    .lance_head
                    .is_none_or(|head| head <= table.expected_version);
            match disposition.ends_it_unpublished() && is_untouched {
                true => "Never reached by the writer. Nothing changes.".to_owned(),
                false => "Nothing changes.".to_owned(),
            }
        }
        (Action::Register, _) => format!(
            "It is added to the catalog: readers see version {}.",
            version_text(table.publish_as)
        ),
        (Action::Drop, _) => {
            "Its dataset, which is in no catalog, is removed with all its files.".to_owned()
        }
        (Action::Tombstone, _) => format!(
            "It is removed from the catalog: readers see version {} no more, and its files stay.",
            version_text(table.manifest_pinned)
        ),
    }
}

/// The commits of a table that its kind of writer does not make, and what that means.
#[must_use]
pub fn unexpected_sentence(table: &PlannedTable) -> String {
    let named: Vec<String> = table
        .unexpected
        .iter()
        .map(|commit| match &commit.operation {
            Some(operation) => format!(
                "version {} ({})",
                commit.version,
                shown(operation, NAME_CHARS_MAX)
            ),
            None => format!(
                "version {} (its transaction cannot be read)",
                commit.version
            ),
        })
        .collect();
    let (them, they_are) = if named.len() == 1 {
        ("it", "it is")
    } else {
        ("them", "they are")
    };
    format!(
        "This does not look like this write's: {}. The plan takes {them} along, so find out whose {they_are}.",
        some_of(&named).unwrap_or_default()
    )
}
