//! Where one table stands, from its pin, its Lance HEAD and the rule of its writer (PROTOCOL.md, section 3).

use serde::{Deserialize, Serialize};

use crate::dialect::{ClassificationRule, Dialect};
use crate::sidecar::{TablePin, WriterKind};

/// Where a table stands against its pin. In JSON the one word; the observed HEAD is beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Classification {
    /// HEAD is the pin: this writer's commit is not there, or is published.
    NoMovement,
    /// HEAD is where the writer's commit would take it, and nothing else explains it.
    RolledPastExpected,
    /// HEAD is one above the pin, but not by this writer's commit as announced.
    UnexpectedAtP1,
    /// HEAD is several versions above the pin.
    UnexpectedMultistep,
    /// HEAD is above the pin, and the writer had not confirmed yet that its commits were complete.
    IncompletePhaseB,
    /// HEAD is below the pin: the catalog shows a version the table does not have.
    InvariantViolation {
        /// The Lance HEAD that was found.
        observed: u64,
    },
}

impl Classification {
    /// The name, spelled as in PROTOCOL.md, section 3.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoMovement => "NoMovement",
            Self::RolledPastExpected => "RolledPastExpected",
            Self::UnexpectedAtP1 => "UnexpectedAtP1",
            Self::UnexpectedMultistep => "UnexpectedMultistep",
            Self::IncompletePhaseB => "IncompletePhaseB",
            Self::InvariantViolation { .. } => "InvariantViolation",
        }
    }

    /// The same without the number beside it.
    #[must_use]
    pub const fn label(self) -> ClassificationLabel {
        match self {
            Self::NoMovement => ClassificationLabel::NoMovement,
            Self::RolledPastExpected => ClassificationLabel::RolledPastExpected,
            Self::UnexpectedAtP1 => ClassificationLabel::UnexpectedAtP1,
            Self::UnexpectedMultistep => ClassificationLabel::UnexpectedMultistep,
            Self::IncompletePhaseB => ClassificationLabel::IncompletePhaseB,
            Self::InvariantViolation { .. } => ClassificationLabel::InvariantViolation,
        }
    }
}

/// A [`Classification`] as plans and JSON carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the variants are Classification's")]
pub enum ClassificationLabel {
    NoMovement,
    RolledPastExpected,
    UnexpectedAtP1,
    UnexpectedMultistep,
    IncompletePhaseB,
    InvariantViolation,
}

impl ClassificationLabel {
    /// The name, spelled as in PROTOCOL.md, section 3.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoMovement => "NoMovement",
            Self::RolledPastExpected => "RolledPastExpected",
            Self::UnexpectedAtP1 => "UnexpectedAtP1",
            Self::UnexpectedMultistep => "UnexpectedMultistep",
            Self::IncompletePhaseB => "IncompletePhaseB",
            Self::InvariantViolation => "InvariantViolation",
        }
    }
}

/// The strict rule: one Lance commit per table, as `Mutation` and `Load` make.
///
/// `manifest_pinned` is the visible version of the table on the sidecar's branch, `lance_head` the latest version of the dataset
/// on the pin's branch.
#[must_use]
pub const fn classify_table(
    pin: &TablePin,
    lance_head: u64,
    manifest_pinned: u64,
) -> Classification {
    classify_by(ClassificationRule::Strict, pin, lance_head, manifest_pinned)
}

/// The rule that fits the writer's kind in sidecars of version 1: strict for one commit per table, loose for writers that make
/// several.
///
/// Source: omnigraph v0.4.2 to v0.7.0, `classify_table(pin, head, pinned, kind)`; PROTOCOL.md, section 3.
#[must_use]
pub const fn classify_table_for(
    kind: WriterKind,
    pin: &TablePin,
    lance_head: u64,
    manifest_pinned: u64,
) -> Classification {
    let rule = Dialect::Version1.rule(kind);
    classify_by(rule, pin, lance_head, manifest_pinned)
}

/// Where the table of a pin stands, by the rule of its sidecar's version and writer ([`Dialect::rule`]).
///
/// Source: omnigraph v0.7.1 to v0.8.1, `classify_table`; the first two rules are those of v0.4.2 to v0.7.0.
#[must_use]
pub const fn classify_by(
    rule: ClassificationRule,
    pin: &TablePin,
    lance_head: u64,
    manifest_pinned: u64,
) -> Classification {
    if lance_head < manifest_pinned {
        return Classification::InvariantViolation {
            observed: lance_head,
        };
    }
    let distance = lance_head - manifest_pinned;
    if distance == 0 {
        return Classification::NoMovement;
    }
    let started_from_pin = pin.expected_version == manifest_pinned;
    match rule {
        ClassificationRule::Strict
            if started_from_pin && distance == 1 && pin.post_commit_pin == lance_head =>
        {
            Classification::RolledPastExpected
        }
        ClassificationRule::Loose if started_from_pin => Classification::RolledPastExpected,
        ClassificationRule::Strict | ClassificationRule::Loose if distance == 1 => {
            Classification::UnexpectedAtP1
        }
        ClassificationRule::Strict | ClassificationRule::Loose => {
            Classification::UnexpectedMultistep
        }
        ClassificationRule::Confirmed => match pin.confirmed_version {
            None => Classification::IncompletePhaseB,
            Some(confirmed) if started_from_pin && confirmed == lance_head => {
                Classification::RolledPastExpected
            }
            Some(_) => Classification::UnexpectedMultistep,
        },
    }
}

/// The rule as it fired, with its numbers: `HEAD 5 = pin 4 + 1, expected 4 = pin, post-commit 5 = HEAD`.
#[must_use]
pub fn rule_text(
    rule: ClassificationRule,
    kind: WriterKind,
    pin: &TablePin,
    lance_head: u64,
    manifest_pinned: u64,
) -> String {
    let head = if lance_head > manifest_pinned {
        format!(
            "HEAD {lance_head} = pin {manifest_pinned} + {}",
            lance_head - manifest_pinned
        )
    } else {
        format!(
            "HEAD {lance_head} {} pin {manifest_pinned}",
            relation(lance_head, manifest_pinned)
        )
    };
    if lance_head <= manifest_pinned {
        return head;
    }
    let expected = format!(
        "expected {} {} pin",
        pin.expected_version,
        relation(pin.expected_version, manifest_pinned)
    );
    match (rule, pin.confirmed_version) {
        (ClassificationRule::Strict, _) => format!(
            "{head}, {expected}, post-commit {} {} HEAD",
            pin.post_commit_pin,
            relation(pin.post_commit_pin, lance_head)
        ),
        (ClassificationRule::Loose, _) => format!(
            "{head}, {expected} ({} makes several commits per table)",
            kind.name()
        ),
        (ClassificationRule::Confirmed, Some(confirmed)) => format!(
            "{head}, {expected}, confirmed {confirmed} {} HEAD",
            relation(confirmed, lance_head)
        ),
        (ClassificationRule::Confirmed, None) => format!(
            "{head}, {expected}, not confirmed: {} had not noted yet that its commits were complete",
            kind.name()
        ),
    }
}

const fn relation(left: u64, right: u64) -> &'static str {
    if left == right {
        "="
    } else if left < right {
        "<"
    } else {
        ">"
    }
}
