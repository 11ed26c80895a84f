//! The looks that the pure step asks an execution for.

use futures::FutureExt;
use sidecar::executor::{Look, Seen, SidecarSeen};
use sidecar::journal::JournalState;
use sidecar::{ApprovedPlan, Difference, Purpose};

use super::execution::Execution;
use super::{effects, looks};
use crate::error::ServiceError;
use crate::planning::as_recorded::untrue_since_finished;
use crate::planning::sidecar_seen;
use root_objects::sidecar_dir;

impl Execution<'_> {
    pub(super) async fn look(
        &self,
        state: &JournalState,
        look: Look,
        mut seen: Seen,
        approved: Option<&ApprovedPlan>,
    ) -> Result<Seen, ServiceError> {
        match (look, state.attempt()) {
            (Look::SinceApproval, _) => {
                let approved = approved.ok_or_else(|| self.internal())?;
                let moved = looks::moved_since_approval(self.root, approved, state)
                    .boxed()
                    .await?;
                seen.since_approval = Some(moved);
            }
            (Look::Catalog, Some(attempt)) => {
                seen.catalog = Some(
                    effects::look_at_catalog(self.root, &attempt.plan)
                        .boxed()
                        .await?,
                );
            }
            (Look::Landed { step, version }, Some(attempt)) => {
                seen.landed = Some(
                    effects::landed(self.root, attempt, step, version)
                        .boxed()
                        .await?,
                );
            }
            (Look::SinceEffects, Some(attempt)) => {
                seen.since_effects = Some(
                    looks::moved_since_effects(self.root, attempt)
                        .boxed()
                        .await?,
                );
            }
            (Look::SinceFinished, _) => {
                let finished = state.finished().ok_or_else(|| self.internal())?;
                let is_over = seen.is_over(&finished.plan);
                let mut untrue = untrue_since_finished(self.root, finished, is_over)
                    .boxed()
                    .await?;
                untrue.extend(self.back_after_it_was_set_aside(state, &mut seen).await?);
                // That took a while, and the file is deleted next.
                if seen.sidecar == Some(SidecarSeen::AsPlanned) {
                    seen.sidecar = Some(self.look_at_sidecar(state).await?);
                }
                seen.since_finished = Some(untrue);
            }
            // The pure step asks for both looks, one right after the other.
            (Look::Sidecar | Look::Closed, _) => {
                let closed = async {
                    self.journal
                        .is_closed(self.root.objects())
                        .await
                        .map_err(ServiceError::from)
                };
                let (sidecar, closed) = futures::try_join!(self.look_at_sidecar(state), closed)?;
                seen.sidecar = Some(sidecar);
                seen.closed = Some(closed);
            }
            (Look::Catalog | Look::Landed { .. } | Look::SinceEffects, None) => {
                return Err(self.internal());
            }
        }
        Ok(seen)
    }

    async fn look_at_sidecar(&self, state: &JournalState) -> Result<SidecarSeen, ServiceError> {
        let plan = match state.finished() {
            Some(finished) => &finished.plan,
            None => return Err(self.internal()),
        };
        let seen = sidecar_seen(self.root, plan, Some(state)).await?;
        if seen == SidecarSeen::Gone
            && let Some(file) = plan.sidecar_file()
        {
            sidecar_dir::make_deletion_durable(self.root.objects(), file).await?;
        }
        Ok(seen)
    }

    /// The file that a dismissal deleted, if it is there again ([`SidecarSeen::back_after_dismissal`]). Until the dismissal is closed,
    /// the file may be the very one to delete.
    async fn back_after_it_was_set_aside(
        &self,
        state: &JournalState,
        seen: &mut Seen,
    ) -> Result<Option<Difference>, ServiceError> {
        let Some(plan) = state
            .finished()
            .map(|finished| &finished.plan)
            .filter(|plan| matches!(plan.purpose, Purpose::Dismiss { .. }))
        else {
            return Ok(None);
        };
        let back = |seen: &Seen| seen.sidecar?.back_after_dismissal(plan);
        if back(seen).is_none() || seen.closed != Some(true) {
            return Ok(None);
        }
        // Another executor may have deleted the file and closed the operation meanwhile. A file found now came later.
        seen.sidecar = Some(self.look_at_sidecar(state).await?);
        Ok(back(seen))
    }
}
