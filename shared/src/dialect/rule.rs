//! The rules that tell where the tables of a write stand.

/// The rule that tells where a table of a write stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClassificationRule {
    /// The writer makes one Lance commit per table, and announces the version that it makes.
    Strict,
    /// The writer makes several commits per table, and nothing says how many.
    Loose,
    /// The writer makes several commits per table, and notes in its sidecar where the last one ended.
    Confirmed,
}
