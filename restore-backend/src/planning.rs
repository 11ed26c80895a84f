//! Making plans: of what is pending, of what is approved or executed next, and of what follows from something finished or stuck.

mod approvable;
pub(crate) mod as_recorded;
mod current;
mod dismissal;
mod follow_up_plan;
mod follow_ups;
mod in_force;
mod pending_plan;
mod release;
mod report;
mod sidecar_file;
mod since;
mod tags;
mod undo;
mod version_9;

pub(crate) use approvable::{ApprovablePlan, CurrentPlan, unsafe_store};
pub(crate) use current::current_plan;
pub(crate) use dismissal::plan_dismissal;
pub(crate) use follow_ups::{follow_up_named, moved_since_approval, plan_follow_up};
pub(crate) use in_force::{InForce, in_force, replaced_by};
pub use pending_plan::observe;
pub(crate) use report::{frozen_report, plan_entry};
pub(crate) use sidecar_file::{sidecar_fate, sidecar_seen};
pub(crate) use since::taken_back;
pub(crate) use version_9::with_version_9;
