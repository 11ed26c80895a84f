//! When a file stands for no operation, and with which reasons it is set aside.

use sidecar::follow_up::{StuckFile, dismissed_because};
use sidecar::journal::JournalState;
use sidecar::{
    Code, Difference, Disposition, Limits, ListedSidecar, Plan, Reason, Requirement, SidecarFile,
    assemble,
};

use crate::journal::{Journal, approved, claimed, finished, finished_steps, started};
use crate::support::{Scene, bytes, half_way};

fn listed(scene: &Scene, bytes: Vec<u8>) -> ListedSidecar {
    let name = scene.plan.operation_id.file_name();
    let file = SidecarFile::read(&name, bytes, &Limits::DEFAULT);
    assemble(vec![file]).remove(0)
}

fn done(scene: &Scene) -> JournalState {
    let begun = Journal::of(scene)
        .then(approved(scene))
        .then(claimed(scene, 1));
    let groups: [&[usize]; 4] = [&[0, 1], &[2], &[3], &[4]];
    let done = groups.iter().fold(begun, |journal, steps| {
        journal
            .then(started(1, steps))
            .then(finished_steps(1, steps))
    });
    done.then(finished(scene, 1)).state
}

#[test]
fn a_file_stands_for_its_operation_until_that_is_finished_without_it() {
    let scene = half_way();
    let own = listed(&scene, bytes(&scene.sidecar));
    let another = listed(&scene, b"{}".to_vec());
    let mut unread = own.clone();
    unread.file = SidecarFile::unread(
        &own.file.file,
        Reason::new(Code::Unreadable, "it timed out"),
    );
    let under_way = Journal::of(&scene)
        .then(approved(&scene))
        .then(claimed(&scene, 1))
        .state;
    let done = done(&scene);
    let operation = Some(scene.plan.operation_id.clone());
    for (listed, operation, journal, is_journal_broken, stands_for_none, code) in [
        (&own, operation.clone(), None, false, false, None),
        (
            &own,
            operation.clone(),
            Some(&under_way),
            false,
            false,
            None,
        ),
        (&own, operation.clone(), Some(&done), false, false, None),
        (&own, operation.clone(), None, true, true, None),
        (&own, None, None, false, true, None),
        (&unread, operation.clone(), None, false, true, None),
        (
            &another,
            operation.clone(),
            Some(&under_way),
            false,
            false,
            None,
        ),
        (
            &another,
            operation.clone(),
            Some(&done),
            false,
            true,
            Some(Code::DuplicateOperationId),
        ),
    ] {
        let stuck = StuckFile {
            listed,
            operation,
            journal,
            is_journal_broken,
        };
        assert_eq!(stuck.stands_for_none(), stands_for_none, "{stuck:?}");
        match code {
            Some(code) => assert_eq!(stuck.reason().code, code),
            None => assert_eq!(stuck.reason(), listed.reason()),
        }
    }
}

#[test]
fn a_write_on_a_branch_that_may_be_another_one_is_dismissed_as_refused() {
    let blockers = [Reason::new(Code::TableMissing, "it is gone")];
    let plan = half_way().plan;
    let (disposition, reasons) = dismissed_because(&plan, &blockers);
    assert_eq!(
        (disposition, &reasons[..]),
        (plan.disposition, &blockers[..])
    );
    let recreated = Plan {
        requires: vec![Requirement::BranchRecreated],
        ..plan
    };
    let (disposition, reasons) = dismissed_because(&recreated, &blockers);
    assert_eq!(disposition, Disposition::Refused);
    assert_eq!(reasons.len(), 1);
    assert_eq!(reasons[0].code, Code::BranchRecreated);
}

#[test]
fn a_new_blocker_is_a_difference_named_after_its_code() {
    let blocked = Difference::blocked(Reason::new(Code::TableMissing, "it is gone"));
    let json = serde_json::to_value(&blocked).unwrap();
    assert_eq!(json["table_key"], serde_json::Value::Null);
    assert_eq!(json["found"], "it is gone");
    assert_eq!(json["planned"], "not blocked");
}
