//! Whose the versions above a pin are: every row of transactions up to a length, against the rules said in another way.

use std::collections::BTreeMap;

use sidecar::version_9::TransactionIdentity;
use sidecar::version_9::proof::{
    Ownership, SCANNED_MAX, SeenOperation, SeenTransaction, SeenVersions, foreign_versions,
    ownership_of_commit, prove_chain,
};

/// What stands at one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The planned transaction with this index.
    Own(usize),
    /// The first planned one, rebased: the same uuid, made on another version.
    Rebased,
    Foreign,
    ForeignIndex,
    RestoreToVisible,
    RestoreElsewhere,
    Unreadable,
}

const ANY: [At; 8] = [
    At::Own(0),
    At::Own(1),
    At::Rebased,
    At::Foreign,
    At::ForeignIndex,
    At::RestoreToVisible,
    At::RestoreElsewhere,
    At::Unreadable,
];

/// The pin's `expected_version`.
const BASE: u64 = 2;

fn planned(count: u64) -> Vec<TransactionIdentity> {
    let transaction = |index: u64| TransactionIdentity {
        read_version: BASE + index,
        uuid: format!("own-{index}"),
    };
    (0..count).map(transaction).collect()
}

/// The versions after the pinned one.
fn seen(row: &[At], visible: u64) -> SeenVersions {
    let transaction = |(version, at): (u64, &At)| {
        let (uuid, read_version, operation) = match at {
            At::Own(index) => (
                format!("own-{index}"),
                BASE + *index as u64,
                SeenOperation::Other,
            ),
            At::Rebased => ("own-0".to_owned(), version - 1 + 9, SeenOperation::Other),
            At::Foreign => (
                format!("foreign-{version}"),
                version - 1,
                SeenOperation::Other,
            ),
            At::ForeignIndex => (
                format!("index-{version}"),
                version - 1,
                SeenOperation::CreateIndex,
            ),
            At::RestoreToVisible => (
                format!("restore-{version}"),
                version - 1,
                SeenOperation::Restore { to: visible },
            ),
            At::RestoreElsewhere => (
                format!("restore-{version}"),
                version - 1,
                SeenOperation::Restore { to: visible + 7 },
            ),
            At::Unreadable => return None,
        };
        let identity = TransactionIdentity { read_version, uuid };
        Some((
            version,
            SeenTransaction {
                identity,
                operation,
            },
        ))
    };
    SeenVersions {
        head: BASE + row.len() as u64,
        transactions: (BASE + 1..).zip(row).filter_map(transaction).collect(),
    }
}

/// All rows of up to `length`.
fn rows(length: usize) -> Vec<Vec<At>> {
    let mut all = vec![Vec::new()];
    let mut longest = all.clone();
    for _ in 0..length {
        longest = longest
            .iter()
            .flat_map(|row: &Vec<At>| {
                ANY.map(|at| row.iter().copied().chain([at]).collect::<Vec<At>>())
            })
            .collect();
        all.extend(longest.clone());
    }
    all
}

#[test]
fn one_commit_is_owned_by_its_uuid_wherever_it_stands() {
    let plan = planned(1);
    let mut ends = BTreeMap::new();
    for row in rows(4) {
        for visible in [BASE, BASE + 1] {
            let is_own = |at: &At| matches!(at, At::Own(0) | At::Rebased);
            let wanted = match row.iter().position(is_own) {
                Some(at) if at + 1 == row.len() => Ownership::AtHead,
                Some(_) if row.last() == Some(&At::RestoreToVisible) => {
                    Ownership::CompensatedAtHead
                }
                Some(_) => Ownership::BeforeHead,
                None if row.contains(&At::Unreadable) => Ownership::Unverifiable,
                None => Ownership::None,
            };
            let found = ownership_of_commit(&plan[0], BASE + 1, visible, &seen(&row, visible));
            assert_eq!(found, wanted, "{row:?} visible {visible}");
            *ends.entry(found).or_insert(0) += 1;
        }
    }
    assert_eq!(ends.len(), 5, "every end is met: {ends:?}");
}

#[test]
fn a_chain_is_owned_only_where_every_version_is_accounted_for() {
    let plan = planned(2);
    let mut ends = BTreeMap::new();
    for row in rows(5) {
        let proof = prove_chain(&plan, BASE, BASE, &seen(&row, BASE));
        let wanted = match row.as_slice() {
            [] => (Ownership::None, false),
            [At::Own(0)] => (Ownership::AtHead, false),
            [At::Own(0), At::Own(1)] | [At::Own(0), At::Own(1), At::ForeignIndex] => {
                (Ownership::AtHead, true)
            }
            [At::Own(0), At::RestoreToVisible]
            | [At::Own(0), At::Own(1), At::RestoreToVisible]
            | [
                At::Own(0),
                At::Own(1),
                At::ForeignIndex,
                At::RestoreToVisible,
            ] => (Ownership::CompensatedAtHead, false),
            _ => (Ownership::Unverifiable, false),
        };
        assert_eq!((proof.ownership, proof.is_complete), wanted, "{row:?}");
        assert_eq!(
            proof.unverifiable.is_some(),
            proof.ownership == Ownership::Unverifiable
        );
        *ends.entry(wanted).or_insert(0) += 1;
    }
    assert_eq!(ends.len(), 5, "{ends:?}");
}

#[test]
fn a_head_below_the_pin_or_too_far_above_it_proves_nothing_of_a_merge() {
    let plan = planned(1);
    let at = |head: u64| SeenVersions {
        head,
        transactions: BTreeMap::new(),
    };
    assert_eq!(
        prove_chain(&plan, BASE, BASE, &at(BASE - 1))
            .unverifiable
            .unwrap(),
        "HEAD is version 1, below version 2 that the merge began from"
    );
    assert_eq!(
        prove_chain(&plan, BASE, BASE, &at(BASE + SCANNED_MAX + 1))
            .unverifiable
            .unwrap(),
        "1027 versions lie above version 2, more than a merge makes"
    );
}

#[test]
fn no_more_versions_are_looked_at_than_the_engine_looks_at() {
    let plan = planned(1);
    let with_own_at = |own: u64, head: u64| {
        let foreign = |version: u64| SeenTransaction {
            identity: TransactionIdentity {
                read_version: version - 1,
                uuid: match version == own {
                    true => "own-0".to_owned(),
                    false => format!("foreign-{version}"),
                },
            },
            operation: SeenOperation::Other,
        };
        SeenVersions {
            head,
            transactions: (BASE + 1..=head)
                .map(|version| (version, foreign(version)))
                .collect(),
        }
    };
    let ownership =
        |head: u64| ownership_of_commit(&plan[0], BASE + 1, BASE, &with_own_at(BASE + 1, head));
    assert_eq!(ownership(BASE + SCANNED_MAX), Ownership::BeforeHead);
    assert_eq!(ownership(BASE + SCANNED_MAX + 1), Ownership::Unverifiable);
    assert_eq!(ownership(BASE), Ownership::None, "nothing is above the pin");
}

#[test]
fn what_a_restore_would_take_from_somebody_else_is_listed() {
    for (row, wanted) in [
        (vec![], vec![]),
        (vec![At::Own(0)], vec![]),
        (vec![At::Foreign, At::Rebased], vec![3]),
        (vec![At::Own(0), At::Foreign], vec![4]),
        (
            vec![At::Own(0), At::Unreadable, At::ForeignIndex],
            vec![4, 5],
        ),
        (vec![At::Own(0), At::RestoreToVisible], vec![]),
        (vec![At::Own(0), At::RestoreElsewhere], vec![4]),
        (
            vec![At::Own(0), At::RestoreToVisible, At::Foreign],
            vec![4, 5],
        ),
    ] {
        let found = foreign_versions(&planned(1), BASE, &seen(&row, BASE));
        assert_eq!(found, wanted, "{row:?}");
    }
}
