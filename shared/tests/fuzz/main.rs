//! Hostile bytes: five targets, each a function of bytes that asserts what must hold, over a corpus and its mutations.
//!
//! The same input always comes to the same end, so any fuzzer can drive a target; here it is a small one of our own, which runs
//! on stable Rust, knows the formats well enough to get past the parsers, and fails if it does not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test says what it expects and stops where it is wrong"
)]

mod campaign;
mod corpus;
mod dice;
mod journal;
mod made;
mod mutation;
mod path;
mod plan;
mod shown;
mod sidecar_file;
#[path = "../rooms/support.rs"]
#[allow(dead_code, reason = "the rooms use the rest")]
mod support;
mod version_9;
mod world;

use campaign::Campaign;

#[test]
fn any_sidecar_is_judged_safely_or_refused() {
    Campaign {
        name: "sidecar",
        target: sidecar_file::check,
        mutate: sidecar_file::mutate,
        inputs: 6_000,
        share_min: 15,
    }
    .run();
}

#[test]
fn any_sidecar_of_version_9_is_written_back_as_it_was_or_refused() {
    Campaign {
        name: "version_9",
        target: version_9::check,
        mutate: version_9::mutate,
        inputs: 6_000,
        share_min: 15,
    }
    .run();
}

#[test]
fn any_path_that_is_accepted_is_below_the_root() {
    Campaign {
        name: "path",
        target: path::check,
        mutate: path::mutate,
        inputs: 40_000,
        share_min: 15,
    }
    .run();
}

#[test]
fn any_plan_is_read_as_it_was_written_or_refused() {
    Campaign {
        name: "plan",
        target: plan::check,
        mutate: plan::mutate,
        inputs: 4_000,
        // Most changes to a plan make it one that nobody lays down.
        share_min: 6,
    }
    .run();
}

#[test]
fn any_journal_is_folded_by_the_rules_or_refused() {
    Campaign {
        name: "journal",
        target: journal::check,
        mutate: journal::mutate,
        inputs: 1_500,
        share_min: 40,
    }
    .run();
}
