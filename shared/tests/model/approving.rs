//! Which plan somebody may approve, and what an `apply` of one does: asked of the real rules.

use std::cell::RefCell;
use std::collections::HashMap;

use sidecar::approvable::{PlanNow, Resumed, authorized, refusal, resumed};
use sidecar::{Digest, Requirement};

use crate::flaw::Flaw;
use crate::journal::{Entry, Journal};
use crate::store::{Made, Planned, Store};
use crate::subject::root;

/// What an `apply` of a plan does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It claims the plan: nobody carries one out.
    Begins(Planned),
    /// It claims what another has begun.
    TakesOver(Planned),
    /// It sees a finished operation to its end.
    Ends,
}

thread_local! {
    /// Whether a plan may be begun, by what is asked.
    static MAY_BEGIN: RefCell<HashMap<(Digest, Planned, bool, Journal), bool>> = RefCell::default();
    static AUTHORIZED: RefCell<HashMap<(Digest, Journal), bool>> = RefCell::default();
}

/// The plan that somebody could approve right now.
pub(crate) fn can_approve(store: &Store, flaw: Flaw) -> Option<Planned> {
    let planned = pending(store, flaw)?;
    (!is_authorized(store, planned.digest())).then_some(planned)
}

/// The plan for what is there now, if no plan was begun, and the rule refuses this one to nobody.
pub(crate) fn pending(store: &Store, flaw: Flaw) -> Option<Planned> {
    let state = &store.journal.state;
    if state.attempt().is_some() || state.finished().is_some() {
        return None;
    }
    let now = store.plan(flaw)?;
    let is_open = may_begin(store, now.planned.digest(), now);
    (is_open && !is_known_to_fail(store, now.planned)).then_some(now.planned)
}

/// Nothing of version 9 is done without its file, and no console writes that anew: a person has to bring it back. Until then every
/// attempt ends where the one before did, with one more version of the catalog, so two of them are enough here.
fn is_known_to_fail(store: &Store, planned: Planned) -> bool {
    store.stopped_over_its_file == 2 && !store.has_the_file_of(planned)
}

/// Whether the plan `wanted` may be approved or begun, where the plan that is made now is `now`.
fn may_begin(store: &Store, wanted: Digest, now: Made) -> bool {
    let Made { planned, blockers } = now;
    let asked = (wanted, planned, blockers.is_empty(), store.journal.clone());
    MAY_BEGIN.with_borrow_mut(|answers| {
        *answers.entry(asked).or_insert_with(|| {
            let now = PlanNow {
                plan: planned.plan(),
                digest: planned.digest(),
                blockers,
                is_evidence_missing: false,
                is_file_unread: false,
            };
            let operation = store.subject.operation();
            let refused = refusal(&operation, wanted, &now, &store.journal.state);
            refused.unwrap().is_none()
        })
    })
}

/// Whether the journal holds what authorizes the plan.
fn is_authorized(store: &Store, plan: Digest) -> bool {
    AUTHORIZED.with_borrow_mut(|answers| {
        *answers
            .entry((plan, store.journal.clone()))
            .or_insert_with(|| authorized(&store.journal.state, plan).is_ok())
    })
}

/// Somebody looks at the plan, and consents.
pub(crate) fn approve(store: &mut Store, planned: Planned) {
    store.is_unasked |= store.takes_along(planned.plan())
        && !planned
            .plan()
            .requires
            .contains(&Requirement::UnexpectedCommits);
    store.consents.insert(planned);
    store.journal = store.journal.with(Entry::Approved(planned));
}

/// Whether an `apply` would begin, take over, or see a finished operation to its end.
pub(crate) fn can_apply(store: &Store, flaw: Flaw, at_once: bool) -> bool {
    match applied(store, flaw) {
        Some(Applied::Ends) => !store.closed || store.has_its_file() || store.is_a_backup,
        Some(Applied::TakesOver(_) | Applied::Begins(_)) => true,
        None => at_once && pending(store, flaw).is_some(),
    }
}

/// The effect of `apply` on the begun plan, or else on the approved plan that is not refused.
pub(crate) fn applied(store: &Store, flaw: Flaw) -> Option<Applied> {
    let state = &store.journal.state;
    let begun = state.attempt().map(|attempt| attempt.bytes.digest());
    let begun = begun.or_else(|| state.finished().map(|finished| finished.digest));
    if let Some(wanted) = begun {
        return applied_to(store, wanted, flaw);
    }
    let mut approvals = state.approvals().iter();
    approvals.find_map(|(approval, _)| applied_to(store, approval.plan_digest, flaw))
}

/// What an `apply` of the plan `wanted` does; nothing where the rules refuse it.
fn applied_to(store: &Store, wanted: Digest, flaw: Flaw) -> Option<Applied> {
    let state = &store.journal.state;
    match resumed(&store.subject.operation(), wanted, state, &root()) {
        Resumed::Finished(_) => Some(Applied::Ends),
        Resumed::UnderWay(_) if is_authorized(store, wanted) => {
            store.journal.attempted().map(Applied::TakesOver)
        }
        Resumed::Nothing if flaw == Flaw::AsksOnceOnly => {
            let planned =
                Planned::approved(&store.journal.state, wanted, store.standing(flaw).own?);
            planned.map(Applied::Begins)
        }
        Resumed::Nothing => {
            let now = store.plan(flaw)?;
            let is_now = may_begin(store, wanted, now)
                && is_authorized(store, wanted)
                && !is_known_to_fail(store, now.planned);
            let is_approved = flaw == Flaw::ApprovesTheOperation && pending(store, flaw).is_some();
            (is_now || is_approved).then_some(Applied::Begins(now.planned))
        }
        Resumed::UnderWay(_) | Resumed::Elsewhere(_) | Resumed::Refused(_) => None,
    }
}
