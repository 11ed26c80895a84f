//! What a report says of a sidecar of version 9, which this build judges and does not act on.

use sidecar::api::PlanReport;
use sidecar::version_9::{self, Sidecar9};
use sidecar::{Branch, Code, Reason, WriterKind};

use crate::error::ServiceError;
use crate::observe::judge_9;
use crate::pending::{PendingRecovery, pending};
use crate::root::Root;

/// The same with what a sidecar of version 9 says, and the verdict over it.
pub(crate) async fn with_version_9(
    root: &Root,
    report: PlanReport,
) -> Result<PlanReport, ServiceError> {
    let limits = root.limits();
    let mut report = report.with_version_9(&limits);
    let file = report.file.clone();
    let (Some(version_9), Some(bytes)) = (&mut report.version_9, &report.sidecar) else {
        return Ok(report);
    };
    if let Ok(sidecar) = version_9::parse(&file, bytes.as_bytes(), &limits) {
        if sidecar.operation_id.file_name() != file {
            version_9.unjudged = Some(misnamed_9(&sidecar));
            return Ok(report.with_facts());
        }
        let others = pending(root, None).await?;
        let waiting_for = waits_for(&sidecar, &file, &others);
        match judge_9(root, &sidecar, waiting_for).await {
            Ok(verdict) => version_9.verdict = Some(verdict),
            Err(reason) => version_9.unjudged = Some(reason),
        }
    }
    Ok(report.with_facts())
}

/// No engine recovers such a file, and none removes it.
fn misnamed_9(sidecar: &Sidecar9) -> Reason {
    Reason::new(
        Code::Misnamed,
        format!(
            "omnigraph 0.9 and 0.10 look for {} when they recover, so that they skip this file and still refuse writes on its branch as long as it is there; give it that name if no file has it, or set it aside",
            sidecar.operation_id.file_name()
        ),
    )
}

/// The first older file that decides about this one: of the same branch of the graph, of a schema change, or unreadable, so that it may
/// be either.
fn waits_for(sidecar: &Sidecar9, file: &str, others: &[PendingRecovery]) -> Option<String> {
    let branch = sidecar.branch();
    let decides = |other: &&PendingRecovery| {
        let other = &other.listed.file;
        let glimpse = &other.glimpse;
        let is_there = other.digest.is_some() || other.stored_as.is_some();
        let changes_the_schema =
            glimpse.writer_kind.as_deref() == Some(WriterKind::SchemaApply.name());
        let is_of_the_branch = Branch::of(glimpse.branch.as_deref()) == branch;
        is_there
            && other.file.as_str() < file
            && (glimpse.writer_kind.is_none() || changes_the_schema || is_of_the_branch)
    };
    let mut others = others.iter();
    others
        .find(decides)
        .map(|other| other.listed.file.file.clone())
}
