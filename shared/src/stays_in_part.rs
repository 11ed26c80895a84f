//! Whether a write may stay visible in part: readers keep a version of one table that somebody published since the writer started, and
//! see nothing of the write in another.

use crate::disposition::Disposition;
use crate::verdict::Action;

/// The fate of one table that the write pins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// What is done to it.
    pub(crate) action: Action,
    /// The visible version.
    pub(crate) visible: Option<u64>,
    /// The version that the writer started from.
    pub(crate) expected: u64,
}

impl Kept {
    /// Whether readers keep the version that they see, and that version is later than the one from which the writer started.
    /// Where HEAD holds the content of that version already, only the pin moves.
    pub(crate) fn is_later(self) -> bool {
        let is_kept = match self.action {
            Action::None | Action::Publish => true,
            Action::RestoreAndPublish
            | Action::Restore
            | Action::Register
            | Action::Tombstone
            | Action::Drop => false,
        };
        is_kept && self.visible > Some(self.expected)
    }

    fn is_as_it_was(self) -> bool {
        self.visible == Some(self.expected)
    }
}

/// Whether the write may stay visible in part once its plan is carried out.
pub(crate) fn may_stay_in_part(
    disposition: Disposition,
    tables: impl Iterator<Item = Kept> + Clone,
) -> bool {
    let keeps_a_later_version = || tables.clone().any(Kept::is_later);
    match disposition {
        Disposition::RollBack => keeps_a_later_version(),
        Disposition::Superseded => {
            keeps_a_later_version() && tables.clone().any(Kept::is_as_it_was)
        }
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::AlreadyPublished
        | Disposition::StaleArmed
        | Disposition::AlreadyRolledBack
        | Disposition::NeverStarted
        | Disposition::RollForward => false,
    }
}
