//! Every path of the server, and what every request passes on its way there.

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use sidecar::api::API_PATH;

use super::console::Console;
use super::failure::Failure;
use super::{
    approvals, assets, audit, doctor, ending, execution, follow_ups, guard, health, login, problem,
    recoveries, roots, rows, session,
};

/// The API and the page.
pub fn router(console: Console) -> Router {
    let api = Router::new()
        .route("/session", get(roots::session).delete(login::close))
        .route("/login-links", post(login::new_link))
        .route("/roots", get(roots::list))
        .route("/roots/{root}/recoveries", get(recoveries::list))
        .route(
            "/roots/{root}/recoveries/{operation_or_file}",
            get(recoveries::show),
        )
        .route(
            "/roots/{root}/recoveries/{operation_or_file}/rows",
            get(rows::show),
        )
        .route(
            "/roots/{root}/recoveries/{operation_or_file}/undo",
            get(follow_ups::undo),
        )
        .route(
            "/roots/{root}/recoveries/{operation_or_file}/release",
            get(follow_ups::release),
        )
        .route(
            "/roots/{root}/recoveries/{operation_or_file}/dismissal",
            get(follow_ups::dismissal),
        )
        .route(
            "/roots/{root}/recoveries/{operation_or_file}/approvals",
            post(approvals::create).delete(approvals::revoke),
        )
        .route(
            "/roots/{root}/recoveries/{operation_or_file}/execution",
            get(execution::show).post(execution::create),
        )
        .route(
            "/roots/{root}/recoveries/{operation_or_file}/execution/events",
            get(execution::events),
        )
        .route(
            "/roots/{root}/recoveries/{operation_or_file}/execution/end",
            post(ending::create),
        )
        .route("/roots/{root}/doctor", get(doctor::show))
        .route("/roots/{root}/audit", get(audit::list))
        .route("/roots/{root}/audit/{operation}", get(audit::show))
        .fallback(nothing_here)
        .layer(from_fn_with_state(console.clone(), session::require))
        // The one way in.
        .route("/sessions", post(login::open));

    Router::new()
        .nest(&format!("/{API_PATH}"), api)
        .route("/healthz", get(health::show))
        .merge(assets::routes())
        .fallback(nothing_here)
        // From here on, the layer that is added last sees a request first.
        .layer(from_fn(guard::limit_time))
        .layer(from_fn(guard::read_body))
        .layer(from_fn(guard::require_json))
        .layer(from_fn(guard::check_origin))
        .layer(from_fn_with_state(console.clone(), guard::check_host))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(problem::render))
        .layer(from_fn(guard::secure))
        .layer(from_fn(guard::log))
        .with_state(console)
}

async fn nothing_here() -> Failure {
    Failure::of_status(StatusCode::NOT_FOUND, None)
}

/// The panic itself is printed on stderr by the panic hook.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Failure::of_status(StatusCode::INTERNAL_SERVER_ERROR, None).into_response()
}
