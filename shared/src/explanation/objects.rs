//! What a step touches, by its full name: nothing is approved that is not shown.

use crate::plan::{Plan, StagedFile, Step};
use crate::root_layout::{
    CATALOG_FOLDER, JOURNAL_FOLDER, REPLACED_FOLDER, SCHEMA_LOCK_BRANCH, SIDECAR_FOLDER,
    STAGED_FOLDER, kept_schema_file,
};
use crate::text::shown;

/// Every file and dataset below the root that a step writes, replaces or removes, in full.
///
/// Names are shown as they are but for characters that steer a terminal or turn a line.
#[must_use]
pub fn step_objects(plan: &Plan, step: &Step) -> Vec<String> {
    let operation = &plan.operation_id;
    let objects = match step {
        Step::Tag {
            table_key,
            branch,
            name,
            ..
        }
        | Step::Untag {
            table_key,
            branch,
            name,
            ..
        } => {
            let place = place_of(plan, table_key, branch.as_deref());
            vec![format!("{place}/_refs/tags/{name}.json")]
        }
        Step::Announce { file, .. }
        | Step::PrepareSidecar { file, .. }
        | Step::Retire { file, .. } => {
            vec![format!("{SIDECAR_FOLDER}/{file}")]
        }
        Step::FenceCatalog { .. } => vec![on_branch(CATALOG_FOLDER, plan.catalog_branch())],
        Step::Restore {
            table_key, branch, ..
        } => vec![on_branch(
            &place_of(plan, table_key, branch.as_deref()),
            branch.as_deref(),
        )],
        Step::Publish { registrations, .. } => {
            let catalog = on_branch(CATALOG_FOLDER, plan.catalog_branch());
            let added = registrations
                .iter()
                .map(|table| format!("{} becomes visible", table.location));
            [catalog].into_iter().chain(added).collect()
        }
        Step::DropDataset {
            location, files, ..
        } => files
            .iter()
            .map(|file| format!("{location}/{} is removed", file.path))
            .collect(),
        Step::PromoteSchema { files, .. } => files
            .iter()
            .flat_map(|file| {
                let kept = file.replaces.map(|replaced| {
                    kept_schema_file(operation, REPLACED_FOLDER, &file.live, replaced)
                });
                [
                    kept.map(|kept| format!("{} is kept as {kept}", file.live)),
                    Some(format!("{} becomes {}", file.staged, file.live)),
                ]
            })
            .flatten()
            .collect(),
        Step::DiscardSchema { files, .. } => files
            .iter()
            .map(|StagedFile { staged, digest, .. }| {
                let kept = kept_schema_file(operation, STAGED_FOLDER, staged, *digest);
                format!("{staged} becomes {kept}")
            })
            .collect(),
        Step::GraphHistory { row, .. } => vec![row.folder().to_owned()],
        Step::UnlockSchema { .. } => {
            vec![format!("branch {SCHEMA_LOCK_BRANCH} of {CATALOG_FOLDER}")]
        }
        Step::Record { .. } => vec![format!("{JOURNAL_FOLDER}/{operation}")],
    };
    objects
        .iter()
        .map(|object| shown(object, usize::MAX))
        .collect()
}

fn place_of(plan: &Plan, table_key: &str, branch: Option<&str>) -> String {
    let table = plan
        .tables
        .iter()
        .find(|table| table.table_key == table_key && table.branch.as_deref() == branch);
    table
        .and_then(|table| table.location.clone())
        .unwrap_or_else(|| format!("(no place known of {table_key})"))
}

fn on_branch(dataset: &str, branch: Option<&str>) -> String {
    branch.map_or_else(
        || dataset.to_owned(),
        |branch| format!("{dataset}/tree/{branch}"),
    )
}
