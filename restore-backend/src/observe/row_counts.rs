//! Whether the rows of every version that would become visible can be counted. Engines do not open a graph whose catalog lacks a
//! count, and once it is published it is too late.

use futures::StreamExt;
use sidecar::observation::TableObservation;
use sidecar::observation::obstacle::rows_not_counted;
use sidecar::{Observation, Reason, Verdict};

use super::bounds::TABLES_AT_ONCE;
use super::evidence::place_of;
use super::failed::Failures;
use super::look::Look;
use crate::root::Root;
use fenced_lance::{LanceRoot, TableLocation};
use sidecar::error_text;

/// A version whose content would become visible.
pub(crate) struct ToPublish {
    pub(crate) table_key: String,
    pub(crate) place: TableLocation,
    pub(crate) version: u64,
}

/// The versions that a verdict makes visible. A restored version has as many rows as its source.
pub(super) fn to_publish(verdict: &Verdict, observation: &Observation) -> Vec<ToPublish> {
    let pinned = verdict
        .tables
        .iter()
        .zip(&observation.tables)
        .filter_map(|(table, found)| {
            table.publish_as?;
            Some(ToPublish {
                table_key: found.table_key.clone(),
                place: place_of(found)?,
                version: table.restore_to.or(table.publish_as)?,
            })
        });
    let added = verdict.catalog_changes.iter().filter_map(|change| {
        Some(ToPublish {
            table_key: change.table_key.clone(),
            place: TableLocation::on(change.location.as_deref()?, change.branch.as_deref()),
            version: change.publish_as?,
        })
    });
    pinned.chain(added).collect()
}

/// Finds out whether the rows of every restored, published version can be counted.
pub(crate) async fn read_row_counts(
    root: &Root,
    look: &mut Look,
    target_of: impl Fn(&TableObservation) -> Option<u64>,
) {
    let versions = look.observation.tables.iter().filter_map(|table| {
        Some(ToPublish {
            table_key: table.table_key.clone(),
            place: place_of(table)?,
            version: target_of(table)?,
        })
    });
    let failures = Failures::default();
    look.uncounted = uncounted(root.lance(), versions.collect(), &failures).await;
    look.failed.extend(failures.into_list());
}

/// The versions that cannot be published, since their rows cannot be counted.
pub(super) async fn uncounted(
    lance: &LanceRoot,
    versions: Vec<ToPublish>,
    failures: &Failures,
) -> Vec<Reason> {
    let counts: Vec<_> = versions
        .into_iter()
        .map(|wanted| count(lance, wanted, failures))
        .collect();
    futures::stream::iter(counts)
        .buffered(TABLES_AT_ONCE)
        .filter_map(|reason| async { reason })
        .collect()
        .await
}

async fn count(lance: &LanceRoot, wanted: ToPublish, failures: &Failures) -> Option<Reason> {
    let ToPublish {
        table_key,
        place,
        version,
    } = wanted;
    let error = lance.count_rows(&place, version).await.err()?;
    failures.of_table(&table_key, "the number of rows", &error);
    Some(rows_not_counted(&table_key, version, &error_text(&error)))
}
