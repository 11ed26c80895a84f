//! Small parts: facts in, callbacks out. What keeps no state of its own is a plain function.

mod approval_form;
mod approvals;
mod badge;
mod copyable;
mod differences;
mod facts;
mod journal;
mod list;
mod list_tools;
mod notice;
mod outcome;
mod parts;
mod progress;
mod rail;
mod raw;
mod steps;
mod table_card;
mod tables;
mod what_if;

pub use approval_form::{Form, approval_form};
pub use approvals::approvals;
pub use badge::{Tone, purpose_badge, standing_badge};
pub use copyable::Copyable;
pub use differences::reasons;
pub use facts::{facts, plain, time};
pub use journal::Journal;
pub use list::List;
pub use list_tools::list_tools;
pub use notice::{alert, failure_notice, notice};
pub use outcome::outcome;
pub use parts::{each, folded, rows, table};
pub use progress::{bar, progress};
pub use raw::{raw, raw_bytes};
pub use steps::steps;
pub use tables::Tables;
pub use what_if::what_if_table;
