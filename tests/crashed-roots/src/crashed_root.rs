//! A root in a temporary folder whose writers died: one after its last table, one after its first, and one of a later release.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use fenced_lance::{LanceRoot, Row, TableLocation, TableWrite};
use sidecar::Timestamp;
use two_phase_writer::{NewOperation, Prepared, TwoPhaseWriter};

use crate::rows::done;
use crate::store::Store;

/// Committed to both of its tables, and not published.
pub const FORWARD: &str = "01M8125E20G3JA88BS9CEJEX1K";
/// Committed to one of its two tables.
pub const BACK: &str = "01M8125F20G3JA88BS9CEJEX1K";
/// A file of a schema version this build does not act on.
pub const NEWER: &str = "01M8125G20G3JA88BS9CEJEX1K";

/// When the writers began, in microseconds since the Unix epoch.
const STARTED_AT: u64 = 1_700_000_000_170_908;

const TABLES: [(&str, &str); 4] = [
    ("node:Author", "nodes/author"),
    ("edge:Wrote", "edges/wrote"),
    ("node:Book", "nodes/book"),
    ("edge:Cites", "edges/cites"),
];

pub struct CrashedRoot {
    store: Store,
    lance: LanceRoot,
}

impl CrashedRoot {
    pub async fn new() -> Self {
        let root = Self::healthy().await;
        let mut forward = root
            .begin(FORWARD, "ada", ["node:Author", "edge:Wrote"])
            .await;
        commit(
            &mut forward,
            "node:Author",
            TableWrite::append_rows(&rows("new", 3)),
        )
        .await;
        commit(
            &mut forward,
            "edge:Wrote",
            TableWrite::append_rows(&rows("new", 2)),
        )
        .await;
        forward.stop();
        let mut back = root.begin(BACK, "ben", ["node:Book", "edge:Cites"]).await;
        commit(&mut back, "node:Book", TableWrite::delete("value < 4")).await;
        back.stop();
        let newer = format!(
            r#"{{"schema_version": 10, "operation_id": "{NEWER}", "writer_kind": "Mutation", "tables": []}}"#
        );
        fs::write(
            root.store.path().join(format!("__recovery/{NEWER}.json")),
            newer,
        )
        .expect("a file");
        for operation in [FORWARD, BACK, NEWER] {
            root.backdate(operation);
        }
        root
    }

    /// Its writer is long gone: the store says so too.
    fn backdate(&self, operation: &str) {
        let path = self.file(&format!("__recovery/{operation}.json"));
        let file = fs::File::options().write(true).open(path);
        file.and_then(|file| file.set_modified(UNIX_EPOCH + Duration::from_micros(STARTED_AT)))
            .expect("the file has a time");
    }

    /// The same tables, with nothing pending.
    pub async fn healthy() -> Self {
        let store = Store::empty();
        let lance = store.lance().await;
        store.publish_first(&lance, &TABLES, &rows("old", 10)).await;
        Self { store, lance }
    }

    /// The root as it is given on a command line.
    pub fn uri(&self) -> &str {
        self.store.path().to_str().expect("a text path")
    }

    pub fn file(&self, path: &str) -> std::path::PathBuf {
        self.store.path().join(path)
    }

    /// Somebody commits to a table without asking anyone.
    pub async fn write_to(&self, location: &str) {
        self.lance
            .append_rows(&TableLocation::main(location), &rows("foreign", 1))
            .await
            .expect("a commit");
    }

    async fn begin<const N: usize>(
        &self,
        operation_id: &str,
        actor: &str,
        tables: [&str; N],
    ) -> Prepared {
        let operation = NewOperation {
            operation_id: Some(operation_id.parse().expect("an id")),
            started_at: Some(Timestamp::from_micros(STARTED_AT)),
            actor_id: Some(actor.to_owned()),
            ..NewOperation::mutation(tables)
        };
        done(
            TwoPhaseWriter::new(self.lance.clone())
                .begin(operation)
                .await
                .expect("it begins"),
        )
    }
}

async fn commit(prepared: &mut Prepared, table_key: &str, write: TableWrite) {
    done(prepared.commit(table_key, write).await.expect("it commits"));
}

fn rows(prefix: &str, count: u64) -> Vec<Row> {
    (0..count)
        .map(|value| {
            Row::new(
                format!("{prefix}-{value}"),
                format!("{prefix} {value}"),
                value,
            )
        })
        .collect()
}
