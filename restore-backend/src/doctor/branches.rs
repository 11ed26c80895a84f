//! The branches of the graph, and where the tables that readers of them see stand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::StreamExt;
use sidecar::doctor::{
    BranchCatalog, BranchFacts, Covers, DeclaredCatalog, Known, Stand, TableStand, Unread,
    tables_are_read,
};
use sidecar::error_text;
use sidecar::root_layout::SCHEMA_LOCK_BRANCH;

use super::bounds::{BRANCHES_MAX, COMMITS_MAX, NAMED_TABLES_MAX, TABLES_MAX};
use crate::observe::bounds::{CATALOGS_AT_ONCE, TABLES_AT_ONCE};
use crate::observe::{PinStand, transaction_observation};
use crate::root::Root;
use fenced_lance::{
    Catalog, CatalogReading, Head, LanceRoot, Pin, PinnedVersion, TableError, TableLocation,
};

/// The branches of the graph, main first, or why they are not known.
pub(super) struct Branches(Known<Vec<Branch>>);

struct Branch {
    name: Option<String>,
    catalog: Option<Result<Catalog, Unread>>,
    /// The size of the Lance manifest of each visible version, where the catalog has it.
    recorded_bytes: BTreeMap<String, u64>,
    read: BranchCatalog,
}

impl Branches {
    /// Reads the catalog of every branch, and where each table that it shows stands.
    pub(super) async fn read(root: &Root, declared: &Known<DeclaredCatalog>) -> Self {
        let stamp = match declared {
            Ok(declared) => declared.stamp.as_ref(),
            Err(_) => return Self(Err("the catalog cannot be read".to_owned())),
        };
        let names = match names(root.lance()).await {
            Ok(names) => names,
            Err(reason) => return Self(Err(reason)),
        };
        let is_read = stamp.is_ok_and(|stamp| tables_are_read(*stamp));
        if !is_read {
            let unread = |name| Branch {
                name,
                catalog: None,
                recorded_bytes: BTreeMap::new(),
                read: BranchCatalog::default(),
            };
            return Self(Ok(names.into_iter().map(unread).collect()));
        }
        let reads: Vec<_> = names
            .into_iter()
            .map(|name| read_catalog(root.lance(), name))
            .collect();
        let mut branches: Vec<Branch> = futures::stream::iter(reads)
            .buffered(CATALOGS_AT_ONCE)
            .collect()
            .await;
        read_stands(root.lance(), &mut branches).await;
        Self(Ok(branches))
    }

    /// Their names; only main where they are not known.
    pub(super) fn names(&self) -> Known<Vec<Option<String>>> {
        let branches = self.0.as_ref().map_err(Clone::clone)?;
        Ok(branches.iter().map(|branch| branch.name.clone()).collect())
    }

    /// The places of all datasets that any branch names, relative to the root; and whether these are all of them.
    pub(super) fn places(&self) -> (BTreeSet<&str>, bool) {
        let Ok(branches) = &self.0 else {
            return (BTreeSet::new(), false);
        };
        let is_read = |branch: &Branch| matches!(branch.catalog, Some(Ok(_)));
        let catalogs = branches
            .iter()
            .filter_map(|branch| branch.catalog.as_ref()?.as_ref().ok());
        let places: BTreeSet<&str> = catalogs
            .flat_map(|catalog| catalog.locations.values())
            .map(String::as_str)
            .collect();
        let are_all = branches.iter().all(is_read) && places.len() <= TABLES_MAX;
        (places.into_iter().take(TABLES_MAX).collect(), are_all)
    }

    /// Reads the commits above the pins that no sidecar covers.
    pub(super) async fn read_uncovered(&mut self, root: &Root, covers: Option<&Covers>) {
        let lance = root.lance();
        let branches = self.0.iter_mut().flatten();
        let uncovered = branches.flat_map(|branch| {
            let locations = match &branch.catalog {
                Some(Ok(catalog)) => Some(&catalog.locations),
                _ => None,
            };
            let name = branch.name.as_deref();
            let stands = branch.read.stands.iter_mut();
            stands.filter_map(move |table| {
                let Stand::Above {
                    table_branch,
                    pinned,
                    head,
                    transactions,
                } = &mut table.stand
                else {
                    return None;
                };
                let table_branch = table_branch.as_deref();
                let is_covered = is_covered(covers, name, &table.table_key, table_branch);
                let location = locations?.get(&table.table_key)?;
                (!is_covered).then(|| {
                    let place = TableLocation::on(location, table_branch);
                    (place, *pinned, *head, transactions)
                })
            })
        });
        let reads: Vec<_> = uncovered
            .take(NAMED_TABLES_MAX)
            .map(|(place, pinned, head, transactions)| async move {
                let read = lance.transactions(&place, pinned, head, COMMITS_MAX).await;
                *transactions = match read {
                    Ok(list) => Ok(list
                        .entries
                        .into_iter()
                        .map(transaction_observation)
                        .collect()),
                    Err(error) => Err(error_text(&error)),
                };
            })
            .collect();
        futures::stream::iter(reads)
            .buffer_unordered(TABLES_AT_ONCE)
            .collect::<()>()
            .await;
    }

    /// The branches with commits above a pin that no sidecar covers, on which somebody has published since they were read.
    pub(super) async fn moved(
        &self,
        root: &Root,
        covers: Option<&Covers>,
    ) -> BTreeSet<Option<String>> {
        let lance = root.lance();
        let of_interest = self.0.iter().flatten().filter_map(|branch| {
            let catalog = branch.catalog.as_ref()?.as_ref().ok()?;
            let name = branch.name.as_deref();
            let is_uncovered = |table: &TableStand| match &table.stand {
                Stand::Above { table_branch, .. } => {
                    !is_covered(covers, name, &table.table_key, table_branch.as_deref())
                }
                // A cleanup may have come between the reading of the pin and that of its version.
                Stand::PinGone { .. } | Stand::PinDamaged { .. } => true,
                _ => false,
            };
            let is_astray = branch.read.stands.iter().any(is_uncovered);
            is_astray.then_some((&branch.name, catalog.version))
        });
        let checks: Vec<_> = of_interest
            .map(|(name, version)| async move {
                let now = lance.catalog_version(name.as_deref()).await;
                let is_same = now.is_ok_and(|now| now == Head::At { version });
                (!is_same).then(|| name.clone())
            })
            .collect();
        let moved = futures::stream::iter(checks).buffer_unordered(CATALOGS_AT_ONCE);
        moved.filter_map(std::future::ready).collect().await
    }

    /// Notes that pins and HEADs of these branches do not belong together.
    pub(super) fn note_moving(&mut self, moving: &BTreeSet<Option<String>>) {
        for branch in self.0.iter_mut().flatten() {
            branch.read.is_moving = moving.contains(&branch.name);
        }
    }

    /// As facts to judge.
    pub(super) fn into_facts(self) -> Known<Vec<BranchFacts>> {
        let facts = |branch: Branch| BranchFacts {
            branch: branch.name,
            catalog: branch.catalog.map(|read| read.map(|_| branch.read)),
        };
        Ok(self.0?.into_iter().map(facts).collect())
    }
}

fn is_covered(
    covers: Option<&Covers>,
    branch: Option<&str>,
    table_key: &str,
    table_branch: Option<&str>,
) -> bool {
    covers.is_some_and(|covers| covers.resolves(branch, table_key, table_branch))
}

/// The branches of the graph, main first.
async fn names(lance: &LanceRoot) -> Known<Vec<Option<String>>> {
    let branches = lance.catalog_branches().await;
    let branches = branches.map_err(|error| error_text(&error))?;
    let others = branches
        .into_iter()
        .filter(|branch| !branch.is_retired)
        .map(|branch| branch.name)
        .filter(|name| name != SCHEMA_LOCK_BRANCH);
    let names: Vec<Option<String>> = std::iter::once(None).chain(others.map(Some)).collect();
    if names.len() > BRANCHES_MAX {
        return Err(format!(
            "there are {} branches, and at most {BRANCHES_MAX} are looked at",
            names.len()
        ));
    }
    Ok(names)
}

async fn read_catalog(lance: &LanceRoot, name: Option<String>) -> Branch {
    let catalog = match lance.catalog(name.as_deref()).await {
        Ok(CatalogReading::Present(catalog)) => Ok(catalog),
        Ok(CatalogReading::NoCatalog | CatalogReading::NoBranch { .. }) => {
            Err(Unread::from("it is not there"))
        }
        Err(error) => Err(unread(&error)),
    };
    let recorded_bytes = match &catalog {
        // Without the recorded sizes, the versions are looked at all the same, and compared with nothing.
        Ok(catalog) => lance.recorded_bytes(catalog).await.unwrap_or_default(),
        Err(_) => BTreeMap::new(),
    };
    let read = catalog.as_ref().map_or_else(
        |_| BranchCatalog::default(),
        |catalog| BranchCatalog {
            tables: catalog.pins.len(),
            in_two_places: catalog.in_two_places.clone(),
            ..BranchCatalog::default()
        },
    );
    Branch {
        name,
        catalog: Some(catalog),
        recorded_bytes,
        read,
    }
}

fn unread(error: &TableError) -> Unread {
    Unread {
        reason: error_text(error),
        is_elsewhere: matches!(error, TableError::BasePathOutsideRoot { .. }),
    }
}

/// One pin of one branch of the graph.
#[derive(Clone, Copy)]
struct Pinned<'a> {
    /// The branch, by its place in the list.
    index: usize,
    branch: Option<&'a str>,
    table_key: &'a str,
    location: Option<&'a str>,
    pin: &'a Pin,
    recorded_bytes: Option<u64>,
}

/// A version of a table that readers are shown: its place, its Lance branch, its number.
type Shown<'a> = (&'a str, Option<&'a str>, u64);

impl<'a> Pinned<'a> {
    fn shown(&self) -> Option<Shown<'a>> {
        let table_branch = self.pin.table_branch.as_deref();
        Some((self.location?, table_branch, self.pin.version))
    }
}

async fn read_stands(lance: &LanceRoot, branches: &mut [Branch]) {
    let mut left = TABLES_MAX;
    for branch in branches.iter_mut() {
        if let Some(Ok(catalog)) = &branch.catalog {
            let looked_at = left.min(catalog.pins.len());
            branch.read.not_looked_at = catalog.pins.len() - looked_at;
            left -= looked_at;
        }
    }
    let mut pinned = Vec::new();
    // The Lance branches that some pin names, with the place of their dataset.
    let mut named = BTreeSet::new();
    for (index, branch) in branches.iter().enumerate() {
        let Some(Ok(catalog)) = &branch.catalog else {
            continue;
        };
        let looked_at = catalog.pins.len() - branch.read.not_looked_at;
        for (place, (table_key, pin)) in catalog.pins.iter().enumerate() {
            let location = catalog.locations.get(table_key).map(String::as_str);
            if let (Some(location), Some(table_branch)) = (location, &pin.table_branch) {
                named.insert((location, table_branch.as_str()));
            }
            if place < looked_at {
                pinned.push(Pinned {
                    index,
                    branch: branch.name.as_deref(),
                    table_key,
                    location,
                    pin,
                    recorded_bytes: branch.recorded_bytes.get(table_key).copied(),
                });
            }
        }
    }
    // Branches of the graph show the same versions for the most part.
    let shown: HashMap<Shown<'_>, Option<u64>> = pinned
        .iter()
        .filter_map(|pinned| Some((pinned.shown()?, pinned.recorded_bytes)))
        .collect();
    let looks: Vec<_> = pinned.iter().map(|pinned| look(lance, *pinned)).collect();
    let looks = futures::stream::iter(looks).buffered(TABLES_AT_ONCE);
    let stands: Vec<Result<PinStand, Unread>> = looks.collect().await;
    // After the listings, which name the versions that are there.
    let looks: Vec<_> = shown
        .into_iter()
        .map(|(shown, recorded_bytes)| async move {
            let (location, table_branch, version) = shown;
            let place = TableLocation::on(location, table_branch);
            let found = lance.pinned_version(&place, version, recorded_bytes).await;
            (shown, found.map_err(|error| unread(&error)))
        })
        .collect();
    let looks = futures::stream::iter(looks).buffer_unordered(TABLES_AT_ONCE);
    let versions: HashMap<Shown<'_>, Result<PinnedVersion, Unread>> = looks.collect().await;
    let mut astray = Vec::new();
    for (pinned, stand) in pinned.iter().zip(stands) {
        let version = pinned.shown().and_then(|shown| versions.get(&shown));
        let is_named = |branch: &str| {
            let location = pinned.location.unwrap_or_default();
            named.contains(&(location, branch))
        };
        for stand in judged(*pinned, stand, version, is_named) {
            let table_key = pinned.table_key.to_owned();
            astray.push((pinned.index, TableStand { table_key, stand }));
        }
    }
    for (index, table) in astray {
        if let Some(branch) = branches.get_mut(index) {
            branch.read.stands.push(table);
        }
    }
}

async fn look(lance: &LanceRoot, pinned: Pinned<'_>) -> Result<PinStand, Unread> {
    let Some(location) = pinned.location else {
        return Err(Unread::from("the catalog does not say where it is"));
    };
    let stand = PinStand::read(lance, location, pinned.pin, pinned.branch).await;
    stand.map_err(|error| unread(&error))
}

/// Where the table stands and what is wrong with its visible version, if it does not stand at its pin. `is_named` tells whether some
/// pin names a Lance branch of it.
fn judged(
    pinned: Pinned<'_>,
    stand: Result<PinStand, Unread>,
    version: Option<&Result<PinnedVersion, Unread>>,
    is_named: impl Fn(&str) -> bool,
) -> Vec<Stand> {
    let Pinned { branch, pin, .. } = pinned;
    let (stand, head) = match stand {
        Ok(PinStand::AtPin) => (None, None),
        Ok(PinStand::Above { pinned, head }) => (
            Some(Stand::Above {
                table_branch: branch.map(str::to_owned),
                pinned,
                head,
                transactions: Err("there are too many such tables".to_owned()),
            }),
            Some(head),
        ),
        // Without its Lance branch, and below its pin, a table has no visible version to look at.
        Ok(PinStand::Below { head }) => {
            let pinned = pin.version;
            return vec![Stand::Below { pinned, head }];
        }
        Ok(PinStand::NotThere) => {
            let pinned = pin.version;
            return vec![Stand::Missing { pinned }];
        }
        Ok(PinStand::Forked { head, made_from }) => {
            let is_left = !branch.is_some_and(is_named);
            let forked = Stand::Forked {
                pinned: pin.version,
                head,
                made_from,
            };
            (is_left.then_some(forked), None)
        }
        Err(unread) => return vec![Stand::Unreadable(unread)],
    };
    let pinned = pin.version;
    match version {
        Some(Ok(PinnedVersion::Gone)) => vec![Stand::PinGone { pinned, head }],
        Some(Ok(PinnedVersion::Damaged { fault })) => {
            let fault = fault.clone();
            stand
                .into_iter()
                .chain([Stand::PinDamaged { pinned, fault }])
                .collect()
        }
        Some(Err(unread)) => stand
            .into_iter()
            .chain([Stand::Unreadable(unread.clone())])
            .collect(),
        Some(Ok(PinnedVersion::There)) | None => stand.into_iter().collect(),
    }
}
