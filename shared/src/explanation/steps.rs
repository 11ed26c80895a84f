//! Words for the steps of a plan, and for when each is done at all.

use super::words::{NAME_CHARS_MAX, table_name};
use crate::branch::Branch;
use crate::plan::{GraphHistoryRow, Precondition, StagedFile, Step};
use crate::text::shown;

/// What one step does.
#[must_use]
pub fn step_sentence(step: &Step) -> String {
    match step {
        Step::Tag {
            table_key,
            branch,
            version,
            precondition,
            ..
        } => {
            let table = table_name(table_key, branch.as_deref());
            match precondition {
                Precondition::TableHead { version: head, .. } if version == head => {
                    format!("Tag HEAD {version} of {table}, so that cleanup cannot take it")
                }
                _ => format!("Tag version {version} of {table}, so that cleanup cannot take it"),
            }
        }
        Step::Untag {
            table_key,
            branch,
            version,
            ..
        } => {
            format!(
                "Drop the tag of version {version} of {}",
                table_name(table_key, branch.as_deref())
            )
        }
        Step::Announce { file, .. } => format!(
            "Write the sidecar {}, which covers the versions that come back",
            shown(file, NAME_CHARS_MAX)
        ),
        Step::FenceCatalog { .. } => {
            "Block late publishes (one empty commit of the catalog)".to_owned()
        }
        Step::PrepareSidecar { file, outcomes, .. } => match outcomes.len() {
            0 => format!(
                "Note in {} that the write is taken back, and that no table changes",
                shown(file, NAME_CHARS_MAX)
            ),
            1 => format!(
                "Note in {} which table returns, so that an engine can go on with it",
                shown(file, NAME_CHARS_MAX)
            ),
            count => format!(
                "Note in {} which {} tables return, so that an engine can go on with it",
                shown(file, NAME_CHARS_MAX),
                super::words::count_word(u64::try_from(count).unwrap_or(u64::MAX))
            ),
        },
        Step::DropDataset {
            table_key, files, ..
        } => {
            let count = u64::try_from(files.len()).unwrap_or(u64::MAX);
            format!(
                "Remove the dataset that was made for {}, with its {} {}",
                table_name(table_key, None),
                super::words::count_word(count),
                if count == 1 { "file" } else { "files" }
            )
        }
        Step::Restore {
            table_key,
            branch,
            version,
            lands_at,
            ..
        } => {
            format!(
                "Restore version {version} of {} as version {lands_at}",
                table_name(table_key, branch.as_deref())
            )
        }
        Step::Publish {
            pins,
            registrations,
            tombstones,
            graph_commit,
            exact,
            ..
        } => {
            let pins = pins.iter().map(|pin| {
                format!(
                    "{} at {}",
                    table_name(&pin.table_key, pin.branch.as_deref()),
                    pin.to_version
                )
            });
            let added = registrations.iter().map(|table| {
                format!(
                    "the new table {} at {}",
                    table_name(&table.table_key, table.branch.as_deref()),
                    table.version
                )
            });
            let removed = tombstones
                .iter()
                .map(|table| format!("the removal of {}", table_name(&table.table_key, None)));
            let renamed = exact.iter().flat_map(|exact| &exact.renamed).map(|table| {
                format!(
                    "the new name {} of {}",
                    table_name(&table.to_key, None),
                    table_name(&table.from_key, None)
                )
            });
            let all: Vec<String> = pins.chain(added).chain(removed).chain(renamed).collect();
            let commit = graph_commit.as_ref().map(|commit| {
                format!(
                    "a graph commit on branch {} by {}",
                    shown(Branch::of(commit.branch.as_deref()).text(), NAME_CHARS_MAX),
                    shown(
                        commit.actor_id.as_deref().unwrap_or("nobody named"),
                        NAME_CHARS_MAX
                    )
                )
            });
            match commit {
                Some(commit) if all.is_empty() => {
                    format!("Record {commit}, in one commit of the catalog")
                }
                Some(commit) => format!(
                    "Publish {} and record {commit}, in one commit of the catalog",
                    all.join(", ")
                ),
                None => format!("Publish {}, in one commit of the catalog", all.join(", ")),
            }
        }
        Step::PromoteSchema { files, .. } => {
            format!("Put the staged schema files in place: {}", names(files))
        }
        Step::DiscardSchema { files, .. } => format!(
            "Keep the staged schema files beside the journal, and remove them: {}",
            names(files)
        ),
        Step::GraphHistory { row, .. } => graph_history_sentence(row),
        Step::UnlockSchema { .. } => {
            "Remove the lock of the schema change, which blocks every write".to_owned()
        }
        Step::Record { .. } => {
            "Look at everything once more, and write the terminal record".to_owned()
        }
        Step::Retire { file, .. } => format!("Retire the sidecar {}", shown(file, NAME_CHARS_MAX)),
    }
}

/// When a step is done at all.
#[must_use]
pub fn precondition_sentence(precondition: &Precondition) -> String {
    match precondition {
        Precondition::TableHead { version, .. } => format!("only if HEAD is still {version}"),
        Precondition::DatasetAsPlanned { .. } => {
            "only if it has these files and no others, and its one version is this write's"
                .to_owned()
        }
        Precondition::TagNames { version } => format!("only if it still names version {version}"),
        Precondition::FileAbsent => "only if no other file has that name".to_owned(),
        Precondition::PinsAsPlanned => "only if every pin is still as planned".to_owned(),
        Precondition::FilesAsPlanned => "only if every file is still as planned".to_owned(),
        Precondition::RowAbsent => "only if it is not there already".to_owned(),
        Precondition::FileAsPlanned => {
            "only if the file still has the bytes of the plan".to_owned()
        }
        Precondition::LockedSince { at } => format!("only if it is the lock of {}", at.minute()),
        Precondition::StepsDone => "only after every step before it".to_owned(),
        Precondition::Recorded => "only after the record is durable".to_owned(),
    }
}

fn names(files: &[StagedFile]) -> String {
    let names: Vec<String> = files
        .iter()
        .map(|file| shown(&file.live, NAME_CHARS_MAX))
        .collect();
    names.join(", ")
}

fn graph_history_sentence(row: &GraphHistoryRow) -> String {
    match row {
        GraphHistoryRow::GraphCommits { branch, .. } => {
            let branch = shown(Branch::of(branch.as_deref()).text(), NAME_CHARS_MAX);
            format!(
                "Record a graph commit on branch {branch} in {}",
                row.folder()
            )
        }
        GraphHistoryRow::GraphCommitActors { actor_id, .. } => format!(
            "Record {} as its actor in {}",
            shown(actor_id, NAME_CHARS_MAX),
            row.folder()
        ),
        GraphHistoryRow::GraphCommitRecoveries { recovery_kind, .. } => format!(
            "Record the recovery as {} in {}",
            recovery_kind.name(),
            row.folder()
        ),
    }
}
