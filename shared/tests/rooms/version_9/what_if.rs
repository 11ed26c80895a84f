//! What the page says a lone sidecar of version 9 would come to, case by case.

use std::collections::BTreeMap;

use sidecar::Limits;
use sidecar::version_9::{Case9, EffectPhase, parse, what_if_9};
use sidecar::{Disposition, WriterKind};

use super::fixture::readable;

/// Every sidecar that the engine left behind: in each case the verdict is the one that its rules have for that case, and none is a
/// contradiction that the made-up facts brought in.
#[test]
fn every_case_of_every_sidecar_is_judged_as_the_rules_say() {
    use Disposition::{Abort, AlreadyPublished, NeverStarted, RollBack, RollForward, StaleArmed};
    let mut met = BTreeMap::new();
    for fixture in readable() {
        let Ok(sidecar) = parse(&fixture.file, &fixture.bytes, &Limits::DEFAULT) else {
            continue;
        };
        let Some(payload) = sidecar.payload() else {
            assert!(what_if_9(&sidecar).is_empty(), "{}", fixture.name());
            continue;
        };
        let is_prepared = payload.rollback_audit_outcomes.is_some();
        let is_armed = payload.effect_phase == EffectPhase::Armed;
        for row in what_if_9(&sidecar) {
            // Where a merge is confirmed, its tables stand where it says or nobody can tell what came between.
            let is_lost_merge = sidecar.writer_kind == WriterKind::BranchMerge && !is_armed;
            let expected: &[Disposition] = match row.case {
                Case9::NoTable | Case9::OneTable if is_lost_merge => &[Abort],
                Case9::NoTable => &[NeverStarted, RollBack],
                Case9::OneTable | Case9::Returned => &[RollBack],
                Case9::EveryTable if is_armed || is_prepared => &[RollBack, NeverStarted],
                // A prepared undo of a write that is whole is not gone on with: PROTOCOL.md, section 18.4.
                Case9::EveryTable => &[RollForward],
                Case9::GraphMovedOn => &[RollBack, NeverStarted],
                Case9::SomebodyOnTop => &[Abort],
                Case9::Published if is_armed => &[StaleArmed, AlreadyPublished],
                Case9::Published => &[AlreadyPublished],
            };
            assert!(
                expected.contains(&row.disposition),
                "{}: {:?} is {:?}",
                fixture.name(),
                row.case,
                row.disposition
            );
            *met.entry(row.disposition.name()).or_insert(0) += 1;
        }
    }
    for name in [
        "never_started",
        "roll_back",
        "roll_forward",
        "abort",
        "already_published",
        "stale_armed",
    ] {
        assert!(
            met.get(name).is_some_and(|count| *count > 5),
            "{name}: {met:?}"
        );
    }
}
