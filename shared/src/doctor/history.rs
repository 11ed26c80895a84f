//! Whether every change of the catalog has its graph commit, as the upgrade to later stamps demands.
//!
//! A version of the catalog either holds one graph commit of its own, which stands for that version and that branch, or changes
//! nothing that readers see. The branch's head names the newest of its commits. Every commit still has its version and its parent.

use std::collections::BTreeSet;

use crate::branch::Branch;
use crate::digest::Digest;
use crate::graph_history::GraphCommit;
use crate::root_layout::{STAMP_WITH_HISTORY, knows_identities};
use crate::text::shown;

use super::known::Known;

/// Characters of an id in a sentence.
const ID_CHARS_MAX: usize = 40;

/// How the catalog of one branch came about, as far as it was read.
#[derive(Debug, Clone)]
pub struct HistoryFacts {
    /// The branch; `None` is main.
    pub branch: Option<String>,
    /// Its versions, oldest first, each with why it cannot be read, if so; or why they cannot be listed.
    pub versions: Known<Vec<(u64, Known<CatalogVersionFacts>)>>,
    /// Whether older versions are there that were not looked at.
    pub has_older: bool,
    /// The graph commits that the latest version holds, those of the branches it was made from included.
    pub commits: Vec<GraphCommit>,
}

/// One version of the catalog, as far as the history is judged by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogVersionFacts {
    /// Its stamp.
    pub stamp: u32,
    /// How many graph commits it holds.
    pub commits: usize,
    /// Those of them that say they stand for this version.
    pub standing: Vec<StandingCommit>,
    /// The newest commit of this branch, under the name that the history has for it ([`called_in_history`]).
    pub newest_own: Option<String>,
    /// The commits that the branch's head rows name, under the same name.
    pub heads: Vec<String>,
    /// A digest of everything that readers see in it: pins, tombstones and places of tables.
    pub shows: Digest,
    /// The type of a row that no engine of this stamp writes, if there is one.
    pub foreign_row: Option<String>,
}

/// A graph commit that stands for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingCommit {
    /// Its id.
    pub id: String,
    /// The branch that it names; `None` is main.
    pub branch: Option<String>,
}

/// Whether the history of one branch is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryVerdict {
    /// It is.
    Whole,
    /// It is not.
    Broken {
        /// The first version that breaks the rule.
        version: u64,
        /// How.
        why: String,
    },
    /// It could not be found out.
    NotKnown {
        /// Why.
        why: String,
    },
}

/// Judges the history of one branch. A version that breaks a rule counts also where others are not known.
#[must_use]
pub fn judge_history(facts: &HistoryFacts) -> HistoryVerdict {
    let versions = match &facts.versions {
        Ok(versions) => versions.as_slice(),
        Err(why) => return HistoryVerdict::NotKnown { why: why.clone() },
    };
    let mut before: Option<(u64, &CatalogVersionFacts)> = None;
    let mut unread = None;
    let mut previous: Option<u64> = None;
    for (version, read) in versions {
        let gone = previous.map_or(*version, |previous| previous.saturating_add(1))..*version;
        previous = Some(*version);
        let has_history = |now: &CatalogVersionFacts| now.stamp >= STAMP_WITH_HISTORY;
        // Nobody can tell what a version changed that was cleaned away.
        if !gone.is_empty() && read.as_ref().map_or(true, has_history) {
            unread.get_or_insert_with(|| match gone.end - gone.start {
                1 => format!("version {} of the catalog was cleaned away, and may have changed what readers see", gone.start),
                _ => format!("versions {} to {} of the catalog were cleaned away, and may have changed what readers see", gone.start, gone.end - 1),
            });
        }
        match read {
            Ok(now) => {
                if let Some(why) = broken(facts, *version, now, before) {
                    return HistoryVerdict::Broken {
                        version: *version,
                        why,
                    };
                }
                before = Some((*version, now));
            }
            Err(reason) => {
                unread.get_or_insert_with(|| format!("version {version} cannot be read: {reason}"));
                before = None;
            }
        }
    }
    if let Some((version, why)) = lost(facts, versions) {
        return HistoryVerdict::Broken { version, why };
    }
    let looked_at = versions.len();
    let unread = unread.or_else(|| {
        facts.has_older.then(|| {
            format!("the newest {looked_at} versions of the catalog keep the rule, and older ones were not looked at")
        })
    });
    match unread {
        Some(why) => HistoryVerdict::NotKnown { why },
        None => HistoryVerdict::Whole,
    }
}

/// The name under which the history keeps the commits of a branch of the catalog, of which `commits` are all that it has.
///
/// Engines from stamp 6 on keep them under the name without the suffix that the Lance branch has (omnigraph v0.10.0). A branch of an older
/// engine may bear such a name itself; then its commits are under that.
#[must_use]
pub fn called_in_history<'a>(
    branch: Branch<'a>,
    stamp: u32,
    commits: &[GraphCommit],
) -> Branch<'a> {
    let is_of = |commit: &GraphCommit| Branch::of(commit.manifest_branch.as_deref()) == branch;
    if knows_identities(stamp) && !commits.iter().any(is_of) {
        branch.without_suffix()
    } else {
        branch
    }
}

/// How one version breaks the rule.
fn broken(
    facts: &HistoryFacts,
    version: u64,
    now: &CatalogVersionFacts,
    before: Option<(u64, &CatalogVersionFacts)>,
) -> Option<String> {
    if now.stamp < STAMP_WITH_HISTORY {
        return None;
    }
    if let Some(kind) = &now.foreign_row {
        return Some(format!(
            "it has a row of the type {}, which engines refuse",
            shown(kind, ID_CHARS_MAX)
        ));
    }
    let branch = Branch::of(facts.branch.as_deref());
    if let [first, second, ..] = now.standing.as_slice() {
        return Some(format!(
            "two graph commits stand for it, {} and {}",
            shown(&first.id, ID_CHARS_MAX),
            shown(&second.id, ID_CHARS_MAX)
        ));
    }
    let called = called_in_history(branch, now.stamp, &facts.commits);
    let other_branch = |commit: &&StandingCommit| Branch::of(commit.branch.as_deref()) != called;
    let of_another = now.standing.iter().find(other_branch);
    // A version before the first one that is there, and one after a gap, are compared with nothing.
    let before = before.filter(|(before, _)| before.checked_add(1) == Some(version));
    if let Some((_, before)) = before
        && before.stamp >= STAMP_WITH_HISTORY
    {
        match (now.commits.checked_sub(before.commits), now.standing.len()) {
            (None, _) => return Some("it lost graph commits of the version before".to_owned()),
            (Some(0), _) if now.shows != before.shows => {
                return Some("it changes what readers see, and has no graph commit".to_owned());
            }
            (Some(0), _) => {}
            (Some(1), 1) => {
                if let Some(commit) = of_another {
                    return Some(format!(
                        "its graph commit {} names branch {}",
                        shown(&commit.id, ID_CHARS_MAX),
                        Branch::of(commit.branch.as_deref())
                    ));
                }
            }
            (Some(1), _) => {
                return Some("its graph commit stands for another version".to_owned());
            }
            (Some(added), _) => return Some(format!("it adds {added} graph commits")),
        }
    }
    match (now.heads.as_slice(), now.newest_own.as_deref()) {
        ([], None) => None,
        ([head], Some(newest)) if head == newest => None,
        ([], Some(newest)) => Some(format!(
            "the branch has no head row, and its newest graph commit is {}",
            shown(newest, ID_CHARS_MAX)
        )),
        ([head], newest) => Some(format!(
            "the head row names graph commit {}, and the newest of the branch is {}",
            shown(head, ID_CHARS_MAX),
            newest.map_or_else(|| "none".to_owned(), |newest| shown(newest, ID_CHARS_MAX))
        )),
        ([_, _, ..], _) => Some("the branch has two head rows".to_owned()),
    }
}

/// The first commit of the branch whose version was cleaned away, or whose parent is not there.
fn lost(
    facts: &HistoryFacts,
    versions: &[(u64, Known<CatalogVersionFacts>)],
) -> Option<(u64, String)> {
    let mut read = versions.iter().filter_map(|(_, read)| read.as_ref().ok());
    let latest = read.next_back();
    let stamp = latest.map(|latest| latest.stamp).unwrap_or_default();
    let branch = called_in_history(Branch::of(facts.branch.as_deref()), stamp, &facts.commits);
    let there: BTreeSet<u64> = versions.iter().map(|(version, _)| *version).collect();
    let ids: BTreeSet<&str> = facts
        .commits
        .iter()
        .map(|commit| commit.id.as_str())
        .collect();
    let oldest = there.first().copied().unwrap_or_default();
    let own = facts
        .commits
        .iter()
        .filter(|commit| Branch::of(commit.manifest_branch.as_deref()) == branch);
    let mut lost: Vec<(u64, String)> = own
        .filter_map(|commit| {
            let id = shown(&commit.id, ID_CHARS_MAX);
            let version = commit.manifest_version;
            let is_older = facts.has_older && version < oldest;
            if !is_older && !there.contains(&version) {
                return Some((
                    version,
                    format!("it was cleaned away, and graph commit {id} stands for it"),
                ));
            }
            let mut parents = [&commit.parent, &commit.merged_parent]
                .into_iter()
                .flatten();
            let parent = parents.find(|parent| !ids.contains(parent.as_str()))?;
            // The commit that was merged may be of a branch whose rows this one does not have.
            (commit.parent.as_ref() == Some(parent)).then(|| {
                let parent = shown(parent, ID_CHARS_MAX);
                (
                    version,
                    format!("the parent {parent} of its graph commit {id} is not in the catalog"),
                )
            })
        })
        .collect();
    lost.sort_unstable();
    lost.into_iter().next()
}
