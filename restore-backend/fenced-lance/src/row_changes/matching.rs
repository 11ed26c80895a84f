//! Which of the rows that were read are new, gone, or the same row with other values.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::reading::RowRead;

/// By what a row is known again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Identity {
    /// The values of its key.
    Key,
    /// Its stable row id.
    RowId,
}

impl Identity {
    const fn of(self, row: &RowRead) -> u128 {
        match self {
            Self::Key => row.key,
            Self::RowId => row.row_id as u128,
        }
    }
}

/// The rows that changed, by their indices among those that were read.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Changed {
    /// Of the rows after.
    pub(super) inserted: Vec<usize>,
    /// Of the rows before and after.
    pub(super) updated: Vec<(usize, usize)>,
    /// Of the rows before.
    pub(super) deleted: Vec<usize>,
}

/// The rows of two contents, matched.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Pairs {
    pub(super) changed: Changed,
    /// Rows whose compared values are the same, though they were written anew.
    pub(super) same: u64,
    /// The same, as indices before and after.
    matched: Vec<(usize, usize)>,
}

impl Pairs {
    /// Whether each matched row was made in the same version on both sides. If not, its row id was given out twice.
    pub(super) fn is_of_the_same_rows(&self, before: &[RowRead], after: &[RowRead]) -> bool {
        let mut matched = self.matched.iter();
        matched.all(|(one, other)| before[*one].created_in == after[*other].created_in)
    }
}

/// Matches rows; `None` if two rows of one content are the same by this identity.
pub(super) fn paired(before: &[RowRead], after: &[RowRead], by: Identity) -> Option<Pairs> {
    let mut unmatched: HashMap<u128, usize> = HashMap::with_capacity(before.len());
    for (index, row) in before.iter().enumerate() {
        if unmatched.insert(by.of(row), index).is_some() {
            return None;
        }
    }
    let mut seen: HashMap<u128, ()> = HashMap::with_capacity(after.len());
    let mut pairs = Pairs::default();
    for (index, row) in after.iter().enumerate() {
        let identity = by.of(row);
        if seen.insert(identity, ()).is_some() {
            return None;
        }
        let Some(earlier) = unmatched.remove(&identity) else {
            pairs.changed.inserted.push(index);
            continue;
        };
        pairs.matched.push((earlier, index));
        if before[earlier].content == row.content {
            pairs.same += 1;
        } else {
            pairs.changed.updated.push((earlier, index));
        }
    }
    pairs.changed.deleted = unmatched.into_values().collect();
    pairs.changed.deleted.sort_unstable();
    Some(pairs)
}

/// The rows that one content has more often than the other, by their values alone.
pub(super) fn multiset_difference(before: &[RowRead], after: &[RowRead]) -> Changed {
    let mut left: HashMap<u128, Vec<usize>> = HashMap::new();
    for (index, row) in before.iter().enumerate().rev() {
        left.entry(row.content).or_default().push(index);
    }
    let mut changed = Changed::default();
    for (index, row) in after.iter().enumerate() {
        match left.entry(row.content) {
            Entry::Occupied(mut equal) => {
                equal.get_mut().pop();
                if equal.get().is_empty() {
                    equal.remove();
                }
            }
            Entry::Vacant(_) => changed.inserted.push(index),
        }
    }
    changed.deleted = left.into_values().flatten().collect();
    changed.deleted.sort_unstable();
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: u128, row_id: u64, created_in: u64, content: u128) -> RowRead {
        RowRead {
            key,
            row_id,
            created_in,
            content,
            address: row_id,
        }
    }

    #[test]
    fn a_row_is_known_again_by_its_key_or_its_row_id() {
        let before = [row(1, 10, 1, 100), row(2, 11, 1, 200), row(3, 12, 1, 300)];
        let after = [row(2, 20, 2, 201), row(1, 21, 2, 100), row(4, 22, 2, 400)];
        let by_key = paired(&before, &after, Identity::Key).unwrap();
        let changed = Changed {
            inserted: vec![2],
            updated: vec![(1, 0)],
            deleted: vec![2],
        };
        assert_eq!((by_key.changed, by_key.same), (changed, 1));
        let by_row_id = paired(&before, &after, Identity::RowId).unwrap();
        assert_eq!(by_row_id.changed.inserted, [0, 1, 2]);
        assert_eq!(by_row_id.changed.deleted, [0, 1, 2]);
    }

    #[test]
    fn a_key_that_two_rows_have_matches_nothing() {
        let (one, two) = ([row(1, 1, 1, 1)], [row(1, 1, 1, 1), row(1, 2, 1, 2)]);
        assert_eq!(paired(&one, &two, Identity::Key), None);
        assert_eq!(paired(&two, &one, Identity::Key), None);
        assert!(paired(&one, &two, Identity::RowId).is_some());
    }

    #[test]
    fn a_row_id_that_was_given_out_again_is_noticed() {
        let (before, after) = ([row(0, 7, 2, 1)], [row(0, 7, 4, 2)]);
        let pairs = paired(&before, &after, Identity::RowId).unwrap();
        assert!(!pairs.is_of_the_same_rows(&before, &after));
        assert!(pairs.is_of_the_same_rows(&before, &before));
    }

    #[test]
    fn equal_rows_cancel_one_another_one_by_one() {
        let before = [row(0, 0, 0, 5), row(0, 0, 0, 5), row(0, 0, 0, 6)];
        let after = [row(0, 0, 0, 5), row(0, 0, 0, 7)];
        let changed = multiset_difference(&before, &after);
        assert_eq!((changed.inserted, changed.deleted), (vec![1], vec![1, 2]));
    }
}
