//! Findings about tables that do not stand at the version that readers see.

use crate::branch::Branch;
use crate::doctor::covers::Cover;
use crate::doctor::facts::{BranchCatalog, BranchFacts, RootFacts, Stand, TableStand};
use crate::doctor::finding::{Finding, FindingKind, UncoveredCommits};
use crate::doctor::known::Known;
use crate::observation::{Transaction, TransactionObservation};
use crate::root_layout::{PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_WRITER_OPERATION_ID};
use crate::text::shown;

/// Characters of a name in a sentence.
const NAME_CHARS_MAX: usize = 128;

pub(super) fn findings(facts: &RootFacts) -> Vec<Finding> {
    let branches = facts.branches.iter().flatten();
    let mut findings = Vec::new();
    for branch in branches {
        if let Some(Ok(catalog)) = &branch.catalog {
            of_branch(facts, branch, catalog, &mut findings);
        }
    }
    findings
}

fn of_branch(
    facts: &RootFacts,
    branch: &BranchFacts,
    catalog: &BranchCatalog,
    findings: &mut Vec<Finding>,
) {
    let name = Branch::of(branch.branch.as_deref());
    if catalog.not_looked_at > 0 {
        findings.push(Finding::not_known(
            format!("tables on {name}"),
            &format!(
                "{} tables were not looked at, because there are too many",
                catalog.not_looked_at
            ),
        ));
    }
    // Pins and HEADs that were not read of one state say nothing about each other.
    if !catalog.is_moving {
        let stands = catalog.stands.iter();
        findings.extend(stands.filter_map(|table| of_table(facts, name, table)));
    }
}

fn of_table(facts: &RootFacts, branch: Branch<'_>, table: &TableStand) -> Option<Finding> {
    let key = shown(&table.table_key, NAME_CHARS_MAX);
    let subject = format!("{key} on {branch}");
    match &table.stand {
        Stand::Above {
            table_branch,
            pinned,
            head,
            transactions,
        } => {
            let commits = UncoveredCommits {
                branch: branch.owned(),
                table_key: table.table_key.clone(),
                table_branch: table_branch.clone(),
                pinned: *pinned,
                lance_head: *head,
                transactions: transactions.clone().unwrap_or_default(),
                sentence: String::new(),
            };
            uncovered(facts, subject, commits, transactions)
        }
        Stand::Below { pinned, head } => Some(Finding::in_the_way(
            FindingKind::HeadBelowPin,
            subject,
            format!(
                "Readers are shown version {pinned}, and the latest version is {head}: the versions between are gone."
            ),
            "Restore the table from a backup that has the visible version",
        )),
        Stand::Forked { head } => Some(Finding::to_be_known(
            FindingKind::ForkLeft,
            subject,
            format!(
                "It has a Lance branch for this branch of the graph, at version {head} from which it was made, and no pin names it: a first write may have died before it committed."
            ),
            "Nothing has to be done: the next write on the branch uses it",
        )),
        Stand::Missing { pinned } => Some(Finding::in_the_way(
            FindingKind::TableMissing,
            subject,
            format!(
                "Readers are shown version {pinned}, and its dataset or its Lance branch is not there."
            ),
            "Restore the table from a backup that has the visible version",
        )),
        Stand::Unreadable { reason } => Some(Finding::in_the_way(
            FindingKind::TableUnreadable,
            subject,
            format!("It cannot be read: {reason}."),
            "Look again once it can be read, or restore the table from a backup",
        )),
    }
}

fn uncovered(
    facts: &RootFacts,
    subject: String,
    mut commits: UncoveredCommits,
    transactions: &Known<Vec<TransactionObservation>>,
) -> Option<Finding> {
    let who = match &facts.pending {
        Ok(pending) => {
            let cover = pending.covers.of_table(
                commits.branch.as_deref(),
                &commits.table_key,
                commits.table_branch.as_deref(),
            );
            match cover {
                Cover::Resolved => return None,
                Cover::Refused(file) => {
                    format!("The sidecar {file} names the table, and is refused.")
                }
                Cover::PerhapsOf(file) => {
                    format!(
                        "No sidecar that can be read pins the table; {file} cannot be read and may."
                    )
                }
                Cover::Nobody => "No pending sidecar pins the table.".to_owned(),
            }
        }
        Err(_) => "It is not known whether a pending sidecar pins the table.".to_owned(),
    };
    let made_by = match transactions {
        Ok(transactions) => named(transactions, &commits),
        Err(reason) => format!("The commits between cannot be read: {reason}."),
    };
    let lance_branch = match Branch::of(commits.table_branch.as_deref()) {
        branch if branch.is_main() => String::new(),
        branch => format!(" of Lance branch {branch}"),
    };
    let stands = format!(
        "Readers see version {}, and Lance HEAD{lance_branch} is {}.",
        commits.pinned, commits.lance_head
    );
    commits.sentence = match older(&commits) {
        0 => format!("{stands} {who}"),
        1 => format!("{stands} One older commit is not named. {who}"),
        count => format!("{stands} {count} older commits are not named. {who}"),
    };
    let detail = format!("{stands} {made_by} {who}");
    let two_phase = facts
        .catalog
        .as_ref()
        .is_ok_and(|catalog| catalog.two_phase);
    let resolve = if two_phase {
        "Write a sidecar for the commits (PROTOCOL.md, section 14.4), and plan it"
    } else {
        "Find out who made the commits, then run `repair` of the engine that serves this graph: it refuses writes to the table until then"
    };
    Some(Finding {
        commits: Some(commits),
        ..Finding::in_the_way(FindingKind::UncoveredCommits, subject, detail, resolve)
    })
}

/// What the commits are, one after the other.
fn named(transactions: &[TransactionObservation], commits: &UncoveredCommits) -> String {
    let told: Vec<String> = transactions
        .iter()
        .map(
            |TransactionObservation {
                 version,
                 transaction,
             }| match transaction {
                Some(transaction) => format!("version {version} is {}", what(transaction)),
                None => format!("the transaction of version {version} is gone"),
            },
        )
        .collect();
    let more = match older(commits) {
        0 => String::new(),
        1 => ", and there is one older commit".to_owned(),
        count => format!(", and there are {count} older commits"),
    };
    let told = crate::explanation::capitalised(&told.join(", "));
    format!("{told}{more}.")
}

/// How many commits lie below the oldest of those that are named.
fn older(commits: &UncoveredCommits) -> u64 {
    let between = commits.lance_head.saturating_sub(commits.pinned);
    between.saturating_sub(commits.transactions.len() as u64)
}

/// `Append 6fd1… of operation 01M8…`.
fn what(transaction: &Transaction) -> String {
    let property = |name: &str| transaction.properties.get(name);
    let operation = property(PROPERTY_RECOVERY_OPERATION_ID)
        .map(|id| format!(" of the recovery {}", shown(id, NAME_CHARS_MAX)))
        .or_else(|| {
            property(PROPERTY_WRITER_OPERATION_ID)
                .map(|id| format!(" of operation {}", shown(id, NAME_CHARS_MAX)))
        })
        .unwrap_or_default();
    let restored = transaction
        .restored_version
        .map_or_else(String::new, |version| format!(" of version {version}"));
    let uuid = match transaction.uuid.as_str() {
        "" => String::new(),
        uuid => format!(" {}", shown(uuid, NAME_CHARS_MAX)),
    };
    format!("{}{restored}{uuid}{operation}", transaction.operation)
}
