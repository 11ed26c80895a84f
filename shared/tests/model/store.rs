//! A store of two tables as the protocol sees it: versions, pins, a catalog, a journal, a claim, a sidecar.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sidecar::journal::{JournalEntry, JournalState, record_digest};
use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, PROPERTY_WRITER_OPERATION_ID, Pinned,
    Restorability, TableObservation, Transaction, TransactionObservation,
};
use sidecar::{
    Digest, Limits, Observation, OperationId, Plan, PlanBytes, PlanInput, RootId, Sidecar, Tag,
    Timestamp, judge, plan,
};

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
    Recovery(Digest, Kind),
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

/// The journal, compared and hashed by the chain of its records.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    pub(crate) state: Arc<JournalState>,
    last: Option<Digest>,
}

impl PartialEq for Journal {
    fn eq(&self, other: &Self) -> bool {
        self.last == other.last
    }
}

impl Eq for Journal {}

impl Hash for Journal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.last.map(String::from).hash(state);
    }
}

impl Journal {
    /// The journal with one more record, if it may come next.
    pub(crate) fn with(&self, entry: JournalEntry) -> Self {
        let record = self.state.next_record(Timestamp::from_micros(1), entry);
        let bytes = record.to_bytes().unwrap();
        Self {
            state: Arc::new(JournalState::clone(&self.state).append(&bytes).unwrap()),
            last: Some(record_digest(&bytes)),
        }
    }
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
}

impl Store {
    /// Both tables published at version 1; the slow writer has announced itself and committed the first `committed` tables.
    pub(crate) fn crashed(committed: usize, stranger: bool) -> Self {
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
            journal: Journal {
                state: Arc::new(JournalState::new(operation())),
                last: None,
            },
            claimed: false,
            sidecar: true,
            closed: false,
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
        }
    }

    /// The real plan for what is there now.
    pub(crate) fn plan(&self) -> (Plan, PlanBytes) {
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
        (plan, bytes)
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
