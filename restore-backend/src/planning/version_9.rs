//! What a sidecar of version 9 comes to, which this build judges and does not act on.

use std::cmp::Ordering;

use sidecar::api::PlanReport;
use sidecar::version_9::{Beside, SCHEMA_VERSION, Sidecar9, Verdict9, parse};
use sidecar::{Branch, Code, Glimpse, Reason, SidecarFile, WriterKind};

use crate::error::ServiceError;
use crate::observe::judge_9;
use crate::pending::{PendingRecovery, pending};
use crate::root::Root;

/// The same report with what a sidecar of version 9 says, and the verdict over it.
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
    match judged(root, &file, bytes.as_bytes()).await? {
        Some(Ok(verdict)) => version_9.verdict = Some(verdict),
        Some(Err(reason)) => version_9.unjudged = Some(reason),
        None => {}
    }
    Ok(report.with_facts())
}

/// Whether data depends on a file of version 9 that is to be set aside, as one more reason of the dismissal; `None` for other files.
///
/// It is made anew when the dismissal is carried out: what a person agreed to holds only while the answer is the same.
pub(super) async fn depends_on_it(
    root: &Root,
    file: &SidecarFile,
    bytes: Option<&[u8]>,
) -> Result<Option<Reason>, ServiceError> {
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    let version = Glimpse::of(bytes, &root.limits()).schema_version;
    if version != Some(u64::from(SCHEMA_VERSION)) {
        return Ok(None);
    }
    Ok(Some(match judged(root, &file.file, bytes).await? {
        Some(Ok(verdict)) if verdict.holds_no_data() => {
            Reason::new(Code::HoldsNoData, verdict.headline)
        }
        Some(Ok(verdict)) => Reason::new(Code::DataInQuestion, verdict.headline),
        Some(Err(reason)) if reason.code == Code::Unreadable => reason,
        Some(Err(reason)) => Reason::new(
            Code::DataInQuestion,
            format!("Nobody knows whether data depends on it: {}", reason.detail),
        ),
        None => Reason::new(
            Code::DataInQuestion,
            "Nobody knows whether data depends on it: it breaks a rule of its version, or has a field that this build does not know",
        ),
    }))
}

/// The verdict over a file, or why there is none; `None` for a file that is no sidecar of version 9, or breaks a rule of it.
async fn judged(
    root: &Root,
    file: &str,
    bytes: &[u8],
) -> Result<Option<Result<Verdict9, Reason>>, ServiceError> {
    let Ok(sidecar) = parse(file, bytes, &root.limits()) else {
        return Ok(None);
    };
    if sidecar.operation_id.file_name() != file {
        return Ok(Some(Err(misnamed(&sidecar))));
    }
    let others = pending(root, None).await?;
    let beside = beside(&sidecar, file, &others);
    Ok(Some(judge_9(root, &sidecar, beside).await))
}

/// No engine recovers such a file, and none removes it.
fn misnamed(sidecar: &Sidecar9) -> Reason {
    Reason::new(
        Code::Misnamed,
        format!(
            "omnigraph 0.9 and 0.10 look for {} when they recover, so that they skip this file and still refuse writes on its branch as long as it is there; give it that name if no file has it, and look again",
            sidecar.operation_id.file_name()
        ),
    )
}

/// The files that decide about this one, and those that this one decides about: of the same branch of the graph, of a schema change, or
/// unreadable, so that they may be either.
fn beside(sidecar: &Sidecar9, file: &str, others: &[PendingRecovery]) -> Beside {
    let branch = sidecar.branch();
    let is_a_change = sidecar.writer_kind == WriterKind::SchemaApply;
    let matters = |other: &&SidecarFile| {
        let glimpse = &other.glimpse;
        let changes_the_schema =
            glimpse.writer_kind.as_deref() == Some(WriterKind::SchemaApply.name());
        let is_there = other.digest.is_some() || other.stored_as.is_some();
        let is_of_the_branch = Branch::of(glimpse.branch.as_deref()) == branch;
        is_there
            && (glimpse.writer_kind.is_none()
                || changes_the_schema
                || is_a_change
                || is_of_the_branch)
    };
    let mut beside = Beside::default();
    let others = others.iter().map(|other| &other.listed.file);
    for other in others.filter(matters) {
        match other.file.as_str().cmp(file) {
            Ordering::Less if beside.waiting_for.is_none() => {
                beside.waiting_for = Some(other.file.clone());
            }
            Ordering::Less | Ordering::Equal => {}
            Ordering::Greater => beside.followed_by.push(other.file.clone()),
        }
    }
    beside.followed_by.sort();
    beside
}
