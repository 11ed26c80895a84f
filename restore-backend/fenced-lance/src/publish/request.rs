//! The request of a publish.

use sidecar::{ExactPublish, NewTable, PinMove, RemovedTable};

use crate::commit::EffectIdentity;

/// Everything that one publish makes visible.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublishRequest {
    /// The branch of the catalog.
    pub branch: Option<String>,
    /// The catalog version that was read. The publish lands at exactly the one after it.
    pub read_version: u64,
    /// Tables whose pin moves.
    pub updates: Vec<PinMove>,
    /// Tables that are new.
    pub registrations: Vec<NewTable>,
    /// Tables that go.
    pub tombstones: Vec<RemovedTable>,
    /// The graph commit, exactly where the catalog holds the history of its graph.
    pub graph_commit: Option<NewGraphCommit>,
    /// The publish as a writer of version 9 fixed it: its rows are published as they are, and only onto the graph that they were
    /// planned for.
    pub exact: Option<ExactPublish>,
    /// What the publish belongs to.
    pub identity: EffectIdentity,
}

/// A graph commit that is written in the very commit of the catalog that it stands for. Its parent is the latest on its branch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewGraphCommit {
    /// The branch that it is on, as the graph calls it; `None` is main. The Lance branch of the catalog may have a suffix behind that name.
    pub branch: Option<String>,
    /// Its id, a ULID.
    pub id: String,
    /// The commit that was merged.
    pub merged_parent: Option<String>,
    /// Who; `None` only where a writer of version 9 named nobody.
    pub actor: Option<String>,
    /// Microseconds since the Unix epoch.
    pub created_at_micros: i64,
}

/// Which commit must have made a version that is published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MadeBy {
    /// The Lance transaction with this uuid.
    Transaction(String),
    /// An effect that names the operation and the plan of the publish itself.
    ThisPlan,
}
