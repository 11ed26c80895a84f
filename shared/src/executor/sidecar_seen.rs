//! The sidecar's file as an executor finds it.

use crate::difference::{Difference, DifferenceField};
use crate::digest::Digest;
use crate::outcome::SidecarFate;
use crate::plan::Plan;

/// The sidecar's file, once the terminal record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SidecarSeen {
    /// There is none, or the plan has none to retire.
    Gone,
    /// It has the bytes of the plan.
    AsPlanned,
    /// It has other bytes: it is another sidecar, and stays.
    Another,
}

impl SidecarSeen {
    /// The sidecar of this plan, by the digest of the bytes that bear its name; `None` if no file does. Its own are the bytes that the
    /// plan was made from, those that the plan gives it, and `also` those that earlier attempts of its operation found or gave it
    /// ([`crate::journal::JournalState::prepared`]): the journal has them all.
    #[must_use]
    pub fn of(plan: &Plan, found: Option<Digest>, also: &[Digest]) -> Self {
        let Some(digest) = found.filter(|_| plan.sidecar_file().is_some()) else {
            return Self::Gone;
        };
        let is_own = digest == plan.sidecar
            || plan.writes_into_its_sidecar() == Some(digest)
            || also.contains(&digest);
        if is_own {
            Self::AsPlanned
        } else {
            Self::Another
        }
    }

    /// What became of the sidecar of this plan. `is_recorded` is whether the operation has its terminal record.
    #[must_use]
    pub fn fate(self, plan: &Plan, is_recorded: bool) -> SidecarFate {
        match (plan.sidecar_file(), self) {
            (None, _) => SidecarFate::NoFile,
            (Some(_), Self::AsPlanned) => SidecarFate::Kept,
            (Some(_), Self::Another) => SidecarFate::Replaced,
            (Some(_), Self::Gone) if is_recorded => SidecarFate::Retired,
            (Some(_), Self::Gone) => SidecarFate::Gone,
        }
    }

    /// The file that a dismissal deleted, if it is there again since the dismissal was closed, for instance from a backup. The approval
    /// covered one deletion.
    ///
    /// Of a dismissal of the operation's own file, a file with other bytes counts too: a damaged sidecar was dismissed, and the whole one
    /// came back, which can be recovered.
    #[must_use]
    pub fn back_after_dismissal(self, dismissal: &Plan) -> Option<Difference> {
        let is_own_file = dismissal.file == dismissal.operation_id.file_name();
        let found = match self {
            Self::Gone => None,
            Self::AsPlanned => Some("there again"),
            Self::Another => is_own_file.then_some("there again, with other bytes"),
        };
        Some(Difference::new(
            None,
            DifferenceField::Sidecar,
            "gone",
            found?,
        ))
    }
}
