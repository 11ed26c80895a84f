//! Operations and digests that were typed by their first characters, looked up.

use sidecar::api::RefusalReport;
use sidecar::approvable::{no_such_plan_now, no_such_plan_on_record};
use sidecar::short_names::{DigestName, OperationName};
use sidecar::{Digest, OperationId};

use super::context::Context;
use super::error::CliError;
use crate::root::Root;
use crate::service::{self, Answer};
use root_objects::clock;

/// How many of those that a beginning fits are named.
const NAMED_MAX: usize = 8;

/// The operation that is meant.
pub(super) async fn operation(
    context: &Context,
    root: &Root,
    name: OperationName,
) -> Result<OperationId, CliError> {
    match name {
        OperationName::Whole(operation) => Ok(operation),
        OperationName::Prefix(prefix) => beginning_with(context, root, prefix).await,
    }
}

/// The file or operation that is meant. Whatever cannot be the beginning of an id is taken as it is.
pub(super) async fn file_or_operation(
    context: &Context,
    root: &Root,
    text: String,
) -> Result<String, CliError> {
    match text.parse() {
        Ok(OperationName::Prefix(prefix)) => {
            Ok(beginning_with(context, root, prefix).await?.to_string())
        }
        Ok(OperationName::Whole(operation)) => Ok(operation.to_string()),
        Err(_) => Ok(text),
    }
}

async fn beginning_with(
    context: &Context,
    root: &Root,
    prefix: String,
) -> Result<OperationId, CliError> {
    let searched = prefix.clone();
    let fitting = context
        .look(root, async move |root| {
            Box::pin(service::operations_named(&root, &searched)).await
        })
        .await?;
    match fitting.as_slice() {
        [one] => Ok(one.clone()),
        several => Err(ambiguous("operations", &prefix, several)),
    }
}

/// The digest that is meant of a plan that is approved or was begun.
pub(super) async fn digest_on_record(
    context: &Context,
    root: &Root,
    of: &OperationId,
    name: DigestName,
) -> Result<Answer<Digest>, CliError> {
    let prefix = match &name {
        DigestName::Whole(digest) => return Ok(Answer::Done(*digest)),
        DigestName::Prefix(prefix) => prefix,
    };
    let operation = of.clone();
    let recorded = context
        .look(root, async move |root| {
            Box::pin(service::recorded_digests(&root, &operation)).await
        })
        .await?;
    one_of(&name, &recorded, || no_such_plan_on_record(of, prefix))
}

/// The digest that is meant of a plan that can be approved now.
pub(super) async fn digest_of_current_plan(
    context: &Context,
    root: &Root,
    of: &OperationId,
    name: DigestName,
) -> Result<Answer<Digest>, CliError> {
    let prefix = match &name {
        DigestName::Whole(digest) => return Ok(Answer::Done(*digest)),
        DigestName::Prefix(prefix) => prefix,
    };
    let operation = of.clone();
    let current = context
        .look(root, async move |root| {
            Box::pin(service::current_digests(&root, &operation, clock::now())).await
        })
        .await?;
    one_of(&name, &current, || no_such_plan_now(of, prefix, &current))
}

fn one_of(
    name: &DigestName,
    digests: &[Digest],
    none: impl FnOnce() -> RefusalReport,
) -> Result<Answer<Digest>, CliError> {
    match (name.among(digests).as_slice(), name) {
        ([one], _) => Ok(Answer::Done(*one)),
        (several @ [_, ..], DigestName::Prefix(prefix)) => {
            Err(ambiguous("digests", prefix, several))
        }
        _ => Ok(Answer::No(none())),
    }
}

fn ambiguous<T: ToString>(what: &'static str, prefix: &str, fitting: &[T]) -> CliError {
    let mut named: Vec<String> = fitting.iter().take(NAMED_MAX).map(T::to_string).collect();
    let more = fitting.len() - named.len();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    CliError::Ambiguous {
        what,
        prefix: prefix.to_owned(),
        count: fitting.len(),
        fitting: named.join(", "),
    }
}
