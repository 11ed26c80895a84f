//! Why a plan may not be approved or executed now, and what is gone on with or ended.

use sidecar::api::{PlanReport, Progress, RefusalReport, Since};
use sidecar::approvable::{
    MissingRead, PlanNow, Resumed, already_begun, attempt_to_end, authorized, cannot_end,
    carried_out_now, choice_not_offered, refusal, replaced, resumed, stands_for,
    statements_missing, store_not_safe, unread_file,
};
use sidecar::{
    Approval, Choice, Code, Disposition, Limits, OutcomeKind, Reason, Requirement, RootId,
    SidecarFate, SidecarFile, Timestamp,
};

use crate::journal::{Journal, approved, claimed, finished, finished_steps, started};
use crate::support::{OLDER, Scene, all_committed, approval, half_way};

fn claimed_journal(scene: &Scene) -> Journal {
    Journal::of(scene)
        .then(approved(scene))
        .then(claimed(scene, 1))
}

fn finished_journal(scene: &Scene) -> Journal {
    let groups: [&[usize]; 4] = [&[0, 1], &[2], &[3], &[4]];
    let begun = groups
        .iter()
        .fold(claimed_journal(scene), |journal, steps| {
            journal
                .then(started(1, steps))
                .then(finished_steps(1, steps))
        });
    begun.then(finished(scene, 1))
}

/// The first word of a refusal's outcome, and the codes of its reasons.
fn told(refusal: &RefusalReport) -> String {
    let codes: Vec<&str> = refusal
        .reasons
        .iter()
        .map(|reason| reason.code.name())
        .collect();
    format!("{} {}", refusal.outcome.name(), codes.join(","))
}

#[test]
fn a_plan_that_changed_or_is_blocked_is_refused_unless_a_failed_read_may_be_the_cause() {
    let (scene, other) = (half_way(), all_committed());
    let journal = Journal::of(&other).then(approved(&other));
    let young = [Reason::new(Code::TooYoung, "it is too young")];
    let (same, another) = (scene.bytes.digest(), other.bytes.digest());
    let evidence = Err(MissingRead::Evidence);
    let file = Err(MissingRead::File);
    // What is wanted, the blockers, whether evidence is missing, whether a file is unread.
    for (wanted, blockers, is_evidence_missing, is_file_unread, expected) in [
        (same, &[][..], false, false, Ok("")),
        (same, &[], true, true, Ok("")),
        (same, &young, false, false, Ok("refused too_young")),
        (same, &young, false, true, Ok("refused too_young")),
        (same, &young, true, false, evidence),
        (another, &[], false, false, Ok("conflict ")),
        (another, &young, false, false, Ok("conflict too_young")),
        (another, &[], false, true, file),
        (another, &[], true, true, evidence),
    ] {
        let now = PlanNow {
            plan: &scene.plan,
            digest: same,
            blockers,
            is_evidence_missing,
            is_file_unread,
        };
        let found = refusal(&scene.plan.operation_id, wanted, &now, &journal.state);
        let text = found.clone();
        let text = text.map(|refusal| refusal.as_ref().map_or_else(String::new, told));
        assert_eq!(text, expected.map(str::to_owned), "{blockers:?}");
        if let Ok(Some(refusal)) = &found
            && refusal.outcome == OutcomeKind::Conflict
        {
            assert!(
                !refusal.differences.is_empty(),
                "the approved plan is known"
            );
            let approvable = refusal.detail.contains("approve it if it is right");
            assert_eq!(approvable, blockers.is_empty(), "{}", refusal.detail);
            for blocker in blockers {
                assert!(
                    refusal.detail.contains(&blocker.detail),
                    "{}",
                    refusal.detail
                );
            }
        }
    }
}

#[test]
fn only_of_an_approved_plan_is_it_said_that_the_store_has_changed_since() {
    let (scene, other) = (half_way(), all_committed());
    let now = PlanNow {
        plan: &scene.plan,
        digest: scene.bytes.digest(),
        blockers: &[],
        is_evidence_missing: false,
        is_file_unread: false,
    };
    let approved = Journal::of(&other).then(approved(&other));
    let empty = Journal::of(&other);
    for (journal, said, not_said) in [
        (
            &approved,
            "the store is not as it was when plan",
            "something else",
        ),
        (
            &empty,
            "or the digest is of something else",
            "is not as it was",
        ),
    ] {
        let wanted = other.bytes.digest();
        let refused = refusal(&scene.plan.operation_id, wanted, &now, &journal.state);
        let detail = refused.unwrap().unwrap().detail;
        assert!(
            detail.contains(said) && !detail.contains(not_said),
            "{detail}"
        );
        assert!(detail.contains(&wanted.to_string()), "{detail}");
    }
}

#[test]
fn an_approval_of_the_original_is_refused_at_a_copy_as_what_it_is() {
    let (scene, copy) = (half_way(), RootId::new("/srv/copy"));
    let journal = Journal::of(&scene).then(approved(&scene));
    let here = sidecar::Plan {
        root: copy.clone(),
        ..scene.plan.clone()
    };
    let now = PlanNow {
        plan: &here,
        digest: sidecar::PlanBytes::of(&here).unwrap().digest(),
        blockers: &[],
        is_evidence_missing: false,
        is_file_unread: false,
    };
    let wanted = scene.bytes.digest();
    let refusal = refusal(&scene.plan.operation_id, wanted, &now, &journal.state);
    let refusal = refusal.unwrap().unwrap();
    assert_eq!(refusal.outcome, OutcomeKind::Conflict);
    assert_eq!(refusal.differences[0].field.name(), "root");
    let there = format!("was approved for {}", scene.plan.root);
    assert!(
        refusal.detail.contains(&there) && refusal.detail.contains("this root is /srv/copy"),
        "{}",
        refusal.detail
    );
}

#[test]
fn an_approval_has_to_state_what_the_plan_requires() {
    let scene = half_way();
    assert_eq!(scene.plan.requires, [Requirement::WritersStopped]);
    let states = approval(&scene);
    assert_eq!(statements_missing(&states, &scene.plan), None);
    let silent = Approval {
        writers_stopped: false,
        ..states
    };
    let refusal = statements_missing(&silent, &scene.plan).unwrap();
    assert!(refusal.detail.contains("writers_stopped"), "{refusal:?}");
    assert_eq!(silent.missing_of(&[]), []);
    let blank = Approval {
        reason: Some(" ".to_owned()),
        ..silent
    };
    let reason = [Requirement::Reason];
    assert_eq!(blank.missing_of(&reason), reason, "a blank reason is none");
}

#[test]
fn only_a_plan_whose_approvals_are_in_the_journal_is_authorized() {
    let (scene, other) = (half_way(), all_committed());
    let journal = Journal::of(&scene).then(approved(&scene));
    let digest = scene.bytes.digest();
    assert_eq!(authorized(&journal.state, digest).unwrap().digest(), digest);
    let error = authorized(&journal.state, other.bytes.digest()).unwrap_err();
    assert!(error.to_string().starts_with("nobody has approved plan"));
    let silent = Approval {
        writers_stopped: false,
        ..approval(&scene)
    };
    let entry = sidecar::journal::JournalEntry::Approved {
        approval: silent,
        plan: scene.bytes.text().to_owned(),
    };
    let journal = Journal::of(&scene).then(entry);
    let error = authorized(&journal.state, digest).unwrap_err();
    assert!(error.to_string().contains("writers_stopped"), "{error}");
}

#[test]
fn what_was_begun_is_gone_on_with_only_by_its_own_plan_at_its_own_root() {
    let (scene, other) = (half_way(), all_committed());
    let operation = &scene.plan.operation_id;
    let (digest, another) = (scene.bytes.digest(), other.bytes.digest());
    let here = &scene.plan.root;
    let copy = &RootId::new("file:///copy");
    let none = Journal::of(&scene);
    let under_way = claimed_journal(&scene);
    let done = finished_journal(&scene);
    for (journal, wanted, root, expected) in [
        (&none, digest, here, "nothing"),
        (&under_way, digest, here, "under way"),
        (&under_way, digest, copy, "elsewhere"),
        (&under_way, another, here, "refused"),
        (&under_way, another, copy, "refused"),
        (&done, digest, here, "finished"),
        (&done, digest, copy, "finished"),
        (&done, another, here, "refused"),
    ] {
        let found = match resumed(operation, wanted, &journal.state, root) {
            Resumed::Finished(_) => "finished",
            Resumed::UnderWay(_) => "under way",
            Resumed::Elsewhere(_) => "elsewhere",
            Resumed::Refused(_) => "refused",
            Resumed::Nothing => "nothing",
        };
        assert_eq!(found, expected, "{root}");
    }
    let later = OLDER.parse().unwrap();
    let record = done.state.finished().unwrap();
    let refusal = replaced(operation, record, &later);
    assert!(refusal.detail.contains(OLDER), "{refusal:?}");
}

#[test]
fn an_attempt_can_be_ended_until_its_operation_is_closed() {
    let (scene, other) = (half_way(), all_committed());
    let (operation, here) = (&scene.plan.operation_id, &scene.plan.root);
    let (digest, another) = (scene.bytes.digest(), other.bytes.digest());
    let (none, under_way, done) = (
        Journal::of(&scene),
        claimed_journal(&scene),
        finished_journal(&scene),
    );
    for (journal, wanted, is_closed, expected) in [
        (&none, digest, false, "refused "),
        (&under_way, digest, false, "ended"),
        (&under_way, another, false, "conflict "),
        (&done, digest, false, "ended"),
        (&done, another, false, "conflict "),
        (&done, digest, true, "refused "),
    ] {
        let found = match attempt_to_end(operation, wanted, &journal.state, is_closed) {
            Ok(Some(_)) => "ended".to_owned(),
            Ok(None) => "lost".to_owned(),
            Err(refusal) => told(&refusal),
        };
        assert_eq!(found, expected);
    }
    for (writers_stopped, reason, is_refused) in [
        (true, "it hangs", false),
        (false, "it hangs", true),
        (true, " ", true),
    ] {
        let refusal = cannot_end(operation, writers_stopped, reason);
        assert_eq!(refusal.is_some(), is_refused, "{reason}");
    }
    for (journal, expected) in [
        (&none, "conflict execution_under_way"),
        (&under_way, "refused execution_under_way"),
        (&done, "refused execution_under_way"),
    ] {
        let refusal = already_begun(operation, &journal.state, here);
        assert_eq!(told(&refusal), expected);
        assert!(!refusal.detail.contains("/copy"), "{}", refusal.detail);
    }
    // Nobody is told to resume at a copy what was begun at the original.
    let refusal = already_begun(operation, &under_way.state, &RootId::new("file:///copy"));
    assert_eq!(told(&refusal), "refused execution_under_way");
    assert!(
        refusal.detail.contains(here.as_str())
            && refusal.detail.contains("file:///copy")
            && refusal.detail.contains("end the attempt here"),
        "{}",
        refusal.detail
    );
}

#[test]
fn a_choice_is_shown_where_it_is_offered_or_something_was_begun() {
    let now = Timestamp::from_micros(1_795_340_000_000_000);
    let journal = claimed_journal(&half_way());
    let since = Since::of_file(SidecarFate::Kept);
    let here = &half_way().plan.root;
    let shown = PlanReport::begun(&journal.state, since, here, &Limits::DEFAULT, now);
    let shown = shown.unwrap().unwrap();
    use Disposition::{RollBack, RollForward};
    for (disposition, progress, choice, is_offered) in [
        (RollForward, Progress::Open, Choice::Verdict, true),
        (RollForward, Progress::Open, Choice::RollBack, false),
        (RollForward, Progress::Approved, Choice::RollBack, false),
        (RollForward, Progress::UnderWay, Choice::RollBack, true),
        (RollForward, Progress::Finished, Choice::RollBack, true),
        (RollBack, Progress::Open, Choice::RollBack, true),
    ] {
        let report = PlanReport {
            disposition,
            progress,
            ..shown.clone()
        };
        let refusal = choice_not_offered(&report, choice);
        assert_eq!(
            refusal.is_none(),
            is_offered,
            "{disposition:?} {progress:?}"
        );
    }
}

#[test]
fn another_choice_is_meant_by_its_digest_or_by_an_approved_plan_of_that_choice() {
    let (scene, other) = (half_way(), all_committed());
    let none = Journal::of(&scene);
    let approved = Journal::of(&scene).then(approved(&scene));
    let (wanted, digest) = (scene.bytes.digest(), other.bytes.digest());
    for (wanted, digest, choice, journal, expected) in [
        (digest, digest, Choice::RollBack, &none, true),
        (wanted, digest, Choice::Verdict, &none, false),
        (wanted, digest, Choice::Verdict, &approved, true),
        (wanted, digest, Choice::RollBack, &approved, false),
    ] {
        assert_eq!(stands_for(wanted, digest, choice, &journal.state), expected);
    }
}

#[test]
fn an_unread_file_is_told_only_where_an_approved_plan_names_it() {
    let scene = half_way();
    let own = scene.plan.file.as_str();
    let unread = |name| SidecarFile::unread(name, Reason::unreadable("timed out"));
    let damaged = SidecarFile::read(own, b"no sidecar".to_vec(), &Limits::DEFAULT);
    let none = Journal::of(&scene);
    let approved = Journal::of(&scene).then(approved(&scene));
    for (journal, file, expected) in [
        (&approved, unread(own), Some("timed out")),
        (&approved, unread("another.json"), None),
        (&approved, damaged, None),
        (&none, unread(own), None),
    ] {
        let files = [file];
        let found = unread_file(&journal.state, files.iter());
        assert_eq!(found.map(|(_, reason)| reason.detail.as_str()), expected);
    }
}

#[test]
fn an_attempt_whose_executor_writes_right_now_is_not_ended() {
    let operation = half_way().plan.operation_id;
    let refused = carried_out_now(&operation);
    assert_eq!(refused.operation_id, operation.as_str());
    assert_eq!(told(&refused), "conflict execution_under_way");
    assert_eq!(refused.reasons[0].detail, refused.detail, "one sentence");
    assert!(refused.detail.contains("wait for its outcome"));
    assert_eq!(refused.differences, [], "no plan is compared");
}

#[test]
fn on_a_store_that_overwrites_nothing_is_recorded() {
    let operation = half_way().plan.operation_id;
    let refused = store_not_safe(&operation);
    assert_eq!(refused.operation_id, operation.as_str());
    assert_eq!(told(&refused), "refused store_not_safe");
    assert!(refused.detail.contains("nothing is recorded or executed"));
}
