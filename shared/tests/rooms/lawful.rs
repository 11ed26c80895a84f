//! Which plans there can be at all. Whoever can write the journal can put any bytes there.

mod plans;
mod records;
mod steps;

use serde_json::{Value, json};
use sidecar::follow_up::{dismissal, dismissal_id};
use sidecar::journal::{JournalEntry, JournalState};
use sidecar::{
    Approval, Code, Disposition, Limits, Plan, PlanBytes, PlanError, Purpose, Reason, SidecarFile,
    Timestamp, WriterKind,
};

use crate::support::{all_committed, approval, at, bytes, operation, pin, scene, sidecar, world};

use plans::{decode, merged, plans_with_history_in_the_catalog, root, schema_change};

/// A graph commit that is published and written once more, or by somebody else, or of a merge that is none.
#[test]
fn a_forged_graph_commit_is_refused() {
    let plans = plans_with_history_in_the_catalog();
    let (_, forward) = plans
        .iter()
        .find(|(name, _)| *name == "stamp 4: roll forward")
        .unwrap();
    let forward = serde_json::to_value(forward).unwrap();
    let steps = forward["steps"].as_array().unwrap();
    let publish = steps
        .iter()
        .position(|step| step["kind"] == "publish")
        .unwrap();
    let commit = format!("/steps/{publish}/graph_commit");
    for (path, value) in [
        (format!("{commit}/branch"), json!("feature")),
        (format!("{commit}/actor_id"), json!("act-ada")),
        (
            format!("{commit}/merged_parent"),
            json!("01M8125E20G3JA88BS9CEJEX1K"),
        ),
        (commit.clone(), json!(null)),
    ] {
        let mut forged = forward.clone();
        *forged.pointer_mut(&path).unwrap() = value;
        assert!(
            matches!(decode(&forged), Err(PlanError::Unlawful { .. })),
            "{path}"
        );
    }
    let rows = serde_json::to_value(merged().plan).unwrap();
    let rows = rows["steps"].as_array().unwrap();
    let commit_row = rows
        .iter()
        .find(|step| step["row"]["table"] == "graph_commits")
        .unwrap();
    let mut twice = forward.clone();
    let mut commit_row = commit_row.clone();
    commit_row["row"]["branch"] = json!(null);
    commit_row["row"]["merged_parent"] = json!(null);
    twice["steps"]
        .as_array_mut()
        .unwrap()
        .insert(publish + 1, commit_row);
    assert!(matches!(decode(&twice), Err(PlanError::Unlawful { .. })));
}

/// Each would delete, overwrite or hide what is none of the operation's business.
#[test]
fn a_forged_plan_is_refused_by_name() {
    let back = schema_change("pi", 5).plan;
    let back = serde_json::to_value(&back).unwrap();
    let forward = serde_json::to_value(schema_change("pis", 5).plan).unwrap();
    let of = |plan: &Value, kind: &str| {
        let steps = plan["steps"].as_array().unwrap();
        let index = steps.iter().position(|step| step["kind"] == kind).unwrap();
        format!("/steps/{index}")
    };
    let catalog = "__manifest/_versions/18446744073709551614.manifest";
    let cases = [
        (
            &back,
            format!("{}/files/0/staged", of(&back, "discard_schema")),
            json!(catalog),
        ),
        (
            &forward,
            format!("{}/files/0/live", of(&forward, "promote_schema")),
            json!("nodes/x"),
        ),
        (
            &forward,
            format!("{}/files/1/staged", of(&forward, "promote_schema")),
            json!(catalog),
        ),
        (
            &back,
            format!("{}/file", of(&back, "retire")),
            json!("../nodes/a.json"),
        ),
        (
            &back,
            "/file".to_owned(),
            json!("01M8125E20G3JA88BS9CEJEX1K.json"),
        ),
        (
            &back,
            "/operation_id".to_owned(),
            json!("01M8125E20G3JA88BS9CEJEX1K"),
        ),
        (&back, "/tables/0/location".to_owned(), json!("__manifest")),
        (
            &back,
            "/tables/0/location".to_owned(),
            json!("nodes/../../other"),
        ),
        (
            &back,
            "/tables/0/location".to_owned(),
            json!("_graph_commits.lance"),
        ),
        (&back, "/branch".to_owned(), json!("../x")),
        (&back, "/disposition".to_owned(), json!("roll_forward")),
        (&back, "/disposition".to_owned(), json!("abort")),
        (&back, "/writer_kind".to_owned(), json!("Mutation")),
        (&back, "/requires".to_owned(), json!([])),
        (&back, "/tables/0/restore_to".to_owned(), json!(1)),
        (
            &back,
            "/purpose".to_owned(),
            json!({"kind": "release", "of": operation()}),
        ),
        (
            &back,
            "/purpose".to_owned(),
            json!({"kind": "dismiss", "because": []}),
        ),
    ];
    for (plan, path, value) in cases {
        let mut forged = plan.clone();
        match path.strip_prefix("/purpose") {
            Some(_) => drop(
                forged
                    .as_object_mut()
                    .unwrap()
                    .insert("purpose".to_owned(), value.clone()),
            ),
            None => *forged.pointer_mut(&path).unwrap() = value.clone(),
        }
        let refused = decode(&forged);
        assert!(
            matches!(refused, Err(PlanError::Unlawful { .. })),
            "{path} as {value}: {refused:?}"
        );
    }
}

/// Each statement that a plan asks for stands for something that the approver would else not know.
#[test]
fn a_forged_plan_that_asks_for_fewer_statements_is_refused() {
    let write = sidecar(
        WriterKind::Mutation,
        vec![pin("node:Author", 4, 5), pin("edge:Wrote", 5, 6)],
    );
    let observed = vec![at(&write.tables[0], 5, 5), at(&write.tables[1], 7, 8)];
    let plan = scene(&write, None, &world(observed)).plan;
    let plan = serde_json::to_value(&plan).unwrap();
    let asked: Vec<&str> = plan["requires"]
        .as_array()
        .unwrap()
        .iter()
        .map(|asked| asked.as_str().unwrap())
        .collect();
    assert_eq!(
        asked,
        [
            "writers_stopped",
            "target_differs_from_expected",
            "stays_published_in_part"
        ]
    );
    assert!(decode(&plan).is_ok());
    for (left_out, name) in asked.iter().enumerate() {
        let mut forged = plan.clone();
        forged["requires"].as_array_mut().unwrap().remove(left_out);
        let refused = decode(&forged);
        assert!(
            matches!(refused, Err(PlanError::Unlawful { .. })),
            "{name}: {refused:?}"
        );
    }
}

/// What claiming the dismissal of `bytes` comes to, laid down as if they were a file of this name with this reason.
fn claims_the_dismissal(
    (file, bytes): (&str, Vec<u8>),
    disposition: Disposition,
    because: Code,
    change: impl Fn(&mut Plan),
) -> Result<JournalState, String> {
    let file = SidecarFile::read(file, bytes, &Limits::DEFAULT);
    let is_own = file.own_operation();
    let id = is_own.unwrap_or_else(|| dismissal_id(&file));
    let reasons = [Reason::new(because, "so it is said")];
    let stands = file.bytes.clone();
    let laid_down = dismissal(&root(), id, &file, Some(stands), disposition, &reasons);
    let mut plan = laid_down.plan;
    change(&mut plan);
    let text = PlanBytes::of(&plan).unwrap();
    let approval = Approval {
        operation_id: plan.operation_id.clone(),
        plan_digest: text.digest(),
        reason: Some("it is in the way".to_owned()),
        ..approval(&all_committed())
    };
    let entries = [
        JournalEntry::Approved {
            approval,
            plan: text.text().to_owned(),
        },
        JournalEntry::Claimed {
            epoch: 1,
            executor: "executor".to_owned(),
            plan_digest: text.digest(),
            plan: text.text().to_owned(),
            sidecar: file.bytes.into(),
        },
    ];
    let mut state = JournalState::new(plan.operation_id);
    for entry in entries {
        let record = state.next_record(Timestamp::from_micros(1), entry);
        state = state
            .append(&record.to_bytes().unwrap())
            .map_err(|error| sidecar::error_text(&error))?;
    }
    Ok(state)
}

#[test]
fn a_file_is_set_aside_only_for_a_reason_that_its_bytes_bear_out() {
    use Disposition::{Abort, Refused};
    let well = bytes(&all_committed().sidecar);
    let own = operation().file_name();
    let not_json = well[..well.len() / 2].to_vec();
    let newer = String::from_utf8(well.clone()).unwrap();
    let newer = newer.replace("\"schema_version\":1", "\"schema_version\":10");
    assert_ne!(newer.as_bytes(), well);
    let shape = br#"{"schema_version":1,"operation_id":7}"#.to_vec();
    let large = vec![b' '; usize::try_from(Limits::DEFAULT.sidecar_bytes_max).unwrap() + 1];
    let files = [
        (Code::NotJson, not_json),
        (Code::WrongShape, shape),
        (Code::UnsupportedVersion, newer.into_bytes()),
        (Code::TooLarge, large),
    ];
    let claim = |file: (&str, &[u8]), disposition, code| {
        let (name, bytes) = file;
        claims_the_dismissal((name, bytes.to_vec()), disposition, code, |_| {})
    };
    for (told, bytes) in &files {
        let because = files.iter().map(|(code, _)| *code);
        for code in because.chain([Code::TooDeep, Code::TooManyTables]) {
            let claimed = claim((&own, bytes), Refused, code);
            assert_eq!(
                claimed.is_ok(),
                code == *told,
                "{code:?} of {told:?}: {claimed:?}"
            );
            let of_the_sidecar = claim((&own, &well), Refused, code);
            let why = of_the_sidecar.unwrap_err();
            assert!(
                why.contains("and its bytes are a sidecar"),
                "{code:?}: {why}"
            );
        }
        let aborted = claim((&own, bytes), Abort, Code::TableMissing);
        assert!(aborted.is_err(), "{told:?}: {aborted:?}");
        // Its bytes do not say which other sidecars there are, or whether a journal can be read.
        for code in [Code::DuplicateOperationId, Code::JournalBroken] {
            claim(("copy.json", bytes), Refused, code).unwrap();
        }
    }
    // An earlier build did not implement version 2.
    let second = String::from_utf8(well.clone()).unwrap();
    let second = second.replace("\"schema_version\":1", "\"schema_version\":2");
    claim((&own, second.as_bytes()), Refused, Code::UnsupportedVersion).unwrap();
    assert!(claim((&own, second.as_bytes()), Abort, Code::UnsupportedVersion).is_err());
    // It called a file with a fault of version 9 one of an unsupported version too, which no file of version 1 is.
    let ninth = String::from_utf8(well.clone()).unwrap();
    let ninth = ninth.replace("\"schema_version\":1", "\"schema_version\":9");
    for code in [Code::UnsupportedVersion, Code::WrongShape] {
        claim((&own, ninth.as_bytes()), Refused, code).unwrap();
    }
    assert!(claim((&own, ninth.as_bytes()), Refused, Code::TooDeep).is_err());
    claim((&own, &well), Abort, Code::TableMissing).unwrap();
    claim(("copy.json", &well), Refused, Code::Misnamed).unwrap();
    assert!(claim((&own, &well), Refused, Code::Misnamed).is_err());
    assert!(claim(("copy.json", &well), Abort, Code::TableMissing).is_err());
}

fn because(codes: &[Code]) -> Purpose {
    Purpose::Dismiss {
        because: codes.to_vec(),
    }
}
