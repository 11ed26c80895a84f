//! Undo, release and dismissal: what is laid down for what was found.

mod elsewhere;
mod half_undo;
mod ids_and_tags;
mod spent;
mod stands_for;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use sidecar::follow_up::{FollowUp, Undo, dismissal, undo};
use sidecar::journal::{Finished, JournalEntry, JournalState};
use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, KeptHistory, Pinned, Restorability,
    TableObservation,
};
use sidecar::root_layout::{PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_RECOVERY_PLAN_DIGEST};
use sidecar::{
    Action, Approval, Choice, ClassificationLabel, Code, Digest, Disposition, Effect, Limits,
    Observation, OperationId, OutcomeKind, Plan, PlanBytes, PlanInput, PlannedTable, Purpose,
    Reason, RootId, Sidecar, SidecarFile, Tag, Timestamp, WriterKind, judge,
};

use crate::support::{at, world};

const ID: &str = "01M8125ENACWR9X1EZNRMDV5V2";

pub(crate) fn id() -> OperationId {
    ID.parse().unwrap()
}

pub(crate) fn original() -> Sidecar {
    let pin = |key: &str| {
        serde_json::json!({
            "table_key": key, "table_path": format!("/srv/g/{key}"),
            "expected_version": 4, "post_commit_pin": 5,
        })
    };
    let json = serde_json::json!({
        "schema_version": 1, "operation_id": ID, "started_at": "1767225600000000",
        "branch": null, "actor_id": "ada", "writer_kind": "Mutation",
        "tables": [pin("a"), pin("b")],
    });
    Sidecar::parse(
        &id().file_name(),
        json.to_string().as_bytes(),
        &Limits::default(),
    )
    .unwrap()
}

fn table(key: &str, head: u64, action: Action, class: ClassificationLabel) -> PlannedTable {
    let (restore_to, publish_as) = match action {
        Action::Publish => (None, Some(head)),
        Action::RestoreAndPublish => (Some(4), Some(head + 1)),
        _ => (None, None),
    };
    PlannedTable {
        table_key: key.to_owned(),
        branch: None,
        location: Some(format!("tables/{key}")),
        expected_version: 4,
        post_commit_pin: 5,
        manifest_pinned: Some(4),
        lance_head: Some(head),
        head_transaction: Some(format!("transaction of {key}")),
        classification: Some(class),
        rule: String::new(),
        action,
        restore_to,
        publish_as,
        unexpected: Vec::new(),
        catalog_change: None,
        pin_gone: false,
    }
}

fn finished(disposition: Disposition, tables: Vec<PlannedTable>) -> Finished {
    let plan = Plan {
        purpose: Purpose::Recover,
        root: RootId::new("/srv/g"),
        operation_id: id(),
        file: id().file_name(),
        sidecar: Digest::of(Tag::Sidecar, b"x"),
        writer_kind: Some(original().writer_kind),
        branch: None,
        lance_branch: None,
        actor_id: None,
        disposition,
        decision: None,
        choice: Choice::Verdict,
        requires: Vec::new(),
        left_out: Vec::new(),
        tables,
        steps: Vec::new(),
    };
    Finished {
        digest: PlanBytes::of(&plan).unwrap().digest(),
        plan,
        outcome: OutcomeKind::RolledBack,
        tables: Vec::new(),
        catalog: Effect::Changed,
        sidecar: String::new().into(),
        recorded_at: Timestamp::from_micros(1),
    }
}

/// What is found when nothing moved since, or with one table elsewhere.
pub(crate) fn found(undo: &Undo, elsewhere: Option<(&str, u64, u64)>) -> Observation {
    let tables = undo.sidecar.tables.iter().map(|pin| {
        let (pinned, head) = match elsewhere {
            Some((key, pinned, head)) if key == pin.table_key => (pinned, head),
            _ => (pin.expected_version, pin.expected_version),
        };
        TableObservation {
            table_key: pin.table_key.clone(),
            branch: None,
            location: Some(format!("tables/{}", pin.table_key)),
            pinned: Pinned::At { version: pinned },
            pinned_elsewhere: None,
            head: HeadObservation::At {
                version: head,
                transaction: None,
            },
            location_conflict: None,
            transactions: Vec::new(),
            head_content: ContentComparison::NotCompared,
            restorable: Restorability::Restorable,
            covered_by: None,
            pin_gone: false,
        }
    });
    Observation {
        catalog: CatalogObservation::Present {
            version: 9,
            stamp: 3,
            two_phase: true,
            branch_created_at: None,
        },
        tables: tables.collect(),
        schema: None,
        kept_history: KeptHistory::Nowhere,
        recorded: Default::default(),
        merge: None,
        unread: Vec::new(),
        version_9: None,
    }
}

pub(crate) fn root() -> RootId {
    RootId::new("/srv/g")
}

/// The write of a kind on these tables, each pinned at 4.
fn write_of(kind: WriterKind, keys: &[&str]) -> Sidecar {
    let mut write = original();
    write.writer_kind = kind;
    let pin = write.tables[0].clone();
    write.tables = keys
        .iter()
        .map(|key| sidecar::TablePin {
            table_key: (*key).to_owned(),
            table_path: format!("/srv/g/{key}"),
            ..pin.clone()
        })
        .collect();
    write
}

fn finished_of(write: &Sidecar, disposition: Disposition, tables: Vec<PlannedTable>) -> Finished {
    let mut finished = finished(disposition, tables);
    finished.plan.writer_kind = Some(write.writer_kind);
    finished
}

/// A roll forward of both tables.
pub(crate) fn rolled_forward() -> Finished {
    let committed = |key| {
        table(
            key,
            5,
            Action::Publish,
            ClassificationLabel::RolledPastExpected,
        )
    };
    finished(
        Disposition::RollForward,
        vec![committed("a"), committed("b")],
    )
}

/// A roll back of a write that committed to the first of two tables.
pub(crate) fn rolled_back() -> Finished {
    let back = table(
        "a",
        5,
        Action::RestoreAndPublish,
        ClassificationLabel::RolledPastExpected,
    );
    let stays = table("b", 4, Action::None, ClassificationLabel::NoMovement);
    finished(Disposition::RollBack, vec![back, stays])
}

/// HEAD of a table as the Restore of a plan makes it.
pub(crate) fn restored_by(table: &mut TableObservation, plan: &Plan, from: u64, target: u64) {
    let version = from + 1;
    let mut entry = crate::support::transaction(version, "Restore", Some(target));
    let made_by = entry.transaction.as_mut().unwrap();
    made_by.properties = BTreeMap::from([
        (
            PROPERTY_RECOVERY_OPERATION_ID.to_owned(),
            plan.operation_id.to_string(),
        ),
        (
            PROPERTY_RECOVERY_PLAN_DIGEST.to_owned(),
            PlanBytes::of(plan).unwrap().digest().to_string(),
        ),
    ]);
    table.head = HeadObservation::At {
        version,
        transaction: Some(made_by.uuid.clone()),
    };
    table.transactions.retain(|entry| entry.version != version);
    table.transactions.push(entry);
}

pub(crate) fn and_then(state: JournalState, entry: JournalEntry) -> JournalState {
    let record = state.next_record(Timestamp::from_micros(1), entry);
    state.append(&record.to_bytes().unwrap()).unwrap()
}

/// Approved and claimed.
pub(crate) fn claimed(state: JournalState, made: &FollowUp) -> JournalState {
    let bytes = PlanBytes::of(&made.plan).unwrap();
    let approval = Approval {
        operation_id: made.plan.operation_id.clone(),
        plan_digest: bytes.digest(),
        approved_by: "grace".to_owned(),
        approved_at: Timestamp::from_micros(1),
        reason: Some("it was wrong".to_owned()),
        writers_stopped: true,
        acknowledged: BTreeSet::new(),
    };
    let epoch = state.next_epoch();
    let state = and_then(
        state,
        JournalEntry::Approved {
            approval,
            plan: bytes.text().to_owned(),
        },
    );
    and_then(
        state,
        JournalEntry::Claimed {
            epoch,
            executor: "executor".to_owned(),
            plan_digest: bytes.digest(),
            plan: bytes.text().to_owned(),
            sidecar: made.sidecar.clone(),
        },
    )
}

pub(crate) fn interrupted(state: JournalState) -> JournalState {
    let epoch = state.attempt().unwrap().epoch;
    and_then(
        state,
        JournalEntry::Interrupted {
            epoch,
            detail: "a writer published".to_owned(),
            differences: Vec::new(),
            ended_by: None,
        },
    )
}

/// Begins and does everything that comes before the first step of a kind, and begins that.
pub(crate) fn as_far_as(mut state: JournalState, kind: &str) -> JournalState {
    use sidecar::journal::{Next, StepResult};
    loop {
        let Next::Steps(steps) = state.next() else {
            panic!("there is no {kind}")
        };
        let attempt = state.attempt().unwrap();
        let (epoch, is_it) = (attempt.epoch, attempt.plan.steps[steps[0]].kind() == kind);
        state = and_then(
            state,
            JournalEntry::StepsStarted {
                epoch,
                steps: steps.clone(),
                catalog_version: Some(9),
            },
        );
        if is_it {
            return state;
        }
        let results = steps.into_iter().map(|step| StepResult {
            step,
            version: None,
            already_done: false,
        });
        let results = results.collect();
        state = and_then(state, JournalEntry::StepsFinished { epoch, results });
    }
}

pub(crate) fn made_undo() -> FollowUp {
    let what = Undo::of(&id(), &rolled_forward(), &original()).unwrap();
    undo(&root(), &what, &found(&what, None))
}

/// The recovery of the write as it was found with these HEADs of its tables.
pub(crate) fn recovery(heads: [u64; 2]) -> FollowUp {
    let write = original();
    let text = serde_json::to_string(&write).unwrap();
    let tables = write.tables.iter().zip(heads).map(|(pin, head)| {
        let mut table = at(pin, 4, head);
        table.location = Some(format!("tables/{}", pin.table_key));
        table
    });
    let observation = world(tables.collect());
    let plan = sidecar::plan(&PlanInput {
        root: &root(),
        operation_id: &id(),
        file: &id().file_name(),
        sidecar_digest: Digest::of(Tag::Sidecar, text.as_bytes()),
        sidecar: Some(&write),
        observation: Some(&observation),
        verdict: &judge(&write, None, &observation),
    });
    FollowUp {
        plan,
        sidecar: text.into(),
        blockers: Vec::new(),
    }
}

/// Where the operation ended, nothing tells where its tables are: its branch is gone, or it was set aside without a look.
#[test]
fn what_is_not_set_aside_has_a_code_of_its_own_and_says_what_it_waits_for() {
    let text = serde_json::to_vec(&original()).unwrap();
    let file = SidecarFile::read(&id().file_name(), text.clone(), &Limits::DEFAULT);
    let waits = Reason::new(
        Code::WaitingFor,
        "operation X shares a table; resolve it first",
    );
    for (disposition, reason, said) in [
        (
            Disposition::Waiting,
            Some(waits.about("X")),
            "but waits: operation X shares a table",
        ),
        (Disposition::RollBack, None, "recover it instead"),
        (Disposition::RollForward, None, "recover it instead"),
    ] {
        let reasons: Vec<Reason> = reason.into_iter().collect();
        let made = dismissal(
            &root(),
            id(),
            &file,
            Some(text.clone()),
            disposition,
            &reasons,
        );
        let [blocker] = made.blockers.as_slice() else {
            panic!("{:?}", made.blockers)
        };
        assert_eq!(blocker.code, Code::NotDismissible);
        assert_eq!(blocker.code.name(), "not_dismissible");
        assert!(blocker.detail.contains(said), "{}", blocker.detail);
        let about = reasons.first().and_then(|reason| reason.about.clone());
        assert_eq!(blocker.about, about, "the page leads there");
        assert!(made.plan.steps.is_empty());
        let told = sidecar::explain(&made.plan, None, &made.blockers);
        assert!(!told.headline.contains("()"), "{}", told.headline);
        assert!(told.consequence.contains(said), "{}", told.consequence);
    }
}
