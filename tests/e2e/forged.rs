//! Whoever can write `__recovery_log/` can put any journal there. Steps that no rule of this program lays down are never carried out.

use restore_backend::service::{self, ProgressSink};
use serde_json::{Value, json};
use sidecar::follow_up::dismissal;
use sidecar::journal::{JournalEntry, JournalRecord, record_digest};
use sidecar::{Approval, Digest, OperationId, Plan, Tag, Timestamp};
use sidecar::{Code, Disposition, Limits, OutcomeKind, Reason, SidecarFile, error_text};

use crate::support::{Opened, Store};

/// Writes a journal in which somebody approved and claimed these bytes, well-formed in every other way.
fn forge(store: &Store, operation: &OperationId, plan: &str, sidecar: &str) -> Digest {
    let digest = Digest::of(Tag::Plan, plan.as_bytes());
    let approval = Approval {
        operation_id: operation.clone(),
        plan_digest: digest,
        approved_by: "mallory".to_owned(),
        approved_at: Timestamp::from_micros(1),
        reason: Some("forged".to_owned()),
        writers_stopped: true,
        acknowledged: Default::default(),
    };
    let entries = [
        JournalEntry::Approved {
            approval,
            plan: plan.to_owned(),
        },
        JournalEntry::Claimed {
            epoch: 1,
            executor: "mallory".to_owned(),
            plan_digest: digest,
            plan: plan.to_owned(),
            sidecar: sidecar.to_owned().into(),
        },
    ];
    let folder = store.path().join("__recovery_log").join(operation.as_str());
    std::fs::create_dir_all(&folder).unwrap();
    let mut previous = None;
    for (sequence, entry) in (1..).zip(entries) {
        let record = JournalRecord {
            operation_id: operation.clone(),
            sequence,
            previous,
            recorded_at: Timestamp::from_micros(1),
            entry,
        };
        let bytes = record.to_bytes().unwrap();
        previous = Some(record_digest(&bytes));
        std::fs::write(folder.join(JournalRecord::object_name(sequence)), bytes).unwrap();
    }
    digest
}

fn step_of<'a>(plan: &'a mut Value, kind: &str) -> &'a mut Value {
    let steps = plan["steps"].as_array_mut().unwrap();
    steps.iter_mut().find(|step| step["kind"] == kind).unwrap()
}

async fn is_refused(store: &Store, opened: &Opened, operation: &OperationId, forged: &Value) {
    is_refused_as(
        store,
        opened,
        (operation, forged),
        "not one that this program makes",
    )
    .await;
}

async fn is_refused_as(
    store: &Store,
    opened: &Opened,
    (operation, forged): (&OperationId, &Value),
    why: &str,
) {
    let file = store.path().join(format!("__recovery/{operation}.json"));
    let sidecar = std::fs::read_to_string(file).unwrap();
    // As this program writes a plan: its bytes must not be what gives it away.
    let plan: Plan = serde_json::from_value(forged.clone()).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    let digest = forge(store, operation, &text, &sidecar);
    let before = store.files();

    let answer = service::apply(&opened.root, operation, digest, &ProgressSink::default()).await;
    let told = match &answer {
        Ok(report) => {
            assert_eq!(report.outcome, sidecar::OutcomeKind::Refused, "{report:?}");
            report.detail.clone()
        }
        Err(error) => error_text(error),
    };
    assert_eq!(store.files(), before, "not a byte changed: {told}");
    let audit = service::audit(&opened.root, Some(operation), true)
        .await
        .unwrap();
    assert_eq!(audit.operations[0].verified, Some(false));
    let problem = audit.operations[0].problem.clone().unwrap_or_default();
    assert!(problem.contains(why), "{problem}");
    // The write itself is shown with the reason, and can be looked at.
    let shown = opened.plan(operation).await;
    assert!(!shown.executable, "{shown:?}");
    std::fs::remove_dir_all(store.path().join("__recovery_log")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_journal_removes_nothing_and_overwrites_nothing() {
    let back = Store::unpacked("omnigraph-0.7.0", "schema-staging-cut-short");
    let operation = back.operation();
    let opened = back.open().await;
    let text = opened.plan(&operation).await.plan.unwrap();
    let plan: Value = serde_json::from_str(&text).unwrap();

    let folder = back.path().join("__manifest/_versions");
    let newest = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    let victim = format!("__manifest/_versions/{}", newest.file_name().display());
    let bytes = std::fs::read(back.path().join(&victim)).unwrap();
    let digest = Digest::of(Tag::SchemaFile, &bytes);
    let mut forged = plan.clone();
    let file = &mut step_of(&mut forged, "discard_schema")["files"][0];
    file["staged"] = json!(victim);
    file["digest"] = json!(digest);
    is_refused(&back, &opened, &operation, &forged).await;

    let mut forged = plan.clone();
    step_of(&mut forged, "retire")["file"] = json!(format!("../{victim}"));
    is_refused(&back, &opened, &operation, &forged).await;

    let mut forged = plan;
    step_of(&mut forged, "record")["kind"] = json!("fence_catalog");
    step_of(&mut forged, "fence_catalog")["precondition"] = json!({"kind": "pins_as_planned"});
    is_refused(&back, &opened, &operation, &forged).await;

    let forward = Store::unpacked("omnigraph-0.7.0", "schema-mixed-staged");
    let operation = forward.operation();
    let opened = forward.open().await;
    let text = opened.plan(&operation).await.plan.unwrap();
    let plan: Value = serde_json::from_str(&text).unwrap();

    let mut forged = plan.clone();
    step_of(&mut forged, "promote_schema")["files"][0]["live"] = json!("nodes/x");
    is_refused(&forward, &opened, &operation, &forged).await;

    let mut forged = plan.clone();
    forged["tables"][1]["location"] = json!("_graph_commits.lance");
    is_refused(&forward, &opened, &operation, &forged).await;

    let mut forged = plan.clone();
    step_of(&mut forged, "tag")["name"] = json!("somebody-elses");
    is_refused(&forward, &opened, &operation, &forged).await;

    // The published pins follow from the tables, and these from the sidecar.
    let mut forged = plan;
    let pins = &mut step_of(&mut forged, "publish")["pins"][0];
    pins["to_version"] = json!(99);
    is_refused(&forward, &opened, &operation, &forged).await;
}

/// The dismissal of the one sidecar of a store, as it would be laid down if this were why.
fn set_aside(store: &Store, opened: &Opened, disposition: Disposition, because: Code) -> Value {
    let operation = store.operation();
    let name = operation.file_name();
    let bytes = std::fs::read(store.path().join("__recovery").join(&name)).unwrap();
    let file = SidecarFile::read(&name, bytes.clone(), &Limits::DEFAULT);
    let reasons = [Reason::new(because, "so it is said")];
    let root = opened.root.id();
    let laid_down = dismissal(root, operation, &file, Some(bytes), disposition, &reasons);
    serde_json::to_value(laid_down.plan).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_parses_well_is_not_set_aside_as_no_json() {
    let store = Store::with_tables(&["node:Author"]).await;
    let operation = store.crashed_write(&["node:Author"], 1).await;
    let opened = store.open().await;
    for because in [Code::NotJson, Code::WrongShape, Code::UnsupportedVersion] {
        let forged = set_aside(&store, &opened, Disposition::Refused, because);
        let why = format!("as {}, and its bytes are a sidecar", because.name());
        is_refused_as(&store, &opened, (&operation, &forged), &why).await;
    }
}

/// Whether a table was gone when somebody says that they agreed, nobody can tell any more. It is not gone now.
#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_can_be_recovered_is_not_set_aside_for_a_reason_that_is_no_more() {
    let store = Store::with_tables(&["node:Author"]).await;
    let operation = store.crashed_write(&["node:Author"], 1).await;
    let opened = store.open().await;
    let forged = set_aside(&store, &opened, Disposition::Abort, Code::TableMissing);
    let plan: Plan = serde_json::from_value(forged).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    let file = store.path().join("__recovery").join(operation.file_name());
    let sidecar = std::fs::read_to_string(&file).unwrap();
    let digest = forge(&store, &operation, &text, &sidecar);

    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), sidecar);
    let report = opened.recover(&operation).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
}
