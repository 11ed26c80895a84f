//! The page, taken into the program when it is compiled, and served as `web/dist` has it.

use axum::Router;
use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// What the page may do: run its own scripts and its own WebAssembly, and talk to this server.
/// Nothing may frame it, and nothing in it may come from elsewhere.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' \
     'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The index as our server gives it out, at `/`.
const INDEX: &str = "served.html";

/// One file of the page. `web` writes a table of these.
#[derive(Debug)]
struct Asset {
    name: &'static str,
    mime: &'static str,
    /// A digest of the content.
    tag: &'static str,
    /// Whether the name changes with the content.
    immutable: bool,
    raw: &'static [u8],
    br: Option<&'static [u8]>,
    gz: Option<&'static [u8]>,
}

#[cfg(page_built)]
static ASSETS: &[Asset] = include!("../../../web/dist/assets.rs");

#[cfg(not(page_built))]
static ASSETS: &[Asset] = &[];

/// The routes of the page: each of its files, and `/` and `/index.html` for its index. Any other path is left to
/// the router this is merged into; the page itself navigates by fragment.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    serve(ASSETS)
}

fn serve<S: Clone + Send + Sync + 'static>(assets: &'static [Asset]) -> Router<S> {
    if assets.is_empty() {
        return Router::new().route("/", get(not_built));
    }
    assets.iter().fold(Router::new(), |router, asset| {
        let answer = get(move |headers: HeaderMap| async move { respond(asset, &headers) });
        if asset.name == INDEX {
            router
                .route("/", answer.clone())
                .route("/index.html", answer)
        } else {
            router.route(&format!("/{}", asset.name), answer)
        }
    })
}

async fn not_built() -> Response {
    const NOTICE: &str = "The page was not built into this program. Run `make build`, which \
                          builds the page first. The command line and the API work without it.\n";
    (StatusCode::SERVICE_UNAVAILABLE, NOTICE).into_response()
}

fn respond(asset: &'static Asset, request: &HeaderMap) -> Response {
    let (encoding, content) = choose(asset, request);
    // Each encoding is a representation of its own, and a strong tag names exactly one.
    let tag = match encoding {
        Some(encoding) => format!("\"{}-{encoding}\"", asset.tag),
        None => format!("\"{}\"", asset.tag),
    };
    let matches = is_known(request, &tag);

    let mut response = if matches {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(content).into_response()
    };
    let headers = response.headers_mut();
    if !matches {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.mime));
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    let cache = if asset.immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    for (name, value) in [
        (header::CACHE_CONTROL, cache),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The smallest form of an asset that the client takes.
fn choose(asset: &'static Asset, request: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
    let accepted = Accepted::from(request);
    [("br", asset.br), ("gzip", asset.gz)]
        .into_iter()
        .find_map(|(encoding, content)| {
            let content = content.filter(|_| accepted.contains(encoding))?;
            Some((Some(encoding), content))
        })
        .unwrap_or((None, asset.raw))
}

/// The content codings that a client takes, as `(name, taken)`.
struct Accepted<'a>(Vec<(&'a str, bool)>);

impl<'a> Accepted<'a> {
    fn from(request: &'a HeaderMap) -> Self {
        let codings = request
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|item| {
                let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
                let weight = weight.trim().trim_start_matches(['q', 'Q', '=', ' ']);
                let taken = weight.parse::<f32>().is_ok_and(|weight| weight > 0.0);
                (name.trim(), taken)
            });
        Self(codings.collect())
    }

    fn contains(&self, coding: &str) -> bool {
        let says = |wanted: &str| {
            self.0
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, taken)| *taken)
        };
        says(coding).or_else(|| says("*")).unwrap_or(false)
    }
}

/// Whether the client already holds the representation with this tag.
fn is_known(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*")
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    static PAGE: &[Asset] = &[
        Asset {
            name: "served.html",
            mime: "text/html; charset=utf-8",
            tag: "1111",
            immutable: false,
            raw: b"<p>page",
            br: None,
            gz: None,
        },
        Asset {
            name: "inspector-0123456789abcdef.wasm",
            mime: "application/wasm",
            tag: "2222",
            immutable: true,
            raw: b"module",
            br: Some(b"br"),
            gz: Some(b"gz"),
        },
    ];
    const MODULE: &str = "/inspector-0123456789abcdef.wasm";

    async fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> (Response, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = serve::<()>(PAGE).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
        (Response::from_parts(parts, Body::empty()), body)
    }

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        response
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn the_index_is_at_the_root_and_always_asked_for_again() {
        for path in ["/", "/index.html"] {
            let (response, body) = ask("GET", path, &[]).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(body, b"<p>page");
            assert_eq!(header(&response, "cache-control"), "no-cache");
            assert_eq!(
                header(&response, "content-type"),
                "text/html; charset=utf-8"
            );
            assert_eq!(header(&response, "x-content-type-options"), "nosniff");
            let policy = header(&response, "content-security-policy");
            assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"));
            assert!(policy.ends_with("frame-ancestors 'none'"));
        }
        assert_eq!(
            ask("GET", "/elsewhere", &[]).await.0.status(),
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            ask("POST", "/", &[]).await.0.status(),
            StatusCode::METHOD_NOT_ALLOWED
        );
    }

    #[tokio::test]
    async fn a_named_content_is_kept_for_good() {
        let (response, body) = ask("GET", MODULE, &[]).await;
        assert_eq!(body, b"module");
        assert_eq!(header(&response, "content-type"), "application/wasm");
        assert!(header(&response, "cache-control").ends_with("immutable"));
    }

    #[tokio::test]
    async fn the_smallest_accepted_form_is_sent() {
        let cases = [
            ("gzip, deflate, br, zstd", "br", &b"br"[..]),
            ("BR", "br", b"br"),
            ("gzip;q=0.5, br;q=0", "gzip", b"gz"),
            ("*", "br", b"br"),
            ("br;q=0, *;q=0.1", "gzip", b"gz"),
            ("deflate", "", b"module"),
            ("br;q=nonsense", "", b"module"),
            ("", "", b"module"),
        ];
        for (accepted, encoding, content) in cases {
            let (response, body) = ask("GET", MODULE, &[("accept-encoding", accepted)]).await;
            assert_eq!(
                header(&response, "content-encoding"),
                encoding,
                "{accepted}"
            );
            assert_eq!(body, content, "{accepted}");
            assert_eq!(header(&response, "vary"), "accept-encoding");
            assert_eq!(
                header(&response, "content-length"),
                content.len().to_string()
            );
        }
    }

    #[tokio::test]
    async fn a_known_representation_is_not_sent_again() {
        let brotli = ("accept-encoding", "br");
        let (first, _) = ask("GET", MODULE, &[brotli]).await;
        let tag = header(&first, "etag").to_owned();
        assert_eq!(tag, "\"2222-br\"");

        for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            let (again, body) = ask("GET", MODULE, &[brotli, ("if-none-match", &known)]).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(body, b"");
            assert_eq!(header(&again, "etag"), tag);
            assert_eq!(header(&again, "content-encoding"), "");
        }
        let (other, _) = ask("GET", MODULE, &[("if-none-match", &tag)]).await;
        assert_eq!(
            other.status(),
            StatusCode::OK,
            "another encoding is another content"
        );
    }

    #[tokio::test]
    async fn a_head_request_has_the_headers_alone() {
        let (response, body) = ask("HEAD", MODULE, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-length"), "6");
        assert_eq!(body, b"");
    }

    #[tokio::test]
    async fn without_a_page_the_root_says_how_to_build_it() {
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = serve::<()>(&[]).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("make build"));
    }

    /// A static host sends no headers, so the index carries the policy as well, as much of it as a page can set for itself.
    #[test]
    #[cfg(page_built)]
    fn the_page_names_the_same_policy() {
        let index = ASSETS.iter().find(|asset| asset.name == INDEX).unwrap();
        let policy = CONTENT_SECURITY_POLICY.trim_end_matches("; frame-ancestors 'none'");
        let page = std::str::from_utf8(index.raw).unwrap();
        assert!(page.contains(&format!("content=\"{policy}\"")));
    }
}
