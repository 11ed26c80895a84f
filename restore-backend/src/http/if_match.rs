//! The plan a request is about: its digest, as the strong entity tag in `If-Match`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use sidecar::Digest;

use super::failure::Failure;

/// The digest that `If-Match` names. A request that names none is answered with 428, since approving or executing
/// *whatever the plan is by now* is what must never happen.
#[derive(Debug, Clone, Copy)]
pub(super) struct IfMatch(pub(super) Digest);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut tags = parts.headers.get_all(header::IF_MATCH).iter();
        match (tags.next(), tags.next()) {
            (None, _) => Err(Failure::new(
                StatusCode::PRECONDITION_REQUIRED,
                "if_match_required",
                "If-Match required",
                "send If-Match with the plan's digest in quotes, as its ETag has it; the request is about that plan alone",
            )),
            (Some(tag), None) => digest(tag).map(Self).ok_or_else(not_one_plan),
            (Some(_), Some(_)) => Err(not_one_plan()),
        }
    }
}

fn not_one_plan() -> Failure {
    Failure::bad_request(
        "if_match_invalid",
        "If-Match has to name exactly one plan, as \"sha256:…\" with the quotes",
    )
}

fn digest(tag: &HeaderValue) -> Option<Digest> {
    tag.to_str()
        .ok()?
        .trim()
        .strip_prefix('"')?
        .strip_suffix('"')?
        .parse()
        .ok()
}

/// The entity tag of the plan with this digest.
pub(super) fn entity_tag(digest: Digest) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("\"{digest}\"")).ok()
}
