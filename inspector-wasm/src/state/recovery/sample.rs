//! A half-finished write and the plan for it, for tests.

use std::collections::BTreeSet;

use sidecar::api::{PlanContext, PlanReport, Progress};
use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, KeptHistory, Observation, Pinned,
    Restorability, TableObservation,
};
use sidecar::{
    Approval, Limits, PlanBytes, PlanInput, RootId, SidecarFile, Timestamp, judge, plan,
};

use crate::state::plan_check::PlanAnswer;

const FILE: &str = "01M8125ENACWR9X1EZNRMDV5V2.json";

pub(crate) const SIDECAR: &str = r#"{"schema_version":1,"operation_id":"01M8125ENACWR9X1EZNRMDV5V2","started_at":"1795332131000000","branch":null,"actor_id":"act-ada","writer_kind":"Mutation","tables":[{"table_key":"node:Author","table_path":"/srv/graph/nodes/1","expected_version":4,"post_commit_pin":5},{"table_key":"edge:Wrote","table_path":"/srv/graph/edges/2","expected_version":5,"post_commit_pin":6}]}"#;

/// One table as found at these versions.
fn table(key: &str, pinned: u64, head: u64) -> TableObservation {
    TableObservation {
        table_key: key.to_owned(),
        branch: None,
        location: Some("nodes/1".to_owned()),
        pinned: Pinned::At { version: pinned },
        pinned_elsewhere: None,
        head: HeadObservation::At {
            version: head,
            transaction: Some("5f0c".to_owned()),
        },
        location_conflict: None,
        transactions: Vec::new(),
        head_content: ContentComparison::Different,
        restorable: Restorability::Restorable,
        covered_by: None,
        pin_gone: false,
    }
}

pub(crate) fn observation() -> Observation {
    Observation {
        catalog: CatalogObservation::Present {
            version: 9,
            stamp: 3,
            two_phase: true,
            branch_created_at: None,
        },
        tables: vec![table("node:Author", 4, 5), table("edge:Wrote", 5, 5)],
        schema: None,
        kept_history: KeptHistory::Nowhere,
        recorded: Default::default(),
        merge: None,
        unread: Vec::new(),
        version_9: None,
    }
}

/// The server's report over [`SIDECAR`]: a roll back that wants writers stopped.
pub(crate) fn report() -> PlanReport {
    let file = SidecarFile::read(FILE, SIDECAR.as_bytes().to_vec(), &Limits::DEFAULT);
    let sidecar = file.content.as_ref().unwrap();
    let observation = observation();
    let verdict = judge(sidecar, None, &observation);
    let plan = plan(&PlanInput {
        root: &RootId::new("file:///srv/graph"),
        operation_id: &sidecar.operation_id,
        file: FILE,
        sidecar_digest: file.digest.unwrap(),
        sidecar: Some(sidecar),
        observation: Some(&observation),
        verdict: &verdict,
    });
    let context = PlanContext {
        sidecar: Some(sidecar),
        sidecar_bytes: Some(SIDECAR.to_owned().into()),
        observation: Some(&observation),
        blockers: verdict.blockers.clone(),
        progress: Progress::Open,
        attempt: None,
        planned_anew_as: None,
        approvals: Vec::new(),
        age_seconds: None,
        now: Timestamp::from_micros(sidecar.started_at.micros() + 3_600_000_000),
    };
    PlanReport::new(&plan, &PlanBytes::of(&plan).unwrap(), context)
}

/// As the page takes it.
pub(crate) fn answer(report: &PlanReport) -> PlanAnswer {
    serde_json::from_slice(&serde_json::to_vec(report).unwrap()).unwrap()
}

pub(crate) fn approval(report: &PlanReport, writers_stopped: bool) -> Approval {
    Approval {
        operation_id: report.operation_id.parse().unwrap(),
        plan_digest: report.digest.unwrap(),
        approved_by: "ada".to_owned(),
        approved_at: Timestamp::from_micros(0),
        reason: None,
        writers_stopped,
        acknowledged: BTreeSet::new(),
    }
}
