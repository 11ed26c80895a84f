//! Findings about what this program itself left in a root.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::Progress;
use crate::code::Reason;
use crate::doctor::facts::{
    BranchFacts, JournalStand, OpenOperation, OperationFacts, RootFacts, Stand, TagFacts,
};
use crate::doctor::finding::{Finding, FindingKind};
use crate::doctor::known::Known;
use crate::ids::OperationId;
use crate::root_layout::JOURNAL_FOLDER;

use super::tables::operation_of;

/// Prefix of the name of every tag that a recovery sets: see [`crate::recovery_tag`].
const TAG_BEGINS: &str = "recovery-";
/// Characters of an operation id.
const OPERATION_CHARS: usize = 26;

pub(super) fn findings(facts: &RootFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(reason) = &facts.identity {
        findings.push(Finding::not_known("which root this is", reason));
    }
    match &facts.operations {
        Ok(operations) => open(facts, operations, &mut findings),
        Err(reason) => findings.push(Finding::not_known(format!("{JOURNAL_FOLDER}/"), reason)),
    }
    for (place, reason) in &facts.tags.unread {
        findings.push(Finding::not_known(format!("the tags of {place}"), reason));
    }
    for (operation, tables) in tags_by_operation(&facts.tags) {
        findings.push(Finding::to_be_known(
            FindingKind::RecoveryTags,
            operation.as_str(),
            format!(
                "Tags of this recovery keep versions of {} from being cleaned up: {}.",
                match tables.len() {
                    1 => "one dataset".to_owned(),
                    count => format!("{count} datasets"),
                },
                some_of(&tables)
            ),
            release(facts, &operation),
        ));
    }
    findings
}

/// The operations that tags and commits above pins name, of which the journals are asked for.
#[must_use]
pub fn operations_named(
    branches: &Known<Vec<BranchFacts>>,
    tags: &TagFacts,
) -> BTreeSet<OperationId> {
    let catalogs = branches
        .iter()
        .flatten()
        .filter_map(|branch| branch.catalog.as_ref()?.as_ref().ok());
    let stands = catalogs.flat_map(|catalog| &catalog.stands);
    let observed = stands.flat_map(|table| match &table.stand {
        Stand::Above {
            transactions: Ok(transactions),
            ..
        } => transactions.as_slice(),
        _ => &[],
    });
    let of_commits = observed
        .filter_map(|observed| observed.transaction.as_ref())
        .filter_map(operation_of);
    of_commits
        .chain(tags_by_operation(tags).into_keys())
        .collect()
}

/// How the tags of a recovery are dropped: by a plan of its own, once the recovery has ended and as long as its journal is there.
pub(crate) fn release(facts: &RootFacts, operation: &OperationId) -> String {
    let Ok(operations) = &facts.operations else {
        return "Look again once the journals can be read".to_owned();
    };
    let id = operation.as_str();
    let is_it = |open: &&OpenOperation| open.operation_id == *operation;
    match operations.named.get(operation) {
        Some(JournalStand::Closed) => facts.commands.release(id),
        Some(JournalStand::Open) => match operations.open.iter().find(is_it) {
            Some(open) if open.progress.is_err() => format!(
                "Its journal has to be readable first: {}",
                facts.commands.audit(id)
            ),
            _ => format!(
                "It has not ended, and its tags are dropped once it has: {}",
                facts.commands.plan(id)
            ),
        },
        None => format!(
            "Its journal is gone, so nothing can be planned about it. Once nobody wants the tagged versions back, delete the tags whose names begin with {TAG_BEGINS}{id} with a Lance client"
        ),
    }
}

fn some_of(places: &BTreeSet<&str>) -> String {
    const NAMED_MAX: usize = 3;
    let named: Vec<&str> = places.iter().copied().take(NAMED_MAX).collect();
    let more = places.len() - named.len();
    let named = named.join(", ");
    match more {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The datasets that have tags of recoveries, by the operation that set them.
pub(crate) fn tags_by_operation(tags: &TagFacts) -> BTreeMap<OperationId, BTreeSet<&str>> {
    let mut of_operations: BTreeMap<OperationId, BTreeSet<&str>> = BTreeMap::new();
    for (place, name) in &tags.tags {
        let id = name.strip_prefix(TAG_BEGINS);
        let id = id.and_then(|rest| rest.get(..OPERATION_CHARS)?.parse().ok());
        if let Some(operation) = id {
            of_operations.entry(operation).or_default().insert(place);
        }
    }
    of_operations
}

/// Whether an operation has to be ended before the root is at rest. An approval alone does nothing.
pub(crate) const fn holds_up(operation: &OpenOperation) -> bool {
    !matches!(operation.progress, Ok(Progress::Open | Progress::Approved))
}

fn open(facts: &RootFacts, operations: &OperationFacts, findings: &mut Vec<Finding>) {
    let pending: BTreeSet<&str> = facts
        .pending
        .iter()
        .flat_map(|pending| &pending.recoveries)
        .filter_map(|recovery| recovery.operation_id.as_deref())
        .collect();
    for operation in &operations.open {
        let id = operation.operation_id.as_str();
        let is_pending = pending.contains(id);
        match &operation.progress {
            Err(reason) => findings.push(Finding::in_the_way(
                FindingKind::OpenOperation,
                id,
                format!("Its journal is not closed, and cannot be read: {reason}."),
                facts.commands.audit(id),
            )),
            Ok(Progress::UnderWay) => findings.push(Finding::in_the_way(
                FindingKind::OpenOperation,
                id,
                "It was begun, and has neither finished nor been ended.",
                facts.commands.plan(id),
            )),
            Ok(Progress::Finished) => findings.push(Finding::in_the_way(
                FindingKind::OpenOperation,
                id,
                "It has finished, and its journal is not closed: its sidecar may still be there. Applying it again closes it.",
                facts.commands.plan(id),
            )),
            // The line of the sidecar says that it is approved.
            Ok(Progress::Open | Progress::Approved) if is_pending => {}
            Ok(Progress::Open | Progress::Approved) => findings.push(Finding::to_be_known(
                FindingKind::ApprovalLeft,
                id,
                "It has a journal that is not closed, nothing of it is under way, and its sidecar is not pending.",
                facts.commands.audit(id),
            )),
        }
    }
    if operations.not_read > 0 {
        findings.push(Finding::not_known(
            format!("{JOURNAL_FOLDER}/"),
            &format!(
                "{} more journals are open, and were not read",
                operations.not_read
            ),
        ));
    }
    // Two listings may meet one object and say different things of it: the listing of pending sidecars knows more.
    let told = facts.pending.iter().flat_map(|pending| &pending.skipped);
    let told: BTreeSet<&str> = told.map(Finding::name_of_stray).collect();
    let is_new = |reason: &&Reason| !told.contains(Finding::name_of_stray(reason));
    findings.extend(
        operations
            .skipped
            .iter()
            .filter(is_new)
            .map(Finding::stray_object),
    );
}
