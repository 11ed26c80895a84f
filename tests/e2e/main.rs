//! Journeys in the order of the packages: real graphs left behind by a released engine, and stores of our own writer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test says what it expects and stops where it is wrong"
)]

mod doctor;
mod drain;
mod engine_sweep;
mod follow_ups;
mod forged;
mod graphs;
mod histories;
mod in_the_way;
mod late_effects;
mod looking;
mod looks;
mod odd_names;
mod parity;
mod power_loss;
mod process;
mod races;
mod row_count;
mod rows;
mod slow_writer;
mod support;
mod sweep;
mod tidy;
mod world_moves;
