//! Whether the graph is still what the write was planned for.

use super::super::authority::Authority;
use super::super::evidence::{BranchSeen, Evidence};
use crate::code::{Code, Reason};

/// The differences from the graph that the write was planned for, in words; empty if there are none.
///
/// The identity of the branch is asked first by itself: see [`is_the_same_branch`].
pub(super) fn moved_on(authority: &Authority, evidence: &Evidence) -> Vec<String> {
    let mut moved = Vec::new();
    if authority.graph_head != evidence.graph.head {
        let named = |head: &Option<String>| match head {
            Some(head) => format!("graph commit {head}"),
            None => "no graph commit of its own".to_owned(),
        };
        moved.push(format!(
            "the branch had {} as its head when the write was planned, and has {} now",
            named(&authority.graph_head),
            named(&evidence.graph.head)
        ));
    }
    // A schema that cannot be told has a reason of its own: see [`unreadable`].
    if let Ok(live) = &evidence.schema.live {
        let is_same = live.domain == authority.schema_identity_domain
            && live.ir_hash == authority.schema_ir_hash
            && live.identity_version == authority.schema_identity_version;
        if !is_same {
            moved.push(
                "the schema in force is another one than when the write was planned".to_owned(),
            );
        }
    }
    moved
}

/// Why the schema in force cannot be told: then nothing can be said of the graph, and no engine opens it.
pub(super) fn unreadable(evidence: &Evidence) -> Option<Reason> {
    let why = evidence.schema.live.as_ref().err()?;
    Some(Reason::new(
        Code::SchemaContradictory,
        format!(
            "the schema in force cannot be told, and no engine opens the graph: {why}; put the schema files back from a backup, and look again"
        ),
    ))
}

/// Whether the branch of the graph is the one that the write was planned on, and not one of the same name.
pub(super) fn is_the_same_branch(authority: &Authority, evidence: &Evidence) -> bool {
    match &evidence.branch {
        BranchSeen::There { identifier, .. } => *identifier == authority.branch_identifier,
        BranchSeen::Gone { .. } => false,
    }
}
