//! Where one table stands, from three numbers and the writer's kind (PROTOCOL.md, section 3).

use serde::{Deserialize, Serialize};

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
    classify_table_for(WriterKind::Mutation, pin, lance_head, manifest_pinned)
}

/// The rule that fits the writer's kind: strict for one commit per table, loose for writers that make several.
///
/// Source: omnigraph v0.4.2 to v0.7.0, `classify_table(pin, head, pinned, kind)`; PROTOCOL.md, section 3.
#[must_use]
pub const fn classify_table_for(
    kind: WriterKind,
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
    let as_announced = if kind.commits_each_table_once() {
        distance == 1 && pin.post_commit_pin == lance_head
    } else {
        true
    };
    match (started_from_pin && as_announced, distance) {
        (true, _) => Classification::RolledPastExpected,
        (false, 1) => Classification::UnexpectedAtP1,
        (false, _) => Classification::UnexpectedMultistep,
    }
}

/// The rule that fired, with its numbers: `HEAD 5 = pin 4 + 1, expected 4 = pin, post-commit 5 = HEAD`.
#[must_use]
pub fn rule_text(
    kind: WriterKind,
    pin: &TablePin,
    lance_head: u64,
    manifest_pinned: u64,
) -> String {
    let relation = |left: u64, right: u64| {
        if left == right {
            "="
        } else if left < right {
            "<"
        } else {
            ">"
        }
    };
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
    if kind.commits_each_table_once() {
        format!(
            "{head}, {expected}, post-commit {} {} HEAD",
            pin.post_commit_pin,
            relation(pin.post_commit_pin, lance_head)
        )
    } else {
        format!(
            "{head}, {expected} ({} makes several commits per table)",
            kind.name()
        )
    }
}
