//! Objects below a folder of ours that should not be there.

use std::collections::{BTreeMap, BTreeSet};

use object_store::path::Path;
use sidecar::{OperationId, Reason};

use crate::store::{is_odd, spelt};

/// Names below one folder that a look lists one by one; beyond that, it says how many more there are.
const SKIPPED_MAX: usize = 32;
/// Objects that are counted at most.
const SKIPPED_COUNTED_MAX: usize = 1_000;

/// Objects below a folder that should not be there and are skipped.
#[derive(Debug)]
pub struct Skipped {
    folder: &'static str,
    reasons: BTreeMap<Path, Reason>,
    in_place_of_journals: BTreeSet<OperationId>,
}

impl Skipped {
    /// None below this folder yet.
    pub(crate) const fn of(folder: &'static str) -> Self {
        Self {
            folder,
            reasons: BTreeMap::new(),
            in_place_of_journals: BTreeSet::new(),
        }
    }

    pub(crate) fn note(&mut self, path: &Path, why: &dyn std::fmt::Display) {
        if self.reasons.len() < SKIPPED_COUNTED_MAX {
            self.reasons
                .entry(path.clone())
                .or_insert_with(|| Reason::unreadable(why.to_string()));
        }
    }

    /// Notes an object that belongs to no journal and is no mark. `in_place_of` is the operation whose journal has that very name.
    pub(crate) fn note_stray(&mut self, stray: &Path, in_place_of: Option<OperationId>) {
        let why = if is_odd(stray) {
            "is no name that anybody gives there"
        } else {
            "is not part of any journal"
        };
        self.note(
            stray,
            &format!("{} {why}; move it away by hand", spelt(stray)),
        );
        self.in_place_of_journals.extend(in_place_of);
    }

    /// Operations with an object that has the very name of their journal's folder: on local disk they can have no journal then.
    #[must_use]
    pub const fn in_place_of_journals(&self) -> &BTreeSet<OperationId> {
        &self.in_place_of_journals
    }

    /// Adds the objects that another listing met, unless this one met them too.
    pub fn extend(&mut self, other: Self) {
        for (path, reason) in other.reasons {
            self.note(&path, &reason.detail);
        }
        self.in_place_of_journals.extend(other.in_place_of_journals);
    }

    /// All of them; none is left.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self {
            folder: self.folder,
            reasons: std::mem::take(&mut self.reasons),
            in_place_of_journals: std::mem::take(&mut self.in_place_of_journals),
        }
    }

    /// One reason for each, and one that counts those beyond the first few.
    pub fn into_reasons(self) -> Vec<Reason> {
        let (folder, counted) = (self.folder, self.reasons.len());
        let mut told: Vec<Reason> = self.reasons.into_values().take(SKIPPED_MAX).collect();
        let more = counted - told.len();
        if more > 0 {
            let at_least = if counted == SKIPPED_COUNTED_MAX {
                "at least "
            } else {
                ""
            };
            told.push(Reason::unreadable(format!(
                    "and {at_least}{more} more below {folder}/ that should not be there; move away those that are named, then look again"
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
            let mut skipped = Skipped::of("__recovery_log");
            for number in (0..count).chain(0..count) {
                let path = Path::from(format!("__recovery_log/{number}"));
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
