//! Small parts: properties in, callbacks out.

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
mod progress;
mod rail;
mod raw;
mod steps;
mod table_card;
mod tables;
mod what_if;

pub use approval_form::ApprovalForm;
pub use approvals::Approvals;
pub use badge::{Badge, Tone, standing_tone};
pub use copyable::Copyable;
pub use differences::Reasons;
pub use facts::{Fact, Facts};
pub use journal::Journal;
pub use list::List;
pub use list_tools::ListTools;
pub use notice::{FailureNotice, Notice};
pub use outcome::Outcome;
pub use progress::ExecutionProgress;
pub use raw::Raw;
pub use steps::Steps;
pub use tables::Tables;
pub use what_if::WhatIfTable;
