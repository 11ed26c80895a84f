//! Findings about the schema files, and about what a schema change left beside the tables.

use crate::doctor::covers::Cover;
use crate::doctor::facts::{RootFacts, SchemaFileStand};
use crate::doctor::finding::{Finding, FindingKind, NAME_CHARS_MAX};
use crate::root_layout::{
    CATALOG_FOLDER, SCHEMA_LOCK_BRANCH, STAMP_WITH_HISTORY, STAMP_WITH_IDENTITIES,
};
use crate::text::shown;

pub(super) fn findings(facts: &RootFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    left(facts, &mut findings);
    in_force(facts, &mut findings);
    findings
}

/// What a schema change left. Its recovery takes the lock and the staged files away.
fn left(facts: &RootFacts, findings: &mut Vec<Finding>) {
    let pending = facts.pending.as_ref();
    let cover = pending.map_or(Cover::Nobody, |pending| pending.covers.of_the_schema());
    let (is_covered, perhaps) = match cover {
        Cover::Resolved | Cover::Refused(_) => (true, None),
        Cover::PerhapsOf(file) => (false, Some(file)),
        Cover::Nobody => (false, None),
    };
    let whose = match perhaps {
        Some(file) => format!(
            "no sidecar of a schema change that can be read is pending; it may belong to {}, which cannot be read",
            shown(file, NAME_CHARS_MAX)
        ),
        None => "no sidecar of a schema change is pending".to_owned(),
    };
    let resolve = |alone: String| match perhaps {
        Some(file) => Finding::resolve_first(&facts.commands, file),
        None => alone,
    };
    match &facts.schema.lock {
        Ok(Some(made_at)) if !is_covered => findings.push(Finding::in_the_way(
            FindingKind::SchemaLockLeft,
            SCHEMA_LOCK_BRANCH,
            format!("The lock of a schema change, made {made_at}, is there, and {whose}. The engine refuses every write, repair and new branch for as long as it is there."),
            resolve(format!("Stop every writer, and make sure that no schema change is running. Then delete the Lance branch {SCHEMA_LOCK_BRANCH} of {CATALOG_FOLDER} with a Lance client")),
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
                format!("It was staged by a schema change, and {whose}."),
                resolve(format!(
                    "Compare it with {}, then move it out of the root by hand",
                    file.live()
                )),
            )),
            Err(reason) => findings.push(Finding::not_known(file.staged(), reason)),
        }
    }
}

const RESTORE: &str = "Restore it from a backup of the same schema";

/// The schema files in force.
fn in_force(facts: &RootFacts, findings: &mut Vec<Finding>) {
    let has_schema = has_schema(facts);
    for (file, stand) in &facts.schema.live {
        let name = file.live();
        match stand {
            Ok(SchemaFileStand::There) => {}
            Ok(SchemaFileStand::Missing) if has_schema == Ok(false) => {}
            Ok(SchemaFileStand::Missing) => match &has_schema {
                Ok(_) => findings.push(Finding::in_the_way(
                    FindingKind::SchemaFileMissing,
                    name,
                    "It is not there, and the engine of this graph does not open a graph without it.",
                    RESTORE,
                )),
                Err(why) => findings.push(Finding::not_known(name, why)),
            },
            Ok(SchemaFileStand::Malformed { fault }) => findings.push(Finding::in_the_way(
                FindingKind::SchemaFileMalformed,
                name,
                format!("It is no schema file: {fault}."),
                RESTORE,
            )),
            Err(reason) => findings.push(Finding::not_known(name, reason)),
        }
    }
}

/// Whether the graph has schema files: that of an engine does, and a store of another writer need not.
fn has_schema(facts: &RootFacts) -> Result<bool, String> {
    let Ok(declared) = &facts.catalog else {
        return Err(
            "the catalog cannot be read, so it is not known whether the graph has a schema"
                .to_owned(),
        );
    };
    let some_are_there = facts
        .schema
        .live
        .iter()
        .any(|(_, stand)| !matches!(stand, Ok(SchemaFileStand::Missing)));
    if some_are_there {
        return Ok(true);
    }
    match declared.stamp {
        _ if declared.two_phase => Ok(false),
        Ok(stamp) if stamp < STAMP_WITH_HISTORY => facts.schema.is_of_an_engine.clone(),
        // Only engines write these stamps.
        Ok(stamp) => Ok(stamp <= STAMP_WITH_IDENTITIES),
        Err(_) => Ok(false),
    }
}
