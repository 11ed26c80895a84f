//! Objects below the journal folder that belong to no journal.

use std::collections::BTreeMap;

use object_store::path::Path;
use sidecar::{Code, Reason};

use super::layout::JOURNAL_FOLDER;

/// Names below the journal folder that a look tells one by one; of more of them it tells how many there are.
const SKIPPED_MAX: usize = 32;
/// As far as they are counted.
const SKIPPED_COUNTED_MAX: usize = 1_000;

/// Objects below the journal folder that should not be there and are skipped.
#[derive(Debug, Default)]
pub struct Skipped {
    reasons: BTreeMap<Path, Reason>,
}

impl Skipped {
    pub(super) fn note(&mut self, path: &Path, why: &dyn std::fmt::Display) {
        if self.reasons.len() < SKIPPED_COUNTED_MAX {
            self.reasons
                .entry(path.clone())
                .or_insert_with(|| Reason::new(Code::Unreadable, why.to_string()));
        }
    }

    /// Adds the objects that another listing met, unless this one met them too.
    pub fn extend(&mut self, other: Self) {
        for (path, reason) in other.reasons {
            self.note(&path, &reason.detail);
        }
    }

    /// One reason for each, and one that counts those beyond the first few.
    pub fn into_reasons(self) -> Vec<Reason> {
        let counted = self.reasons.len();
        let mut told: Vec<Reason> = self.reasons.into_values().take(SKIPPED_MAX).collect();
        let more = counted - told.len();
        if more > 0 {
            let at_least = if counted == SKIPPED_COUNTED_MAX {
                "at least "
            } else {
                ""
            };
            told.push(Reason::new(
                Code::Unreadable,
                format!(
                    "and {at_least}{more} more below {JOURNAL_FOLDER}/ that should not be there; move away those that are named, then look again"
                ),
            ));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_that_are_not_told_one_by_one_are_counted() {
        let told = |count: usize| {
            let mut skipped = Skipped::default();
            for number in (0..count).chain(0..count) {
                let path = Path::from(format!("{JOURNAL_FOLDER}/{number}"));
                skipped.note(&path, &format!("{path} is a link"));
            }
            skipped.into_reasons()
        };
        assert_eq!(told(32).len(), 32);
        assert!(told(32).iter().all(|it| it.detail.ends_with("is a link")));
        for (count, wanted) in [
            (33, "and 1 more below"),
            (999, "and 967 more below"),
            (5_000, "and at least 968 more below"),
        ] {
            let reasons = told(count);
            assert_eq!(reasons.len(), 33);
            let last = &reasons[32].detail;
            assert!(last.starts_with(wanted), "{last}");
        }
    }
}
