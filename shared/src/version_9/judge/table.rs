//! Where one pinned table stands.

use super::super::effect::Effect;
use super::super::evidence::{CatalogTable, Evidence, HeadSeen, TableSeen};
use super::super::pin::Pin;
use super::super::proof::{
    ChainProof, Ownership, SCANNED_MAX, SeenOperation, SeenVersions, foreign_versions,
    ownership_of_commit, prove_chain,
};
use super::super::sidecar::Sidecar9;
use super::super::transaction_identity::TransactionIdentity;
use crate::code::{Code, Reason};
use crate::writer_kind::WriterKind;

/// One pin, the effect of the write on its table, and the facts that were found.
#[derive(Debug, Clone)]
pub(super) struct Standing<'a> {
    pub(super) pin: &'a Pin,
    /// `None` for an `Optimize`.
    pub(super) effect: Option<&'a Effect>,
    pub(super) seen: &'a TableSeen,
    /// The visible table with the identity of the pin.
    pub(super) visible: Option<&'a CatalogTable>,
    pub(super) ownership: Ownership,
    /// Whether the effect is whole and nothing lies on it.
    pub(super) is_whole: bool,
    /// Why nothing is proven.
    pub(super) unverifiable: Option<String>,
    pub(super) foreign: Vec<u64>,
}

impl<'a> Standing<'a> {
    /// The standing of every pin, in their order.
    pub(super) fn all(sidecar: &'a Sidecar9, evidence: &'a Evidence) -> Vec<Self> {
        let pairs = sidecar.tables.iter().zip(&evidence.tables);
        pairs
            .map(|(pin, seen)| Self::of(sidecar, evidence, pin, seen))
            .collect()
    }

    fn of(
        sidecar: &'a Sidecar9,
        evidence: &'a Evidence,
        pin: &'a Pin,
        seen: &'a TableSeen,
    ) -> Self {
        let payload = sidecar.payload();
        let effect = payload.and_then(|payload| payload.effect_of(pin.identity));
        let mut standing = Self {
            pin,
            effect,
            seen,
            visible: evidence.graph.tables.get(pin.identity),
            ownership: Ownership::None,
            is_whole: false,
            unverifiable: None,
            foreign: Vec::new(),
        };
        standing.prove(sidecar.writer_kind);
        standing
    }

    fn prove(&mut self, kind: WriterKind) {
        let Some(versions) = self.versions() else {
            return;
        };
        let planned = self.planned();
        let visible = self.visible_version();
        self.foreign = foreign_versions(planned, self.base().max(visible), versions);
        let [first, ..] = planned else {
            return;
        };
        if kind.is_merge() {
            let ChainProof {
                ownership,
                is_complete,
                unverifiable,
            } = prove_chain(planned, self.pin.expected_version, visible, versions);
            if is_complete && ownership == Ownership::AtHead {
                // The one index behind the chain is part of the merge.
                self.foreign.clear();
            }
            (self.ownership, self.is_whole, self.unverifiable) =
                (ownership, is_complete, unverifiable);
        } else {
            let ownership = ownership_of_commit(first, self.first_possible(), visible, versions);
            self.ownership = ownership;
            self.is_whole = ownership == Ownership::AtHead;
            self.unverifiable = (ownership == Ownership::Unverifiable).then(|| {
                format!(
                    "a transaction between versions {} and {} cannot be read, or there are too many",
                    self.first_possible(), versions.head
                )
            });
        }
    }

    /// The lowest version that the write's commit can have. The engine takes the file's word for it, where no rule says otherwise.
    fn first_possible(&self) -> u64 {
        let next = self.pin.expected_version.saturating_add(1);
        self.pin.post_commit_pin.min(next)
    }

    pub(super) fn planned(&self) -> &'a [TransactionIdentity] {
        self.effect.map_or(&[], Effect::planned)
    }

    pub(super) const fn versions(&self) -> Option<&'a SeenVersions> {
        match &self.seen.head {
            HeadSeen::At(versions) => Some(versions),
            HeadSeen::DatasetMissing | HeadSeen::BranchMissing | HeadSeen::Unreadable(_) => None,
        }
    }

    pub(super) fn head(&self) -> Option<u64> {
        self.versions().map(|versions| versions.head)
    }

    /// The visible version; 0 for a table that is not visible.
    pub(super) fn visible_version(&self) -> u64 {
        self.visible.map_or(0, |table| table.row.version)
    }

    /// The version that HEAD has where the write did nothing to the table.
    pub(super) fn base(&self) -> u64 {
        match self.effect.and_then(Effect::fork_version) {
            Some(version) if self.is_first_touch() => version,
            _ => self.visible_version(),
        }
    }

    /// Whether HEAD is above the version that it has without the write.
    pub(super) fn has_moved(&self) -> bool {
        self.head().is_some_and(|head| head > self.base())
    }

    /// Whether the write makes the Lance branch: the visible version is on another one.
    pub(super) fn is_first_touch(&self) -> bool {
        let visible = self.visible.map(|table| table.row.table_branch.as_deref());
        self.pin.table_branch.is_some() && visible != Some(self.pin.table_branch.as_deref())
    }

    /// Whether the write made the Lance branch and nothing on it.
    pub(super) fn is_untouched_fork(&self) -> bool {
        self.is_first_touch() && self.head() == Some(self.base())
    }

    /// Why a Lance branch of the write cannot be removed, where another lies in its folder.
    pub(super) fn overlap(&self) -> Option<Reason> {
        let below = self.seen.branch_below.as_ref()?;
        let (key, branch) = (&self.pin.table_key, self.pin.table_branch.as_deref()?);
        Some(Reason::new(
            Code::BranchPathOverlap,
            format!(
                "Lance branch {branch} of {key} was made for this write, and the files of Lance branch {below} lie in its folder"
            ),
        ))
    }

    /// Whether the write makes the dataset.
    pub(super) fn makes_the_dataset(&self) -> bool {
        self.effect.is_some_and(Effect::makes_the_dataset)
    }

    pub(super) const fn is_own(&self) -> bool {
        matches!(
            self.ownership,
            Ownership::AtHead | Ownership::BeforeHead | Ownership::CompensatedAtHead
        )
    }

    /// Whether the write's commit is HEAD, as the writer confirmed it, over the version that it was planned on.
    pub(super) fn is_confirmed_at_head(&self) -> bool {
        let head = self.head();
        let Some(effect) = self.effect else {
            return false;
        };
        if effect.planned().is_empty() {
            // Only a Lance branch is made, and nothing is committed to it.
            return head == effect.fork_version()
                && self.pin.confirmed_version == head
                && self.is_the_confirmed_fork();
        }
        let is_planned = self.planned().last().is_some_and(|planned| {
            let read_exactly = |version: u64| {
                let versions = self.versions();
                let found = versions.and_then(|versions| versions.transactions.get(&version));
                found.is_some_and(|found| found.identity == *planned)
            };
            planned
                .read_version
                .checked_add(1)
                .is_some_and(read_exactly)
        });
        self.is_whole
            && is_planned
            && head.is_some()
            && self.pin.confirmed_version == head
            && self.is_the_confirmed_fork()
    }

    /// Whether the Lance branch is the one that the writer confirmed, where it confirmed one.
    pub(super) fn is_the_confirmed_fork(&self) -> bool {
        let confirmed = self.effect.and_then(Effect::confirmed_branch_identifier);
        confirmed.is_none_or(|confirmed| {
            let fork = self.seen.fork.as_ref();
            fork.and_then(|fork| fork.identifier.as_ref()) == Some(confirmed)
        })
    }

    /// Whether there is a Lance branch where the write makes one, and it was made from another version or is another one.
    pub(super) fn is_another_fork(&self) -> bool {
        let planned = self.effect.and_then(Effect::fork_version);
        let made_from = self.seen.fork.as_ref().and_then(|fork| fork.parent_version);
        let is_elsewhere = planned
            .zip(made_from)
            .is_some_and(|(planned, found)| planned != found);
        self.seen.fork.is_some() && (is_elsewhere || !self.is_the_confirmed_fork())
    }

    /// Versions above the visible one that change rows, or may.
    pub(super) fn foreign_besides_maintenance(&self) -> Vec<u64> {
        self.besides_maintenance(self.visible_version())
    }

    /// The same above the version that the write was planned on.
    pub(super) fn foreign_since_expected(&self) -> Vec<u64> {
        self.besides_maintenance(self.pin.expected_version)
    }

    fn besides_maintenance(&self, above: u64) -> Vec<u64> {
        let Some(versions) = self.versions() else {
            return Vec::new();
        };
        let is_maintenance = |version: &u64| {
            versions.transactions.get(version).is_some_and(|found| {
                matches!(
                    found.operation,
                    SeenOperation::CreateIndex | SeenOperation::Maintenance
                )
            })
        };
        let last = versions.head.min(above.saturating_add(SCANNED_MAX));
        (above.saturating_add(1)..=last)
            .filter(|version| !is_maintenance(version))
            .collect()
    }
}
