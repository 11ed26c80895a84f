//! The content and the verdict of a sidecar of version 9, shown beside its plan, and made a reason of its dismissal.

use sidecar::api::PlanReport;
use sidecar::version_9::{
    Beside, Evidence, SCHEMA_VERSION, Verdict9, dependence, judge_version_9, misnamed, parse,
};
use sidecar::{Glimpse, Observation, Reason, SidecarFile};

use crate::error::ServiceError;
use crate::observe::judge_9;
use crate::pending::pending;
use crate::root::Root;

/// The same report with what a sidecar of version 9 says, and the verdict over it. `observation` is what the plan was made from: the verdict
/// is over the same facts, and nothing is looked at again.
pub(crate) async fn with_version_9(
    root: &Root,
    report: PlanReport,
    observation: Option<&Observation>,
) -> Result<PlanReport, ServiceError> {
    let limits = root.limits();
    let mut report = report.with_version_9(&limits);
    let file = report.file.clone();
    let (Some(version_9), Some(bytes)) = (&mut report.version_9, &report.sidecar) else {
        return Ok(report);
    };
    let evidence = observation.and_then(|found| found.version_9.as_deref());
    match judged(root, &file, bytes.as_bytes(), evidence).await? {
        Some(Ok(verdict)) => version_9.verdict = Some(verdict),
        Some(Err(reason)) => version_9.unjudged = Some(reason),
        None => {}
    }
    Ok(report.with_facts())
}

/// Whether data depends on a file of version 9 that is to be set aside, as one more reason of the dismissal; `None` for other files.
///
/// It is made anew when the dismissal is carried out: a person's consent holds only while the answer is the same.
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
    let judged = judged(root, &file.file, bytes, None).await?;
    Ok(Some(dependence(judged.as_ref())))
}

/// The verdict over a file, or why there is none; `None` for a file that is no sidecar of version 9, or breaks a rule of it.
async fn judged(
    root: &Root,
    file: &str,
    bytes: &[u8],
    evidence: Option<&Result<Evidence, Reason>>,
) -> Result<Option<Result<Verdict9, Reason>>, ServiceError> {
    let Ok(sidecar) = parse(file, bytes, &root.limits()) else {
        return Ok(None);
    };
    if let Some(reason) = misnamed(&sidecar, file) {
        return Ok(Some(Err(reason)));
    }
    let others = pending(root, None).await?;
    let others = others.iter().map(|other| &other.listed.file);
    let beside = Beside::among(&sidecar, file, others);
    Ok(Some(match evidence {
        Some(Ok(evidence)) => {
            let evidence = evidence.with_files_beside(beside);
            Ok(judge_version_9(&sidecar, &evidence))
        }
        Some(Err(reason)) => Err(reason.clone()),
        None => judge_9(root, &sidecar, beside).await,
    }))
}
