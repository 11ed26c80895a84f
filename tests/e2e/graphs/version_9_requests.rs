//! What recovering a graph of omnigraph 0.9.0 costs, in requests to the store.

use restore_backend::service;
use root_objects::clock;

use crate::support::Store;

const ENGINE: &str = "omnigraph-0.9.0";

/// Reads of a plan, and mutating requests of carrying it out.
async fn requests(archive: &str) -> (u64, u64) {
    let store = Store::unpacked(ENGINE, archive);
    let operation = store.operation();
    let opened = store.open().await;
    opened.log.reset();
    let plan = service::plan(&opened.root, operation.as_str(), clock::now()).await;
    let reads = opened.log.reads();
    assert_eq!(opened.log.mutations(), 0, "a plan writes nothing");
    let (operation, digest) = opened.approve_plan(&plan.unwrap()).await;
    opened.log.reset();
    opened.apply(&operation, digest).await;
    (reads, opened.log.mutations())
}

/// Mutating requests are exact. Reads may come a few less where one of two looks at the same time finds what the other has read.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_looks_once_and_an_execution_writes_what_its_steps_need() {
    for (archive, reads_max, mutations) in [
        // Two tables, rolled forward.
        ("v9-mutation-insert-confirmed", 35, 26),
        // Two tables, rolled back.
        ("v9-load-append-effects", 37, 40),
        // Two tables rolled back, and the dataset of a third removed.
        ("v9-schema-mixed-staged", 57, 58),
        // Nothing but its file.
        ("v9-mutation-insert-published", 38, 15),
    ] {
        let (reads, found) = requests(archive).await;
        assert!(reads <= reads_max, "{archive}: {reads} reads");
        assert_eq!(found, mutations, "{archive}");
    }
}
