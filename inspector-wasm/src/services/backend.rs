//! Questions to the server, at addresses relative to the page.

use gloo_timers::callback::Timeout;
use js_sys::{Uint8Array, encode_uri_component};
use serde::de::DeserializeOwned;
use sidecar::api::{
    ApprovalRequest, EndReport, EndRequest, ExecutionReport, LoginLinkReport, LoginRequest,
    OpenedSession, RecoveryList, RootList, SessionReport,
};
use sidecar::{Choice, Digest};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, RequestCache, RequestInit, Response};

use super::key;
use crate::state::check::Report;
use crate::state::failure::Failure;
use crate::state::journal_check::StoredAudit;
use crate::state::plan_check::PlanAnswer;

/// How long an answer may take: a look at a large store on a slow object store is a matter of
/// seconds, and a connection that is gone often says nothing at all.
const PATIENCE_MS: u32 = 90_000;

const API: &str = sidecar::api::API_PATH;

/// The header that carries the key of the session.
const KEY_HEADER: &str = sidecar::api::SESSION_KEY_HEADER;

/// Who is logged in.
///
/// # Errors
/// See [`Failure`]. The same holds for every request below.
pub async fn session() -> Result<SessionReport, Failure> {
    get(&format!("{API}/session")).await
}

/// Trades the token of a login link for a session; its key.
pub async fn log_in(token: String) -> Result<String, Failure> {
    let content =
        serde_json::to_string(&LoginRequest { token }).map_err(|error| garbled(&error))?;
    let opened: OpenedSession = read(&send("POST", "sessions", Some(&content)).await?)?;
    Ok(opened.key)
}

/// Ends the session.
pub async fn log_out() -> Result<(), Failure> {
    let _: serde::de::IgnoredAny = read(&send("DELETE", "session", None).await?)?;
    Ok(())
}

/// A login link for one more browser.
pub async fn new_login_link() -> Result<LoginLinkReport, Failure> {
    read(&send("POST", "login-links", None).await?)
}

async fn send(method: &str, what: &str, content: Option<&str>) -> Result<Vec<u8>, Failure> {
    let request = RequestInit::new();
    request.set_method(method);
    let mut headers = vec![("accept", "application/json")];
    if let Some(content) = content {
        request.set_body(&JsValue::from_str(content));
        headers.push(("content-type", "application/json"));
    }
    body(&format!("{API}/{what}"), &request, &headers).await
}

/// The roots the server has open.
pub async fn roots() -> Result<RootList, Failure> {
    get(&format!("{API}/roots")).await
}

/// Everything pending in one root.
pub async fn recoveries(root: &str) -> Result<RecoveryList, Failure> {
    get(&format!("{}/recoveries", at(root))).await
}

/// What is not in order in one root, and with `upgrade` whether it is ready for an upgrade. It costs the server many reads.
pub async fn doctor(root: &str, upgrade: bool) -> Result<Report, Failure> {
    get(&format!("{}/doctor?upgrade={upgrade}", at(root))).await
}

/// What is planned for a pending sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Its recovery, or the undo or release that the operation stands for.
    Recovery,
    /// Its roll back, where the verdict would roll it forward.
    RollBack,
    /// Its dismissal.
    Dismissal,
}

/// The plan for one pending recovery.
pub async fn plan(root: &str, operation: &str, wanted: Wanted) -> Result<PlanAnswer, Failure> {
    let path = recovery(root, operation);
    match wanted {
        Wanted::Recovery => get(&path).await,
        Wanted::RollBack => get(&format!("{path}?choice={}", Choice::RollBack.name())).await,
        Wanted::Dismissal => get(&format!("{path}/dismissal")).await,
    }
}

/// Approves the plan with this digest.
pub async fn approve(
    root: &str,
    operation: &str,
    digest: Digest,
    request: &ApprovalRequest,
) -> Result<(), Failure> {
    let content = serde_json::to_string(request).map_err(|error| garbled(&error))?;
    // The next look at the plan shows what is on record now.
    write("POST", root, operation, "approvals", digest, Some(content))
        .await
        .map(drop)
}

/// Takes every approval of the plan with this digest back.
pub async fn revoke(root: &str, operation: &str, digest: Digest) -> Result<(), Failure> {
    write("DELETE", root, operation, "approvals", digest, None)
        .await
        .map(drop)
}

/// Has the plan with this digest carried out, or resumed.
pub async fn execute(
    root: &str,
    operation: &str,
    digest: Digest,
) -> Result<ExecutionReport, Failure> {
    read(&write("POST", root, operation, "execution", digest, None).await?)
}

/// Ends the attempt at the plan with this digest.
pub async fn end(
    root: &str,
    operation: &str,
    digest: Digest,
    request: &EndRequest,
) -> Result<EndReport, Failure> {
    let content = serde_json::to_string(request).map_err(|error| garbled(&error))?;
    let what = "execution/end";
    read(&write("POST", root, operation, what, digest, Some(content)).await?)
}

/// How far an execution came.
pub async fn execution(root: &str, operation: &str) -> Result<ExecutionReport, Failure> {
    get(&format!("{}/execution", recovery(root, operation))).await
}

/// The journals of one root, the newest first, page by page: those after the operation `after`.
pub async fn audit_page(root: &str, after: Option<&str>) -> Result<StoredAudit, Failure> {
    let audit = format!("{}/audit", at(root));
    match after {
        Some(after) => get(&format!("{audit}?after={}", encode_uri_component(after))).await,
        None => get(&audit).await,
    }
}

/// The journal of one operation, all of its records.
pub async fn audit_of(root: &str, operation: &str) -> Result<StoredAudit, Failure> {
    let audit = format!("{}/audit/{}", at(root), encode_uri_component(operation));
    let mut whole: StoredAudit = get(&audit).await?;
    while let Some(journal) = whole.operations.first_mut()
        && let Some(from) = journal.next_record
    {
        let more: StoredAudit = get(&format!("{audit}?from={from}")).await?;
        let Some(more) = more.operations.into_iter().next() else {
            break;
        };
        // The chain may have grown meanwhile, and never goes back.
        journal.next_record = more.next_record.filter(|next| *next > from);
        (journal.outcome, journal.problem) = (more.outcome, more.problem);
        journal.records.extend(more.records);
    }
    Ok(whole)
}

fn at(root: &str) -> String {
    format!("{API}/roots/{}", encode_uri_component(root))
}

fn recovery(root: &str, operation: &str) -> String {
    format!(
        "{}/recoveries/{}",
        at(root),
        encode_uri_component(operation)
    )
}

async fn get<T: DeserializeOwned>(path: &str) -> Result<T, Failure> {
    let request = RequestInit::new();
    request.set_method("GET");
    read(&body(path, &request, &[("accept", "application/json")]).await?)
}

/// A request that changes something. It names the one plan it is about.
async fn write(
    method: &str,
    root: &str,
    operation: &str,
    what: &str,
    digest: Digest,
    content: Option<String>,
) -> Result<Vec<u8>, Failure> {
    let path = format!("{}/{what}", recovery(root, operation));
    let request = RequestInit::new();
    request.set_method(method);
    let if_match = format!("\"{digest}\"");
    let mut headers = vec![
        ("accept", "application/json"),
        ("if-match", if_match.as_str()),
    ];
    if let Some(content) = content {
        request.set_body(&JsValue::from_str(&content));
        headers.push(("content-type", "application/json"));
    }
    body(&path, &request, &headers).await
}

/// The body of a successful answer.
async fn body(
    path: &str,
    request: &RequestInit,
    headers: &[(&str, &str)],
) -> Result<Vec<u8>, Failure> {
    let (status, body) = answer(path, request, headers)
        .await
        .map_err(|_| Failure::Unreachable)?;
    match body.first() {
        _ if !(200..300).contains(&status) => Err(Failure::of_answer(status, &body)),
        // A static host that answers everything with its index page.
        Some(b'<') | None => Err(Failure::NotOurServer { status }),
        Some(_) => Ok(body),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| garbled(&error))
}

fn garbled(error: &serde_json::Error) -> Failure {
    Failure::Garbled {
        reason: error.to_string(),
    }
}

async fn answer(
    path: &str,
    request: &RequestInit,
    headers: &[(&str, &str)],
) -> Result<(u16, Vec<u8>), JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let controller = AbortController::new()?;
    request.set_signal(Some(&controller.signal()));
    request.set_cache(RequestCache::NoStore);
    let all = Headers::new()?;
    for (name, value) in headers {
        all.append(name, value)?;
    }
    if let Some(key) = key::current() {
        all.append(KEY_HEADER, &key)?;
    }
    request.set_headers(&all);
    // Dropped, and so disarmed, when the answer is there.
    let _patience = Timeout::new(PATIENCE_MS, move || controller.abort());
    let response: Response = JsFuture::from(window.fetch_with_str_and_init(path, request))
        .await?
        .dyn_into()?;
    let body = JsFuture::from(response.array_buffer()?).await?;
    Ok((response.status(), Uint8Array::new(&body).to_vec()))
}
