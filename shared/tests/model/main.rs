//! Every interleaving of two consoles, two live writers and two crashes, with the real step, journal, verdict and plan, and the real
//! rules of what is pending and of which plan may be approved and carried out.
//!
//! The slow writer was taken for dead while it is not. The later one writes one of its tables. Consoles approve, claim, take over,
//! die between any two requests, and come back knowing nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test says what it expects and stops where it is wrong"
)]

mod approving;
mod cases;
mod console;
mod dataset;
mod file;
mod flaw;
mod interleavings;
mod journal;
mod omissions;
mod others;
mod properties;
mod recovery;
mod reduction;
mod report;
mod runner;
mod store;
mod subject;
mod version_9;
mod world;
mod writer;
