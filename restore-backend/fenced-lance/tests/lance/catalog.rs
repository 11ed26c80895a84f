//! The catalog: what it shows, and who wins when several commit to it.

mod fencing;
mod publishing;
mod reading;

use crashed_roots::test_root::*;
use fenced_lance::{CommitOutcome, FenceRequest, Pin};

fn pin(version: u64, row_count: u64) -> Pin {
    Pin {
        version,
        table_branch: None,
        row_count: Some(row_count),
    }
}

async fn fence_request(root: &TestRoot) -> FenceRequest {
    let catalog = catalog(&root.lance, None).await;
    FenceRequest {
        branch: None,
        read_version: catalog.version,
        read_transaction: catalog.transaction.expect("a transaction"),
        identity: identity(),
    }
}

trait ExpectCommitted {
    fn expect_committed(self);
}

impl ExpectCommitted for CommitOutcome {
    #[track_caller]
    fn expect_committed(self) {
        assert!(matches!(self, Self::Committed { .. }), "{self:?}");
    }
}
