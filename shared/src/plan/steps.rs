//! The steps that resolve a sidecar, in the order in which they are done.

use super::graph_history::{PlannedHistory, graph_history};
use super::published_graph_commit::PublishedGraphCommit;
use super::version_9::{self, FixedHistory};
use super::{
    ExactPublish, NewTable, PinMove, PlannedTable, Precondition, RemovedTable, StagedFile, Step,
    recovery_tag,
};
use crate::dataset_files::DatasetFiles;
use crate::ids::OperationId;
use crate::observation::{Observation, SchemaObservation};
use crate::schema_file::SchemaFile;
use crate::sidecar::Sidecar;
use crate::verdict::{Action, Disposition, Verdict};

/// The facts that steps are made from.
pub(super) struct StepInput<'a> {
    pub operation_id: &'a OperationId,
    pub file: &'a str,
    pub sidecar: Option<&'a Sidecar>,
    pub observation: Option<&'a Observation>,
    pub verdict: &'a Verdict,
    pub tables: &'a [PlannedTable],
}

/// A table whose pin moves, with its pin, its HEAD and its next pin.
pub(super) type Moved<'a> = (&'a PlannedTable, u64, u64, u64);

pub(super) fn steps(input: &StepInput<'_>) -> Vec<Step> {
    let moved: Vec<Moved<'_>> = input.tables.iter().filter_map(moved).collect();
    let disposition = input.verdict.disposition;
    let mut steps = tags(input.operation_id, &moved);
    steps.retain(|step| !is_on_no_such_branch(input, step));
    let drops = drops(input);
    if disposition.takes_it_back() && !(moved.is_empty() && drops.is_empty()) {
        steps.push(Step::FenceCatalog {
            precondition: Precondition::PinsAsPlanned,
        });
    }
    let version_9 = input
        .sidecar
        .and_then(|sidecar| sidecar.version_9.as_deref());
    let prepares = version_9
        .and_then(|sidecar| version_9::prepare(sidecar, input.file, disposition, input.tables));
    steps.extend(prepares);
    steps.extend(drops);
    steps.extend(restores(&moved));
    let history = history(input);
    let exact = version_9.and_then(|sidecar| version_9::exact(sidecar, disposition));
    let published = publish(&moved, input.tables, history.commit.clone(), exact);
    steps.extend(published);
    if let (Some(sidecar), Some(observation)) = (input.sidecar, input.observation) {
        let schema = observation
            .schema
            .as_ref()
            .filter(|_| sidecar.writer_kind.changes_the_schema());
        let is_9 = sidecar.version_9.is_some();
        steps.extend(schema.and_then(|schema| schema_files(schema, disposition, is_9)));
        steps.extend(history.row_steps());
        // A lock that is younger than the sidecar is another schema change’s.
        let lock = schema
            .and_then(|schema| schema.locked_since)
            .filter(|locked_since| *locked_since <= sidecar.started_at);
        steps.extend(lock.map(|at| Step::UnlockSchema {
            precondition: Precondition::LockedSince { at },
        }));
    }
    steps.push(Step::Record {
        precondition: Precondition::StepsDone,
    });
    steps.push(Step::Retire {
        file: input.file.to_owned(),
        precondition: Precondition::Recorded,
    });
    steps
}

/// Whether the step tags a pin that the table's Lance branch does not hold, because a merge made that branch from a later version
/// of another one.
fn is_on_no_such_branch(input: &StepInput<'_>, step: &Step) -> bool {
    let Step::Tag {
        table_key,
        branch,
        version,
        ..
    } = step
    else {
        return false;
    };
    let (Some(sidecar), Some(observation)) = (input.sidecar, input.observation) else {
        return false;
    };
    sidecar.version_9.is_some()
        && observation.tables.iter().any(|table| {
            (&table.table_key, &table.branch) == (table_key, branch)
                && table.pinned.version() == Some(*version)
                && table.head.version() != Some(*version)
                && table
                    .pinned_elsewhere
                    .as_ref()
                    .is_some_and(|elsewhere| !elsewhere.is_origin)
        })
}

/// The removal of each dataset that the write made.
fn drops(input: &StepInput<'_>) -> Vec<Step> {
    let version_9 = input
        .sidecar
        .and_then(|sidecar| sidecar.version_9.as_deref());
    let schema = input.observation.and_then(|found| found.schema.as_ref());
    let registrations = schema.map_or(&[] as &[_], |schema| &schema.registrations);
    let dropped = input
        .tables
        .iter()
        .filter(|table| table.action == Action::Drop);
    dropped
        .filter_map(|table| {
            let mut found = registrations.iter();
            let found = found.find(|found| found.table_key == table.table_key)?;
            let Some(DatasetFiles::Listed { files }) = &found.files else {
                return None;
            };
            Some(Step::DropDataset {
                table_key: table.table_key.clone(),
                location: table.location.clone()?,
                files: files.clone(),
                precondition: Precondition::DatasetAsPlanned {
                    transaction: version_9?.made_by(&table.table_key)?.to_owned(),
                },
            })
        })
        .collect()
}

/// The rows that the recovery adds to the history of the graph: as the sidecar fixed them, or else as engines add them.
fn history(input: &StepInput<'_>) -> PlannedHistory {
    let (Some(sidecar), Some(observation)) = (input.sidecar, input.observation) else {
        return PlannedHistory::default();
    };
    let evidence = observation.version_9.as_deref();
    let then = evidence
        .and_then(|evidence| evidence.as_ref().ok())
        .and_then(|evidence| evidence.graph.tables_then.as_ref());
    let fixed = sidecar.version_9.as_deref().and_then(|version_9| {
        version_9::history(version_9, input.verdict.disposition, input.tables, then)
    });
    match fixed {
        Some(FixedHistory { commit, recovery }) => PlannedHistory {
            commit,
            rows: recovery.into_iter().collect(),
        },
        None => graph_history(sidecar, observation, input.verdict),
    }
}

pub(super) fn moved(table: &PlannedTable) -> Option<Moved<'_>> {
    match table.action {
        Action::Publish | Action::RestoreAndPublish => Some((
            table,
            table.manifest_pinned?,
            table.lance_head?,
            table.publish_as?,
        )),
        Action::None | Action::Restore | Action::Register | Action::Tombstone | Action::Drop => {
            None
        }
    }
}

fn at_head(table: &PlannedTable, version: u64) -> Precondition {
    Precondition::TableHead {
        version,
        transaction: table.head_transaction.clone(),
    }
}

pub(super) fn tags(operation_id: &OperationId, moved: &[Moved<'_>]) -> Vec<Step> {
    // A table that a merge only points to is not changed.
    let changed = moved
        .iter()
        .filter(|(table, ..)| table.catalog_change.is_none());
    let versions = changed.flat_map(|(table, pinned, head, _)| {
        // A cleaned-away version cannot be tagged.
        let pinned = (!table.pin_gone).then_some((table, *head, *pinned));
        [Some((table, *head, *head)), pinned].into_iter().flatten()
    });
    versions
        .map(|(table, head, version)| Step::Tag {
            table_key: table.table_key.clone(),
            branch: table.branch.clone(),
            name: recovery_tag(operation_id, table.branch.as_deref(), version),
            version,
            precondition: at_head(table, head),
        })
        .collect()
}

pub(super) fn restores(moved: &[Moved<'_>]) -> Vec<Step> {
    moved
        .iter()
        .filter_map(|(table, _, head, publish_as)| {
            Some(Step::Restore {
                table_key: table.table_key.clone(),
                branch: table.branch.clone(),
                version: table.restore_to?,
                lands_at: *publish_as,
                precondition: at_head(table, *head),
            })
        })
        .collect()
}

pub(super) fn publish(
    moved: &[Moved<'_>],
    tables: &[PlannedTable],
    graph_commit: Option<PublishedGraphCommit>,
    exact: Option<ExactPublish>,
) -> Option<Step> {
    let pins: Vec<PinMove> = moved
        .iter()
        .map(|(table, pinned, _, to_version)| PinMove {
            table_key: table.table_key.clone(),
            branch: table.branch.clone(),
            from_version: *pinned,
            to_version: *to_version,
        })
        .collect();
    let with = |action| tables.iter().filter(move |table| table.action == action);
    let registrations: Vec<NewTable> = with(Action::Register)
        .filter_map(|table| {
            Some(NewTable {
                table_key: table.table_key.clone(),
                branch: table.branch.clone(),
                location: table.location.clone()?,
                version: table.publish_as?,
            })
        })
        .collect();
    let tombstones: Vec<RemovedTable> = with(Action::Tombstone)
        .map(|table| RemovedTable {
            table_key: table.table_key.clone(),
            version: table.post_commit_pin,
        })
        .collect();
    let is_empty = pins.is_empty()
        && registrations.is_empty()
        && tombstones.is_empty()
        && graph_commit.is_none();
    (!is_empty).then_some(Step::Publish {
        pins,
        registrations,
        tombstones,
        graph_commit,
        exact: exact.map(Box::new),
        precondition: Precondition::PinsAsPlanned,
    })
}

/// After the publish: in the other order, a crash in between would leave a schema without its tables.
fn schema_files(
    schema: &SchemaObservation,
    disposition: Disposition,
    is_version_9: bool,
) -> Option<Step> {
    let staged = |file: SchemaFile| {
        let found = schema.file(file);
        Some(StagedFile {
            live: file.live().to_owned(),
            staged: file.staged().to_owned(),
            digest: found.staged?,
            replaces: found.live,
        })
    };
    let files: Vec<StagedFile> = SchemaFile::ALL.into_iter().filter_map(staged).collect();
    let precondition = Precondition::FilesAsPlanned;
    match disposition {
        _ if files.is_empty() => None,
        // For version 9, the graph commit decides, and the files follow.
        Disposition::AlreadyPublished | Disposition::StaleArmed if is_version_9 => {
            Some(Step::PromoteSchema {
                files,
                precondition,
            })
        }
        Disposition::AlreadyRolledBack => Some(Step::DiscardSchema {
            files,
            precondition,
        }),
        Disposition::RollForward => Some(Step::PromoteSchema {
            files,
            precondition,
        }),
        Disposition::RollBack => Some(Step::DiscardSchema {
            files,
            precondition,
        }),
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::AlreadyPublished
        | Disposition::StaleArmed
        | Disposition::Superseded
        | Disposition::NeverStarted => None,
    }
}
