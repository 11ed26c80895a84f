//! Which file must lie under the name of a sidecar before a step of a plan that rests on that file (PROTOCOL.md, section 18.5).

use super::{Plan, Step};
use crate::digest::Digest;

/// Whether a step may begin, given the file that was found under the name of the sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnFile {
    /// The step may begin.
    Fits,
    /// The file is gone, and engines learn of the undo from it: it has to be written anew, from its bytes in the journal.
    IsWrittenAnew,
    /// The step must not begin: an engine would find a file that contradicts it.
    StandsInTheWay,
}

impl Step {
    /// Whether the file of a plan that rests on it has to be looked at before the step.
    #[must_use]
    pub const fn may_rest_on_its_file(&self) -> bool {
        match self {
            Self::FenceCatalog { .. }
            | Self::PrepareSidecar { .. }
            | Self::DropDataset { .. }
            | Self::Restore { .. }
            | Self::Publish { .. } => true,
            Self::Tag { .. }
            | Self::Untag { .. }
            | Self::Announce { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => false,
        }
    }

    /// Whether the file may still have the bytes without the undo when it begins. Ask only of a step that rests on the file.
    const fn comes_before_the_undo(&self) -> bool {
        match self {
            Self::FenceCatalog { .. } | Self::PrepareSidecar { .. } => true,
            Self::Tag { .. }
            | Self::Untag { .. }
            | Self::Announce { .. }
            | Self::DropDataset { .. }
            | Self::Restore { .. }
            | Self::Publish { .. }
            | Self::PromoteSchema { .. }
            | Self::DiscardSchema { .. }
            | Self::GraphHistory { .. }
            | Self::UnlockSchema { .. }
            | Self::Record { .. }
            | Self::Retire { .. } => false,
        }
    }
}

impl Plan {
    /// Whether a step may begin. `found` is the digest of the file that bears the name of the sidecar, `None` if no file does.
    #[must_use]
    pub fn own_file_before(&self, step: &Step, found: Option<Digest>) -> OwnFile {
        let Some(rests_on) = self.rests_on_its_sidecar() else {
            return OwnFile::Fits;
        };
        let writes_the_undo = self.writes_into_its_sidecar().is_some();
        if !step.may_rest_on_its_file() {
            return OwnFile::Fits;
        }
        let is_before_the_undo = step.comes_before_the_undo();
        match found {
            Some(found) if found == rests_on => OwnFile::Fits,
            Some(found) if is_before_the_undo && found == self.sidecar => OwnFile::Fits,
            Some(_) => OwnFile::StandsInTheWay,
            // A roll forward publishes the rows that the file fixed, and no file is there that says otherwise.
            None if self.disposition.publishes_it() => OwnFile::Fits,
            None if step.written_undo().is_some() || !writes_the_undo => OwnFile::IsWrittenAnew,
            None if is_before_the_undo => OwnFile::Fits,
            // The file was there with the undo in it: an engine may have finished the roll back since, and removed it.
            None => OwnFile::StandsInTheWay,
        }
    }
}
