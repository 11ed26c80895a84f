//! Small words the page puts around facts. Only `sidecar` says what a verdict means.

use sidecar::api::{PlanReport, Progress};
use sidecar::follow_up::announced_by;
use sidecar::{DifferenceField, Effect, OperationId, OutcomeKind, Purpose, Step, age_text};

use crate::state::entry::{Entry, Standing};

/// `Mutation by act-ada on feature`, or the file's name where nothing else is known.
#[must_use]
pub fn title(entry: &Entry) -> String {
    let Some(kind) = &entry.writer_kind else {
        return entry.file.clone();
    };
    let mut title = kind.clone();
    for (word, value) in [("by", &entry.actor_id), ("on", &entry.branch)] {
        if let Some(value) = value {
            title.push_str(&format!(" {word} {value}"));
        }
    }
    title
}

/// `3 h 12 min ago · 1 of 2 tables moved`, or why a file is refused.
#[must_use]
pub fn summary(entry: &Entry) -> String {
    if let Some(refused) = &entry.refused {
        return refused.clone();
    }
    let age = match (entry.age_seconds, entry.started_at) {
        (Some(seconds), _) => Some(format!("{} ago", age_text(seconds))),
        (None, Some(started_at)) => Some(started_at.to_string()),
        (None, None) => None,
    };
    let tables = match entry.tables_moved {
        Some(moved) => format!("{moved} of {} moved", counted(entry.tables_total, "table")),
        None => counted(entry.tables_total, "table"),
    };
    let progress = progress(entry.progress).map(str::to_owned);
    [age, Some(tables), progress]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}

/// How far a recovery came, unless nothing was begun or approved.
#[must_use]
pub const fn progress(progress: Progress) -> Option<&'static str> {
    match progress {
        Progress::Open => None,
        Progress::Approved => Some("approved"),
        Progress::UnderWay => Some("under way"),
        Progress::Finished => Some("finished"),
    }
}

/// What a plan is for, in a word or two; of a recovery, its disposition.
#[must_use]
pub fn purpose(plan: &PlanReport) -> String {
    match plan.purpose {
        Purpose::Recover => Standing::Judged(plan.disposition).label(),
        Purpose::Undo { .. } => "undo".to_owned(),
        Purpose::Dismiss { .. } => "set aside".to_owned(),
        Purpose::Release { .. } => "release tags".to_owned(),
    }
}

/// The operation of the pending sidecar that an undo leaves, if it leaves one.
#[must_use]
pub fn left<'a>(
    purpose: &Purpose,
    steps: impl IntoIterator<Item = &'a Step>,
) -> Option<OperationId> {
    match purpose {
        Purpose::Undo { .. } => announced_by(steps),
        Purpose::Recover | Purpose::Dismiss { .. } | Purpose::Release { .. } => None,
    }
}

/// `1 table`, `2 tables`, `10,000 tables`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        grouped(count),
        if count == 1 { "" } else { "s" }
    )
}

/// `100,000`.
#[must_use]
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An effect in one word.
#[must_use]
pub const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Unchanged => "unchanged",
        Effect::Changed => "changed",
        Effect::Unknown => "unknown",
    }
}

/// An outcome as a badge says it.
#[must_use]
pub fn outcome(outcome: Option<OutcomeKind>) -> String {
    outcome.map_or_else(
        || "open".to_owned(),
        |outcome| outcome.name().replace('_', " "),
    )
}

/// A field of a difference in the terms of the page.
#[must_use]
pub fn field(field: &DifferenceField) -> String {
    match field {
        DifferenceField::LanceHead => "Lance HEAD".to_owned(),
        DifferenceField::ManifestPinned => "pin".to_owned(),
        DifferenceField::HeadTransaction => "transaction of HEAD".to_owned(),
        other => other.name().replace('_', " "),
    }
}

/// A reason as a sentence of its own: reasons are written to stand inside one.
#[must_use]
pub fn sentence(reason: &str) -> String {
    let mut characters = reason.chars();
    // A name keeps its spelling: file names, table keys and operation ids are not words.
    let first_word = reason.split_whitespace().next().unwrap_or_default();
    let is_word = first_word
        .chars()
        .all(|character| character.is_ascii_alphabetic());
    match characters.next() {
        Some(first) if is_word => [first.to_ascii_uppercase()]
            .into_iter()
            .chain(characters)
            .chain(['.'])
            .collect(),
        Some(_) => format!("{reason}."),
        None => String::new(),
    }
}

/// Text out of files, fit to be drawn: see [`sidecar::text::visible`]. Addresses keep the text as it is.
#[must_use]
#[inline(never)]
pub fn visible(text: &str) -> String {
    sidecar::text::visible(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_become_sentences_and_names_stay() {
        assert_eq!(
            sentence("the sidecar is 4 min old"),
            "The sidecar is 4 min old."
        );
        assert_eq!(
            sentence("node:Author: Lance HEAD 4 is below"),
            "node:Author: Lance HEAD 4 is below."
        );
        assert_eq!(
            sentence("old-import.json has schema_version 10"),
            "old-import.json has schema_version 10."
        );
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn numbers_are_grouped_and_counted() {
        for (count, text) in [
            (0, "0 tables"),
            (1, "1 table"),
            (999, "999 tables"),
            (100_000, "100,000 tables"),
            (1_234_567, "1,234,567 tables"),
        ] {
            assert_eq!(counted(count, "table"), text);
        }
    }
}
