//! Which plans there can be at all. Whoever can write the journal can put any bytes there.

use serde_json::{Value, json};
use sidecar::follow_up::{
    SetTag, Undo, dismissal, dismissal_id, next_release_id, next_undo_id, release, release_id,
    tags_of, undo, undo_id,
};
use sidecar::journal::{JournalEntry, JournalError, JournalState};
use sidecar::observation::{CatalogObservation, KeptHistory, Restorability};
use sidecar::{
    Approval, AuthorizationError, Code, Digest, Disposition, Limits, Observation, OperationId,
    Plan, PlanBytes, PlanError, Purpose, Reason, Registration, RootId, Sidecar, SidecarFile, Tag,
    Timestamp, Tombstone, WriterKind, authorize,
};

use crate::journal::{Journal, approved, claimed};
use crate::support::{
    Scene, all_committed, approval, at, bytes, half_way, operation, pin, scene, sidecar, staged,
    tangled, world,
};

fn root() -> RootId {
    RootId::new("file:///data/graph")
}

/// A schema change over one table that adds one and removes one, of a graph with a history and a lock.
fn schema_change(files: &str, head: u64) -> Scene {
    let sidecar = Sidecar {
        additional_registrations: vec![Registration {
            table_key: "node:New".to_owned(),
            table_path: "nodes/new".to_owned(),
            table_branch: None,
            unknown: Default::default(),
        }],
        tombstones: vec![Tombstone {
            table_key: "node:Old".to_owned(),
            tombstone_version: 4,
            unknown: Default::default(),
        }],
        ..sidecar(WriterKind::SchemaApply, vec![pin("node:Author", 4, 5)])
    };
    let mut schema = staged(&sidecar, files, false, false);
    schema.locked_since = Some(sidecar.started_at);
    let observation = Observation {
        schema: Some(schema),
        kept_history: KeptHistory::InTables,
        ..world(vec![at(&sidecar.tables[0], 4, head)])
    };
    scene(&sidecar, None, &observation)
}

fn merged() -> Scene {
    let sidecar = Sidecar {
        merge_source_commit_id: Some("01M8125E20G3JA88BS9CEJEX1K".to_owned()),
        branch: Some("feature".to_owned()),
        ..sidecar(
            WriterKind::BranchMerge,
            vec![crate::support::on_branch(
                pin("node:Author", 4, 5),
                "feature",
            )],
        )
    };
    let observation = Observation {
        kept_history: KeptHistory::InTables,
        ..world(vec![at(&sidecar.tables[0], 4, 6)])
    };
    scene(&sidecar, None, &observation)
}

fn undone(recovered: &Scene) -> Plan {
    undone_under(recovered, undo_id(&operation()))
}

fn undone_under(recovered: &Scene, id: OperationId) -> Plan {
    let state = ran(recovered);
    let finished = state.finished().unwrap();
    let what = Undo::of(&operation(), finished, &recovered.sidecar).unwrap();
    let what = what.under(id);
    let mut tables: Vec<_> = what
        .sidecar
        .tables
        .iter()
        .map(|pin| at(pin, pin.expected_version, pin.expected_version))
        .collect();
    for table in &mut tables {
        table.restorable = Restorability::Restorable;
    }
    let observation = Observation {
        kept_history: if recovered.plan.steps.iter().any(|step| {
            matches!(
                step,
                sidecar::Step::Publish {
                    graph_commit: Some(_),
                    ..
                }
            )
        }) {
            KeptHistory::InCatalog
        } else {
            KeptHistory::InTables
        },
        ..world(tables)
    };
    undo(&root(), &what, &observation).plan
}

fn ran(scene: &Scene) -> JournalState {
    let mut journal = Journal::of(scene)
        .then(approved(scene))
        .then(claimed(scene, 1));
    while let sidecar::journal::Next::Steps(steps) = journal.state.next() {
        journal = journal
            .then(crate::journal::started(1, &steps))
            .then(crate::journal::finished_steps(1, &steps));
    }
    journal.then(crate::journal::finished(scene, 1)).state
}

fn set_aside() -> Plan {
    let file = SidecarFile::read("copy.json", b"{".to_vec(), &Limits::DEFAULT);
    let reasons = [Reason::new(Code::NotJson, "copy.json is not JSON")];
    let bytes = Some(file.bytes.clone());
    let id = dismissal_id(&file);
    dismissal(&root(), id, &file, bytes, Disposition::Refused, &reasons).plan
}

/// The tags of an undo that was interrupted before its first restore go with those of the recovery.
fn released_after_an_undo() -> Plan {
    let operation = operation();
    released_after(release_id(&operation), undo_id(&operation))
}

fn released_after(release_id: OperationId, undo_id: OperationId) -> Plan {
    let recovered = all_committed();
    let undo = undone_under(&recovered, undo_id);
    let undo_tags = undo.steps.iter().filter_map(|step| match step {
        sidecar::Step::Tag {
            table_key,
            name,
            version,
            ..
        } => Some(SetTag {
            table: undo
                .tables
                .iter()
                .find(|table| table.table_key == *table_key)?
                .clone(),
            name: name.clone(),
            version: *version,
        }),
        _ => None,
    });
    let tags: Vec<SetTag> = tags_of(&ran(&recovered))
        .into_iter()
        .chain(undo_tags)
        .collect();
    release(&root(), release_id, &operation(), &recovered.sidecar, &tags).plan
}

/// The third undo of the recovery: the two before are spent.
fn later_undo_id() -> OperationId {
    next_undo_id(&next_undo_id(&undo_id(&operation())))
}

fn later_release_id() -> OperationId {
    next_release_id(&release_id(&operation()))
}

#[test]
fn an_undo_or_a_release_under_an_id_that_is_not_derived_from_its_recovery_is_refused() {
    let foreign = undo_id(&later_undo_id());
    let refused = |plan: Plan, why: &str| {
        let error = PlanBytes::of(&plan).unwrap().decode().unwrap_err();
        let told = format!("{error:?}");
        assert!(told.contains(why), "{told}");
    };
    refused(
        undone_under(&all_committed(), foreign.clone()),
        "is derived from it",
    );
    refused(
        released_after(foreign.clone(), undo_id(&operation())),
        "is derived from it",
    );
    refused(
        released_after(release_id(&operation()), foreign),
        "is not one that the recovery",
    );
}

/// A plan of every purpose, and of every kind of step.
fn plans() -> Vec<(&'static str, Plan)> {
    let rolled_back = half_way();
    let tags = tags_of(&ran(&rolled_back));
    let released = release(
        &root(),
        release_id(&operation()),
        &operation(),
        &rolled_back.sidecar,
        &tags,
    )
    .plan;
    vec![
        ("undo of a roll back", undone(&rolled_back)),
        ("undo of a roll forward", undone(&all_committed())),
        ("release", released),
        (
            "release after an undo that came to nothing",
            released_after_an_undo(),
        ),
        (
            "later undo",
            undone_under(&all_committed(), later_undo_id()),
        ),
        (
            "later release after a later undo that came to nothing",
            released_after(later_release_id(), later_undo_id()),
        ),
        ("dismissal", set_aside()),
        ("tangled", tangled().plan),
        ("merge", merged().plan),
        ("schema change, forward", schema_change("pis", 5).plan),
        ("schema change, promoting", schema_change("s", 5).plan),
        ("schema change, back", schema_change("pi", 5).plan),
        ("roll forward", all_committed().plan),
        ("roll back", rolled_back.plan),
    ]
    .into_iter()
    .chain(plans_with_history_in_the_catalog())
    .collect()
}

/// The same write as it is found in a catalog that holds the history of its graph.
fn in_catalog(write: &Sidecar, observation: Observation) -> Scene {
    let observation = Observation {
        catalog: match observation.catalog {
            CatalogObservation::Present { .. } => CatalogObservation::Present {
                version: 40,
                stamp: 4,
                two_phase: false,
                branch_created_at: None,
            },
            absent => absent,
        },
        kept_history: KeptHistory::InCatalog,
        ..observation
    };
    scene(write, None, &observation)
}

fn plans_with_history_in_the_catalog() -> Vec<(&'static str, Plan)> {
    let author = |pinned, head| {
        let write = Sidecar {
            schema_version: 2,
            ..sidecar(WriterKind::Load, vec![pin("node:Author", 4, 5)])
        };
        let observation = world(vec![at(&write.tables[0], pinned, head)]);
        (write, observation)
    };
    let plan_of = |(write, observation): (Sidecar, Observation)| in_catalog(&write, observation);
    let forward = plan_of(author(4, 5));
    let back = plan_of(author(4, 6));
    let on_branch = crate::support::on_branch(pin("node:Author", 4, 5), "feature");
    let orphan = Sidecar {
        schema_version: 2,
        branch: Some("feature".to_owned()),
        ..sidecar(WriterKind::Load, vec![on_branch])
    };
    let gone = Observation {
        catalog: CatalogObservation::BranchAbsent { tree_left: false },
        ..world(vec![at(&orphan.tables[0], 4, 5)])
    };
    let merge = merged();
    let merge = in_catalog(
        &Sidecar {
            schema_version: 2,
            tables: merge
                .sidecar
                .tables
                .iter()
                .map(|pin| sidecar::TablePin {
                    confirmed_version: Some(6),
                    ..pin.clone()
                })
                .collect(),
            ..merge.sidecar.clone()
        },
        world(vec![at(&merge.sidecar.tables[0], 4, 6)]),
    );
    vec![
        ("stamp 4: undo of a roll forward", undone(&forward)),
        ("stamp 4: roll forward", forward.plan),
        ("stamp 4: roll back", back.plan),
        ("stamp 4: never started", plan_of(author(4, 4)).plan),
        ("stamp 4: published", plan_of(author(5, 5)).plan),
        ("stamp 4: branch gone", in_catalog(&orphan, gone).plan),
        ("stamp 4: merge", merge.plan),
    ]
}

#[test]
fn where_the_catalog_holds_the_history_every_recovery_publishes_its_graph_commit() {
    for (name, plan) in plans_with_history_in_the_catalog() {
        let commits: Vec<_> = plan
            .steps
            .iter()
            .filter_map(|step| match step {
                sidecar::Step::Publish { graph_commit, .. } => Some(graph_commit.clone()),
                _ => None,
            })
            .collect();
        let rows: Vec<_> = plan
            .steps
            .iter()
            .filter_map(|step| match step {
                sidecar::Step::GraphHistory { row, .. } => Some(row.folder()),
                _ => None,
            })
            .collect();
        let is_orphan = plan.disposition == Disposition::OrphanedBranch;
        let is_merge = plan.writer_kind == Some(WriterKind::BranchMerge);
        let commit = sidecar::PublishedGraphCommit {
            branch: plan.branch.clone().filter(|_| !is_orphan),
            merged_parent: is_merge.then(|| "01M8125E20G3JA88BS9CEJEX1K".to_owned()),
            actor_id: Some("omnigraph:recovery".to_owned()),
            fixed: None,
        };
        assert_eq!(commits, [Some(commit)], "{name}: one publish with it");
        assert_eq!(rows, ["_graph_commit_recoveries.lance"], "{name}");
        assert_eq!(
            plan.catalog_branch(),
            plan.branch.as_deref().filter(|_| !is_orphan)
        );
    }
}

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

fn decode(plan: &Value) -> Result<Plan, PlanError> {
    let plan: Plan = serde_json::from_value(plan.clone()).unwrap();
    PlanBytes::of(&plan).unwrap().decode()
}

#[test]
fn every_plan_that_is_laid_down_is_read_back() {
    for (name, plan) in plans() {
        assert!(plan.has_effect(), "{name} does something");
        assert_eq!(PlanBytes::of(&plan).unwrap().decode(), Ok(plan), "{name}");
    }
}

/// Every text, number and list of a plan that names something which is touched.
fn changed_everywhere(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                changed_everywhere(field, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                changed_everywhere(item, &format!("{path}/{index}"), found);
            }
        }
        Value::String(text) => found.push((path.to_owned(), json!(format!("{text}x")))),
        Value::Number(number) => {
            found.push((path.to_owned(), json!(number.as_u64().unwrap() + 1)));
        }
        _ => {}
    }
}

#[test]
fn a_step_that_its_tables_do_not_lead_to_is_refused_wherever_it_differs() {
    let mut tried = 0;
    for (name, plan) in plans() {
        let value = serde_json::to_value(&plan).unwrap();
        let mut changes = Vec::new();
        changed_everywhere(&value["steps"], "/steps", &mut changes);
        for (path, other) in changes {
            // Found on storage: which commit was merged is in no table.
            if path.ends_with("/merged_parent") {
                continue;
            }
            let mut forged = value.clone();
            *forged.pointer_mut(&path).unwrap() = other;
            let Ok(forged) = serde_json::from_value::<Plan>(forged) else {
                continue;
            };
            let bytes = PlanBytes::of(&forged).unwrap();
            let refused = matches!(bytes.decode(), Err(PlanError::Unlawful { .. }));
            assert!(refused, "{name}: {path} was changed, and nobody noticed");
            assert!(matches!(
                authorize(bytes, &[]),
                Err(AuthorizationError::Plan(PlanError::Unlawful { .. }))
            ));
            tried += 1;
        }
        for index in 0..plan.steps.len() {
            let mut forged = plan.clone();
            let step = forged.steps.remove(index);
            let shorter = PlanBytes::of(&forged).unwrap().decode();
            // An older plan has no lock to remove, and where a pin is gone it has no tag.
            let may_be_missing = matches!(
                step,
                sidecar::Step::UnlockSchema { .. }
                    | sidecar::Step::PromoteSchema { .. }
                    | sidecar::Step::DiscardSchema { .. }
                    | sidecar::Step::Tag { .. }
                    | sidecar::Step::Untag { .. }
            );
            assert!(
                shorter.is_err() || may_be_missing,
                "{name} without its step {index}"
            );
            let mut forged = plan.clone();
            forged.steps.insert(0, step);
            assert!(
                PlanBytes::of(&forged).unwrap().decode().is_err(),
                "{name} with step {index} once more"
            );
        }
    }
    assert!(tried > 250, "{tried}");
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

#[test]
fn a_forged_plan_stops_its_journal_at_the_approval() {
    let scene = schema_change("pi", 5);
    let mut plan = scene.plan.clone();
    for step in &mut plan.steps {
        if let sidecar::Step::DiscardSchema { files, .. } = step {
            files[0].staged = "__manifest/_versions/1.manifest".to_owned();
        }
    }
    let forged = Scene {
        bytes: PlanBytes::of(&plan).unwrap(),
        plan,
        ..scene
    };
    let state = JournalState::new(operation());
    let record = state.next_record(
        Timestamp::from_micros(1),
        JournalEntry::Approved {
            approval: approval(&forged),
            plan: forged.bytes.text().to_owned(),
        },
    );
    let error = state.append(&record.to_bytes().unwrap()).unwrap_err();
    let JournalError::Plan { source, .. } = error else {
        panic!("{error}")
    };
    let text = source.to_string();
    assert!(text.contains("__manifest/_versions/1.manifest"), "{text}");
    assert!(text.contains("nothing of it is carried out"), "{text}");
}

#[test]
fn a_plan_is_claimed_only_with_the_sidecar_that_announces_its_tables() {
    let scene = all_committed();
    for other in [
        sidecar(WriterKind::Mutation, vec![pin("node:Author", 4, 5)]),
        sidecar(
            WriterKind::Mutation,
            vec![pin("node:Author", 4, 5), pin("edge:Wrote", 4, 6)],
        ),
        sidecar(
            WriterKind::Load,
            vec![pin("node:Author", 4, 5), pin("edge:Wrote", 5, 6)],
        ),
    ] {
        let plan = Plan {
            sidecar: Digest::of(Tag::Sidecar, &bytes(&other)),
            ..scene.plan.clone()
        };
        let forged = Scene {
            sidecar: other,
            bytes: PlanBytes::of(&plan).unwrap(),
            plan,
            verdict: scene.verdict.clone(),
        };
        let journal = Journal::of(&forged).then(approved(&forged));
        let record = journal
            .state
            .next_record(Timestamp::from_micros(1), claimed(&forged, 1));
        let error = journal.state.append(&record.to_bytes().unwrap());
        assert!(
            matches!(error, Err(JournalError::IllegalTransition { .. })),
            "{error:?}"
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
        // What else there is among the sidecars, and whether a journal can be read, its bytes do not say.
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

#[test]
fn a_dismissal_names_the_writer_of_its_file_and_has_reasons_in_order() {
    let well = bytes(&all_committed().sidecar);
    let own = operation().file_name();
    let claim = |change: fn(&mut Plan)| {
        let file = (own.as_str(), well.clone());
        claims_the_dismissal(file, Disposition::Abort, Code::TableMissing, change)
    };
    claim(|_| {}).unwrap();
    let changes: [fn(&mut Plan); 6] = [
        |plan| plan.writer_kind = Some(WriterKind::Load),
        |plan| plan.writer_kind = None,
        |plan| plan.branch = Some("feature".to_owned()),
        |plan| plan.actor_id = Some("somebody else".to_owned()),
        |plan| plan.purpose = because(&[]),
        |plan| plan.purpose = because(&[Code::TableMissing, Code::TableMissing]),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        assert!(claim(change).is_err(), "change {place}");
    }
}

fn because(codes: &[Code]) -> Purpose {
    Purpose::Dismiss {
        because: codes.to_vec(),
    }
}

#[test]
fn a_terminal_record_says_of_tables_what_follows_from_the_plan() {
    let scene = all_committed();
    let mut journal = Journal::of(&scene)
        .then(approved(&scene))
        .then(claimed(&scene, 1));
    while let sidecar::journal::Next::Steps(steps) = journal.state.next() {
        journal = journal
            .then(crate::journal::started(1, &steps))
            .then(crate::journal::finished_steps(1, &steps));
    }
    let JournalEntry::Finished {
        epoch,
        outcome,
        mut tables,
        catalog,
        sidecar,
    } = crate::journal::finished(&scene, 1)
    else {
        panic!("not the terminal record")
    };
    tables[0].to_version = Some(99);
    let forged = JournalEntry::Finished {
        epoch,
        outcome,
        tables,
        catalog,
        sidecar,
    };
    let record = journal.state.next_record(Timestamp::from_micros(1), forged);
    assert!(journal.state.append(&record.to_bytes().unwrap()).is_err());
}

#[test]
fn every_step_shows_what_it_touches_in_full() {
    for (name, plan) in plans() {
        for step in &plan.steps {
            let objects = sidecar::explanation::step_objects(&plan, step);
            assert!(!objects.is_empty(), "{name}: {}", step.kind());
        }
    }
    let plan = schema_change("pi", 5).plan;
    let discard = plan
        .steps
        .iter()
        .find(|step| step.kind() == "discard_schema")
        .unwrap();
    let mut forged = discard.clone();
    // Long and odd names are shown whole as well: what is cut could hide what it touches.
    let long = format!("__manifest/{}\u{202e}.manifest", "x".repeat(500));
    if let sidecar::Step::DiscardSchema { files, .. } = &mut forged {
        files[0].staged = long.clone();
    }
    let objects = sidecar::explanation::step_objects(&plan, &forged);
    let shown = long.replace('\u{202e}', "\u{fffd}");
    assert!(
        objects[0].starts_with(&format!("{shown} becomes ")),
        "{objects:?}"
    );
    assert!(objects[0].contains(&format!("__recovery_log/{}/staged/", operation())));
    let tagged = plan.steps.iter().find(|step| step.kind() == "tag").unwrap();
    let objects = sidecar::explanation::step_objects(&plan, tagged);
    assert_eq!(
        objects,
        [format!(
            "nodes/Author/_refs/tags/recovery-{}-v5.json",
            operation()
        )]
    );
}
