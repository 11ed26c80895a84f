//! Looks at many sidecars at once, as shallowly as a list needs.

use std::collections::BTreeSet;

use futures::{FutureExt, StreamExt};
use sidecar::observation::TableObservation;
use sidecar::{Observation, Sidecar, TablePin};

use super::bounds::{LOOKS_MAX, TABLES_AT_ONCE};
use super::closely::read_version_9;
use super::error::ObserveError;
use super::evidence::{read_covers, read_pins, read_transactions};
use super::failed::Failures;
use super::judged::Judged;
use super::readings::RootReadings;
use crate::root::Root;

/// Looks at everything many sidecars name, as shallowly as their dispositions allow; each table and catalog branch once.
///
/// # Errors
/// [`ObserveError`].
pub async fn observe_all(
    root: &Root,
    judged: &[Judged<'_>],
) -> Result<Vec<Observation>, ObserveError> {
    observe_each(root, judged, |_, observation| observation).await
}

/// As [`observe_all`], and keeps only the result of `made_of` for each observation: all the observations together are many times
/// as large as the sidecars.
///
/// # Errors
/// [`ObserveError`].
pub(crate) async fn observe_each<T>(
    root: &Root,
    judged: &[Judged<'_>],
    made_of: impl Fn(usize, Observation) -> T,
) -> Result<Vec<T>, ObserveError> {
    let sidecars: Vec<&Sidecar> = judged.iter().map(|judged| judged.sidecar).collect();
    let sidecars = sidecars.as_slice();
    let contested = contested(sidecars);
    for _ in 0..LOOKS_MAX {
        let root = &root.for_one_look();
        let readings = RootReadings::read(root, sidecars).boxed().await;
        let looks: Vec<_> = judged
            .iter()
            .map(|judged| readings.shallow_observation(root, *judged, &contested))
            .collect();
        let made = futures::stream::iter(looks)
            .buffered(TABLES_AT_ONCE)
            .enumerate()
            .map(|(index, observation)| made_of(index, observation))
            .collect()
            .await;
        if readings.still_holds(root.lance(), sidecars, false).await {
            return Ok(made);
        }
    }
    Err(ObserveError::CatalogBusy)
}

/// Tables that several sidecars name. Only the transaction at HEAD tells whose commit it is.
fn contested(sidecars: &[&Sidecar]) -> BTreeSet<(String, Option<String>)> {
    let (mut seen, mut contested) = (BTreeSet::new(), BTreeSet::new());
    for pin in sidecars.iter().flat_map(|sidecar| &sidecar.tables) {
        let table = (pin.table_key.clone(), pin.table_branch().owned());
        if !seen.insert(table.clone()) {
            contested.insert(table);
        }
    }
    contested
}

impl RootReadings {
    /// The observation that a list needs. Transactions are read only to see whether a published write is still there, and whose
    /// commit stands on a table. The second is not read if only one sidecar names the table and its writer names no operation: it
    /// would tell nothing.
    async fn shallow_observation(
        &self,
        root: &Root,
        judged: Judged<'_>,
        contested: &BTreeSet<(String, Option<String>)>,
    ) -> Observation {
        let Judged {
            sidecar, journal, ..
        } = judged;
        let failures = &Failures::default();
        let mut observation = self.observation(root, sidecar, failures).await;
        let told = observation.catalog.names_its_writers() || judged.is_undo();
        let telling = |pin: &TablePin, table: &TableObservation| {
            let Some((pinned, head)) = table.pinned.version().zip(table.head.version()) else {
                return false;
            };
            let table = (pin.table_key.clone(), pin.table_branch().owned());
            // The number of commits of such a writer shows nothing, so the transaction must show whether HEAD is a Restore.
            let loose = !sidecar.writer_kind.commits_each_table_once();
            (pinned > pin.expected_version && head == pinned)
                || (head > pinned && (loose || told || contested.contains(&table)))
        };
        read_transactions(root.lance(), sidecar, &mut observation, failures, telling).await;
        read_covers(root, sidecar, &mut observation, failures)
            .boxed()
            .await;
        if let Some(journal) = journal {
            observation.note_own(journal);
        }
        read_pins(root.lance(), &mut observation, failures)
            .boxed()
            .await;
        read_version_9(root, sidecar, &mut observation, failures)
            .boxed()
            .await;
        observation.unread = failures.all_unread();
        observation
    }
}
