//! What can go wrong with a request, as a status, a code for programs and a sentence for people.

use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sidecar::api::{API_PATH, Problem, RefusalReport};
use sidecar::{Code, Difference, OutcomeKind, Reason};

use super::looks::NoLook;
use crate::error::ServiceError;
use crate::observe::ObserveError;
use root_objects::journal_store::JournalStoreError;
use sidecar::error_text;

/// A request that is not answered. Travels in the response's extensions and becomes `application/problem+json`
/// where the path of the request is known ([`super::problem::render`]).
#[derive(Debug, Clone)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    more: Box<More>,
}

/// The parts that only some failures have.
#[derive(Debug, Clone, Default)]
struct More {
    reasons: Vec<Reason>,
    differences: Vec<Difference>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            title,
            detail: detail.into(),
            more: Box::default(),
        }
    }

    /// The failure for an error that did not come from our handlers, but from the router, an extractor or a panic.
    pub(super) fn of_status(status: StatusCode, detail: Option<String>) -> Self {
        let (code, title, words) = match status {
            StatusCode::NOT_FOUND => ("not_found", "Not found", "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => (
                "method_not_allowed",
                "Method not allowed",
                "this path does not take this method",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (
                "body_too_large",
                "Body too large",
                "the body is larger than any request needs",
            ),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (
                "json_required",
                "JSON required",
                "send Content-Type: application/json",
            ),
            status if status.is_client_error() => (
                "bad_request",
                "Bad request",
                "the request cannot be understood",
            ),
            _ => (
                "internal",
                "Internal error",
                "the server failed; its log says why",
            ),
        };
        Self::new(
            status,
            code,
            title,
            detail.unwrap_or_else(|| words.to_owned()),
        )
    }

    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "Bad request", detail)
    }

    pub(super) fn not_logged_in() -> Self {
        let detail = "this page is not logged in, or its session has ended: one ends an hour after it was last used, and twelve hours after its login; \
                      open a login link, which the server prints when it starts and whenever Ctrl-\\ is pressed in its terminal";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not_logged_in",
            "Not logged in",
            detail,
        )
        .with_header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("LoginLink"),
        )
    }

    pub(super) fn unknown_root(name: &str) -> Self {
        let detail = format!(
            "this server has no root named {name:?}; GET /{API_PATH}/roots lists those it has"
        );
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_root",
            "Unknown root",
            detail,
        )
    }

    pub(super) fn unknown_operation(text: &str) -> Self {
        let detail = format!(
            "{text:?} is not the id of an operation; the list of recoveries has those there are"
        );
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_operation",
            "Unknown operation",
            detail,
        )
    }

    /// A body of the wrong shape is a bad request; 422 is kept for approvals that are understood and refused.
    pub(super) fn invalid_body(rejection: &JsonRejection) -> Self {
        match rejection {
            JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_) => {
                Self::bad_request("invalid_body", rejection.body_text())
            }
            _ => Self::of_status(rejection.status(), None),
        }
    }

    /// A look at a root that was not taken, or has no answer.
    pub(super) fn no_look(root: &str, why: NoLook) -> Self {
        match why {
            NoLook::Busy => Self::busy(format!(
                "too many requests look at the root {root} already; try again"
            )),
            NoLook::Stuck { seconds } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "root_stuck",
                "The root does not answer",
                format!(
                    "a look at the root {root} has been under way for {seconds} s and does not end, so no more are begun; see to its storage, for example a mount that hangs or a named pipe in the root; other roots are not affected"
                ),
            )
            .retry_after(10),
            NoLook::Overdue => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "timed_out",
                "Timed out",
                format!(
                    "the storage of the root {root} did not answer in time, and this request is given up; an approval or a revocation may still have been recorded, so look again"
                ),
            ),
            NoLook::Panicked => Self::of_status(StatusCode::INTERNAL_SERVER_ERROR, None),
        }
    }

    pub(super) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy", detail).retry_after(1)
    }

    pub(super) fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.more.header = Some((name, value));
        self
    }

    /// An answer that says no. A digest that is not the plan's any more is a failed precondition; an operation that is in
    /// somebody's hands is a conflict; a refusal that no approval can lift is not processable.
    pub(super) fn refusal(report: RefusalReport) -> Self {
        let under_way = report
            .reasons
            .iter()
            .any(|reason| reason.code == Code::ExecutionUnderWay);
        let (status, code, title) = match report.outcome {
            _ if under_way => (
                StatusCode::CONFLICT,
                "execution_under_way",
                "Execution under way",
            ),
            OutcomeKind::Conflict => (
                StatusCode::PRECONDITION_FAILED,
                "stale_plan",
                "The plan is not current",
            ),
            OutcomeKind::RolledForward
            | OutcomeKind::RolledBack
            | OutcomeKind::CleanedUp
            | OutcomeKind::Refused
            | OutcomeKind::Unknown => (StatusCode::UNPROCESSABLE_ENTITY, "refused", "Refused"),
        };
        let more = More {
            reasons: report.reasons,
            differences: report.differences,
            header: None,
        };
        Self {
            more: Box::new(more),
            ..Self::new(status, code, title, report.detail)
        }
    }

    pub(super) fn problem(&self, instance: &str) -> Problem {
        Problem {
            kind: format!("urn:sidecar-inspector:problem:{}", self.code),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            code: self.code.to_owned(),
            reasons: self.more.reasons.clone(),
            differences: self.more.differences.clone(),
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let code = error.code();
        if error.is_not_found() {
            return Self::new(
                StatusCode::NOT_FOUND,
                code,
                "Unknown operation",
                error.to_string(),
            );
        }
        if error.is_invalid_request() {
            return Self::bad_request(code, error.to_string());
        }
        tracing::error!(code, error = error_text(&error), "a request failed");
        if error.is_about_the_folder() {
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                code,
                "The root cannot be used",
                error_text(&error),
            );
        }
        // The sources may name hosts and paths of the storage; they are for the log.
        let detail = format!("{error}; the server's log says why");
        let (status, title, detail) = match &error {
            ServiceError::Internal { .. }
            | ServiceError::Encode(_)
            | ServiceError::EncodeOutcomes(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "Internal error", detail)
            }
            // Nothing failed: there is nothing there.
            ServiceError::NoCatalog { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "No catalog",
                error.to_string(),
            ),
            ServiceError::Journal(JournalStoreError::Broken { .. }) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "Journal broken", detail)
            }
            ServiceError::JournalBusy { .. } | ServiceError::Observe(ObserveError::CatalogBusy) => {
                return Self {
                    code,
                    ..Self::busy(detail)
                };
            }
            ServiceError::UnknownOperation { .. }
            | ServiceError::UnknownTable { .. }
            | ServiceError::Sidecars(_)
            | ServiceError::Journal(_)
            | ServiceError::Observe(_)
            | ServiceError::RootUnusable { .. }
            | ServiceError::CatalogUnreadable { .. }
            | ServiceError::Effect { .. }
            | ServiceError::SchemaFile(_)
            | ServiceError::DatasetFiles(_)
            | ServiceError::Identity(_)
            | ServiceError::Probe(_)
            | ServiceError::InvalidApproval(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "Storage failed", detail)
            }
        };
        Self::new(status, code, title, detail)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some((name, value)) = self.more.header.clone() {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}
