//! Which rows the plan of an operation changes for readers, and which unpublished rows it takes back. Issues no mutating request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use sidecar::api::PlanReport;
use sidecar::rows_report::{
    ReadersAfter, RowChanges, RowTotal, RowsReport, SAMPLE_ROWS_MAX, SAMPLED_TABLES_MAX,
    ShownVersion, TableRows, UnpublishedFate, UnpublishedRows, WhyNotKnown, contents, moved_detail,
};
use sidecar::{Branch, Choice, Plan, PlanBytes, PlannedTable, Timestamp, error_text};
use tokio::time::{Instant, timeout_at};

use super::root_to_blame::looked;
use super::{Answer, plan_choosing};
use crate::error::ServiceError;
use crate::root::Root;
use fenced_lance::{Catalog, CatalogReading, LanceRoot, RowBounds, RowsAt, TableLocation};

/// Versions whose rows are counted at the same time. Each takes one or two small reads.
const COUNTED_AT_ONCE: usize = 16;
/// Tables whose rows are compared at the same time. Each may hold [`RowBounds::rows_max`] rows, and reads several files at once.
const COMPARED_AT_ONCE: usize = 2;
/// Of the time for all: the part in which rows are counted.
const COUNTING_PART: u32 = 2;

/// What is asked about the rows of a plan.
#[derive(Debug, Clone)]
pub struct RowsAsked {
    /// What a person chose; each choice is a plan of its own.
    pub choice: Choice,
    /// The key of the only table that is looked at.
    pub table: Option<String>,
    /// How much is read of each table, and how many rows of each kind are shown.
    pub bounds: RowBounds,
    /// How long reading may take. What was not found out by then is said to be not known.
    pub within: Duration,
}

impl Default for RowsAsked {
    fn default() -> Self {
        Self {
            choice: Choice::Verdict,
            table: None,
            bounds: RowBounds::DEFAULT,
            within: Self::WITHIN,
        }
    }
}

impl RowsAsked {
    /// Shorter than a look of the console may take, with the time in which its plan is made.
    pub const WITHIN: Duration = Duration::from_secs(25);
}

/// The rows that the current plan of an operation changes, of a file by its name, or of the plan that was begun.
///
/// # Errors
/// As [`plan_choosing`]; [`ServiceError::UnknownTable`] if the plan does not name the table; [`ServiceError::CatalogUnreadable`].
/// A table that cannot be read is part of the answer.
pub async fn rows(
    root: &Root,
    operation_or_file: &str,
    asked: RowsAsked,
    now: Timestamp,
) -> Result<Answer<RowsReport>, ServiceError> {
    let planned = plan_choosing(root, operation_or_file, asked.choice, now).boxed();
    match planned.await? {
        Answer::Done(report) => {
            let rows = looked(root, rows_of(root, &report, asked).boxed()).await?;
            Ok(Answer::Done(rows))
        }
        Answer::No(refusal) => Ok(Answer::No(refusal)),
    }
}

async fn rows_of(
    root: &Root,
    report: &PlanReport,
    mut asked: RowsAsked,
) -> Result<RowsReport, ServiceError> {
    asked.bounds.sample_rows = asked.bounds.sample_rows.min(SAMPLE_ROWS_MAX);
    let plan = match (&report.plan, report.digest) {
        (Some(text), Some(digest)) => {
            let decoded = PlanBytes::verify(text.as_str(), digest).and_then(|bytes| bytes.decode());
            Some(decoded.map_err(ServiceError::Encode)?)
        }
        _ => None,
    };
    let is_asked_for = |table: &&PlannedTable| {
        let key = asked.table.as_ref();
        key.is_none_or(|key| *key == table.table_key)
    };
    let tables = plan.iter().flat_map(|plan| &plan.tables);
    let tables: Vec<&PlannedTable> = tables.filter(is_asked_for).collect();
    if let Some(table_key) = asked.table.as_ref().filter(|_| tables.is_empty()) {
        return Err(ServiceError::UnknownTable {
            operation: report.operation_id.clone(),
            table_key: table_key.chars().take(64).collect(),
        });
    }
    let mut answer = RowsReport {
        operation_id: report.operation_id.clone(),
        root: report.root.clone(),
        purpose: report.purpose.clone(),
        disposition: report.disposition,
        digest: report.digest,
        begun: report.attempt.is_some(),
        sample: asked.bounds.sample_rows,
        not_sampled: Vec::new(),
        explanation: String::new(),
        tables: Vec::new(),
    };
    if let Some(plan) = &plan
        && !tables.is_empty()
    {
        let lance = root.lance().for_one_look();
        let catalog = catalog_of(root, &lance, plan).await?;
        let places = tables
            .iter()
            .map(|table| Places::of(plan, table, catalog.as_ref(), answer.begun));
        let places: Vec<Places> = places.collect();
        (answer.tables, answer.not_sampled) = compared(&lance, &tables, &places, &asked).await;
    }
    Ok(answer.with_words())
}

async fn catalog_of(
    root: &Root,
    lance: &LanceRoot,
    plan: &Plan,
) -> Result<Option<Catalog>, ServiceError> {
    // Nobody reads a branch that is gone. What main shows under the same keys is another matter.
    if plan.disposition.lost_its_branch() {
        return Ok(None);
    }
    match lance.catalog(plan.catalog_branch()).boxed().await {
        Ok(CatalogReading::Present(catalog)) => Ok(Some(catalog)),
        Ok(CatalogReading::NoCatalog | CatalogReading::NoBranch { .. }) => Ok(None),
        Err(source) => Err(ServiceError::CatalogUnreadable {
            root: root.shown(),
            source,
        }),
    }
}

/// The contents of one table that are compared, with where they are.
struct Places {
    now: Found,
    after: Found,
    /// Whether the plan leaves readers where they are, whatever that is.
    stays: bool,
    unpublished: Option<Unpublished>,
}

struct Unpublished {
    fate: UnpublishedFate,
    from: Found,
    to: Found,
}

/// A content, or why nobody can tell which it is.
#[derive(Clone)]
enum Found {
    No,
    At(RowsAt),
    NotKnown {
        version: u64,
        branch: Option<String>,
        why: WhyNotKnown,
        detail: String,
    },
}

impl Places {
    fn of(plan: &Plan, table: &PlannedTable, catalog: Option<&Catalog>, is_begun: bool) -> Self {
        let contents = contents(&plan.purpose, table);
        let now = seen_now(table, contents.now, catalog, is_begun);
        let on_its_branch = |version: u64| match &table.location {
            Some(path) => Found::At(RowsAt {
                location: TableLocation::on(path, table.branch.as_deref()),
                version,
            }),
            None => Found::NotKnown {
                version,
                branch: table.branch.clone(),
                why: WhyNotKnown::Unreadable,
                detail: "the plan does not say where its dataset is".to_owned(),
            },
        };
        let after = match contents.after {
            ReadersAfter::AsNow => now.clone(),
            ReadersAfter::Version(version) => on_its_branch(version),
            ReadersAfter::NoTable => Found::No,
        };
        let unpublished = contents.unpublished.map(|contents| Unpublished {
            from: match (contents.fate, contents.from) {
                (_, None) => Found::No,
                (UnpublishedFate::Stays, Some(_)) => now.clone(),
                (UnpublishedFate::TakenBack | UnpublishedFate::ComesBack, Some(version)) => {
                    on_its_branch(version)
                }
            },
            to: on_its_branch(contents.to),
            fate: contents.fate,
        });
        Self {
            now,
            after,
            stays: contents.after == ReadersAfter::AsNow,
            unpublished,
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (&Found, &Found)> {
        let unpublished = self.unpublished.iter();
        let unpublished = unpublished.map(|unpublished| (&unpublished.from, &unpublished.to));
        [(&self.now, &self.after)].into_iter().chain(unpublished)
    }

    fn has_something_to_compare(&self) -> bool {
        self.pairs().any(|(one, other)| one.at() != other.at())
    }
}

/// Where the version is that readers see when the plan is made. The catalog says on which Lance branch it is, which need not be that of
/// the plan: a first write to a branch makes one.
fn seen_now(
    table: &PlannedTable,
    version: Option<u64>,
    catalog: Option<&Catalog>,
    is_begun: bool,
) -> Found {
    let key = &table.table_key;
    // A table that was renamed since is found by its dataset.
    let key = renamed(table, version, catalog).unwrap_or(key);
    let pin = catalog.and_then(|catalog| catalog.pins.get(key));
    let location = catalog.and_then(|catalog| catalog.locations.get(key));
    let location = location.or(table.location.as_ref());
    let Some(version) = version else {
        return match pin {
            Some(pin) if !is_begun => Found::NotKnown {
                version: pin.version,
                branch: pin.table_branch.clone(),
                why: WhyNotKnown::Moved,
                detail: moved_detail(None, Some(pin.version)),
            },
            Some(_) | None => Found::No,
        };
    };
    let at = |branch: Option<&str>| {
        location.map(|path| {
            Found::At(RowsAt {
                location: TableLocation::on(path, branch),
                version,
            })
        })
    };
    let found = match pin {
        Some(pin) if pin.version == version => at(pin.table_branch.as_deref()),
        // What the plan found was replaced by what it published.
        _ if is_begun && Branch::of(table.branch.as_deref()).is_main() => at(None),
        _ => None,
    };
    found.unwrap_or_else(|| Found::NotKnown {
        version,
        branch: table.branch.clone(),
        why: WhyNotKnown::Moved,
        detail: moved_detail(Some(version), pin.map(|pin| pin.version)),
    })
}

/// The key under which the catalog shows this version of the dataset, where it has no table of the key in the plan.
fn renamed<'a>(
    table: &PlannedTable,
    version: Option<u64>,
    catalog: Option<&'a Catalog>,
) -> Option<&'a String> {
    let catalog = catalog.filter(|catalog| !catalog.pins.contains_key(&table.table_key))?;
    let (version, location) = (version?, table.location.as_ref()?);
    let mut locations = catalog.locations.iter();
    let (key, _) = locations.find(|(key, path)| {
        let pin = catalog.pins.get(*key);
        *path == location && pin.is_some_and(|pin| pin.version == version)
    })?;
    Some(key)
}

impl Found {
    const fn at(&self) -> Option<&RowsAt> {
        match self {
            Self::At(at) => Some(at),
            Self::No | Self::NotKnown { .. } => None,
        }
    }

    fn shown(&self, totals: &BTreeMap<RowsAt, RowTotal>) -> Option<ShownVersion> {
        match self {
            Self::No => None,
            Self::At(at) => Some(ShownVersion {
                version: at.version,
                branch: at.location.other_branch().map(str::to_owned),
                rows: totals.get(at).cloned().unwrap_or_else(out_of_time),
            }),
            Self::NotKnown {
                version,
                branch,
                why,
                detail,
            } => Some(ShownVersion {
                version: *version,
                branch: branch.clone(),
                rows: RowTotal::NotKnown {
                    why: *why,
                    detail: detail.clone(),
                },
            }),
        }
    }
}

const OUT_OF_TIME: &str =
    "it was not found out in the time that one look has; ask for this table alone";

fn out_of_time() -> RowTotal {
    RowTotal::NotKnown {
        why: WhyNotKnown::OutOfTime,
        detail: OUT_OF_TIME.to_owned(),
    }
}

/// Counts the rows of all contents first, then compares them, each table by itself.
async fn compared(
    lance: &LanceRoot,
    tables: &[&PlannedTable],
    places: &[Places],
    asked: &RowsAsked,
) -> (Vec<TableRows>, Vec<String>) {
    let began = Instant::now();
    let totals = totals(lance, places, began + asked.within / COUNTING_PART).await;
    let deadline = began + asked.within;
    let mut sampled = 0;
    let mut not_sampled = Vec::new();
    let mut reads = Vec::new();
    for (table, places) in tables.iter().zip(places) {
        let mut bounds = asked.bounds;
        if bounds.sample_rows > 0 && places.has_something_to_compare() {
            sampled += 1;
            if sampled > SAMPLED_TABLES_MAX {
                bounds.sample_rows = 0;
                not_sampled.push(table.table_key.clone());
            }
        }
        reads.push(rows_of_table(lance, table, places, &totals, bounds, deadline).boxed());
    }
    let rows = futures::stream::iter(reads).buffered(COMPARED_AT_ONCE);
    (rows.collect().await, not_sampled)
}

async fn totals(
    lance: &LanceRoot,
    places: &[Places],
    deadline: Instant,
) -> BTreeMap<RowsAt, RowTotal> {
    let wanted: BTreeSet<&RowsAt> = places
        .iter()
        .flat_map(Places::pairs)
        .flat_map(|(one, other)| [one.at(), other.at()])
        .flatten()
        .collect();
    let wanted: Vec<_> = wanted
        .into_iter()
        .map(|at| counted(lance, at, deadline).boxed())
        .collect();
    futures::stream::iter(wanted)
        .buffer_unordered(COUNTED_AT_ONCE)
        .collect()
        .await
}

async fn counted(lance: &LanceRoot, at: &RowsAt, deadline: Instant) -> (RowsAt, RowTotal) {
    let counting = lance.count_rows(&at.location, at.version);
    let total = match timeout_at(deadline, counting).await {
        Ok(Ok(rows)) => RowTotal::Exactly { rows },
        Ok(Err(error)) => RowTotal::NotKnown {
            why: WhyNotKnown::Unreadable,
            detail: error_text(&error),
        },
        Err(_) => out_of_time(),
    };
    (at.clone(), total)
}

async fn rows_of_table(
    lance: &LanceRoot,
    table: &PlannedTable,
    places: &Places,
    totals: &BTreeMap<RowsAt, RowTotal>,
    bounds: RowBounds,
    deadline: Instant,
) -> TableRows {
    let readers = if places.stays {
        RowChanges::Same
    } else {
        changes(lance, &places.now, &places.after, bounds, deadline).await
    };
    let mut unpublished = None;
    if let Some(Unpublished { fate, from, to }) = &places.unpublished
        && let Some(shown) = to.shown(totals)
    {
        unpublished = Some(UnpublishedRows {
            fate: *fate,
            from: from.shown(totals),
            to: shown,
            changes: changes(lance, from, to, bounds, deadline).await,
        });
    }
    let rows = TableRows {
        table_key: table.table_key.clone(),
        branch: table.branch.clone(),
        action: table.action,
        now: places.now.shown(totals),
        after: places.after.shown(totals),
        readers,
        unpublished,
        sentence: String::new(),
    };
    rows.with_sentence()
}

async fn changes(
    lance: &LanceRoot,
    before: &Found,
    after: &Found,
    bounds: RowBounds,
    deadline: Instant,
) -> RowChanges {
    for found in [before, after] {
        if let Found::NotKnown { why, detail, .. } = found {
            return RowChanges::not_known(*why, detail.clone());
        }
    }
    let comparing = lance.row_changes(before.at(), after.at(), &bounds);
    match timeout_at(deadline, comparing.boxed()).await {
        Ok(Ok(changes)) => changes,
        Ok(Err(error)) => RowChanges::not_known(WhyNotKnown::Unreadable, error_text(&error)),
        Err(_) => RowChanges::not_known(WhyNotKnown::OutOfTime, OUT_OF_TIME),
    }
}
