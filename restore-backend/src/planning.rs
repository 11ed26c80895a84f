//! Making plans: of what is pending, of what is approved or executed next, and of what follows from something finished or stuck.

mod approvable;
pub(crate) mod as_recorded;
mod current;
mod follow_ups;
mod in_force;
mod pending_plan;
mod report;
mod tags;

pub(crate) use approvable::{Fresh, PlanOf, unsafe_store};
pub(crate) use current::fresh_plan;
pub(crate) use follow_ups::{blocked, made, made_dismissal, moved_since_approval, of_operation};
pub(crate) use in_force::{InForce, Kind, in_force, planned_anew_as, replaced_by};
pub(crate) use pending_plan::history_blocker;
pub(crate) use report::{frozen_report, plan_entry};
