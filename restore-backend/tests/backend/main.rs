//! The program and its HTTP API, as their users meet them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod cli;
mod http_api;
