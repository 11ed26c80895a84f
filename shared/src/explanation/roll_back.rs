//! Words for a write that stopped half-way, and for taking it back.

use super::schema_change;
use super::words::{
    all_of_its_tables, and_more, count_word, inside_a_sentence, some_of_its_tables, table_name,
    tables_with, written,
};
use crate::classification::ClassificationLabel;
use crate::plan::{Plan, PlannedTable};
use crate::sidecar::WriterKind;
use crate::text::version_text;
use crate::verdict::Action;

/// What happened to a write that is rolled back.
pub(super) fn headline(write: &str, plan: &Plan) -> String {
    let (total, moved) = (
        written(plan).count(),
        plan.tables.iter().filter(|table| has_moved(table)).count(),
    );
    let mut unexpected = plan.tables.iter().filter(|table| is_unexpected(table));
    if let Some(table) = unexpected.next() {
        return format!(
            "{write} did not end as it announced: {} stands at version {}, {} above the published version {}{}.",
            table_name(&table.table_key, table.branch.as_deref()),
            version_text(table.lance_head),
            count_word(distance(table)),
            version_text(table.manifest_pinned),
            and_more(unexpected.count(), "such table"),
        );
    }
    if plan.rests_on_its_sidecar().is_some() && plan.writes_into_its_sidecar().is_none() {
        return format!(
            "A recovery of {} began and did not finish.",
            inside_a_sentence(write)
        );
    }
    if plan.tables.iter().any(is_unconfirmed) {
        return format!(
            "{write} was still committing: {} {} above the published version, and it had not confirmed that its commits were complete.",
            some_of_its_tables(moved, total),
            if moved == 1 { "stands" } else { "stand" }
        );
    }
    match moved {
        0 if !changes_the_schema(plan) => {
            format!("No table carries a commit of {}.", inside_a_sentence(write))
        }
        0 => schema_change::taken_back(write, plan),
        _ if moved == total && !changes_the_schema(plan) => format!(
            "{write} was committed to {}, but can no longer be published as it was planned.",
            all_of_its_tables(total)
        ),
        _ if moved == total && plan.rests_on_its_sidecar().is_some() => format!(
            "{write} was committed to {}, but can no longer be published as it was planned.",
            all_of_its_tables(total)
        ),
        _ if moved == total => format!(
            "{write} was committed to {}, but its schema was never staged whole.",
            all_of_its_tables(total)
        ),
        _ => format!(
            "{write} stopped half-way: {} {} committed.",
            some_of_its_tables(moved, total),
            if moved == 1 { "was" } else { "were" }
        ),
    }
}

/// What is done about it; `what` is `a write` or `an undo`.
pub(super) fn consequence(plan: &Plan, what: &str) -> String {
    let (returning, returned) = (
        tables_with(plan, Action::RestoreAndPublish),
        tables_with(plan, Action::Publish),
    );
    let besides = schema_change::besides_tables(plan);
    if returning + returned == 0 && besides.is_empty() {
        return "Readers see none of it, and no table changes: the catalog records that it was taken back.".to_owned();
    }
    if returning + returned == 0 {
        return format!(
            "Readers see none of it, and no table changes. It will be rolled back: {}.",
            besides.join(", and ")
        );
    }
    let mut parts = Vec::new();
    match returning {
        0 => {}
        1 => parts.push("one table returns to what is published".to_owned()),
        _ => parts.push(format!(
            "{} tables return to what is published",
            count_word(returning)
        )),
    }
    match returned {
        0 => {}
        1 => parts
            .push("one table already holds what is published, so only its pin moves".to_owned()),
        _ => parts.push(format!(
            "{} tables already hold what is published, so only their pins move",
            count_word(returned)
        )),
    }
    let drops = tables_with(plan, Action::Drop) > 0;
    parts.extend(besides);
    let kept = plan
        .tables
        .iter()
        .find(|table| table.keeps_a_later_version());
    let unseen = match kept {
        Some(table) => format!(
            "Readers see version {} of {}, which was published since this writer started from version {} and may be a part of this write: it stays.",
            version_text(table.manifest_pinned),
            table_name(&table.table_key, table.branch.as_deref()),
            table.expected_version
        ),
        None if plan.tables.iter().any(is_unexpected) => {
            "Readers see nothing above the published versions.".to_owned()
        }
        None => "Readers see none of it.".to_owned(),
    };
    let differing = plan.tables.iter().find(|table| {
        table
            .restore_to
            .is_some_and(|target| target != table.expected_version)
    });
    let also = differing.map_or_else(String::new, |table| {
        format!(
            " {} returns to version {}, not to version {} from which this writer started: the versions published since then stay, and may be a part of this write.",
            table_name(&table.table_key, table.branch.as_deref()),
            version_text(table.restore_to),
            table.expected_version
        )
    });
    let why = match kept {
        Some(_) => "The rest of it will be rolled back".to_owned(),
        None => format!("Because {what} is all or nothing, it will be rolled back"),
    };
    format!(
        "{unseen} {why}: {}. No reader sees any change, and the versions that were written{} stay as old versions.{also}",
        parts.join(", "),
        if drops {
            " to the tables that return"
        } else {
            ""
        }
    )
}

fn changes_the_schema(plan: &Plan) -> bool {
    plan.writer_kind.is_some_and(WriterKind::changes_the_schema)
}

pub(super) fn has_moved(table: &PlannedTable) -> bool {
    match table.classification {
        Some(
            ClassificationLabel::RolledPastExpected
            | ClassificationLabel::UnexpectedAtP1
            | ClassificationLabel::UnexpectedMultistep
            | ClassificationLabel::IncompletePhaseB,
        ) => true,
        Some(ClassificationLabel::NoMovement | ClassificationLabel::InvariantViolation) | None => {
            false
        }
    }
}

fn is_unexpected(table: &PlannedTable) -> bool {
    matches!(
        table.classification,
        Some(ClassificationLabel::UnexpectedAtP1 | ClassificationLabel::UnexpectedMultistep)
    )
}

fn is_unconfirmed(table: &PlannedTable) -> bool {
    table.classification == Some(ClassificationLabel::IncompletePhaseB)
}

fn distance(table: &PlannedTable) -> u64 {
    table
        .lance_head
        .unwrap_or_default()
        .saturating_sub(table.manifest_pinned.unwrap_or_default())
}
