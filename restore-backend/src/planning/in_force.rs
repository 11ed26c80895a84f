//! Which operation undoes or releases a recovery now. Those before it are spent.

use futures::FutureExt;
use sidecar::follow_up::{FollowUpKind, SetTag, has_undone, tags_of, tags_of_plan};
use sidecar::journal::JournalState;
use sidecar::{OperationId, Plan, Step};

use super::as_recorded::untrue_since_finished;
use super::tags::tags_there;
use crate::error::ServiceError;
use crate::root::Root;
use root_objects::journal_store::Journal;

/// The operation that undoes or releases a recovery now.
pub(crate) struct InForce {
    pub(crate) operation: OperationId,
    pub(crate) journal: Journal,
    /// Plans that rolled back an earlier, interrupted undo: the tables stand where these plans left them.
    pub(crate) rolled_back: Vec<Plan>,
}

/// The last undo or release of `of` that has a journal, or the next one if that is spent.
///
/// An operation is spent once it is finished without lasting effect: an interrupted undo was rolled back, a restored backup
/// removed its effects, or the tags it dropped are there again.
pub(crate) async fn in_force(
    root: &Root,
    kind: FollowUpKind,
    of: &OperationId,
    recovery: &JournalState,
) -> Result<InForce, ServiceError> {
    let mut rolled_back = Vec::new();
    let mut is_spent = true;
    let mut last: Option<(OperationId, Journal)> = None;
    for operation in kind.ids(of) {
        let journal = Journal::load(root.objects(), &operation, &root.limits()).await?;
        if journal.records() == 0 {
            // Once every possible id is used up, the last one stays in force.
            if is_spent {
                last = Some((operation, journal));
            }
            break;
        }
        is_spent = match (kind, journal.state.finished()) {
            (_, None) => false,
            (FollowUpKind::Undo, Some(finished)) => {
                let untrue = untrue_since_finished(root, finished, true).boxed().await?;
                let is_undone = has_undone(&finished.plan);
                if untrue.is_empty() && !is_undone {
                    rolled_back.push(finished.plan.clone());
                }
                !untrue.is_empty() || !is_undone
            }
            (FollowUpKind::Release, Some(_)) => {
                !tags_there(root, tags_of(recovery)).await?.is_empty()
            }
        };
        last = Some((operation, journal));
    }
    let (operation, journal) = last.ok_or_else(|| ServiceError::UnknownOperation {
        root: root.shown(),
        operation: of.to_string(),
    })?;
    Ok(InForce {
        operation,
        journal,
        rolled_back,
    })
}

/// The later undo or release that replaces this one, if one was begun. The outcome of the earlier one no longer matters: the
/// tables are where the later one left them.
pub(crate) async fn replaced_by(
    root: &Root,
    state: &JournalState,
) -> Result<Option<OperationId>, ServiceError> {
    let Some((kind, of)) = FollowUpKind::of_journal(state) else {
        return Ok(None);
    };
    let mut later = kind.ids(of).skip_while(|id| id != state.operation_id());
    let Some(next) = later.nth(1) else {
        return Ok(None);
    };
    let journal = Journal::load(root.objects(), &next, &root.limits()).await?;
    Ok((journal.records() > 0).then_some(next))
}

/// The state of the last undo or release of `of` that has a journal. No other can be under way.
pub(crate) async fn last_begun(
    root: &Root,
    kind: FollowUpKind,
    of: &OperationId,
) -> Result<JournalState, ServiceError> {
    let mut last = JournalState::new(of.clone());
    for operation in kind.ids(of) {
        let journal = Journal::load(root.objects(), &operation, &root.limits()).await?;
        if journal.records() == 0 {
            break;
        }
        last = journal.state;
    }
    Ok(last)
}

/// The operation that plans a finished undo or release anew, if that one is spent.
pub(crate) async fn planned_anew_as(
    root: &Root,
    journal: &Journal,
) -> Result<Option<OperationId>, ServiceError> {
    let Some((kind, of)) = FollowUpKind::of_journal(&journal.state) else {
        return Ok(None);
    };
    let recovery = Journal::load(root.objects(), of, &root.limits()).await?;
    if recovery.state.finished().is_none() {
        return Ok(None);
    }
    let InForce { operation, .. } = in_force(root, kind, of, &recovery.state).await?;
    Ok((operation != *journal.state.operation_id()).then_some(operation))
}

/// Whether tags that a finished recovery set are dropped now, or are being dropped. An earlier release alone does not count: the
/// recovery may have been carried out anew since, and have set them again.
pub(crate) async fn is_released(
    root: &Root,
    of: &OperationId,
    plan: &Plan,
) -> Result<bool, ServiceError> {
    let mut has_begun = false;
    for operation in FollowUpKind::Release.ids(of) {
        let journal = Journal::load(root.objects(), &operation, &root.limits()).await?;
        let release = &journal.state;
        if journal.records() == 0 {
            break;
        }
        if release.attempt().is_some() {
            return Ok(true);
        }
        let mut interrupted = release.interrupted().iter();
        has_begun |=
            release.finished().is_some() || interrupted.any(|it| it.has_begun(Step::drops_a_tag));
    }
    if !has_begun {
        return Ok(false);
    }
    let tags: Vec<SetTag> = tags_of_plan(plan).collect();
    let wanted = tags.len();
    Ok(tags_there(root, tags).await?.len() < wanted)
}
