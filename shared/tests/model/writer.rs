//! A two-phase writer, in the order of checks and requests that ours has.

use crate::store::{By, Commit, Store};

/// Where a writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum At {
    /// It has not begun.
    Start,
    /// It looks for a claim, and then commits this table.
    Check(usize),
    Commit(usize),
    ReadCatalog,
    /// It read this version of the catalog, and looks for a claim.
    CheckBeforePublish(u64),
    Publish(u64),
    CheckBeforeRetire,
    Retire,
    /// It finished, lost or gave up.
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Writer {
    pub(crate) id: usize,
    /// Tables it writes, with the pins it began from.
    pub(crate) tables: Vec<(usize, u64)>,
    pub(crate) at: At,
    /// Somebody was told that the write is visible.
    pub(crate) acknowledged: bool,
}

impl Writer {
    /// Whether recovery has claimed this writer's operation. Nobody recovers the later one.
    fn is_claimed(&self, store: &Store) -> bool {
        self.id == crate::store::SLOW && store.claimed
    }

    /// One request.
    pub(crate) fn act(&mut self, store: &mut Store) {
        self.at = match self.at {
            At::Start => {
                let free = self
                    .tables
                    .iter()
                    .all(|(table, _)| store.head(*table) == store.pins[*table]);
                for (table, pin) in &mut self.tables {
                    *pin = store.pins[*table];
                }
                if free { At::Check(0) } else { At::Ended }
            }
            At::Check(_) | At::CheckBeforePublish(_) | At::CheckBeforeRetire
                if self.is_claimed(store) =>
            {
                At::Ended
            }
            At::Check(place) => At::Commit(place),
            At::Commit(place) => {
                let (table, pin) = self.tables[place];
                if store.head(table) != pin {
                    At::Ended
                } else {
                    let content = store.content(table, pin) | 1 << self.id;
                    store.tables[table].push(Commit {
                        content,
                        by: By::Writer(self.id),
                    });
                    if place + 1 < self.tables.len() {
                        At::Check(place + 1)
                    } else {
                        At::ReadCatalog
                    }
                }
            }
            At::ReadCatalog => At::CheckBeforePublish(store.catalog_version()),
            At::CheckBeforePublish(read) => At::Publish(read),
            At::Publish(read) => {
                // Pins are checked on the version that was read, and the commit lands right above it or not at all.
                if store.catalog_version() != read {
                    At::ReadCatalog
                } else if self
                    .tables
                    .iter()
                    .any(|(table, pin)| store.pins[*table] != *pin)
                {
                    At::Ended
                } else {
                    for (table, pin) in &self.tables {
                        store.pins[*table] = pin + 1;
                    }
                    store.catalog.push(By::Writer(self.id));
                    self.acknowledged = true;
                    if self.id == crate::store::SLOW {
                        At::CheckBeforeRetire
                    } else {
                        At::Ended
                    }
                }
            }
            At::CheckBeforeRetire => At::Retire,
            At::Retire => {
                store.sidecar = false;
                At::Ended
            }
            At::Ended => At::Ended,
        };
    }
}
