//! The approvals of one operation, with the plans they are for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::approval::Approval;
use crate::digest::Digest;
use crate::ids::RootId;

/// Every approval that counts, in the order they were given.
///
/// A plan may be approved again and again, and its text is much longer than an approval: it is kept once for all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Approvals {
    given: Vec<(Approval, Arc<str>)>,
    /// The text of each plan in `given`, and the root that it is for.
    texts: BTreeMap<Digest, (Arc<str>, RootId)>,
}

impl Approvals {
    pub(super) const fn new() -> Self {
        Self {
            given: Vec::new(),
            texts: BTreeMap::new(),
        }
    }

    pub(super) fn as_slice(&self) -> &[(Approval, Arc<str>)] {
        &self.given
    }

    /// The text of a plan. If exactly this text is kept already, the kept one is shared.
    pub(super) fn shared(&self, digest: Digest, text: String) -> Arc<str> {
        let kept = self.texts.get(&digest).map(|(kept, _)| kept);
        let kept = kept.filter(|kept| ***kept == text);
        kept.map_or_else(|| text.into(), Arc::clone)
    }

    /// Whether there is one for this root.
    pub(super) fn are_for(&self, root: &RootId) -> bool {
        self.texts.values().any(|(_, of)| of == root)
    }

    /// Adds an approval of the plan with this text, whose digest it names, for this root.
    pub(super) fn add(&mut self, approval: Approval, text: Arc<str>, root: RootId) {
        self.texts
            .insert(approval.plan_digest, (Arc::clone(&text), root));
        self.given.push((approval, text));
    }

    /// Takes every approval of a plan back. Returns whether there was one.
    pub(super) fn revoke(&mut self, digest: Digest) -> bool {
        self.given
            .retain(|(approval, _)| approval.plan_digest != digest);
        self.texts.remove(&digest).is_some()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}
