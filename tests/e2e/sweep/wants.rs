//! What every scenario has to come to, written down by hand and not read off any plan.

use std::collections::{BTreeMap, BTreeSet};

use fenced_lance::Row;
use sidecar::OperationId;
use sidecar::follow_up::{undo_id, undo_sidecar_id};

use super::world::{BY_HAND, Ending};
use crate::support::{place, rows};

/// How one table has to stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stand {
    /// The version that readers see, with its rows.
    pub visible: (u64, Vec<Row>),
    /// The latest version, with its rows.
    pub head: (u64, Vec<Row>),
}

/// What is left when all is done, where nobody else is at work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wants {
    /// The operation's tables.
    pub tables: BTreeMap<String, Stand>,
    /// The sidecar that covers tables whose latest version nobody sees, by its file; `None` where there are none such.
    pub covered_by: Option<String>,
    /// Every tag, by its file, with the version it names.
    pub tags: BTreeMap<String, Option<u64>>,
}

impl Wants {
    /// Every table starts at version 1, and the write makes version 2 of the first `drifted`.
    pub fn of(ending: Ending, drifted: usize, tables: &[String], of: &OperationId) -> Self {
        let old = sorted(rows(0..10).into_iter());
        let new = sorted(rows(0..10).into_iter().chain(rows(100..103)));
        let moved = match ending {
            Ending::Forward | Ending::Published => ((2, &new), (2, &new)),
            Ending::NeverStarted => ((1, &old), (1, &old)),
            Ending::Back | Ending::UndoForward | Ending::Release | Ending::Dismissal => {
                ((3, &old), (3, &old))
            }
            Ending::UndoBack => ((3, &old), (4, &new)),
            Ending::UndoUndo => ((4, &new), (4, &new)),
        };
        let untouched = ((1, &old), (1, &old));
        let of_version = |(version, rows): (u64, &Vec<Row>)| (version, rows.clone());
        let stands = tables.iter().enumerate().map(|(index, table)| {
            let (visible, head) = if index < drifted { moved } else { untouched };
            let stand = Stand {
                visible: of_version(visible),
                head: of_version(head),
            };
            (table.clone(), stand)
        });
        let undo = undo_id(of);
        let kept: &[(&OperationId, u64)] = match ending {
            Ending::Published | Ending::NeverStarted | Ending::Release => &[],
            Ending::Forward | Ending::Back | Ending::Dismissal => &[(of, 1), (of, 2)],
            Ending::UndoForward => &[(of, 1), (of, 2), (&undo, 1), (&undo, 2)],
            Ending::UndoBack => &[(of, 1), (of, 2), (&undo, 2), (&undo, 3)],
            Ending::UndoUndo => &[
                (of, 1),
                (of, 2),
                (&undo, 1),
                (&undo, 2),
                (&undo_id(&undo), 2),
                (&undo_id(&undo), 3),
            ],
        };
        let mut tags = BTreeMap::new();
        for table in &tables[..drifted] {
            for (operation, version) in kept {
                let name = format!("recovery-{operation}-v{version}");
                tags.insert(tag_file(table, &name), Some(*version));
            }
        }
        if ending == Ending::Release {
            tags.insert(tag_file("node:T0", BY_HAND), Some(1));
        }
        let covered_by = (ending == Ending::UndoBack)
            .then(|| format!("__recovery/{}.json", undo_sidecar_id(of)));
        Self {
            tables: stands.collect(),
            covered_by,
            tags,
        }
    }

    /// The files among the sidecars.
    pub fn sidecars(&self) -> BTreeSet<&str> {
        let garbage = super::world::GARBAGE;
        self.covered_by
            .as_deref()
            .into_iter()
            .chain([garbage])
            .collect()
    }
}

/// The file of a tag.
pub fn tag_file(table: &str, name: &str) -> String {
    format!("{}/_refs/tags/{name}.json", place(table).path)
}

fn sorted(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.collect();
    rows.sort();
    rows
}
