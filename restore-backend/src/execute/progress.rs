//! Progress reports of a running execution.

use std::fmt;
use std::sync::Arc;

use sidecar::api::ExecutionReport;

/// Takes progress reports; the default one drops them.
#[derive(Clone, Default)]
pub struct ProgressSink {
    send: Option<Arc<dyn Fn(ExecutionReport) + Send + Sync>>,
}

impl fmt::Debug for ProgressSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProgressSink")
            .finish_non_exhaustive()
    }
}

impl ProgressSink {
    /// Calls `send` after every record of the journal. It must not block.
    pub fn new(send: impl Fn(ExecutionReport) + Send + Sync + 'static) -> Self {
        Self {
            send: Some(Arc::new(send)),
        }
    }

    pub(super) fn send(&self, report: ExecutionReport) {
        if let Some(send) = &self.send {
            send(report);
        }
    }
}
