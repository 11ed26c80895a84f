//! Small words the page puts around facts. Only `sidecar` says what a verdict means.

use sidecar::api::PlanReport;
use sidecar::follow_up::announced_by;
use sidecar::{
    Code, DifferenceField, Disposition, Effect, OperationId, OutcomeKind, Purpose, Step, age_text,
};

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
    [age, Some(tables)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
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

/// The button that approves a plan: what happens then, and not that a plan is a plan.
#[must_use]
pub const fn approve(plan: &PlanReport) -> &'static str {
    match deed(plan) {
        Deed::Forward => "Approve this roll forward",
        Deed::Back => "Approve this roll back",
        Deed::CleanUp => "Approve this clean-up",
        Deed::Remove => "Approve: remove the leftover file",
        Deed::Undo => "Approve this undo",
        Deed::SetAside => "Approve setting it aside",
        Deed::Release => "Approve dropping its tags",
    }
}

/// The button that has an approved plan carried out.
#[must_use]
pub const fn done_now(plan: &PlanReport) -> &'static str {
    match deed(plan) {
        Deed::Forward => "Roll it forward now",
        Deed::Back => "Roll it back now",
        Deed::CleanUp => "Clean it up now",
        Deed::Remove => "Remove the leftover file now",
        Deed::Undo => "Undo it now",
        Deed::SetAside => "Set it aside now",
        Deed::Release => "Drop its tags now",
    }
}

/// What carrying a plan out comes to.
enum Deed {
    Forward,
    Back,
    CleanUp,
    Remove,
    Undo,
    SetAside,
    Release,
}

const fn deed(plan: &PlanReport) -> Deed {
    match plan.purpose {
        Purpose::Undo { .. } => Deed::Undo,
        Purpose::Dismiss { .. } => Deed::SetAside,
        Purpose::Release { .. } => Deed::Release,
        Purpose::Recover => match plan.disposition {
            Disposition::RollForward => Deed::Forward,
            Disposition::RollBack => Deed::Back,
            Disposition::NeverStarted => Deed::Remove,
            Disposition::Refused
            | Disposition::Waiting
            | Disposition::OrphanedBranch
            | Disposition::Abort
            | Disposition::AlreadyPublished
            | Disposition::StaleArmed
            | Disposition::AlreadyRolledBack
            | Disposition::Superseded => Deed::CleanUp,
        },
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

/// A sentence with only the beginnings of its digests: two of them are most of what a person would have to read past.
#[must_use]
pub fn with_short_digests(text: &str) -> String {
    const BEFORE: &str = "sha256:";
    const DIGITS: usize = 64;
    const SHOWN: usize = 12;
    let mut parts = text.split(BEFORE);
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        short.push_str(BEFORE);
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        if digits == DIGITS {
            short.push_str(&part[..SHOWN]);
            short.push('…');
            short.push_str(&part[DIGITS..]);
        } else {
            short.push_str(part);
        }
    }
    short
}

/// Whether something changed, below a heading that asks for it.
#[must_use]
pub const fn changed(effect: Effect) -> &'static str {
    match effect {
        Effect::Unchanged => "no",
        Effect::Changed => "yes",
        Effect::Unknown => "unknown",
    }
}

/// Whether its writer may be at work.
#[must_use]
pub fn may_be_running(plan: &PlanReport) -> bool {
    let mut blockers = plan.blockers.iter();
    blockers.any(|reason| reason.code == Code::TooYoung)
}

/// How a plan for this ended, as a badge says it.
#[must_use]
pub fn outcome(outcome: Option<OutcomeKind>, purpose: Option<&Purpose>) -> String {
    let says = match (outcome, purpose) {
        (None, _) => "open",
        (Some(outcome), Some(Purpose::Undo { .. })) if outcome.is_success() => "undone",
        (Some(outcome), Some(Purpose::Dismiss { .. })) if outcome.is_success() => "set aside",
        (Some(outcome), Some(Purpose::Release { .. })) if outcome.is_success() => "tags released",
        (Some(outcome), _) => return outcome.name().replace('_', " "),
    };
    says.to_owned()
}

/// The heading of a panel: what the plan does, or why nothing can be done. Where only a file is in the way, what became of its write.
#[must_use]
pub fn panel_title(plan: &PlanReport) -> &'static str {
    match plan.purpose {
        Purpose::Undo { .. } => "Undo",
        Purpose::Dismiss { .. } => "Set the file aside",
        Purpose::Release { .. } => "Drop the tags",
        Purpose::Recover if may_be_running(plan) => "May still be running",
        Purpose::Recover => match plan.disposition {
            Disposition::Refused => "Refused",
            Disposition::Waiting => "Has to wait",
            Disposition::OrphanedBranch => "Its branch is gone: remove the leftover file",
            Disposition::Abort => "Cannot be decided: damaged",
            Disposition::AlreadyPublished => "Already published: remove the leftover file",
            Disposition::StaleArmed => "Published, and its file says otherwise",
            Disposition::AlreadyRolledBack => "Already taken back: remove the leftover file",
            Disposition::Superseded => "Overtaken by others: remove the leftover file",
            Disposition::NeverStarted => "Nothing was written: remove the leftover file",
            Disposition::RollForward => "Roll forward",
            Disposition::RollBack => "Roll back",
        },
    }
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
    fn of_a_digest_in_a_sentence_the_beginning_is_shown() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(
            with_short_digests(&format!(
                "plan sha256:{digest} was made, and sha256:{digest}; sha256:abc"
            )),
            "plan sha256:0123456789ab… was made, and sha256:0123456789ab…; sha256:abc"
        );
        assert_eq!(with_short_digests("nothing"), "nothing");
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
