//! The words and names that every explanation is put together from.

use crate::plan::{Plan, PlannedTable};
use crate::text::shown;
use crate::timestamp::Timestamp;
use crate::verdict::Action;

/// What happened, in one sentence, and what would be done about it, in one or two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What happened.
    pub headline: String,
    /// What readers see now, what is done, and what they see then.
    pub consequence: String,
}

impl Explanation {
    /// Both, as one text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {}", self.headline, self.consequence)
    }
}

/// Characters of a name in a sentence; the name itself is beside it in full.
pub(super) const NAME_CHARS_MAX: usize = 64;

/// The tables that the write itself was about, without those that it only adds to the catalog or removes from it.
pub(super) fn written(plan: &Plan) -> impl Iterator<Item = &PlannedTable> {
    plan.tables
        .iter()
        .filter(|table| table.catalog_change.is_none())
}

/// A few names, and how many more there are; `None` for none.
pub(super) fn some_of(names: &[String]) -> Option<String> {
    const NAMED_MAX: usize = 3;
    let (first, more) = names.split_at(names.len().min(NAMED_MAX));
    let first = first.join(", ");
    match (names.len(), more.len()) {
        (0, _) => None,
        (_, 0) => Some(first),
        (_, more) => Some(format!("{first} and {} more", count_word(more))),
    }
}

pub(super) fn write_name(plan: &Plan, started_at: Option<Timestamp>) -> String {
    let of = started_at.map_or_else(String::new, |started_at| {
        format!(" of {}", started_at.minute())
    });
    match (&plan.actor_id, plan.writer_kind) {
        (Some(actor), _) if !actor.trim().is_empty() => {
            format!("{}’s write{of}", shown(actor, NAME_CHARS_MAX))
        }
        (_, Some(kind)) => format!("The {}{of}", kind.name()),
        (_, None) => format!("The write{of}"),
    }
}

/// `The Load of …` inside a sentence; an actor's name keeps its spelling.
pub(super) fn inside_a_sentence(write: &str) -> String {
    write
        .strip_prefix("The ")
        .map_or_else(|| write.to_owned(), |rest| format!("the {rest}"))
}

/// A table in a sentence, with its Lance branch unless that is main.
pub(super) fn table_name(table_key: &str, branch: Option<&str>) -> String {
    let key = shown(table_key, NAME_CHARS_MAX);
    branch.map_or_else(
        || key.clone(),
        |branch| format!("{key} on branch {}", shown(branch, NAME_CHARS_MAX)),
    )
}

pub(super) fn tables_with(plan: &Plan, action: Action) -> usize {
    plan.tables
        .iter()
        .filter(|table| table.action == action)
        .count()
}

pub(super) fn all_of_its_tables(total: usize) -> String {
    match total {
        1 => "its one table".to_owned(),
        2 => "both of its tables".to_owned(),
        _ => format!("all of its {} tables", count_word(total)),
    }
}

/// `one of its two tables`, or `both of its tables`.
pub(super) fn some_of_its_tables(some: usize, total: usize) -> String {
    if some == total {
        return all_of_its_tables(total);
    }
    format!("{} of its {} tables", count_word(some), count_word(total))
}

pub(super) fn and_more(more: usize, noun: &str) -> String {
    match more {
        0 => String::new(),
        1 => format!(" (and one more {noun})"),
        _ => format!(" (and {} more {noun}s)", count_word(more)),
    }
}

pub(super) fn count_word(count: impl TryInto<usize> + ToString + Copy) -> String {
    const WORDS: [&str; 11] = [
        "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    count
        .try_into()
        .ok()
        .and_then(|index: usize| WORDS.get(index))
        .map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

/// The sentences that are there, one after the other.
pub(super) fn joined(sentences: &[String]) -> String {
    let there: Vec<&str> = sentences
        .iter()
        .map(String::as_str)
        .filter(|sentence| !sentence.is_empty())
        .collect();
    there.join(" ")
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}
