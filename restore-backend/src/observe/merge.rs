//! Evidence about a merge beyond the tables that its sidecar pins: the merged branch, and the tables of the target.
//!
//! Read only for the plan of a `BranchMerge` that is published or to be published. Branches of the history are read only until
//! the merged commit is found, and more only if source and target differ.

use futures::{FutureExt, StreamExt};
use sidecar::observation::{
    DifferingTable, KeptHistory, MergeObservation, Shown, ShownTable, UncoveredTable,
    differing_tables, is_pinned,
};
use sidecar::{GraphCommit, GraphHistory, Sidecar};

use super::bounds::{CATALOGS_AT_ONCE, TABLES_AT_ONCE};
use super::depth::ReadPending;
use super::failed::Failures;
use super::stand::PinStand;
use crate::root::Root;
use fenced_lance::{BranchHistory, Catalog, LanceRoot, Pin, TableError};
use sidecar::error_text;

/// Branches of the history read at the same time. Each is a small table.
const BRANCHES_AT_ONCE: usize = 8;
/// Branches of the history that are read at most.
const BRANCHES_MAX: usize = 1_000;
/// Common bases whose catalog is read at most. There is one, unless branches were merged crosswise.
const BASES_MAX: usize = 4;

/// Why the evidence is missing: it does not exist, and a second look will not help; or a read failed.
enum Lost {
    Untold(String),
    Failed(TableError),
}

impl From<TableError> for Lost {
    fn from(error: TableError) -> Self {
        if error.may_pass() {
            Self::Failed(error)
        } else {
            Self::Untold(error_text(&error))
        }
    }
}

pub(super) async fn observe_merge(
    root: &Root,
    sidecar: &Sidecar,
    target: &Catalog,
    history: KeptHistory,
    read_pending: ReadPending,
    failures: &Failures,
) -> MergeObservation {
    let differing = differing(root.lance(), sidecar, target, history).boxed();
    let uncovered = uncovered(root, sidecar, target, read_pending, failures).boxed();
    let (differing, (uncovered, mut untold)) = futures::join!(differing, uncovered);
    let differing = differing.unwrap_or_else(|lost| {
        untold.push(match lost {
            Lost::Untold(reason) => reason,
            Lost::Failed(error) => {
                failures.of_root("the history of the merge", &error);
                error_text(&error)
            }
        });
        Vec::new()
    });
    untold.sort_unstable();
    MergeObservation {
        differing,
        uncovered,
        untold,
    }
}

/// Tables outside the sidecar of which the merged branch and the target show different versions.
async fn differing(
    lance: &LanceRoot,
    sidecar: &Sidecar,
    target: &Catalog,
    history: KeptHistory,
) -> Result<Vec<DifferingTable>, Lost> {
    let Some(source) = sidecar.merge_source_commit_id.as_deref() else {
        return Err(Lost::Untold(
            "the sidecar does not say which commit was merged".to_owned(),
        ));
    };
    let in_catalog = match history {
        KeptHistory::InTables => false,
        KeptHistory::InCatalog => true,
        KeptHistory::Nowhere => {
            return Err(Lost::Untold(
                "the root keeps no history of its graph".to_owned(),
            ));
        }
    };
    let mut reading = Reading::begin(lance, sidecar.branch().name(), in_catalog).await?;
    reading
        .read_until(lance, |history| history.at_home(source).is_some())
        .await?;
    let Some(commit) = reading.history.at_home(source) else {
        return Err(Lost::Untold(format!(
            "the merged commit {source} is in the history of no branch that is there"
        )));
    };
    let (branch, version) = (commit.manifest_branch.clone(), commit.manifest_version);
    let Some(catalog) = lance.catalog_at(branch.as_deref(), version).await? else {
        return Err(Lost::Untold(format!(
            "version {version} of the catalog, for which the merged commit {source} stands, is not there any more"
        )));
    };
    let (source_shows, target_shows) = (shown(&catalog), shown(target));
    let found = differing_tables(sidecar, &source_shows, &target_shows, &[]);
    let Some(head) = reading.head.clone().filter(|_| !found.is_empty()) else {
        return Ok(found);
    };
    // A table may differ only because the target moved on. Only the common bases show that.
    reading
        .read_until(lance, |history| {
            history.is_whole_before(source) && history.is_whole_before(&head)
        })
        .await?;
    let bases: Vec<(Option<String>, u64)> = reading
        .history
        .bases(source, &head)
        .into_iter()
        .filter_map(|base| reading.history.at_home(&base.id))
        .map(|base| (base.manifest_branch.clone(), base.manifest_version))
        .take(BASES_MAX)
        .collect();
    let reads: Vec<_> = bases
        .into_iter()
        .map(|(branch, version)| base_shows(lance, branch, version))
        .collect();
    let read: Vec<Result<Option<Shown>, TableError>> = futures::stream::iter(reads)
        .buffered(CATALOGS_AT_ONCE)
        .collect()
        .await;
    let mut bases = Vec::new();
    for base in read {
        match base.map_err(Lost::from) {
            Ok(base) => bases.extend(base),
            // A base that cannot be told explains no difference, so none is left out for it.
            Err(Lost::Untold(_)) => {}
            Err(failed) => return Err(failed),
        }
    }
    Ok(differing_tables(
        sidecar,
        &source_shows,
        &target_shows,
        &bases,
    ))
}

async fn base_shows(
    lance: &LanceRoot,
    branch: Option<String>,
    version: u64,
) -> Result<Option<Shown>, TableError> {
    let catalog = lance.catalog_at(branch.as_deref(), version).await?;
    Ok(catalog.as_ref().map(shown))
}

fn shown(catalog: &Catalog) -> Shown {
    let pins = catalog.pins.iter();
    pins.map(|(key, pin)| {
        let table = ShownTable {
            version: pin.version,
            branch: pin.table_branch.clone(),
            location: catalog.locations.get(key).cloned(),
        };
        (key.clone(), table)
    })
    .collect()
}

/// The history of a graph, read branch by branch for as long as something is missing.
struct Reading {
    history: GraphHistory,
    /// Whether the catalog holds it.
    in_catalog: bool,
    /// The latest commit of the target, if its history names one.
    head: Option<String>,
    /// Branches that are still unread; `None` until they are listed.
    left: Option<Vec<String>>,
    read: Vec<Option<String>>,
}

impl Reading {
    /// Reads what the target and main hold.
    async fn begin(
        lance: &LanceRoot,
        target: Option<&str>,
        in_catalog: bool,
    ) -> Result<Self, Lost> {
        let mut reading = Self {
            history: GraphHistory::default(),
            in_catalog,
            head: None,
            left: None,
            read: Vec::new(),
        };
        let mut first = vec![target.map(str::to_owned)];
        if target.is_some() {
            first.push(None);
        }
        let of_target = reading.add(lance, first).await?;
        // The latest is the one with the highest version, time and id, in this order (PROTOCOL.md, section 6.2).
        reading.head = of_target
            .into_iter()
            .max_by(|left, right| {
                let key = |commit: &GraphCommit| (commit.manifest_version, commit.created_at);
                key(left)
                    .cmp(&key(right))
                    .then_with(|| left.id.cmp(&right.id))
            })
            .map(|commit| commit.id);
        Ok(reading)
    }

    async fn read_until(
        &mut self,
        lance: &LanceRoot,
        is_enough: impl Fn(&GraphHistory) -> bool,
    ) -> Result<(), Lost> {
        while !is_enough(&self.history) {
            let left = match &mut self.left {
                Some(left) => left,
                None => {
                    let mut branches = lance.history_branches(self.in_catalog).await?;
                    branches.retain(|branch| !self.read.contains(&Some(branch.clone())));
                    branches.truncate(BRANCHES_MAX);
                    self.left.insert(branches)
                }
            };
            if left.is_empty() {
                return Ok(());
            }
            let next = left.drain(..left.len().min(BRANCHES_AT_ONCE));
            let next = next.map(Some).collect();
            self.add(lance, next).await?;
        }
        Ok(())
    }

    /// Reads these branches, and returns the commits of the first.
    async fn add(
        &mut self,
        lance: &LanceRoot,
        branches: Vec<Option<String>>,
    ) -> Result<Vec<GraphCommit>, Lost> {
        let reads: Vec<_> = branches
            .into_iter()
            .map(|branch| graph_commits(lance, branch, self.in_catalog))
            .collect();
        let read: Vec<_> = futures::stream::iter(reads)
            .buffered(BRANCHES_AT_ONCE)
            .collect()
            .await;
        let mut first = None;
        for (branch, history) in read {
            let commits = match history.map_err(Lost::from) {
                Ok(BranchHistory::Known(commits)) => commits,
                // The commits of this branch count as missing.
                Ok(BranchHistory::Untold { .. }) | Err(Lost::Untold(_)) => Vec::new(),
                Err(failed) => return Err(failed),
            };
            self.history.add(branch.as_deref(), commits.clone());
            self.read.push(branch);
            first.get_or_insert(commits);
        }
        Ok(first.unwrap_or_default())
    }
}

async fn graph_commits(
    lance: &LanceRoot,
    branch: Option<String>,
    in_catalog: bool,
) -> (Option<String>, Result<BranchHistory, TableError>) {
    let history = lance.graph_commits(branch.as_deref(), in_catalog).await;
    (branch, history)
}

/// Tables of the target outside the sidecar with commits above the visible version; and why that is unknown of others.
async fn uncovered(
    root: &Root,
    sidecar: &Sidecar,
    target: &Catalog,
    read_pending: ReadPending,
    failures: &Failures,
) -> (Vec<UncoveredTable>, Vec<String>) {
    let pins = target.pins.iter();
    let others: Vec<(&String, &Pin)> = pins
        .filter(|(table_key, _)| !is_pinned(sidecar, table_key))
        .collect();
    let most = root.limits().tables_max;
    if others.len() > most {
        let reason = format!("the target has more than {most} tables beside those of the sidecar");
        return (Vec::new(), vec![reason]);
    }
    let looks: Vec<_> = others
        .into_iter()
        .map(|(table_key, pin)| {
            let location = target.locations.get(table_key).map(String::as_str);
            look_at_table(
                root.lance(),
                table_key,
                location,
                pin,
                sidecar.branch().name(),
            )
        })
        .collect();
    let looks: Vec<_> = futures::stream::iter(looks)
        .buffered(TABLES_AT_ONCE)
        .collect()
        .await;
    let (mut uncovered, mut untold) = (Vec::new(), Vec::new());
    for (table_key, look) in looks {
        match look {
            Ok(found) => uncovered.extend(found),
            Err(Lost::Untold(reason)) => untold.push(format!(
                "whether {table_key} has commits above what readers see is not known: {reason}"
            )),
            Err(Lost::Failed(error)) => {
                failures.of_table(table_key, "the Lance HEAD", &error);
                untold.push(format!(
                    "the Lance HEAD of {table_key} could not be read: {}",
                    error_text(&error)
                ));
            }
        }
    }
    if !uncovered.is_empty() {
        drop_covered(root, sidecar, &mut uncovered, read_pending, failures).await;
    }
    (uncovered, untold)
}

/// Whether a table has commits above its visible version, on the Lance branch that writes to the target use.
async fn look_at_table<'a>(
    lance: &LanceRoot,
    table_key: &'a str,
    location: Option<&str>,
    pin: &Pin,
    branch: Option<&str>,
) -> (&'a str, Result<Option<UncoveredTable>, Lost>) {
    let found = async {
        let location = location
            .ok_or_else(|| Lost::Untold("the catalog does not say where it is".to_owned()))?;
        Ok(match PinStand::read(lance, location, pin, branch).await? {
            PinStand::Above { pinned, head } => Some(UncoveredTable {
                table_key: table_key.to_owned(),
                branch: branch.map(str::to_owned),
                pinned,
                head,
            }),
            PinStand::AtPin | PinStand::Below { .. } | PinStand::Forked { .. } => None,
            PinStand::NotThere => return Err(Lost::Untold("it is not there".to_owned())),
        })
    };
    (table_key, found.await)
}

/// Drops the tables that another pending sidecar names: that one resolves them.
async fn drop_covered(
    root: &Root,
    sidecar: &Sidecar,
    uncovered: &mut Vec<UncoveredTable>,
    read_pending: ReadPending,
    failures: &Failures,
) {
    let pending = match read_pending(root).await {
        Ok(pending) => pending,
        Err(reason) => return failures.unread("the other pending sidecars", reason),
    };
    for (file, reason) in sidecar::drop_covered(sidecar, uncovered, &pending) {
        failures.unread(&format!("the sidecar {file}"), reason.detail.clone());
    }
}
