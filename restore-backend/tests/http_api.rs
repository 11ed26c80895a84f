//! The HTTP API: who gets in, what an answer looks like, and that nothing but the approved plan is carried out, once.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

#[path = "http_api/client.rs"]
mod client;
#[path = "http_api/guards.rs"]
mod guards;
#[path = "http_api/login.rs"]
mod login;
#[path = "http_api/recoveries.rs"]
mod recoveries;
#[path = "http_api/serving.rs"]
mod serving;
#[path = "http_api/stuck.rs"]
mod stuck;
