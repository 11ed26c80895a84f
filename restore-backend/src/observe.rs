//! Looking at a root: pins of the catalog, Lance HEADs, transactions, staged schema files. It never writes.
//!
//! A look reads only as much as the decision needs. A list needs one listing per table. A plan also needs the transactions
//! between pin and HEAD. Only a roll back needs to know whether contents differ and whether the pin can be restored.

mod bounds;
mod depth;
mod error;
mod evidence;
mod failed;
mod look;
mod merge;
mod recorded;
mod row_counts;
mod schema;

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt, StreamExt};
use sidecar::journal::JournalState;
use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, Pinned, PinnedElsewhere, Restorability,
    TableObservation,
};
use sidecar::root_layout::CATALOG_FOLDER;
use sidecar::{
    Choice, Code, Disposition, Observation, Reason, Sidecar, TablePin, judge, judge_choice,
    location_conflict, may_be_incomplete,
};

use crate::root::Root;
use fenced_lance::{Catalog, CatalogReading, Head, LanceRoot, TableError, TableLocation};
use root_objects::clock;
use sidecar::error_text;

use bounds::{CATALOGS_AT_ONCE, LOOKS_MAX, TABLES_AT_ONCE};
use depth::Depth;
use evidence::{
    compare_contents, read_branch_identities, read_covers, read_origins, read_pins,
    read_transactions,
};
use failed::Failures;
use recorded::read_recorded;
use row_counts::{to_publish, uncounted};

pub(crate) use depth::ReadPending;
pub use error::ObserveError;
pub(crate) use evidence::read_restorability;
pub(crate) use failed::FailedRead;
pub(crate) use look::Look;
pub(crate) use row_counts::read_row_counts;

/// The catalogs and tables that several sidecars are judged against, read once for all of them.
#[derive(Debug, Default)]
struct RootReadings {
    catalogs: BTreeMap<Option<String>, Result<CatalogReading, TableError>>,
    heads: BTreeMap<TableLocation, Result<Head, TableError>>,
}

/// A sidecar with the journal of its operation, which records whether it stands for an undo, and which steps were begun.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The sidecar.
    pub sidecar: &'a Sidecar,
    /// The folded journal of its operation; `None` if it has none.
    pub journal: Option<&'a JournalState>,
}

/// Looks at everything one sidecar names, with the evidence that the plan of `choice` needs.
///
/// # Errors
/// [`ObserveError`]. A failed read of one table is part of the look, not an error.
pub(crate) async fn look_closely(
    root: &Root,
    judged: Judged<'_>,
    choice: Choice,
    read_pending: ReadPending,
) -> Result<Look, ObserveError> {
    look_at(root, judged, Depth::ForAPlan(read_pending), choice).await
}

/// Looks where the catalog and the tables of one sidecar stand, after all effects.
pub(crate) async fn look_again(root: &Root, sidecar: &Sidecar) -> Result<Look, ObserveError> {
    let judged = Judged {
        sidecar,
        journal: None,
    };
    look_at(root, judged, Depth::WhereTablesStand, Choice::Verdict).await
}

async fn look_at(
    root: &Root,
    judged: Judged<'_>,
    depth: Depth,
    choice: Choice,
) -> Result<Look, ObserveError> {
    let Judged { sidecar, journal } = judged;
    for _ in 0..LOOKS_MAX {
        let root = &root.for_one_look();
        let failures = Failures::default();
        let readings = look(root, &[sidecar]).boxed().await;
        let mut observation = readings.observation(root, sidecar, &failures).boxed().await;
        observation.keeps_graph_history = keeps_graph_history(root, &observation.catalog).await?;
        read_transactions(
            root.lance(),
            sidecar,
            &mut observation,
            &failures,
            |_, _| true,
        )
        .boxed()
        .await;
        read_covers(root, sidecar, &mut observation, &failures)
            .boxed()
            .await;
        if let Some(journal) = journal {
            observation.note_own(journal);
        }
        if depth.is_for_a_plan() {
            read_recorded(root, sidecar, &mut observation, &failures)
                .boxed()
                .await;
        }
        read_pins(root.lance(), &mut observation, &failures)
            .boxed()
            .await;
        let mut disposition = judge(sidecar, None, &observation).disposition;
        let asks_the_merge = may_be_incomplete(sidecar, disposition) && depth.is_for_a_plan();
        if asks_the_merge
            && let Depth::ForAPlan(read_pending) = depth
            && let Some(catalog) = readings.catalog(sidecar)
        {
            let keeps_history = observation.keeps_graph_history;
            let merge = merge::observe_merge(
                root,
                sidecar,
                catalog,
                keeps_history,
                read_pending,
                &failures,
            );
            observation.merge = Some(merge.boxed().await);
            disposition = judge_choice(sidecar, None, &observation, choice).disposition;
        }
        let is_back = disposition == Disposition::RollBack && depth.is_for_a_plan();
        let writes_history =
            observation.keeps_graph_history && disposition.has_effect() && depth.is_for_a_plan();
        let branch = history_branch(sidecar, &observation.catalog);
        let sidecars = [sidecar];
        // The versions whose contents were compared do not change.
        let holds = readings
            .still_holds(root.lance(), &sidecars, asks_the_merge)
            .boxed();
        let contents = async {
            if is_back {
                compare_contents(root.lance(), &mut observation, &failures).await;
            }
        }
        .boxed();
        let history = async {
            if writes_history {
                history_obstacle(root.lance(), sidecar, branch, &failures).await
            } else {
                None
            }
        }
        .boxed();
        let (holds, (), history) = futures::join!(holds, contents, history);
        if holds {
            let verdict = judge_choice(sidecar, None, &observation, choice);
            let versions = if verdict.disposition.has_effect() && depth.is_for_a_plan() {
                to_publish(&verdict, &observation)
            } else {
                Vec::new()
            };
            let uncounted = uncounted(root.lance(), versions, &failures).boxed().await;
            return Ok(Look {
                observation,
                history,
                uncounted,
                failed: failures.into_list(),
            });
        }
    }
    Err(ObserveError::CatalogBusy)
}

/// The branch whose history records a recovery; main if the sidecar's branch is gone.
fn history_branch<'a>(sidecar: &'a Sidecar, catalog: &CatalogObservation) -> Option<&'a str> {
    match catalog {
        CatalogObservation::BranchAbsent { .. } => None,
        _ => sidecar.branch().name(),
    }
}

/// Looked at before any effect: after the publish it would be too late.
async fn history_obstacle(
    lance: &LanceRoot,
    sidecar: &Sidecar,
    branch: Option<&str>,
    failures: &Failures,
) -> Option<Reason> {
    let merged_parent = sidecar.merge_source_commit_id.as_deref();
    let why = match lance.lineage_obstacle(branch, merged_parent).await {
        Ok(obstacle) => obstacle?,
        Err(error) => {
            failures.of_root("the history of the graph", &error);
            error_text(&error)
        }
    };
    Some(Reason::new(
        Code::HistoryNotWritable,
        format!(
            "what is done could not be added to the history of the graph: {why}; put the history right first, with the engine that owns the graph"
        ),
    ))
}

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
        let readings = look(root, sidecars).boxed().await;
        let failures = Failures::default();
        let looks: Vec<_> = judged
            .iter()
            .map(|judged| readings.shallow_observation(root, *judged, &contested, &failures))
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

/// Whether the root keeps a history of its graph: released engines do, the two-phase writer, which marks its catalogs, does not.
/// An unreadable catalog counts as no history, for nothing is done then.
async fn keeps_graph_history(
    root: &Root,
    catalog: &CatalogObservation,
) -> Result<bool, ObserveError> {
    match catalog {
        CatalogObservation::Present {
            two_phase: true, ..
        }
        | CatalogObservation::Unreadable { .. } => {
            return Ok(false);
        }
        CatalogObservation::Present { .. } | CatalogObservation::BranchAbsent { .. } => {}
    }
    let keeps = root.lance().keeps_lineage().await;
    keeps.map_err(|error| ObserveError::Unreadable {
        what: "the history of the graph".to_owned(),
        reason: error_text(&error),
    })
}

async fn look(root: &Root, sidecars: &[&Sidecar]) -> RootReadings {
    let lance = root.lance();
    let branches: BTreeSet<Option<String>> = sidecars
        .iter()
        .map(|sidecar| sidecar.branch().owned())
        .collect();
    let reads: Vec<_> = branches
        .into_iter()
        .map(|branch| read_catalog(lance, branch))
        .collect();
    let catalogs = futures::stream::iter(reads)
        .buffer_unordered(CATALOGS_AT_ONCE)
        .collect()
        .await;
    let mut readings = RootReadings {
        catalogs,
        heads: BTreeMap::new(),
    };
    let places: BTreeSet<TableLocation> = sidecars
        .iter()
        .flat_map(|sidecar| {
            sidecar
                .tables
                .iter()
                .filter_map(|pin| readings.place(root, sidecar, pin))
        })
        .collect();
    let reads: Vec<_> = places
        .into_iter()
        .map(|place| read_head(lance, place))
        .collect();
    readings.heads = futures::stream::iter(reads)
        .buffer_unordered(TABLES_AT_ONCE)
        .collect()
        .await;
    readings
}

async fn read_catalog(
    lance: &LanceRoot,
    branch: Option<String>,
) -> (Option<String>, Result<CatalogReading, TableError>) {
    let catalog = lance.catalog(branch.as_deref()).await;
    (branch, catalog)
}

async fn read_head(
    lance: &LanceRoot,
    place: TableLocation,
) -> (TableLocation, Result<Head, TableError>) {
    let head = lance.head(&place).await;
    (place, head)
}

impl RootReadings {
    fn catalog(&self, sidecar: &Sidecar) -> Option<&Catalog> {
        self.catalogs
            .get(&sidecar.branch().owned())
            .and_then(present)
    }

    /// Where a pin's dataset is; `None` if the catalog does not know it, or the sidecar gives another place.
    fn place(&self, root: &Root, sidecar: &Sidecar, pin: &TablePin) -> Option<TableLocation> {
        let location = self.catalog(sidecar)?.locations.get(&pin.table_key)?;
        match conflict(root, pin, location) {
            Some(_) => None,
            None => Some(TableLocation::on(location, pin.table_branch().name())),
        }
    }

    async fn observation(
        &self,
        root: &Root,
        sidecar: &Sidecar,
        failures: &Failures,
    ) -> Observation {
        let catalog = match self.catalogs.get(&sidecar.branch().owned()) {
            Some(Ok(CatalogReading::Present(catalog))) => CatalogObservation::Present {
                version: catalog.version,
                stamp: catalog.stamp,
                two_phase: catalog.two_phase,
                branch_created_at: catalog.branch_created_at.map(clock::from_seconds),
            },
            Some(Ok(CatalogReading::NoBranch { tree_left })) => CatalogObservation::BranchAbsent {
                tree_left: *tree_left,
            },
            Some(Ok(CatalogReading::NoCatalog)) | None => CatalogObservation::Unreadable {
                reason: format!("there is no {CATALOG_FOLDER} in this root"),
            },
            Some(Err(error)) => {
                failures.of_root("the catalog", error);
                CatalogObservation::Unreadable {
                    reason: error_text(error),
                }
            }
        };
        let mut tables: Vec<TableObservation> = sidecar
            .tables
            .iter()
            .map(|pin| self.table(root, sidecar, pin, failures))
            .collect();
        read_origins(root.lance(), &mut tables, failures).await;
        read_branch_identities(root.lance(), sidecar, &mut tables, failures).await;
        let schema = match self.catalog(sidecar) {
            Some(catalog) if sidecar.writer_kind.changes_the_schema() => {
                schema::observe_schema(root, sidecar, catalog, failures)
                    .boxed()
                    .await
            }
            Some(_) | None => None,
        };
        Observation {
            catalog,
            tables,
            schema,
            keeps_graph_history: false,
            recorded: Default::default(),
            merge: None,
        }
    }

    fn table(
        &self,
        root: &Root,
        sidecar: &Sidecar,
        pin: &TablePin,
        failures: &Failures,
    ) -> TableObservation {
        let catalog = self.catalog(sidecar);
        let location = catalog
            .and_then(|catalog| catalog.locations.get(&pin.table_key))
            .cloned();
        let pinned = match catalog {
            None => Pinned::Absent,
            Some(catalog) => match (
                catalog.pins.get(&pin.table_key),
                catalog.tombstones.get(&pin.table_key),
            ) {
                (Some(pin), _) => Pinned::At {
                    version: pin.version,
                },
                (None, Some(version)) => Pinned::Tombstoned { version: *version },
                (None, None) => Pinned::Absent,
            },
        };
        let mut location_conflict = location
            .as_deref()
            .and_then(|location| conflict(root, pin, location));
        if let Some(Err(error @ TableError::BasePathOutsideRoot { .. })) =
            self.catalogs.get(&sidecar.branch().owned())
        {
            location_conflict = Some(Reason::new(Code::BasePathOutsideRoot, error_text(error)));
        }
        let reading = location.as_ref().and_then(|location| {
            self.heads
                .get(&TableLocation::on(location, pin.table_branch().name()))
        });
        let head = match reading {
            Some(Ok(Head::At { version })) => HeadObservation::At { version: *version, transaction: None },
            Some(Ok(Head::BranchMissing)) => HeadObservation::BranchMissing,
            Some(Ok(Head::DatasetMissing)) => HeadObservation::DatasetMissing,
            Some(Err(error)) => {
                let reason = error_text(error);
                if matches!(error, TableError::BasePathOutsideRoot { .. }) {
                    location_conflict.get_or_insert_with(|| Reason::new(Code::BasePathOutsideRoot, format!("{}: {reason}", pin.table_key)));
                }
                failures.of_table(&pin.table_key, "the Lance HEAD", error);
                HeadObservation::Unreadable { reason }
            }
            None => HeadObservation::Unreadable { reason: "it was not looked at: the catalog does not say where it is, or not where the sidecar says".to_owned() },
        };
        let pinned_branch = catalog
            .and_then(|catalog| catalog.pins.get(&pin.table_key))
            .map(|pin| pin.table_branch.clone());
        // `read_origins` reads later, and only if it matters, whether the pin's branch was made from there.
        let pinned_elsewhere = pinned_branch
            .filter(|branch| branch.as_deref() != pin.table_branch().name())
            .map(|branch| PinnedElsewhere {
                branch,
                is_origin: head == HeadObservation::BranchMissing,
            });
        TableObservation {
            table_key: pin.table_key.clone(),
            branch: pin.table_branch().owned(),
            location,
            pinned,
            pinned_elsewhere,
            head,
            location_conflict,
            transactions: Vec::new(),
            head_content: ContentComparison::NotCompared,
            restorable: Restorability::NotChecked,
            covered_by: None,
            pin_gone: false,
        }
    }

    /// Whether every catalog branch is still as it was read, so that pins and HEADs belong together. Publishes to other tables do
    /// not matter, unless `all` tables were looked at.
    async fn still_holds(&self, lance: &LanceRoot, sidecars: &[&Sidecar], all: bool) -> bool {
        let read: Vec<&Catalog> = self.catalogs.values().filter_map(present).collect();
        let checks: Vec<_> = read
            .into_iter()
            .map(|catalog| still_says(lance, catalog, sidecars, all))
            .collect();
        let holds: Vec<bool> = futures::stream::iter(checks)
            .buffer_unordered(CATALOGS_AT_ONCE)
            .collect()
            .await;
        holds.into_iter().all(|holds| holds)
    }

    /// The observation that a list needs. Transactions are read only to see whether a published write is still there, and whose
    /// commit stands on a table. The second is not read where it tells nothing: if one sidecar names the table and its writer
    /// names no operation.
    async fn shallow_observation(
        &self,
        root: &Root,
        Judged { sidecar, journal }: Judged<'_>,
        contested: &BTreeSet<(String, Option<String>)>,
        failures: &Failures,
    ) -> Observation {
        let mut observation = self.observation(root, sidecar, failures).await;
        let told = observation.catalog.names_its_writers()
            || journal.is_some_and(|journal| journal.undo().is_some());
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
        observation
    }
}

fn present(reading: &Result<CatalogReading, TableError>) -> Option<&Catalog> {
    match reading {
        Ok(CatalogReading::Present(catalog)) => Some(catalog),
        _ => None,
    }
}

async fn still_says(
    lance: &LanceRoot,
    catalog: &Catalog,
    sidecars: &[&Sidecar],
    all: bool,
) -> bool {
    match lance.catalog_version(catalog.branch.as_deref()).await {
        Ok(Head::At { version }) if version == catalog.version => return true,
        Ok(Head::At { .. }) => {}
        _ => return false,
    }
    let Ok(CatalogReading::Present(now)) = lance.catalog(catalog.branch.as_deref()).await else {
        return false;
    };
    let of_branch = || {
        sidecars
            .iter()
            .filter(|sidecar| sidecar.branch().name() == catalog.branch.as_deref())
    };
    // A schema change may add or remove any table.
    if of_branch().any(|sidecar| sidecar.writer_kind.changes_the_schema()) {
        return false;
    }
    if all {
        return now.stamp == catalog.stamp
            && now.pins == catalog.pins
            && now.locations == catalog.locations
            && now.tombstones == catalog.tombstones;
    }
    now.stamp == catalog.stamp
        && of_branch().flat_map(|sidecar| &sidecar.tables).all(|pin| {
            let key = &pin.table_key;
            now.pins.get(key) == catalog.pins.get(key)
                && now.locations.get(key) == catalog.locations.get(key)
                && now.tombstones.get(key) == catalog.tombstones.get(key)
        })
}

/// A writer records a place by the address under which it opened the root. Every known spelling of this root is accepted.
fn conflict(root: &Root, pin: &TablePin, location: &str) -> Option<Reason> {
    let mut conflicts = root.spellings().map(|spelling| {
        location_conflict(
            &pin.table_key,
            &pin.table_path,
            location,
            spelling,
            root.relocated_from(),
        )
    });
    let first = conflicts.next()??;
    conflicts.all(|other| other.is_some()).then_some(first)
}
