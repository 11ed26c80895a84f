//! The removal of a dataset that a schema change made and no reader ever saw.

use sidecar::journal::StepResult;
use sidecar::observation::obstacle::still_catalogued;
use sidecar::{DatasetFile, DatasetFiles, Difference, DifferenceField, Precondition};

use super::outcome::{StepOutcome, not_attempted, not_in_plan};
use crate::error::ServiceError;
use crate::root::Root;
use fenced_lance::{Head, LanceRoot, TableLocation, TransactionEntry};
use root_objects::dataset_files;

/// The version that the dataset is made with.
const FIRST_VERSION: u64 = 1;

/// Removes the files of the step, if the folder of the dataset holds no others, and the dataset is the one of the plan. Done again, it
/// removes what is left of them.
pub(super) async fn drop(
    root: &Root,
    index: usize,
    table_key: &str,
    location: &str,
    files: &[DatasetFile],
    precondition: &Precondition,
) -> Result<StepOutcome, ServiceError> {
    let Precondition::DatasetAsPlanned { transaction } = precondition else {
        return Ok(not_in_plan());
    };
    let left = match dataset_files::list(root.objects(), location).await? {
        DatasetFiles::Listed { files } => files,
        DatasetFiles::NotListed { reason } => return Ok(conflict(table_key, &reason)),
    };
    if let Some(other) = left.iter().find(|file| !files.contains(file)) {
        let why = format!("{} is not a file that the plan names", other.path);
        return Ok(conflict(table_key, &why));
    }
    if let Some(why) = visible_or_another(root.lance(), location, transaction, &left).await? {
        return Ok(conflict(table_key, &why));
    }
    let is_gone = dataset_files::remove(root.objects(), location, files).await?;
    Ok(match dataset_files::list(root.objects(), location).await? {
        DatasetFiles::Listed { files } if files.is_empty() && is_gone => {
            StepOutcome::Done(StepResult {
                step: index,
                version: None,
                already_done: left.is_empty(),
            })
        }
        DatasetFiles::Listed { .. } | DatasetFiles::NotListed { .. } => something_left(table_key),
    })
}

/// Why the dataset has to stay: readers see it by now, or somebody else made it or committed to it.
async fn visible_or_another(
    lance: &LanceRoot,
    location: &str,
    transaction: &str,
    left: &[DatasetFile],
) -> Result<Option<String>, ServiceError> {
    let unreadable = |source| not_attempted("looking at the dataset that is to be removed", source);
    if let Some(there) = lance.catalogued_at(location).await.map_err(unreadable)? {
        let branch = there.branch.as_deref();
        return Ok(Some(still_catalogued(&there.table_key, branch)));
    }
    // A dataset that an earlier attempt, or an engine, removed in part is none any more.
    if !left.iter().any(DatasetFile::is_a_version_file) {
        return Ok(None);
    }
    let place = TableLocation::on(location, None);
    match lance.head(&place).await.map_err(unreadable)? {
        Head::At { version } if version == FIRST_VERSION => {}
        Head::At { version } => return Ok(Some(format!("its HEAD is {version} by now"))),
        Head::DatasetMissing | Head::BranchMissing => {
            return Ok(Some("it cannot be opened".to_owned()));
        }
    }
    let made_by = lance.transaction(&place, FIRST_VERSION).await;
    Ok(match made_by.map_err(unreadable)? {
        TransactionEntry::Known(summary) if summary.uuid == transaction => None,
        TransactionEntry::Known(_) | TransactionEntry::Gone { .. } => {
            Some("another transaction than the planned one made it".to_owned())
        }
    })
}

/// Its files are removed by then, so the report must not say that nothing happened.
fn something_left(table_key: &str) -> StepOutcome {
    StepOutcome::Lost {
        detail: format!(
            "the files of the dataset that was made for {table_key} are removed, and something else is in its folder, which came there meanwhile or is no file of a dataset; find out whose it is"
        ),
        differences: vec![Difference::new(
            Some(table_key),
            DifferenceField::Files,
            "gone",
            "something else is left",
        )],
    }
}

fn conflict(table_key: &str, why: &str) -> StepOutcome {
    StepOutcome::Conflict {
        detail: format!(
            "the dataset that was made for {table_key} was left as it is: {why}; find out who uses it"
        ),
        differences: vec![Difference::new(
            Some(table_key),
            DifferenceField::Files,
            "as planned",
            why,
        )],
    }
}
