//! What blocks an undo or a release besides its tables and tags.

use sidecar::follow_up::{
    FollowUp, Undo, UndoFacts, Waits, release_beside_undo, release_id, undo, undo_sidecar_id,
};
use sidecar::journal::JournalState;
use sidecar::observation::KeptHistory;
use sidecar::{Code, Limits, OperationId, Reason, Requirement, SidecarFile, Step};

use crate::follow_up::{
    as_far_as, claimed, found, id, interrupted, made_undo, original, recovery, rolled_forward, root,
};
use crate::support::YOUNGER;

fn undone() -> (Undo, FollowUp) {
    let what = Undo::of(&id(), &rolled_forward(), &original()).unwrap();
    let made = undo(&root(), &what, &found(&what, None));
    assert!(made.blockers.is_empty() && !made.plan.steps.is_empty());
    (what, made)
}

/// A sidecar of another write over these tables.
fn file(tables: &[&str]) -> SidecarFile {
    let pins: Vec<serde_json::Value> = tables
        .iter()
        .map(|key| serde_json::json!({"table_key": key, "table_path": "/srv/g/t", "expected_version": 4, "post_commit_pin": 5}))
        .collect();
    let text = serde_json::json!({
        "schema_version": 1, "operation_id": YOUNGER, "started_at": "1", "branch": null,
        "actor_id": null, "writer_kind": "Mutation", "tables": pins,
    });
    let name = format!("{YOUNGER}.json");
    SidecarFile::read(&name, text.to_string().into_bytes(), &Limits::DEFAULT)
}

fn broken() -> SidecarFile {
    SidecarFile::read("broken.json", b"no sidecar".to_vec(), &Limits::DEFAULT)
}

fn unread() -> SidecarFile {
    SidecarFile::unread("unread.json", Reason::new(Code::Unreadable, "timed out"))
}

/// An undo of an undo brings the recovery's effects back, so its end must not be told as that of the recovery's undo.
#[test]
fn how_an_undo_ended_is_told_alike_whether_a_recovery_or_an_undo_was_undone() {
    let told = sidecar::explanation::finished_sentence(&undone().1.plan, None);
    assert_eq!(
        told,
        "Taken back: readers were returned to what they saw before the operation that was undone."
    );
}

#[test]
fn an_undo_waits_for_the_first_file_that_may_share_a_table() {
    let (what, _) = undone();
    let of = |files: &[SidecarFile]| {
        let waits = Waits::of(&what, None, files.iter().map(|file| (None, file)));
        (waits.first.map(|(place, _)| place), waits.is_lost)
    };
    assert_eq!(of(&[]), (None, false));
    assert_eq!(of(&[file(&["c"])]), (None, false));
    assert_eq!(of(&[file(&["c"]), file(&["b", "c"])]), (Some(1), false));
    assert_eq!(of(&[unread(), file(&["a"])]), (Some(0), false));
    assert_eq!(of(&[broken()]), (None, true));
    assert_eq!(of(&[broken(), file(&["a"])]), (Some(1), true));
    // A file after the first does not matter until that one is resolved.
    assert_eq!(of(&[file(&["a"]), broken()]), (Some(0), false));
}

/// A write of version 9 is published only onto the graph that it was written for, and an undo adds a graph commit.
#[test]
fn an_undo_waits_for_every_file_of_version_9_of_its_branch_and_for_schema_changes() {
    let (what, _) = undone();
    let waits = |schema_version: u64, branch: Option<&str>, kind: &str| {
        let text = serde_json::json!({
            "schema_version": schema_version, "operation_id": YOUNGER, "started_at": "1",
            "branch": branch, "writer_kind": kind,
            "tables": [{"table_key": "c", "table_path": "/srv/g/c", "expected_version": 4, "post_commit_pin": 5}],
        });
        let name = format!("{YOUNGER}.json");
        let file = SidecarFile::read(&name, text.to_string().into_bytes(), &Limits::DEFAULT);
        Waits::of(&what, None, [(None, &file)]).first.is_some()
    };
    for (schema_version, branch, kind, expected) in [
        (9, None, "Mutation", true),
        (9, None, "Optimize", true),
        (9, Some("feature"), "Mutation", false),
        (9, Some("feature"), "SchemaApply", true),
        (2, None, "Mutation", false),
    ] {
        let found = waits(schema_version, branch, kind);
        assert_eq!(found, expected, "{schema_version} {branch:?} {kind}");
    }
}

#[test]
fn an_undo_does_not_wait_for_what_it_announced_in_this_attempt() {
    let (what, made) = undone();
    let file = file(&["a"]);
    let announced = undo_sidecar_id(&id());
    let mut announces = made.plan.clone();
    announces.steps.push(Step::Announce {
        file: announced.file_name(),
        sidecar: String::new(),
        precondition: sidecar::Precondition::FileAbsent,
    });
    let own = what.sidecar.operation_id.clone();
    let waits = |operation: &OperationId, claimed| {
        let files = [(Some(operation.clone()), &file)];
        Waits::of(&what, claimed, files).first.is_some()
    };
    for (operation, claimed, expected) in [
        (&own, None, false),
        (&announced, None, true),
        (&announced, Some(&announces), false),
        (&id(), Some(&announces), true),
    ] {
        assert_eq!(waits(operation, claimed), expected, "{operation}");
    }
}

#[test]
fn each_fact_blocks_an_undo_and_a_blocked_undo_has_no_steps() {
    let reason = |code| Reason::new(code, "because");
    let waits = |first: bool, is_lost| Waits {
        first: first.then(|| (0, reason(Code::WaitingFor))),
        is_lost,
    };
    let none = UndoFacts::default;
    let history = UndoFacts {
        history: Some(reason(Code::HistoryNotWritable)),
        ..none()
    };
    let rows = [
        (none(), &[][..]),
        // This undo adds no rows to the history.
        (history.clone(), &[]),
        (
            UndoFacts {
                uncounted: vec![reason(Code::TableUnreadable)],
                ..none()
            },
            &[Code::TableUnreadable],
        ),
        (
            UndoFacts {
                is_released: true,
                ..none()
            },
            &[Code::Released],
        ),
        (
            UndoFacts {
                is_released: true,
                waits: waits(true, false),
                ..none()
            },
            &[Code::Released, Code::WaitingFor],
        ),
        (
            UndoFacts {
                waits: waits(false, true),
                ..none()
            },
            &[],
        ),
    ];
    for (facts, expected) in rows {
        let (what, made) = undone();
        let is_lost = facts.waits.is_lost;
        let blocked = made.blocked_by(&what, facts);
        let codes: Vec<Code> = blocked.blockers.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, expected);
        assert_eq!(blocked.plan.steps.is_empty(), !expected.is_empty());
        let requires = &blocked.plan.requires;
        assert_eq!(requires.contains(&Requirement::OlderUnreadable), is_lost);
        assert!(requires.is_sorted());
    }
    let what = undone().0;
    let mut observation = found(&what, None);
    observation.kept_history = KeptHistory::InTables;
    let made = undo(&root(), &what, &observation);
    assert!(made.plan.adds_to_the_history());
    let blocked = made.blocked_by(&what, history);
    assert_eq!(blocked.blockers[0].code, Code::HistoryNotWritable);
}

#[test]
fn a_release_drops_the_tags_of_an_undo_that_was_never_carried_out_and_waits_for_one_that_is_or_stopped_half_way()
 {
    let recovered = as_far_as(claimed(JournalState::new(id()), &recovery([5, 4])), "tag");
    let made = made_undo();
    let begun = claimed(JournalState::new(made.plan.operation_id.clone()), &made);
    let rows = [
        (JournalState::new(made.plan.operation_id.clone()), false, 0),
        (begun.clone(), true, 0),
        (interrupted(as_far_as(begun.clone(), "tag")), false, 1),
        (interrupted(as_far_as(begun, "restore")), true, 0),
    ];
    for (undoing, is_blocked, more_tags) in rows {
        let release = release_beside_undo(
            &root(),
            release_id(&id()),
            &id(),
            &original(),
            &recovered,
            &undoing,
        );
        let codes: Vec<Code> = release.blockers.iter().map(|reason| reason.code).collect();
        assert_eq!(!codes.is_empty(), is_blocked);
        assert_eq!(release.plan.steps.is_empty(), is_blocked);
        let alone = release_beside_undo(
            &root(),
            release_id(&id()),
            &id(),
            &original(),
            &recovered,
            &JournalState::new(made.plan.operation_id.clone()),
        );
        if !is_blocked {
            let has_more = release.plan.steps.len() > alone.plan.steps.len();
            assert_eq!(has_more, more_tags > 0);
        }
    }
}
