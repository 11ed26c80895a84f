//! What the file of a sidecar has to be before a step of a plan that rests on it (PROTOCOL.md, section 18.5).

use super::{Plan, Step};
use crate::digest::Digest;
use crate::disposition::Disposition;

/// What was found under the name of the sidecar, as a step takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnFile {
    /// The step may begin.
    Fits,
    /// The file is gone and has to be there, so that engines know of the undo. The journal has its bytes: it is written anew.
    IsWrittenAnew,
    /// The step must not begin: an engine would find a file that contradicts it.
    StandsInTheWay,
}

impl Plan {
    /// Whether a step may begin, given the digest of what bears the name of the sidecar; `None` if nothing does.
    #[must_use]
    pub fn own_file_before(&self, step: &Step, found: Option<Digest>) -> OwnFile {
        let Some(rests_on) = self.rests_on_its_sidecar() else {
            return OwnFile::Fits;
        };
        let writes_the_undo = self.writes_into_its_sidecar().is_some();
        let is_before_the_undo = match step {
            Step::FenceCatalog { .. } | Step::PrepareSidecar { .. } => true,
            Step::DropDataset { .. } | Step::Restore { .. } | Step::Publish { .. } => false,
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => return OwnFile::Fits,
        };
        match found {
            Some(found) if found == rests_on => OwnFile::Fits,
            Some(found) if is_before_the_undo && found == self.sidecar => OwnFile::Fits,
            Some(_) => OwnFile::StandsInTheWay,
            // What is published then is what the file fixed, and no file says otherwise.
            None if self.disposition == Disposition::RollForward => OwnFile::Fits,
            None if matches!(step, Step::PrepareSidecar { .. }) || !writes_the_undo => {
                OwnFile::IsWrittenAnew
            }
            None if is_before_the_undo => OwnFile::Fits,
            // It was there with the undo in it: an engine may have finished the roll back meanwhile.
            None => OwnFile::StandsInTheWay,
        }
    }
}
