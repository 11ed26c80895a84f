//! Findings about what this program itself left in a root.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::Progress;
use crate::code::Reason;
use crate::doctor::facts::{OpenOperation, OperationFacts, RootFacts, TagFacts};
use crate::doctor::finding::{Finding, FindingKind};
use crate::ids::OperationId;
use crate::root_layout::JOURNAL_FOLDER;

/// Begins the name of every tag that a recovery sets: see [`crate::recovery_tag`].
const TAG_BEGINS: &str = "recovery-";
/// Characters of an operation id.
const OPERATION_CHARS: usize = 26;

pub(super) fn findings(facts: &RootFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
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
            facts.commands.release(operation.as_str()),
        ));
    }
    findings
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
    let told = facts.pending.iter().flat_map(|pending| &pending.skipped);
    let told: BTreeSet<&str> = told.map(|reason| reason.detail.as_str()).collect();
    let is_new = |reason: &&Reason| !told.contains(reason.detail.as_str());
    findings.extend(
        operations
            .skipped
            .iter()
            .filter(is_new)
            .map(Finding::stray_object),
    );
}
