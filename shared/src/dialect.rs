//! The dialects of the recovery protocol: what each `schema_version` of a sidecar means. One module for each version.
//!
//! Sidecars of all versions share one model. A dialect says which fields a version has, and which rule tells where a table stands.
//! The stamp of the catalog, not the version of the sidecar, says how a publish is written ([`crate::root_layout`]).

mod rule;
mod version_1;
mod version_2;
mod version_9;

use crate::writer_kind::WriterKind;

pub use rule::ClassificationRule;

/// A `schema_version` whose rules this build implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// `schema_version` 1: omnigraph v0.4.2 to v0.7.0, and the two-phase writer.
    Version1,
    /// `schema_version` 2: omnigraph v0.7.1 to v0.8.1.
    Version2,
    /// `schema_version` 9: omnigraph v0.9.0 to v0.11. [`crate::version_9`] has its shape and its rules.
    Version9,
}

impl Dialect {
    /// Every dialect, oldest first.
    pub const ALL: [Self; 3] = [Self::Version1, Self::Version2, Self::Version9];

    /// The dialect of a `schema_version`; `None` if this build does not implement it.
    #[must_use]
    pub fn of(schema_version: u64) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|dialect| u64::from(dialect.schema_version()) == schema_version)
    }

    /// The `schema_version` of its sidecars.
    #[must_use]
    pub const fn schema_version(self) -> u32 {
        match self {
            Self::Version1 => version_1::SCHEMA_VERSION,
            Self::Version2 => version_2::SCHEMA_VERSION,
            Self::Version9 => version_9::SCHEMA_VERSION,
        }
    }

    /// The rule that tells where a table of such a write stands.
    #[must_use]
    pub const fn rule(self, kind: WriterKind) -> ClassificationRule {
        match self {
            Self::Version1 => version_1::rule(kind),
            Self::Version2 => version_2::rule(kind),
            Self::Version9 => version_9::rule(kind),
        }
    }

    /// Whether a writer of this kind notes in its sidecar where its commits ended, as `confirmed_version` of each pin.
    #[must_use]
    pub const fn confirms(self, kind: WriterKind) -> bool {
        match self.rule(kind) {
            ClassificationRule::Confirmed => true,
            ClassificationRule::Strict | ClassificationRule::Loose => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_found_by_its_schema_version_and_by_no_other() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::of(dialect.schema_version().into()), Some(dialect));
        }
        for other in [0, 3, 8, 10, u64::from(u32::MAX) + 2, u64::MAX] {
            assert_eq!(Dialect::of(other), None, "{other}");
        }
    }
}
