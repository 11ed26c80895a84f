//! Findings about what a schema change left beside the tables.

use crate::doctor::facts::RootFacts;
use crate::doctor::finding::{Finding, FindingKind};
use crate::root_layout::{CATALOG_FOLDER, SCHEMA_LOCK_BRANCH};

pub(super) fn findings(facts: &RootFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    // The recovery of a schema change takes the lock and the staged files away.
    let is_covered = facts
        .pending
        .as_ref()
        .is_ok_and(|pending| pending.covers.may_change_the_schema());
    match &facts.schema.lock {
        Ok(Some(made_at)) if !is_covered => findings.push(Finding::in_the_way(
            FindingKind::SchemaLockLeft,
            SCHEMA_LOCK_BRANCH,
            format!("The lock of a schema change, made {made_at}, is there, and no sidecar of a schema change is pending: the engine refuses every write, repair and new branch for as long as it is there."),
            format!("Stop every writer, and make sure that no schema change is running. Then delete the Lance branch {SCHEMA_LOCK_BRANCH} of {CATALOG_FOLDER} with a Lance client"),
        )),
        Ok(_) => {}
        Err(reason) => findings.push(Finding::not_known(SCHEMA_LOCK_BRANCH, reason)),
    }
    for (file, there) in &facts.schema.staged {
        match there {
            Ok(()) if is_covered => {}
            Ok(()) => findings.push(Finding::in_the_way(
                FindingKind::StagedSchemaFileLeft,
                file.staged(),
                "It was staged by a schema change, and no sidecar of a schema change is pending.",
                format!(
                    "Compare it with {}, then move it out of the root by hand",
                    file.live()
                ),
            )),
            Err(reason) => findings.push(Finding::not_known(file.staged(), reason)),
        }
    }
    findings
}
