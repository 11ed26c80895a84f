//! Consent to exactly one plan, and nothing else.

use std::collections::BTreeSet;

use sidecar::{Approval, AuthorizationError, Digest, PlanBytes, Requirement, Tag, authorize};

use crate::plan::one_of_each;
use crate::support::{OLDER, all_committed, approval, half_way, tangled};

#[test]
fn an_approval_of_the_exact_plan_authorizes_it() {
    let scene = half_way();
    let approved = authorize(scene.bytes.clone(), &[approval(&scene)]).unwrap();
    assert_eq!(
        (approved.plan(), approved.bytes(), approved.digest()),
        (&scene.plan, &scene.bytes, scene.bytes.digest())
    );
    assert_eq!(approved.approvals(), [approval(&scene)]);
}

#[test]
fn an_approval_of_another_plan_or_operation_authorizes_nothing() {
    let scene = half_way();
    let other_plan = Approval {
        plan_digest: all_committed().bytes.digest(),
        ..approval(&scene)
    };
    let other_operation = Approval {
        operation_id: OLDER.parse().unwrap(),
        ..approval(&scene)
    };
    for approvals in [vec![], vec![other_plan], vec![other_operation]] {
        assert!(matches!(
            authorize(scene.bytes.clone(), &approvals),
            Err(AuthorizationError::NotApproved { .. })
        ));
    }
}

#[test]
fn one_flipped_bit_in_the_plan_fails() {
    let scene = half_way();
    let digest = scene.bytes.digest();
    let mut flipped = 0;
    for index in 0..scene.bytes.text().len() {
        for bit in 0..8 {
            let mut bytes = scene.bytes.text().as_bytes().to_vec();
            bytes[index] ^= 1 << bit;
            // A flipped high bit is not text any more, and never gets this far.
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            assert!(PlanBytes::verify(text.clone(), digest).is_err());
            flipped += 1;
            // Hashed anew, it is another plan, which nobody approved. One bit of each byte shows that.
            if bit == index % 7 {
                let other = PlanBytes::verify(text.clone(), Digest::of(Tag::Plan, text.as_bytes()))
                    .unwrap();
                assert!(
                    authorize(other, &[approval(&scene)]).is_err(),
                    "byte {index} bit {bit}"
                );
            }
        }
    }
    assert!(flipped > 7 * 1_000, "{flipped}");
}

#[test]
fn one_flipped_bit_in_the_approved_digest_fails() {
    let scene = half_way();
    let text = scene.bytes.digest().to_string();
    for index in "sha256:".len()..text.len() {
        for bit in 0..4 {
            let digit = char::from(text.as_bytes()[index]).to_digit(16).unwrap() ^ (1 << bit);
            let mut other = text.clone();
            other.replace_range(index..=index, &format!("{digit:x}"));
            let approval = Approval {
                plan_digest: other.parse().unwrap(),
                ..approval(&scene)
            };
            assert!(matches!(
                authorize(scene.bytes.clone(), &[approval]),
                Err(AuthorizationError::NotApproved { .. })
            ));
        }
    }
}

#[test]
fn every_statement_that_is_missing_is_named() {
    use Requirement::{TargetDiffersFromExpected, WritersStopped};
    let scene = tangled();
    assert_eq!(
        scene.plan.requires,
        [WritersStopped, TargetDiffersFromExpected]
    );
    let stated = |writers_stopped, acknowledged: &[Requirement]| Approval {
        writers_stopped,
        acknowledged: acknowledged.iter().copied().collect(),
        ..approval(&scene)
    };
    for (approval, missing) in [
        (
            stated(false, &[]),
            vec![WritersStopped, TargetDiffersFromExpected],
        ),
        (stated(true, &[]), vec![TargetDiffersFromExpected]),
        (
            stated(false, &[TargetDiffersFromExpected]),
            vec![WritersStopped],
        ),
        (
            stated(false, &[WritersStopped, TargetDiffersFromExpected]),
            vec![WritersStopped],
        ),
    ] {
        let error = authorize(scene.bytes.clone(), std::slice::from_ref(&approval)).unwrap_err();
        assert_eq!(
            error,
            AuthorizationError::StatementMissing {
                digest: scene.bytes.digest(),
                missing: missing.clone()
            }
        );
        assert!(
            missing
                .iter()
                .all(|requirement| error.to_string().contains(requirement.name())),
            "{error}"
        );
        assert_eq!(approval.missing(&scene.plan), missing);
    }
    assert!(
        authorize(
            scene.bytes.clone(),
            &[stated(true, &[TargetDiffersFromExpected])]
        )
        .is_ok()
    );
}

#[test]
fn two_halves_of_a_statement_are_not_one() {
    let scene = tangled();
    let stopped = Approval {
        acknowledged: BTreeSet::new(),
        ..approval(&scene)
    };
    let acknowledged = Approval {
        writers_stopped: false,
        ..approval(&scene)
    };
    assert!(
        matches!(authorize(scene.bytes.clone(), &[stopped.clone(), acknowledged.clone()]), Err(AuthorizationError::StatementMissing { missing, .. }) if missing.len() == 1)
    );
    let approved = authorize(
        scene.bytes.clone(),
        &[stopped, approval(&scene), acknowledged],
    )
    .unwrap();
    assert_eq!(
        approved.approvals(),
        [approval(&scene)],
        "only the whole statement counts"
    );
}

#[test]
fn a_reason_of_blanks_is_no_reason() {
    let mut plan = half_way().plan;
    plan.requires = vec![Requirement::Reason];
    let missing = |reason: Option<&str>| {
        Approval {
            reason: reason.map(str::to_owned),
            ..approval(&half_way())
        }
        .missing(&plan)
    };
    for reason in [None, Some(""), Some(" \n")] {
        assert_eq!(missing(reason), [Requirement::Reason]);
    }
    assert_eq!(missing(Some("the writer was killed")), []);
}

#[test]
fn a_plan_without_steps_cannot_be_approved() {
    for scene in one_of_each() {
        let authorized = authorize(scene.bytes.clone(), &[approval(&scene)]);
        if scene.plan.steps.is_empty() {
            assert_eq!(
                authorized,
                Err(AuthorizationError::NoEffect {
                    disposition: scene.plan.disposition
                })
            );
        } else {
            assert!(authorized.is_ok());
        }
    }
}

#[test]
fn a_second_approval_by_the_same_person_counts_only_if_it_adds_something() {
    let first = Approval {
        reason: Some("the host ran out of memory".to_owned()),
        acknowledged: BTreeSet::from([Requirement::UnexpectedCommits]),
        ..approval(&half_way())
    };
    assert!(first.writers_stopped, "or less could be stated again");
    let adds_nothing = [
        first.clone(),
        Approval {
            reason: None,
            ..first.clone()
        },
        Approval {
            writers_stopped: false,
            acknowledged: BTreeSet::new(),
            ..first.clone()
        },
    ];
    for again in adds_nothing {
        assert!(first.covers(&again), "{again:?}");
    }
    let adds_something = [
        Approval {
            approved_by: "somebody else".to_owned(),
            ..first.clone()
        },
        Approval {
            plan_digest: all_committed().bytes.digest(),
            ..first.clone()
        },
        Approval {
            operation_id: OLDER.parse().unwrap(),
            ..first.clone()
        },
        Approval {
            reason: Some("another reason".to_owned()),
            ..first.clone()
        },
        Approval {
            acknowledged: BTreeSet::from([
                Requirement::UnexpectedCommits,
                Requirement::DropsDatasets,
            ]),
            ..first.clone()
        },
    ];
    for other in adds_something {
        assert!(!first.covers(&other), "{other:?}");
    }
    let without = Approval {
        writers_stopped: false,
        ..first.clone()
    };
    assert!(!without.covers(&first));
}
