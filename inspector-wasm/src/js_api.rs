//! The verdict for scripts: JSON text in, JSON text out, by the same code as page and server.
//!
//! No document is needed, so it runs in Node.js and in workers too.

use serde::{Deserialize, Serialize};
use sidecar::{
    Choice, Decision, Digest, Disposition, Glimpse, Limits, Observation, OperationId,
    OperationIdError, OutcomeKind, PlanBytes, PlanError, PlanInput, Reason, Requirement, RootId,
    Sidecar, SidecarFile, Standing, WhatIf, assemble, error_text, explain_looked_at, judge_choice,
    refuse, what_if,
};

use crate::state::journal_check::{JournalCheck, StoredAudit};

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The request is not JSON of the shape that was asked for.
    #[error("the request cannot be read")]
    Request(#[source] serde_json::Error),
    /// The operation of a plan has no valid name.
    #[error("a plan needs an operation")]
    Operation(#[source] OperationIdError),
    /// A plan was asked for a file that is not refused, without what was observed.
    #[error("{file} can only be planned with an observation")]
    NotObserved {
        /// Name of the file.
        file: String,
    },
    /// The observation is for another number of tables than the sidecar names.
    #[error("the observation has {observed} tables, the sidecar names {named}")]
    OtherTables {
        /// Tables of the observation.
        observed: usize,
        /// Tables of the sidecar.
        named: usize,
    },
    /// A bug of ours: a plan could not be encoded.
    #[error("the plan cannot be written")]
    Plan(#[source] PlanError),
    /// A bug of ours: an answer could not be encoded.
    #[error("internal error: the answer cannot be written")]
    Answer(#[source] serde_json::Error),
}

impl ApiError {
    /// The error with everything that caused it.
    #[must_use]
    pub fn text(&self) -> String {
        error_text(self)
    }
}

/// The request of [`inspect`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InspectRequest {
    /// The files of one folder.
    pub files: Vec<FileText>,
}

/// One file as text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileText {
    /// Its name, without folders.
    pub file: String,
    /// Its content.
    pub text: String,
}

/// The answer of [`inspect`].
#[derive(Debug, Serialize)]
pub struct InspectAnswer {
    /// Oldest first.
    pub files: Vec<InspectedFile>,
}

/// One file, read as far as it can be.
#[derive(Debug, Serialize)]
pub struct InspectedFile {
    /// Its name.
    pub file: String,
    /// The operation, if the file tells.
    pub operation_id: Option<OperationId>,
    /// Digest of its bytes.
    pub digest: Option<Digest>,
    /// Why nothing about it is decided.
    pub refused: Option<Reason>,
    /// The oldest of these files that shares a table with it.
    pub waiting_for: Option<String>,
    /// Whether an older one of these files is broken, so that nobody can tell whether it shares a table with it.
    pub older_unreadable: bool,
    /// The sidecar, if it can be understood.
    pub sidecar: Option<Sidecar>,
    /// The facts that can be read even if the sidecar cannot be understood.
    pub glimpse: Glimpse,
    /// The verdict for each position of pin and HEAD; empty for a refused file.
    pub what_if: Vec<WhatIf>,
}

/// The request of [`plan`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// URI of the root.
    pub root: String,
    /// The operation.
    pub operation_id: String,
    /// Name of the sidecar file.
    pub file: String,
    /// Its content.
    pub sidecar: String,
    /// The older unresolved sidecar that overlaps it.
    #[serde(default)]
    pub waiting_for: Option<String>,
    /// Whether an older file is broken, so that nobody can tell whether it overlaps it.
    #[serde(default)]
    pub older_unreadable: bool,
    /// The observation of the storage; may be absent for a refused file only.
    #[serde(default)]
    pub observation: Option<Observation>,
    /// A person's choice, if it is not the verdict's.
    #[serde(default)]
    pub choice: Choice,
}

/// The answer of [`plan`].
#[derive(Debug, Serialize)]
pub struct PlanAnswer {
    /// The plan's canonical bytes.
    pub plan: String,
    /// Their digest.
    pub digest: Digest,
    /// The disposition.
    pub disposition: Disposition,
    /// The decision that follows from the classifications.
    pub decision: Option<Decision>,
    /// Why it cannot be executed; age and store are not known here.
    pub blockers: Vec<Reason>,
    /// The statements that an approval has to make.
    pub requires: Vec<Requirement>,
    /// What happened and what would be done, for people.
    pub explanation: String,
}

/// The answer of [`verify_audit`].
#[derive(Debug, Serialize)]
pub struct AuditAnswer {
    /// One for each journal of the request, in the same order.
    pub operations: Vec<VerifiedOperation>,
}

/// One verified journal.
#[derive(Debug, Serialize)]
pub struct VerifiedOperation {
    /// The operation.
    pub operation_id: String,
    /// Whether its chain holds.
    pub verified: bool,
    /// Why not.
    pub problem: Option<String>,
    /// How many records hold.
    pub records: Option<u64>,
    /// How the operation ended, as the records say.
    pub outcome: Option<OutcomeKind>,
}

fn read<T: for<'de> Deserialize<'de>>(request: &str) -> Result<T, ApiError> {
    // From bytes, as answers of the server are read: every type would be read by two parsers otherwise.
    serde_json::from_slice(request.as_bytes()).map_err(ApiError::Request)
}

fn write(answer: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(answer).map_err(ApiError::Answer)
}

/// Reads sidecar files: an [`InspectRequest`] in, an [`InspectAnswer`] out.
///
/// # Errors
/// See [`ApiError`]. A broken file is not an error but an answer.
pub fn inspect(request: &str) -> Result<String, ApiError> {
    let request: InspectRequest = read(request)?;
    let files = request
        .files
        .into_iter()
        .map(|file| SidecarFile::read(&file.file, file.text.into_bytes(), &Limits::DEFAULT));
    let listed = assemble(files.collect());
    let files = listed.into_iter().map(|listed| {
        let operation_id = listed.file.operation_id();
        let sidecar = listed.file.content.ok();
        let decidable = sidecar.as_ref().filter(|_| listed.refusal.is_none());
        InspectedFile {
            what_if: decidable.map(what_if).unwrap_or_default(),
            file: listed.file.file,
            operation_id,
            digest: listed.file.digest,
            refused: listed.refusal,
            waiting_for: listed.waiting_for,
            older_unreadable: listed.older_unreadable,
            sidecar,
            glimpse: listed.file.glimpse,
        }
    });
    write(&InspectAnswer {
        files: files.collect(),
    })
}

/// Plans one recovery: a [`PlanRequest`] in, a [`PlanAnswer`] out.
///
/// # Errors
/// See [`ApiError`].
pub fn plan(request: &str) -> Result<String, ApiError> {
    let request: PlanRequest = read(request)?;
    let operation_id: OperationId = request.operation_id.parse().map_err(ApiError::Operation)?;
    let file = SidecarFile::read(
        &request.file,
        request.sidecar.into_bytes(),
        &Limits::DEFAULT,
    );
    let digest = file.digest;
    let listed = assemble(vec![file]);
    let Some((listed, sidecar_digest)) = listed.into_iter().next().zip(digest) else {
        return Err(ApiError::NotObserved { file: request.file });
    };
    let sidecar = listed.file.content.as_ref().ok();
    let verdict = match (listed.refusal, sidecar, &request.observation) {
        (Some(reason), sidecar, _) => refuse(reason, sidecar),
        (None, Some(sidecar), Some(observation)) => {
            let (observed, named) = (observation.tables.len(), sidecar.tables.len());
            if observed != named {
                return Err(ApiError::OtherTables { observed, named });
            }
            let standing = Standing {
                waiting_for: request.waiting_for.as_deref(),
                older_unreadable: request.older_unreadable,
            };
            judge_choice(sidecar, standing, observation, request.choice)
        }
        (None, _, _) => return Err(ApiError::NotObserved { file: request.file }),
    };
    let plan = sidecar::plan(&PlanInput {
        root: &RootId::new(&request.root),
        operation_id: &operation_id,
        file: &request.file,
        sidecar_digest,
        sidecar,
        observation: request.observation.as_ref(),
        verdict: &verdict,
    });
    let bytes = PlanBytes::of(&plan).map_err(ApiError::Plan)?;
    let observation = request.observation.as_ref();
    let explanation = explain_looked_at(&plan, sidecar, observation, &verdict.blockers);
    write(&PlanAnswer {
        plan: bytes.text().to_owned(),
        digest: bytes.digest(),
        disposition: verdict.disposition,
        decision: verdict.decision,
        blockers: verdict.blockers,
        requires: verdict.requires,
        explanation: explanation.text(),
    })
}

/// Verifies journals: a [`sidecar::api::AuditReport`] in, an [`AuditAnswer`] out.
///
/// # Errors
/// See [`ApiError`]. A broken journal is not an error but an answer.
pub fn verify_audit(request: &str) -> Result<String, ApiError> {
    let report: StoredAudit = read(request)?;
    let operations = report.operations.iter().map(|operation| {
        let operation_id = operation.operation_id.clone();
        match JournalCheck::of_journal(operation) {
            JournalCheck::Verified { records, outcome } => VerifiedOperation {
                operation_id,
                verified: true,
                problem: None,
                records: Some(records),
                outcome,
            },
            JournalCheck::InPart { records } => VerifiedOperation {
                operation_id,
                verified: false,
                problem: Some(format!(
                    "these are its first {records} records, and they hold; ask for the rest and verify all of them together"
                )),
                records: Some(records),
                outcome: None,
            },
            JournalCheck::Broken { reason } => VerifiedOperation {
                operation_id,
                verified: false,
                problem: Some(reason),
                records: None,
                outcome: None,
            },
        }
    });
    write(&AuditAnswer {
        operations: operations.collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::state::recovery::sample;

    fn answer(result: Result<String, ApiError>) -> Value {
        serde_json::from_str(&result.unwrap()).unwrap()
    }

    #[test]
    fn a_plan_has_the_bytes_the_server_would_make() {
        let report = sample::report();
        let request = json!({
            "root": "file:///srv/graph/",
            "operation_id": report.operation_id,
            "file": report.file,
            "sidecar": sample::SIDECAR,
            "waiting_for": null,
            "observation": sample::observation(),
        });
        let answer = answer(plan(&request.to_string()));
        assert_eq!(answer["plan"].as_str(), report.plan.as_deref());
        assert_eq!(answer["digest"], report.digest.unwrap().to_string());
        assert_eq!(answer["disposition"], "roll_back");
        assert_eq!(answer["explanation"], report.explanation);
    }

    #[test]
    fn a_refused_file_needs_no_observation_and_any_other_does() {
        let request = |sidecar: &str| {
            json!({"root": "s3://b/g", "operation_id": "01M8125ENACWR9X1EZNRMDV5V2", "file": "01M8125ENACWR9X1EZNRMDV5V2.json", "sidecar": sidecar}).to_string()
        };
        assert_eq!(answer(plan(&request("{")))["disposition"], "refused");
        assert!(matches!(
            plan(&request(sample::SIDECAR)),
            Err(ApiError::NotObserved { .. })
        ));
    }

    #[test]
    fn inspecting_shows_good_and_broken_files() {
        let request = json!({"files": [
            {"file": "01M8125ENACWR9X1EZNRMDV5V2.json", "text": sample::SIDECAR},
            {"file": "broken.json", "text": "{"},
        ]});
        let answer = answer(inspect(&request.to_string()));
        let files = answer["files"].as_array().unwrap();
        let file = |name: &str| files.iter().find(|file| file["file"] == name).unwrap();
        let good = file("01M8125ENACWR9X1EZNRMDV5V2.json");
        assert_eq!(good["sidecar"]["actor_id"], "act-ada");
        assert!(good["what_if"].as_array().unwrap().len() > 8);
        assert_eq!(file("broken.json")["refused"]["code"], "not_json");
    }

    #[test]
    fn a_request_of_another_shape_says_so() {
        for text in ["", "[]", "{\"files\":1}", "{\"other\":[]}"] {
            let error = inspect(text).unwrap_err();
            assert!(
                error.text().starts_with("the request cannot be read: "),
                "{}",
                error.text()
            );
        }
    }
}
