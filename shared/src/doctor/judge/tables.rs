//! Findings about tables that do not stand at the version that readers see.

use std::collections::BTreeSet;

use crate::branch::Branch;
use crate::doctor::covers::Cover;
use crate::doctor::facts::{
    BranchCatalog, BranchFacts, JournalStand, PendingFacts, RootFacts, Stand, TableStand,
};
use crate::doctor::finding::{Finding, FindingKind, NAME_CHARS_MAX, UncoveredCommits};
use crate::doctor::known::{Known, Unread};
use crate::ids::OperationId;
use crate::observation::{Transaction, TransactionObservation};
use crate::root_layout::{PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_WRITER_OPERATION_ID};
use crate::text::shown;

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
        Stand::Forked {
            pinned,
            head,
            made_from,
        } => forked(facts, branch, table, subject, (*pinned, *head, *made_from)),
        Stand::Missing { pinned } => Some(Finding::in_the_way(
            FindingKind::TableMissing,
            subject,
            format!(
                "Readers are shown version {pinned}, and its dataset or its Lance branch is not there."
            ),
            "Restore the table from a backup that has the visible version",
        )),
        Stand::PinGone { pinned, head } => Some(Finding::in_the_way(
            FindingKind::VisibleVersionGone,
            subject,
            format!(
                "Readers are shown version {pinned}, and it is gone: its Lance manifest is not there.{} No recovery and no `repair` brings a version back.",
                head.map_or_else(String::new, |head| format!(
                    " The latest version is {head}."
                ))
            ),
            "Restore the table from a backup that has the visible version",
        )),
        Stand::PinDamaged { pinned, fault } => Some(Finding::in_the_way(
            FindingKind::VisibleVersionDamaged,
            subject,
            format!(
                "Readers are shown version {pinned}, and it is damaged or another one: {fault}."
            ),
            "Restore the table from a backup that has the visible version",
        )),
        Stand::Unreadable(Unread {
            reason,
            is_elsewhere,
        }) => {
            let relocated = facts.commands.relocated().filter(|_| *is_elsewhere);
            Some(Finding::in_the_way(
                FindingKind::TableUnreadable,
                subject,
                format!("It cannot be read: {reason}."),
                match relocated {
                    Some(commands) => commands.doctor(),
                    None => "Look again once it can be read, or restore the table from a backup"
                        .to_owned(),
                },
            ))
        }
    }
}

/// A Lance branch that no pin names. The recovery of a sidecar that pins the table sees to it.
fn forked(
    facts: &RootFacts,
    branch: Branch<'_>,
    table: &TableStand,
    subject: String,
    (pinned, head, made_from): (u64, u64, u64),
) -> Option<Finding> {
    let cover = facts.pending.as_ref().map(|pending| {
        let (covers, own) = (&pending.covers, branch.owned());
        let on = |lance: Option<&str>| covers.of_table(own.as_deref(), &table.table_key, lance);
        // A sidecar of a first write may still name the Lance branch that it copies.
        match on(own.as_deref()) {
            Cover::Nobody | Cover::PerhapsOf(_) => on(None),
            cover => cover,
        }
    });
    let made = if (head, made_from) == (pinned, pinned) {
        format!(
            "It has a Lance branch for this branch of the graph, at version {head} from which it was made, and no pin names it: a first write may have died before it committed."
        )
    } else {
        format!(
            "It has a Lance branch for this branch of the graph, at version {head} and made from version {made_from}, and no pin names it: readers see version {pinned} of another one."
        )
    };
    let (detail, resolve) = match cover {
        Ok(Cover::Resolved) => return None,
        Ok(Cover::Refused(file)) => (
            format!("{made} The sidecar {} names the table, and is refused.", shown(file, NAME_CHARS_MAX)),
            Finding::resolve_first(&facts.commands, file),
        ),
        Ok(Cover::PerhapsOf(file)) => (
            format!("{made} It may belong to {}, which cannot be read.", shown(file, NAME_CHARS_MAX)),
            Finding::resolve_first(&facts.commands, file),
        ),
        Ok(Cover::Nobody) if (head, made_from) == (pinned, pinned) => (
            made,
            "Nothing has to be done: the next write on the branch uses it".to_owned(),
        ),
        Ok(Cover::Nobody) => (
            made,
            "Find out who made it before the next write to the table on this branch, which meets it".to_owned(),
        ),
        Err(_) => (
            made,
            "Look again once the pending sidecars can be read".to_owned(),
        ),
    };
    Some(Finding::to_be_known(
        FindingKind::ForkLeft,
        subject,
        detail,
        resolve,
    ))
}

fn uncovered(
    facts: &RootFacts,
    subject: String,
    mut commits: UncoveredCommits,
    transactions: &Known<Vec<TransactionObservation>>,
) -> Option<Finding> {
    let mut first = None;
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
                    first = Some(Finding::resolve_first(&facts.commands, file));
                    let file = shown(file, NAME_CHARS_MAX);
                    format!("The sidecar {file} names the table, and is refused.")
                }
                Cover::PerhapsOf(file) => {
                    first = Some(Finding::resolve_first(&facts.commands, file));
                    let file = shown(file, NAME_CHARS_MAX);
                    format!(
                        "No sidecar that can be read pins the table; {file} cannot be read and may."
                    )
                }
                Cover::Nobody => "No pending sidecar pins the table.".to_owned(),
            }
        }
        Err(_) => {
            first = Some("Look again once the pending sidecars can be read".to_owned());
            "It is not known whether a pending sidecar pins the table.".to_owned()
        }
    };
    let accounted = accounted_for(facts, transactions);
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
    let accounts = accounted
        .as_ref()
        .map_or_else(String::new, |accounted| format!(" {}", accounted.sentence));
    commits.sentence = match older(&commits) {
        0 => format!("{stands} {who}{accounts}"),
        1 => format!("{stands} One older commit is not named. {who}{accounts}"),
        count => format!("{stands} {count} older commits are not named. {who}{accounts}"),
    };
    let detail = format!("{stands} {made_by} {who}{accounts}");
    let resolve = first
        .or_else(|| accounted.map(|accounted| accounted.resolve))
        .or_else(|| taken_away(&commits, transactions))
        .unwrap_or_else(|| of_nobody(facts));
    Some(Finding {
        commits: Some(commits),
        ..Finding::in_the_way(FindingKind::UncoveredCommits, subject, detail, resolve)
    })
}

/// What resolves commits that neither a file nor a journal accounts for.
fn of_nobody(facts: &RootFacts) -> String {
    let catalog = facts.catalog.as_ref();
    if catalog.is_ok_and(|catalog| catalog.two_phase) {
        return "Write a sidecar for the commits (PROTOCOL.md, section 14.4), and plan it"
            .to_owned();
    }
    let is_pending = |pending: &PendingFacts| !pending.recoveries.is_empty();
    if facts.pending.as_ref().is_ok_and(is_pending) {
        return format!(
            "Resolve the pending sidecars first, since `repair` refuses while one is there: {}",
            facts.commands.list()
        );
    }
    "Find out who made the commits, then run `repair` of the engine that serves this graph: it refuses writes to the table until then".to_owned()
}

/// What to do where HEAD is a Restore of less than readers see. The race of omnigraph's issue 767 leaves a table like that.
fn taken_away(
    commits: &UncoveredCommits,
    transactions: &Known<Vec<TransactionObservation>>,
) -> Option<String> {
    let at_head = transactions
        .iter()
        .flatten()
        .find(|observed| observed.version == commits.lance_head)?;
    let restored = at_head.transaction.as_ref()?.restored_version?;
    (restored < commits.pinned).then(|| {
        format!(
            "Do not let `repair` publish version {}: it is a Restore of version {restored}, and readers would lose what version {} added. Restore version {} with Lance first, so that HEAD holds what readers see; then run `repair`",
            commits.lance_head, commits.pinned, commits.pinned
        )
    })
}

/// The record of an operation that commits name.
struct Accounted {
    sentence: String,
    resolve: String,
}

/// The record of the first operation that the commits name and that has one.
fn accounted_for(
    facts: &RootFacts,
    transactions: &Known<Vec<TransactionObservation>>,
) -> Option<Accounted> {
    let known = transactions.iter().flatten();
    let known = known.filter_map(|observed| observed.transaction.as_ref());
    let named: BTreeSet<OperationId> = known.filter_map(operation_of).collect();
    named
        .into_iter()
        .find_map(|operation| on_record(facts, &operation))
}

/// The operation that a commit names: the recovery that made it, or else its writer's.
pub(crate) fn operation_of(transaction: &Transaction) -> Option<OperationId> {
    [PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_WRITER_OPERATION_ID]
        .into_iter()
        .find_map(|property| transaction.properties.get(property)?.parse().ok())
}

fn on_record(facts: &RootFacts, operation: &OperationId) -> Option<Accounted> {
    let commands = &facts.commands;
    let pending = facts.pending.iter().flat_map(|pending| &pending.recoveries);
    let mut of_it = pending.filter(|recovery| {
        recovery.operation_id.as_deref() == Some(operation.as_str())
            || recovery.file == operation.file_name()
    });
    if let Some(recovery) = of_it.next() {
        return Some(Accounted {
            sentence: format!(
                "The operation {operation} that they name is pending as {}.",
                shown(&recovery.file, NAME_CHARS_MAX)
            ),
            resolve: Finding::resolve_first(commands, &recovery.file),
        });
    }
    let operations = match &facts.operations {
        Ok(operations) => operations,
        Err(_) => {
            return Some(Accounted {
                sentence: format!(
                    "It is not known whether a journal tells of the operation {operation} that they name."
                ),
                resolve: "Look again once the journals can be read".to_owned(),
            });
        }
    };
    match operations.named.get(operation)? {
        JournalStand::Open => Some(Accounted {
            sentence: format!(
                "The operation {operation} that they name has a journal that is not closed, and its sidecar is not there."
            ),
            resolve: format!(
                "Put the sidecar {} back from a backup, or see what its journal holds: {}",
                operation.file_name(),
                commands.audit(operation.as_str())
            ),
        }),
        JournalStand::Closed => Some(Accounted {
            sentence: format!(
                "The journal of the operation {operation} that they name says that it has ended, and the catalog does not show that: the catalog may be older than the journal, as after restoring a backup."
            ),
            resolve: format!(
                "Find out which backup the catalog is from, and restore catalog and tables together; the journal says what was done: {}",
                commands.audit(operation.as_str())
            ),
        }),
    }
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
