//! Which contents of a table tell what its plan changes for readers.

use super::UnpublishedFate;
use crate::plan::{PlannedTable, Purpose};
use crate::verdict::Action;

/// The contents of one table that have to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableContents {
    /// The version that readers see when the plan is made. It lies on the Lance branch that the catalog names.
    pub now: Option<u64>,
    /// The content that they see once it is carried out.
    pub after: ReadersAfter,
    /// Commits that no reader sees.
    pub unpublished: Option<UnpublishedContents>,
}

/// The content that readers see once a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadersAfter {
    /// The one that they see now.
    AsNow,
    /// That of this version, on the Lance branch of the plan.
    Version(u64),
    /// No such table.
    NoTable,
}

/// Commits that no reader sees: the content with them, and the one without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpublishedContents {
    /// What becomes of them.
    pub fate: UnpublishedFate,
    /// Without them; `None` is no table at all.
    pub from: Option<u64>,
    /// With them.
    pub to: u64,
}

/// The contents that tell what the plan changes for readers of a table, and which commits it takes back, brings back or leaves. All but
/// the version that readers see now lie on the Lance branch of the plan.
///
/// After a roll back readers see the content that they saw before. There the commits above the pin tell what is lost.
#[must_use]
pub fn contents(purpose: &Purpose, table: &PlannedTable) -> TableContents {
    let now = table.manifest_pinned;
    let head_above = table.lance_head.filter(|head| Some(*head) > now);
    let version = |version: Option<u64>| version.map_or(ReadersAfter::AsNow, ReadersAfter::Version);
    let (after, fate, from, to) = match table.action {
        Action::Publish | Action::Register => (
            version(table.publish_as),
            UnpublishedFate::Stays,
            None,
            None,
        ),
        Action::RestoreAndPublish if purpose.is_recovery() => (
            version(table.restore_to),
            UnpublishedFate::TakenBack,
            table.restore_to,
            table.lance_head,
        ),
        Action::RestoreAndPublish => (
            version(table.restore_to),
            UnpublishedFate::Stays,
            None,
            None,
        ),
        Action::Restore => (
            ReadersAfter::AsNow,
            UnpublishedFate::ComesBack,
            table.lance_head,
            table.restore_to,
        ),
        Action::Drop => (
            ReadersAfter::AsNow,
            UnpublishedFate::TakenBack,
            None,
            table.lance_head,
        ),
        Action::Tombstone => (ReadersAfter::NoTable, UnpublishedFate::Stays, None, None),
        Action::None if table.catalog_change.is_some() => {
            (ReadersAfter::AsNow, UnpublishedFate::Stays, None, None)
        }
        Action::None => (
            ReadersAfter::AsNow,
            UnpublishedFate::Stays,
            now,
            head_above.filter(|_| now.is_some()),
        ),
    };
    TableContents {
        now,
        after,
        unpublished: to.map(|to| UnpublishedContents { fate, from, to }),
    }
}
