//! The steps of a plan are those that its tables lead to.

use serde_json::{Value, json};
use sidecar::{AuthorizationError, Disposition, Plan, PlanBytes, PlanError, WriterKind, authorize};

use super::plans::{plans, plans_with_history_in_the_catalog, schema_change};
use crate::support::operation;

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
