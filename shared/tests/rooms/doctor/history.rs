//! Whether every change of a catalog has its graph commit.

use sidecar::doctor::{
    CatalogVersionFacts, HistoryFacts, HistoryVerdict, StandingCommit, called_in_history,
    judge_history,
};
use sidecar::{Branch, Digest, GraphCommit, Tag};

/// A version that holds this many commits of main, the newest of which stands for it, and shows this.
fn committed(version: u64, commits: usize, shows: &str) -> CatalogVersionFacts {
    let id = format!("c{version}");
    CatalogVersionFacts {
        stamp: 4,
        commits,
        standing: vec![StandingCommit {
            id: id.clone(),
            branch: None,
        }],
        newest_own: Some(id.clone()),
        heads: vec![id],
        shows: Digest::of(Tag::DerivedId, shows.as_bytes()),
        foreign_row: None,
    }
}

/// The version after it, which changes nothing: an empty commit.
fn bookkeeping(before: &CatalogVersionFacts) -> CatalogVersionFacts {
    CatalogVersionFacts {
        standing: Vec::new(),
        ..before.clone()
    }
}

fn commit(version: u64) -> GraphCommit {
    GraphCommit {
        id: format!("c{version}"),
        manifest_branch: None,
        manifest_version: version,
        parent: (version > 1).then(|| format!("c{}", version - 1)),
        actor: None,
        merged_parent: None,
        created_at: 0,
    }
}

/// Versions 1 to 3, each with a commit of its own.
fn whole() -> HistoryFacts {
    let version = |version: u64| {
        let commits = usize::try_from(version).unwrap();
        (
            version,
            Ok(committed(version, commits, &version.to_string())),
        )
    };
    HistoryFacts {
        branch: None,
        versions: Ok((1..=3).map(version).collect()),
        has_older: false,
        commits: (1..=3).map(commit).collect(),
    }
}

fn at(facts: &mut HistoryFacts, version: usize) -> &mut CatalogVersionFacts {
    let versions = facts.versions.as_mut().unwrap();
    versions[version - 1].1.as_mut().unwrap()
}

/// `whole`, `not known: why`, or `version: why`.
fn told(facts: &HistoryFacts) -> String {
    match judge_history(facts) {
        HistoryVerdict::Whole => "whole".to_owned(),
        HistoryVerdict::NotKnown { why } => format!("not known: {why}"),
        HistoryVerdict::Broken { version, why } => format!("{version}: {why}"),
    }
}

#[test]
fn a_history_is_whole_until_a_version_breaks_a_rule() {
    type Change = fn(&mut HistoryFacts);
    let cases: [(&str, Change); 20] = [
        ("whole", |_| {}),
        ("whole", |facts| {
            let empty = bookkeeping(at(facts, 3));
            facts.versions.as_mut().unwrap().push((4, Ok(empty)));
        }),
        ("whole", |facts| {
            // A catalog from before its history was in it.
            let first = at(facts, 1);
            (first.stamp, first.commits) = (3, 0);
            first.standing.clear();
            first.heads.clear();
        }),
        (
            "4: it changes what readers see, and has no graph commit",
            |facts| {
                let mut changed = bookkeeping(at(facts, 3));
                changed.shows = Digest::of(Tag::DerivedId, b"other");
                facts.versions.as_mut().unwrap().push((4, Ok(changed)));
            },
        ),
        ("2: two graph commits stand for it, c2 and d2", |facts| {
            let second = StandingCommit {
                id: "d2".to_owned(),
                branch: None,
            };
            at(facts, 2).standing.push(second);
        }),
        ("2: its graph commit c2 names branch feature", |facts| {
            at(facts, 2).standing[0].branch = Some("feature".to_owned());
        }),
        ("2: its graph commit stands for another version", |facts| {
            at(facts, 2).standing.clear();
        }),
        ("3: it adds 2 graph commits", |facts| {
            at(facts, 3).commits = 4
        }),
        ("3: it lost graph commits of the version before", |facts| {
            at(facts, 3).commits = 1
        }),
        (
            "2: the branch has no head row, and its newest graph commit is c2",
            |facts| {
                at(facts, 2).heads.clear();
            },
        ),
        (
            "3: the head row names graph commit c2, and the newest of the branch is c3",
            |facts| {
                at(facts, 3).heads = vec!["c2".to_owned()];
            },
        ),
        ("2: the branch has two head rows", |facts| {
            at(facts, 2).heads.push("c2".to_owned());
        }),
        (
            "2: it was cleaned away, and graph commit c2 stands for it",
            |facts| {
                facts.versions.as_mut().unwrap().remove(1).1.unwrap();
            },
        ),
        (
            "3: the parent c9 of its graph commit c3 is not in the catalog",
            |facts| {
                facts.commits[2].parent = Some("c9".to_owned());
            },
        ),
        ("not known: version 2 cannot be read: cut short", |facts| {
            facts.versions.as_mut().unwrap()[1].1 = Err("cut short".to_owned());
        }),
        (
            "not known: the newest 2 versions of the catalog keep the rule, and older ones were not looked at",
            |facts| {
                facts.versions.as_mut().unwrap().remove(0).1.unwrap();
                facts.has_older = true;
            },
        ),
        (
            "3: it has a row of the type graph_note, which engines refuse",
            |facts| {
                at(facts, 3).foreign_row = Some("graph_note".to_owned());
            },
        ),
        (
            "not known: version 4 of the catalog was cleaned away, and may have changed what readers see",
            |facts| {
                let empty = bookkeeping(at(facts, 3));
                facts.versions.as_mut().unwrap().push((5, Ok(empty)));
            },
        ),
        (
            "not known: versions 4 to 6 of the catalog were cleaned away, and may have changed what readers see",
            |facts| {
                let empty = bookkeeping(at(facts, 3));
                facts.versions.as_mut().unwrap().push((7, Ok(empty)));
            },
        ),
        ("not known: timed out", |facts| {
            facts.versions = Err("timed out".to_owned())
        }),
    ];
    for (wanted, change) in cases {
        let mut facts = whole();
        change(&mut facts);
        assert_eq!(told(&facts), wanted);
    }
}

#[test]
fn a_broken_version_counts_also_where_others_are_not_known() {
    let mut facts = whole();
    facts.versions.as_mut().unwrap()[0].1 = Err("cut short".to_owned());
    facts.has_older = true;
    at(&mut facts, 3).commits = 9;
    assert_eq!(told(&facts), "3: it adds 7 graph commits");
}

#[test]
fn a_branch_begins_with_a_version_of_the_one_it_was_made_from() {
    let on_feature = |id: &str, version| StandingCommit {
        id: format!("{id}{version}"),
        branch: Some("feature".to_owned()),
    };
    // Version 3 is that of main, with main's commit and no head of its own.
    let made = CatalogVersionFacts {
        newest_own: None,
        heads: Vec::new(),
        ..committed(3, 3, "3")
    };
    let first = CatalogVersionFacts {
        standing: vec![on_feature("f", 4)],
        newest_own: Some("f4".to_owned()),
        heads: vec!["f4".to_owned()],
        ..committed(4, 4, "4")
    };
    let mut commits: Vec<GraphCommit> = (1..=3).map(commit).collect();
    commits.push(GraphCommit {
        id: "f4".to_owned(),
        manifest_branch: Some("feature".to_owned()),
        parent: Some("c3".to_owned()),
        ..commit(4)
    });
    let facts = HistoryFacts {
        branch: Some("feature".to_owned()),
        versions: Ok(vec![(3, Ok(made)), (4, Ok(first))]),
        has_older: false,
        commits,
    };
    assert_eq!(told(&facts), "whole");
}

/// Graphs of omnigraph v0.10.0 have a dot and a ULID behind the name of a branch in the catalog, and not in its history.
#[test]
fn the_history_of_a_branch_with_a_suffix_is_under_its_name() {
    let told = |stamp: u32, called: &str| {
        let mut facts = whole();
        facts.branch = Some("exp.01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned());
        for (_, version) in facts.versions.as_mut().unwrap() {
            let version = version.as_mut().unwrap();
            version.stamp = stamp;
            for commit in &mut version.standing {
                commit.branch = Some(called.to_owned());
            }
        }
        for commit in &mut facts.commits {
            commit.manifest_branch = Some(called.to_owned());
        }
        matches!(judge_history(&facts), HistoryVerdict::Broken { .. })
    };
    assert!(!told(6, "exp"));
    assert!(told(6, "other"));
    assert!(told(4, "exp"), "no engine of stamp 4 adds a suffix");
}

/// A branch of an older engine may be called like that itself.
#[test]
fn a_branch_is_called_by_its_own_name_where_a_commit_is_under_it() {
    let named = |name: &str| GraphCommit {
        manifest_branch: Some(name.to_owned()),
        ..commit(1)
    };
    let lance = "exp.01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for (stamp, commits, called) in [
        (6, vec![], "exp"),
        (6, vec![named("exp"), named("other")], "exp"),
        (6, vec![named("exp"), named(lance)], lance),
        (4, vec![named("exp")], lance),
    ] {
        let branch = Branch::of(Some(lance));
        let found = called_in_history(branch, stamp, &commits);
        assert_eq!(found.name(), Some(called), "stamp {stamp}, {commits:?}");
    }
}

/// The parent of a commit was cleaned out of the history of a branch with a suffix.
#[test]
fn what_a_branch_with_a_suffix_lost_is_found_under_its_name() {
    let mut facts = whole();
    facts.branch = Some("exp.01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned());
    for (_, version) in facts.versions.as_mut().unwrap() {
        let version = version.as_mut().unwrap();
        version.stamp = 6;
        for commit in &mut version.standing {
            commit.branch = Some("exp".to_owned());
        }
    }
    for commit in &mut facts.commits {
        commit.manifest_branch = Some("exp".to_owned());
    }
    assert_eq!(judge_history(&facts), HistoryVerdict::Whole);
    facts.commits[1].parent = Some("gone".to_owned());
    let HistoryVerdict::Broken { version: 2, why } = judge_history(&facts) else {
        panic!("{:?}", judge_history(&facts))
    };
    assert!(why.contains("gone"), "{why}");
}
