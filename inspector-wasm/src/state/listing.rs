//! A list of sidecars with its filter and order.

use std::cmp::Ordering;
use std::rc::Rc;

use sidecar::Disposition;

use super::entry::{Entry, Standing};

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// As they have to be resolved: a younger one waits for an older one.
    #[default]
    OldestFirst,
    /// The latest crash first.
    NewestFirst,
    /// Those of one disposition together.
    Disposition,
    /// Those of one writer together.
    Actor,
}

impl Sort {
    /// Every order.
    pub const ALL: [Self; 4] = [
        Self::OldestFirst,
        Self::NewestFirst,
        Self::Disposition,
        Self::Actor,
    ];

    /// As a person chooses it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::OldestFirst => "Oldest first",
            Self::NewestFirst => "Newest first",
            Self::Disposition => "By disposition",
            Self::Actor => "By actor",
        }
    }

    /// As addresses have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OldestFirst => "oldest",
            Self::NewestFirst => "newest",
            Self::Disposition => "disposition",
            Self::Actor => "actor",
        }
    }

    fn compare(self, left: &Entry, right: &Entry) -> Ordering {
        let by_age = || age_key(left).cmp(&age_key(right));
        match self {
            Self::OldestFirst => by_age(),
            Self::NewestFirst => by_age().reverse(),
            Self::Disposition => left.standing.cmp(&right.standing).then_with(by_age),
            Self::Actor => {
                // Those without an actor come last.
                let actor = |entry: &Entry| (entry.actor_id.is_none(), entry.actor_id.clone());
                actor(left).cmp(&actor(right)).then_with(by_age)
            }
        }
    }
}

/// By time as operation ids are; a file that tells no operation comes after those that do.
fn age_key(entry: &Entry) -> (bool, Option<&str>, &str) {
    (
        entry.operation_id.is_none(),
        entry.operation_id.as_deref(),
        &entry.file,
    )
}

/// A list with what of it is shown.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    entries: Rc<Vec<Entry>>,
    shown: Rc<Vec<u32>>,
    query: String,
    sort: Sort,
}

impl PartialEq for Listing {
    /// Compares identity, which every change renews, and spares comparing a hundred thousand lines.
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries) && Rc::ptr_eq(&self.shown, &other.shown)
    }
}

impl Listing {
    /// The same filter and order over other lines.
    #[must_use]
    pub fn with_entries(&self, entries: Vec<Entry>) -> Self {
        Self {
            entries: Rc::new(entries),
            ..self.clone()
        }
        .arranged()
    }

    /// The same lines under another filter.
    #[must_use]
    pub fn with_query(&self, query: String) -> Self {
        Self {
            query,
            ..self.clone()
        }
        .arranged()
    }

    /// The same lines under another filter and in another order.
    #[must_use]
    pub fn with_both(&self, query: String, sort: Sort) -> Self {
        Self {
            query,
            sort,
            ..self.clone()
        }
        .arranged()
    }

    /// The same lines in another order.
    #[must_use]
    pub fn with_sort(&self, sort: Sort) -> Self {
        Self {
            sort,
            ..self.clone()
        }
        .arranged()
    }

    /// The filter.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The order.
    #[must_use]
    pub const fn sort(&self) -> Sort {
        self.sort
    }

    /// How many lines there are, whatever the filter.
    #[must_use]
    pub fn total(&self) -> usize {
        self.entries.len()
    }

    /// How many are shown.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether none is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// A shown line.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&Entry> {
        self.entries.get(self.index(position)?)
    }

    /// Where a shown line is among all lines.
    #[must_use]
    pub fn index(&self, position: usize) -> Option<usize> {
        self.shown.get(position).map(|index| *index as usize)
    }

    /// Where a line is shown.
    #[must_use]
    pub fn position(&self, mut is: impl FnMut(usize, &Entry) -> bool) -> Option<usize> {
        self.shown.iter().position(|index| {
            let index = *index as usize;
            self.entries
                .get(index)
                .is_some_and(|entry| is(index, entry))
        })
    }

    /// How many lines stand how.
    #[must_use]
    pub fn counts(&self) -> Vec<(Standing, usize)> {
        let standings = Disposition::ALL
            .map(Standing::Judged)
            .into_iter()
            .chain([Standing::MayBeRunning, Standing::Undecided]);
        let count = |standing| {
            (
                standing,
                self.entries
                    .iter()
                    .filter(|entry| entry.standing == standing)
                    .count(),
            )
        };
        standings
            .map(count)
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    fn arranged(mut self) -> Self {
        let query = self.query.to_ascii_lowercase();
        let words: Vec<&str> = query.split_whitespace().collect();
        let lines = self.entries.iter().zip(0_u32..);
        let matching = lines
            .filter(|(entry, _)| entry.matches(&words))
            .map(|(_, index)| index)
            .collect();
        let (entries, sort) = (&self.entries, self.sort);
        self.shown = Rc::new(sorted(matching, &|left, right| {
            sort.compare(&entries[left], &entries[right])
        }));
        self
    }
}

/// Positions in order of what is at them; of equal ones the earlier first. All sorting of the page is
/// here, since every other sort would be one more copy of the algorithm.
pub(super) fn sorted(
    mut positions: Vec<u32>,
    compare: &dyn Fn(usize, usize) -> Ordering,
) -> Vec<u32> {
    positions.sort_unstable_by(|left, right| {
        compare(*left as usize, *right as usize).then(left.cmp(right))
    });
    positions
}

#[cfg(test)]
mod tests {
    use sidecar::api::{Progress, RecoverySummary};

    use super::*;

    fn entry(operation_id: &str, actor: Option<&str>, disposition: Disposition) -> Entry {
        Entry::of_summary(summary(operation_id, actor, disposition))
    }

    fn summary(
        operation_id: &str,
        actor: Option<&str>,
        disposition: Disposition,
    ) -> RecoverySummary {
        RecoverySummary {
            operation_id: Some(operation_id.to_owned()),
            file: format!("{operation_id}.json"),
            schema_version: Some(1),
            writer_kind: Some("Mutation".to_owned()),
            branch: None,
            actor_id: actor.map(str::to_owned),
            started_at: None,
            age_seconds: None,
            disposition,
            tables_total: 2,
            tables_moved: 1,
            refused: None,
            progress: Progress::Open,
            may_be_running: false,
            table_keys: vec!["node:Author".to_owned()],
        }
    }

    fn listing() -> Listing {
        let young = RecoverySummary {
            age_seconds: Some(7_200),
            progress: Progress::Approved,
            may_be_running: true,
            ..summary("C", Some("act-zoe"), Disposition::RollBack)
        };
        let old = RecoverySummary {
            age_seconds: Some(60),
            ..summary("B", Some("act-ada"), Disposition::RollBack)
        };
        Listing::default().with_entries(vec![
            Entry::of_summary(old),
            entry("A", None, Disposition::RollForward),
            Entry::of_summary(young),
        ])
    }

    fn shown(listing: &Listing) -> String {
        (0..listing.len())
            .filter_map(|position| listing.get(position))
            .map(Entry::key)
            .collect()
    }

    #[test]
    fn orders_follow_time_disposition_and_actor() {
        let listing = listing();
        for (sort, expected) in [
            (Sort::OldestFirst, "ABC"),
            (Sort::NewestFirst, "CBA"),
            (Sort::Disposition, "ABC"),
            (Sort::Actor, "BCA"),
        ] {
            assert_eq!(shown(&listing.with_sort(sort)), expected, "{sort:?}");
        }
    }

    #[test]
    fn a_filter_wants_every_word_in_any_field() {
        let listing = listing();
        for (query, expected) in [
            ("ADA", "B"),
            ("roll back", "BC"),
            ("author mutation", "ABC"),
            ("main", "ABC"),
            ("zoe forward", ""),
            ("  ", "ABC"),
            ("b.json", "B"),
            ("-back", "A"),
            ("mutation -ada", "AC"),
            ("approved", "C"),
            ("-approved", "AB"),
            ("running", "C"),
            ("age>1h", "C"),
            ("age<2h", "B"),
            ("age>1h age<3h", "C"),
            ("age>x", ""),
            ("-", "ABC"),
        ] {
            assert_eq!(
                shown(&listing.with_query(query.to_owned())),
                expected,
                "{query}"
            );
        }
    }

    #[test]
    fn new_lines_keep_filter_and_order() {
        let listing = listing()
            .with_query("back".to_owned())
            .with_sort(Sort::NewestFirst);
        let again = listing.with_entries(vec![
            entry("D", None, Disposition::RollBack),
            entry("E", None, Disposition::Abort),
        ]);
        assert_eq!(shown(&again), "D");
        assert_eq!((again.total(), again.len()), (2, 1));
    }

    #[test]
    fn a_hundred_thousand_lines_are_filtered_and_sorted() {
        let many = (0..100_000).rev().map(|number| {
            entry(
                &format!("{number:06}"),
                Some("act-ada"),
                Disposition::RollBack,
            )
        });
        let listing = Listing::default()
            .with_entries(many.collect())
            .with_query("09999".to_owned());
        assert_eq!(listing.len(), 11);
        assert_eq!(listing.get(0).map(Entry::key), Some("009999"));
    }
}
