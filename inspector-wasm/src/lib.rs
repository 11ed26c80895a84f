//! The page of Sidecar Inspector, and the same verdict for scripts, compiled to WebAssembly.
//!
//! Nothing in here decides anything: every verdict, plan and digest comes from `sidecar`, the crate
//! the server is built on too. Only [`services`] touches the browser; state, geometry and checks
//! are plain functions, tested without one.

pub mod app;
mod components;
mod context;
mod hooks;
pub mod js_api;
pub mod rail;
pub mod route;
pub mod services;
pub mod state;
mod views;
pub mod window;
mod words;

use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// Draws the page into the document's body and keeps it alive; without a document it does nothing. A page that was opened by
/// a login link logs in first.
///
/// An explicit call rather than a start function, so that a script can load the module for its
/// functions alone.
#[wasm_bindgen]
pub async fn mount() {
    if services::dom::has_document() {
        services::dom::report_panics();
        app::log_in().await;
        yew::Renderer::<app::App>::new().render();
    }
}

/// Reads sidecar files: JSON text in, JSON text out. See [`js_api::inspect`].
///
/// # Errors
/// Throws if the request is not what it must be.
#[wasm_bindgen]
pub fn inspect(request: &str) -> Result<String, JsError> {
    js_api::inspect(request).map_err(|error| JsError::new(&error.text()))
}

/// Plans one recovery: JSON text in, JSON text out. See [`js_api::plan`].
///
/// # Errors
/// Throws if the request is not what it must be.
#[wasm_bindgen]
pub fn plan(request: &str) -> Result<String, JsError> {
    js_api::plan(request).map_err(|error| JsError::new(&error.text()))
}

/// Verifies journals: JSON text in, JSON text out. See [`js_api::verify_audit`].
///
/// # Errors
/// Throws if the request is not what it must be.
#[wasm_bindgen(js_name = verifyAudit)]
pub fn verify_audit(request: &str) -> Result<String, JsError> {
    js_api::verify_audit(request).map_err(|error| JsError::new(&error.text()))
}
