//! Which recoveries are listed, and in which order: as on the page.

use std::cmp::Ordering;
use std::convert::Infallible;
use std::str::FromStr;

use clap::ValueEnum;
use sidecar::Branch;
use sidecar::api::{Progress, RecoverySummary};

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Sort {
    /// As they have to be resolved: a younger one waits for an older one
    #[default]
    Oldest,
    /// The latest crash first
    Newest,
    /// Those of one disposition together
    Disposition,
    /// Those of one writer together
    Actor,
}

impl Sort {
    pub(super) fn sort(self, recoveries: &mut [RecoverySummary]) {
        recoveries.sort_by(|left, right| self.compare(left, right));
    }

    fn compare(self, left: &RecoverySummary, right: &RecoverySummary) -> Ordering {
        let by_age = || age_key(left).cmp(&age_key(right));
        match self {
            Self::Oldest => by_age(),
            Self::Newest => by_age().reverse(),
            Self::Disposition => left.disposition.cmp(&right.disposition).then_with(by_age),
            Self::Actor => actor_key(left).cmp(&actor_key(right)).then_with(by_age),
        }
    }
}

/// By time as operation ids are; a file that tells no operation comes after those that do.
fn age_key(recovery: &RecoverySummary) -> (bool, Option<&str>, &str) {
    (
        recovery.operation_id.is_none(),
        recovery.operation_id.as_deref(),
        &recovery.file,
    )
}

/// Those without an actor come last.
fn actor_key(recovery: &RecoverySummary) -> (bool, Option<&str>) {
    (recovery.actor_id.is_none(), recovery.actor_id.as_deref())
}

/// The words that a recovery has to have in it to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    text: String,
    /// In lower case.
    words: Vec<String>,
}

impl FromStr for Filter {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self {
            text: text.to_owned(),
            words: text.split_whitespace().map(str::to_lowercase).collect(),
        })
    }
}

impl Filter {
    /// As it was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn fits(&self, recovery: &RecoverySummary) -> bool {
        let disposition = recovery.disposition.name();
        let in_words = disposition.replace('_', " ");
        let fields = [
            Some(recovery.file.as_str()),
            recovery.operation_id.as_deref(),
            recovery.writer_kind.as_deref(),
            Some(Branch::of(recovery.branch.as_deref()).text()),
            recovery.actor_id.as_deref(),
            Some(disposition),
            Some(in_words.as_str()),
            progress_words(recovery.progress),
        ];
        let tables = recovery.table_keys.iter().map(String::as_str);
        let fields: Vec<String> = fields
            .into_iter()
            .flatten()
            .chain(tables)
            .map(str::to_lowercase)
            .collect();
        let is_in_a_field = |word: &String| fields.iter().any(|field| field.contains(word));
        self.words.iter().all(is_in_a_field)
    }
}

/// How far people and executors came; `None` if nobody did anything.
pub(super) const fn progress_words(progress: Progress) -> Option<&'static str> {
    match progress {
        Progress::Open => None,
        Progress::Approved => Some("approved"),
        Progress::UnderWay => Some("under way"),
        Progress::Finished => Some("finished"),
    }
}

#[cfg(test)]
mod tests {
    use sidecar::Disposition;

    use super::*;
    use crate::cli::list::columns::tests::recovery;

    fn order(sort: Sort, recoveries: &[RecoverySummary]) -> Vec<String> {
        let mut recoveries = recoveries.to_vec();
        sort.sort(&mut recoveries);
        recoveries
            .into_iter()
            .map(|recovery| recovery.file)
            .collect()
    }

    #[test]
    fn files_of_no_operation_come_last_and_those_of_nobody_after_those_of_somebody() {
        let mut nameless = recovery("a.json", Disposition::Refused, None);
        nameless.operation_id = None;
        let recoveries = [
            nameless,
            recovery("b.json", Disposition::RollBack, Some("zoe")),
            recovery("c.json", Disposition::Waiting, None),
            recovery("d.json", Disposition::RollBack, Some("ada")),
        ];
        for (sort, wanted) in [
            (Sort::Oldest, ["b.json", "c.json", "d.json", "a.json"]),
            (Sort::Newest, ["a.json", "d.json", "c.json", "b.json"]),
            (Sort::Disposition, ["a.json", "c.json", "b.json", "d.json"]),
            (Sort::Actor, ["d.json", "b.json", "c.json", "a.json"]),
        ] {
            assert_eq!(order(sort, &recoveries), wanted, "{sort:?}");
        }
    }

    #[test]
    fn every_word_has_to_be_in_some_field() {
        let mut one = recovery("b.json", Disposition::RollBack, Some("Ada"));
        one.progress = Progress::UnderWay;
        one.table_keys = vec!["node:Book".to_owned()];
        for (words, wanted) in [
            ("", true),
            ("ADA main", true),
            ("roll_back", true),
            ("roll back", true),
            ("under way", true),
            ("book mutation", true),
            ("ada approved", false),
            ("feature", false),
        ] {
            let filter: Filter = words.parse().unwrap();
            assert_eq!(filter.fits(&one), wanted, "{words}");
        }
    }
}
