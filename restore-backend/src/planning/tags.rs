//! Which tags of recoveries exist.

use futures::StreamExt;
use sidecar::follow_up::SetTag;

use crate::error::ServiceError;
use crate::observe::ObserveError;
use crate::root::Root;
use fenced_lance::TableLocation;
use sidecar::error_text;

/// Tags that are looked at at the same time.
const TAGS_AT_ONCE: usize = 16;

/// The given tags that exist. A tag whose dataset is gone does not.
///
/// # Errors
/// [`ServiceError::Observe`] if one cannot be read.
pub(super) async fn tags_there(
    root: &Root,
    tags: Vec<SetTag>,
) -> Result<Vec<SetTag>, ServiceError> {
    let looks = tags.into_iter().filter_map(|tag| {
        let place = TableLocation::on(tag.table.location.as_deref()?, tag.table.branch.as_deref());
        Some(async move {
            match root.lance().tagged(&place, &tag.name).await {
                Ok(found) => Ok(found
                    .is_some_and(|found| found.version == tag.version)
                    .then_some(tag)),
                Err(error) => Err(ServiceError::from(ObserveError::Unreadable {
                    what: format!("the tag {} of {}", tag.name, tag.table.table_key),
                    reason: error_text(&error),
                })),
            }
        })
    });
    let answers: Vec<Result<Option<SetTag>, ServiceError>> = futures::stream::iter(looks)
        .buffered(TAGS_AT_ONCE)
        .collect()
        .await;
    let mut there = Vec::new();
    for answer in answers {
        there.extend(answer?);
    }
    Ok(there)
}
