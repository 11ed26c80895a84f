//! Where one table of a write stands, and what is done to it.

use super::whose::Whose;
use super::{Action, Disposition, TableVerdict};
use crate::classification::{Classification, classify_by, rule_text};
use crate::code::Requirement;
use crate::observation::{ContentComparison, HeadObservation, Pinned, TableObservation};
use crate::sidecar::TablePin;

pub(super) fn unjudged(rule: impl Into<String>) -> TableVerdict {
    TableVerdict {
        classification: None,
        rule: rule.into(),
        action: Action::None,
        restore_to: None,
        publish_as: None,
        unexpected: Vec::new(),
    }
}

pub(super) fn classify(
    whose: Whose<'_>,
    pin: &TablePin,
    table: Option<&TableObservation>,
) -> TableVerdict {
    let Some(table) = table else {
        return unjudged("it was not looked at");
    };
    let classified = |classification, rule| TableVerdict {
        classification: Some(classification),
        ..unjudged(rule)
    };
    let pinned = match table.pinned {
        Pinned::At { version } if version > 0 => version,
        Pinned::Absent | Pinned::At { .. } => {
            return unjudged("the catalog has no version of this table");
        }
        Pinned::Tombstoned { version } => {
            return unjudged(format!(
                "the table was removed by a tombstone at version {version}"
            ));
        }
    };
    match &table.head {
        HeadObservation::At { version, .. } => {
            let (classification, rule) = classify_head(whose, pin, table, *version, pinned);
            classified(classification, rule)
        }
        HeadObservation::BranchMissing => match pin.table_branch().name() {
            Some(branch) => classified(
                Classification::NoMovement,
                format!("the dataset has no Lance branch {branch} yet"),
            ),
            None => unjudged("the dataset has no main branch"),
        },
        HeadObservation::DatasetMissing => {
            unjudged("there is no dataset at the catalog's location")
        }
        HeadObservation::Unreadable { reason } => {
            unjudged(format!("its Lance HEAD cannot be read: {reason}"))
        }
    }
}

/// Where a table stands by its numbers, unless the commits there are known to be somebody else's.
fn classify_head(
    whose: Whose<'_>,
    pin: &TablePin,
    table: &TableObservation,
    head: u64,
    pinned: u64,
) -> (Classification, String) {
    let kind = whose.sidecar.writer_kind;
    let rule = whose.sidecar.dialect().rule(kind);
    if let Some(other) = &table.covered_by {
        return (
            Classification::NoMovement,
            format!(
                "HEAD {head} > pin {pinned}, but operation {other} committed it, and has a sidecar of its own: nothing of this write stands above the pin"
            ),
        );
    }
    let classification = classify_by(rule, pin, head, pinned);
    if classification == Classification::RolledPastExpected
        && let Some(rule) = whose.disowned(table, pinned, head)
    {
        let classification = if head == pinned.saturating_add(1) {
            Classification::UnexpectedAtP1
        } else {
            Classification::UnexpectedMultistep
        };
        return (classification, rule);
    }
    (classification, rule_text(rule, kind, pin, head, pinned))
}

pub(super) fn disposition_when_none_moved(
    whose: Whose<'_>,
    pairs: &[(&TablePin, &TableObservation)],
) -> Disposition {
    let pinned = |table: &TableObservation| table.pinned.version().unwrap_or_default();
    let confirms = whose.sidecar.dialect().confirms(whose.sidecar.writer_kind);
    // A pin that did not move since the writer started does not show its write, whatever the sidecar announces. Nor does a pin of
    // a writer that has not confirmed its commits yet, since it publishes none before.
    let published = |pin: &TablePin, table: &TableObservation| {
        let is_confirmed = pin.confirmed_version.is_some() || !confirms;
        is_confirmed
            && pinned(table) >= pin.last_own_version()
            && pinned(table) > pin.expected_version
    };
    if pairs
        .iter()
        .all(|(pin, table)| published(pin, table) && whose.is_published(pin, table))
    {
        Disposition::AlreadyPublished
    } else if pairs
        .iter()
        .any(|(pin, table)| pinned(table) > pin.expected_version)
    {
        Disposition::Superseded
    } else {
        Disposition::NeverStarted
    }
}

pub(super) fn assign_action(
    disposition: Disposition,
    table: &mut TableVerdict,
    pin: &TablePin,
    observed: &TableObservation,
    requires: &mut Vec<Requirement>,
) {
    let (Some(pinned), Some(head)) = (observed.pinned.version(), observed.head.version()) else {
        return;
    };
    if head <= pinned || observed.covered_by.is_some() {
        return;
    }
    match disposition {
        Disposition::RollForward => {
            table.action = Action::Publish;
            table.publish_as = Some(head);
        }
        Disposition::RollBack if holds_the_pin(observed, pinned, head) => {
            table.action = Action::Publish;
            table.publish_as = Some(head);
        }
        Disposition::RollBack => {
            table.action = Action::RestoreAndPublish;
            table.restore_to = Some(pinned);
            table.publish_as = head.checked_add(1);
            if pinned != pin.expected_version {
                requires.push(Requirement::TargetDiffersFromExpected);
            }
        }
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::AlreadyPublished
        | Disposition::StaleArmed
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded
        | Disposition::NeverStarted => {}
    }
}

/// HEAD already holds the pinned content: by comparison, or because HEAD itself is a Restore to exactly the pin.
fn holds_the_pin(observed: &TableObservation, pinned: u64, head: u64) -> bool {
    observed.head_content == ContentComparison::Equal
        || observed
            .transaction_at(head)
            .is_some_and(|transaction| transaction.restored_version == Some(pinned))
}
