//! Lines about what a schema change leaves beside the tables.

use crate::doctor::checklist::{ChecklistItem, ChecklistLine};
use crate::doctor::facts::RootFacts;
use crate::root_layout::SCHEMA_LOCK_BRANCH;

pub(super) fn no_staged_schema_files(facts: &RootFacts) -> ChecklistLine {
    let item = ChecklistItem::NoStagedSchemaFiles;
    let staged = &facts.schema.staged;
    if let Some((file, Err(reason))) = staged.iter().find(|(_, there)| there.is_err()) {
        return ChecklistLine::not_known(item, format!("{}: {reason}", file.staged()));
    }
    match staged.as_slice() {
        [] => ChecklistLine::yes(item),
        staged => {
            let names: Vec<&str> = staged.iter().map(|(file, _)| file.staged()).collect();
            ChecklistLine::no(
                item,
                format!("{} is there.", names.join(", ")),
                "Resolve the sidecar of the schema change; without one, move the file out of the root by hand",
            )
        }
    }
}

pub(super) fn no_schema_lock(facts: &RootFacts) -> ChecklistLine {
    let item = ChecklistItem::NoSchemaLock;
    match &facts.schema.lock {
        Err(reason) => ChecklistLine::not_known(item, reason),
        Ok(None) => ChecklistLine::yes(item),
        Ok(Some(made_at)) => ChecklistLine::no(
            item,
            format!("The branch {SCHEMA_LOCK_BRANCH}, made {made_at}, is there."),
            "Resolve the sidecar of the schema change; without one, delete the branch with a Lance client once every writer is stopped",
        ),
    }
}
