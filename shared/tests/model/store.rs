//! A store of two tables as the protocol sees it: versions, pins, a catalog, a journal, a claim, a sidecar.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};

use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, PROPERTY_WRITER_OPERATION_ID, Pinned,
    Recorded, RecordedRestore, Restorability, TableObservation, Transaction,
    TransactionObservation,
};
use sidecar::{
    Digest, Limits, Observation, OperationId, Plan, PlanBytes, PlanInput, RootId, Sidecar, Step,
    Tag, judge, plan,
};

use crate::journal::Journal;

pub(crate) const TABLES: [&str; 2] = ["a", "b"];
pub(crate) const OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5V2";
/// The write whose sidecar is pending, and a later one. A table's content is the set of writes in it, one bit each.
pub(crate) const SLOW: usize = 0;
pub(crate) const LATER: usize = 1;

/// Who made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum By {
    Init,
    Writer(usize),
    /// A step of a plan.
    Recovery(Planned, Kind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Fence,
    Restore(u64),
    Publish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Commit {
    pub(crate) content: u8,
    pub(crate) by: By,
}

/// A plan with its bytes, compared by their digest. There are few, and they are kept for good.
#[derive(Clone, Copy)]
pub(crate) struct Planned(&'static (Plan, PlanBytes));

impl Planned {
    pub(crate) fn new(plan: Plan, bytes: PlanBytes) -> Self {
        Self(Box::leak(Box::new((plan, bytes))))
    }

    /// The plan of these bytes.
    pub(crate) fn known(bytes: &PlanBytes, plan: &Plan) -> Self {
        KNOWN.with_borrow_mut(|known| {
            let anew = || Self::new(plan.clone(), bytes.clone());
            *known.entry(bytes.digest()).or_insert_with(anew)
        })
    }

    pub(crate) fn plan(self) -> &'static Plan {
        &self.0.0
    }

    pub(crate) fn bytes(self) -> &'static PlanBytes {
        &self.0.1
    }

    pub(crate) fn digest(self) -> Digest {
        self.0.1.digest()
    }

    /// The version of a table that it publishes.
    pub(crate) fn publishes(self, table: usize) -> Option<u64> {
        let pins = self.plan().steps.iter().flat_map(|step| match step {
            Step::Publish { pins, .. } => pins.as_slice(),
            _ => &[],
        });
        let mut of_table = pins.filter(|pin| pin.table_key == TABLES[table]);
        of_table.next().map(|pin| pin.to_version)
    }
}

impl std::fmt::Debug for Planned {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.digest().to_string()[7..15])
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.digest().cmp(&other.digest())
    }
}

impl Hash for Planned {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.digest().bytes()[..8]);
    }
}

/// What a plan is made from here.
type Facts = ([Vec<Commit>; 2], [u64; 2], u64);

thread_local! {
    /// Plans are made once for each state of the tables.
    static PLANS: RefCell<HashMap<Facts, Planned>> = RefCell::default();
    static KNOWN: RefCell<HashMap<Digest, Planned>> = RefCell::default();
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    /// Version n of a table is entry n - 1.
    pub(crate) tables: [Vec<Commit>; 2],
    pub(crate) pins: [u64; 2],
    /// Who made each version of the catalog, with the pins it shows.
    pub(crate) catalog: Vec<By>,
    pub(crate) journal: Journal,
    pub(crate) claimed: bool,
    pub(crate) sidecar: bool,
    pub(crate) closed: bool,
    /// Tables that the slow writer left a sidecar for after its operation was claimed.
    pub(crate) announced: [bool; 2],
    /// Plans that a person looked at and consented to, whatever the journal says.
    pub(crate) consents: BTreeSet<Planned>,
}

impl Store {
    /// Both tables published at version 1; the slow writer has announced itself and committed the first `committed` tables.
    pub(crate) fn crashed(committed: usize, stranger: bool, journal: Journal) -> Self {
        let first = Commit {
            content: 0,
            by: By::Init,
        };
        let written = Commit {
            content: 1 << SLOW,
            by: By::Writer(SLOW),
        };
        let table = |index: usize| {
            if index == 0 && stranger {
                let above = Commit {
                    content: written.content | 1 << 2,
                    by: By::Init,
                };
                vec![first, written, above]
            } else if index < committed {
                vec![first, written]
            } else {
                vec![first]
            }
        };
        Self {
            tables: [table(0), table(1)],
            pins: [1, 1],
            catalog: vec![By::Init],
            journal,
            claimed: false,
            sidecar: true,
            closed: false,
            announced: [false; 2],
            consents: BTreeSet::new(),
        }
    }

    pub(crate) fn head(&self, table: usize) -> u64 {
        self.tables[table].len() as u64
    }

    pub(crate) fn content(&self, table: usize, version: u64) -> u8 {
        self.tables[table][version as usize - 1].content
    }

    pub(crate) fn visible(&self, table: usize) -> u8 {
        self.content(table, self.pins[table])
    }

    pub(crate) fn catalog_version(&self) -> u64 {
        self.catalog.len() as u64
    }

    /// Which operation a version's Lance transaction names.
    fn transaction(&self, table: usize, version: u64) -> TransactionObservation {
        let (operation, restored_version, properties) = match self.tables[table]
            [version as usize - 1]
            .by
        {
            By::Recovery(_, Kind::Restore(target)) => ("Restore", Some(target), BTreeMap::new()),
            By::Writer(writer) => {
                let name = if writer == SLOW {
                    OPERATION
                } else {
                    LATER_OPERATION
                };
                let properties =
                    BTreeMap::from([(PROPERTY_WRITER_OPERATION_ID.to_owned(), name.to_owned())]);
                ("Append", None, properties)
            }
            _ => ("Append", None, BTreeMap::new()),
        };
        TransactionObservation {
            version,
            transaction: Some(Transaction {
                uuid: format!("{table}-{version}"),
                operation: operation.to_owned(),
                restored_version,
                timestamp: None,
                row_delta: None,
                properties,
            }),
        }
    }

    /// What somebody who looks at everything sees. The later writer's sidecar covers what it committed while it is pending.
    pub(crate) fn observe(&self) -> Observation {
        let tables = TABLES.iter().enumerate().map(|(table, key)| {
            let (pinned, head) = (self.pins[table], self.head(table));
            let by_later =
                |version: u64| self.tables[table][version as usize - 1].by == By::Writer(LATER);
            let covered = head > pinned && (pinned + 1..=head).all(by_later);
            TableObservation {
                covered_by: covered.then(|| LATER_OPERATION.parse().unwrap()),
                table_key: (*key).to_owned(),
                branch: None,
                location: Some((*key).to_owned()),
                pinned: Pinned::At { version: pinned },
                pinned_elsewhere: None,
                head: HeadObservation::At {
                    version: head,
                    transaction: Some(format!("{table}-{head}")),
                },
                location_conflict: None,
                transactions: (2..=head)
                    .map(|version| self.transaction(table, version))
                    .collect(),
                head_content: match head > pinned {
                    false => ContentComparison::NotCompared,
                    true if self.content(table, head) == self.content(table, pinned) => {
                        ContentComparison::Equal
                    }
                    true => ContentComparison::Different,
                },
                restorable: Restorability::Restorable,
                pin_gone: false,
            }
        });
        Observation {
            catalog: CatalogObservation::Present {
                version: self.catalog_version(),
                stamp: 3,
                two_phase: true,
                branch_created_at: None,
            },
            tables: tables.collect(),
            schema: None,
            keeps_lineage: false,
            recorded: Recorded {
                undo: None,
                restores: self.recorded_restores(),
            },
            merge: None,
        }
    }

    /// Every restore here is of the one journal there is, which has it on record before it is done.
    fn recorded_restores(&self) -> Vec<RecordedRestore> {
        let restores = |table: usize| {
            let versions = (1..).zip(&self.tables[table]);
            let restores = versions
                .filter(|(_, made)| matches!(made.by, By::Recovery(_, Kind::Restore(_))))
                .map(|(version, _)| version);
            restores.map(move |version| RecordedRestore {
                table_key: TABLES[table].to_owned(),
                branch: None,
                version,
            })
        };
        (0..TABLES.len()).flat_map(restores).collect()
    }

    /// The real plan for what is there now.
    pub(crate) fn plan(&self) -> Planned {
        PLANS.with_borrow_mut(|plans| {
            let facts = (self.tables.clone(), self.pins, self.catalog_version());
            *plans.entry(facts).or_insert_with(|| self.plan_anew())
        })
    }

    fn plan_anew(&self) -> Planned {
        let sidecar = sidecar_of_the_slow_write();
        let observation = self.observe();
        let verdict = judge(&sidecar, None, &observation);
        let plan = plan(&PlanInput {
            root: &RootId::new("memory://"),
            operation_id: &operation(),
            file: &operation().file_name(),
            sidecar_digest: Digest::of(Tag::Sidecar, sidecar_text().as_bytes()),
            sidecar: Some(&sidecar),
            observation: Some(&observation),
            verdict: &verdict,
        });
        let bytes = PlanBytes::of(&plan).unwrap();
        Planned::new(plan, bytes)
    }
}

pub(crate) const LATER_OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5VZ";

pub(crate) fn operation() -> OperationId {
    OPERATION.parse().unwrap()
}

pub(crate) fn sidecar_text() -> String {
    let pin = |key: &str| {
        format!(
            r#"{{"table_key":"{key}","table_path":"memory:///{key}","expected_version":1,"post_commit_pin":2}}"#
        )
    };
    format!(
        r#"{{"schema_version":1,"operation_id":"{OPERATION}","started_at":"1","branch":null,"actor_id":null,"writer_kind":"Mutation","tables":[{},{}]}}"#,
        pin("a"),
        pin("b")
    )
}

fn sidecar_of_the_slow_write() -> Sidecar {
    Sidecar::parse(
        &operation().file_name(),
        sidecar_text().as_bytes(),
        &Limits::default(),
    )
    .unwrap()
}
