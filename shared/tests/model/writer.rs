//! A two-phase writer, in the order of checks and requests that ours has.

use crate::flaw::Flaw;
use crate::store::{By, Commit, SLOW, Store};

/// Where a writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum At {
    /// It has not begun.
    Start,
    /// Everything of this table's commit is staged: it looks for a claim, sends the commit, and looks once more. A claim that came in
    /// between may belong to a recovery that did not see the commit, which is announced anew then.
    Check(usize),
    Commit(usize),
    LookAgain(usize),
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
    fn is_claimed(&self, store: &Store, flaw: Flaw) -> bool {
        self.id == SLOW && store.claimed && flaw != Flaw::WriterDoesNotLook
    }

    /// Whether every table it writes is as it was published, so that it may begin.
    pub(crate) fn is_free(&self, store: &Store) -> bool {
        self.tables
            .iter()
            .all(|(table, _)| store.head(*table) == store.pins[*table])
    }

    /// Whether somebody else published a table it writes.
    fn has_lost(&self, store: &Store) -> bool {
        self.tables
            .iter()
            .any(|(table, pin)| store.pins[*table] != *pin)
    }

    /// Takes every step that nobody else can notice or hinder, and ends a writer that has lost. See `Depth::Reduced`.
    pub(crate) fn settle(&mut self, store: &mut Store, flaw: Flaw) {
        loop {
            match self.at {
                At::Check(_)
                | At::LookAgain(_)
                | At::ReadCatalog
                | At::CheckBeforePublish(_)
                | At::CheckBeforeRetire => {}
                At::Commit(place) => {
                    let (table, pin) = self.tables[place];
                    if store.head(table) == pin {
                        break;
                    }
                }
                At::Publish(read) => {
                    if store.catalog_version() == read && !self.has_lost(store) {
                        break;
                    }
                }
                At::Retire if store.file.is_none() => {}
                At::Start | At::Retire | At::Ended => break,
            }
            self.act(store, flaw);
        }
        if self.at == At::Ended && !self.acknowledged {
            self.tables.clear();
        }
    }

    /// One request.
    pub(crate) fn act(&mut self, store: &mut Store, flaw: Flaw) {
        self.at = match self.at {
            At::Start => {
                let free = self.is_free(store);
                for (table, pin) in &mut self.tables {
                    *pin = store.pins[*table];
                }
                if free { At::Check(0) } else { At::Ended }
            }
            At::Check(_) | At::CheckBeforePublish(_) | At::CheckBeforeRetire
                if self.is_claimed(store, flaw) =>
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
                    At::LookAgain(place)
                }
            }
            At::LookAgain(place)
                if self.is_claimed(store, flaw) && flaw != Flaw::WriterDoesNotLookAgain =>
            {
                let (table, _) = self.tables[place];
                store.announced[table] = true;
                At::Ended
            }
            At::LookAgain(place) if place + 1 < self.tables.len() => At::Check(place + 1),
            At::LookAgain(_) => At::ReadCatalog,
            At::ReadCatalog => At::CheckBeforePublish(store.catalog_version()),
            At::CheckBeforePublish(read) => At::Publish(read),
            At::Publish(read) => {
                // Pins are checked on the version that was read, and the commit lands right above it or not at all.
                if store.catalog_version() != read {
                    At::ReadCatalog
                } else if self.has_lost(store) {
                    At::Ended
                } else {
                    for (table, pin) in &self.tables {
                        store.pins[*table] = pin + 1;
                    }
                    store.catalog.push(By::Writer(self.id));
                    self.acknowledged = true;
                    if self.id == SLOW {
                        At::CheckBeforeRetire
                    } else {
                        At::Ended
                    }
                }
            }
            At::CheckBeforeRetire => At::Retire,
            At::Retire => {
                store.file = None;
                At::Ended
            }
            At::Ended => At::Ended,
        };
    }
}
