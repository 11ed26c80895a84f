//! `inspect`: sidecar files by themselves, with no store.

mod sources;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use sidecar::version_9::{Fact, Version9Report};
use sidecar::{
    Code, Digest, HeadPosition, Limits, PinPosition, Reason, Sidecar, SidecarFile, WhatIf,
    assemble, what_if,
};

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::page::Page;
use sources::files_of;

/// Show sidecar files, and what the verdict would be for each position of pin and Lance HEAD
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// Sidecar files; folders, or roots, with such files in them; - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct InspectionList {
    files: Vec<Inspection>,
}

/// One file, as far as it can be understood.
#[derive(Debug, Serialize)]
struct Inspection {
    file: String,
    operation_id: Option<String>,
    schema_version: Option<u64>,
    digest: Option<Digest>,
    /// The sidecar; null if the file is none this build can read.
    sidecar: Option<Sidecar>,
    /// The content of a file that is no sidecar, if it is JSON.
    raw: Option<Value>,
    /// Fields this build does not know, empty or not.
    unknown_fields: Vec<String>,
    refused: Option<Reason>,
    /// A sidecar alone cannot be decided, so every position is shown; empty for a refused file.
    what_if: Vec<WhatIf>,
    /// For a sidecar of `schema_version` 9: its content, or the rule that it breaks. Absent for other versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_9: Option<Version9Report>,
}

impl Inspect {
    pub(super) fn run(self, context: &Context) -> Result<Exit, CliError> {
        let list = InspectionList {
            files: self
                .files
                .iter()
                .flat_map(|path| files_of(path))
                .map(inspect)
                .collect(),
        };
        context.print(&list, |page| write(page, &list))?;
        let refused_with = |wanted: fn(Code) -> bool| {
            list.files
                .iter()
                .filter_map(|inspection| inspection.refused.as_ref())
                .any(|reason| wanted(reason.code))
        };
        Ok(match () {
            () if refused_with(|code| code == Code::Unreadable) => Exit::Failed,
            () if refused_with(|_| true) => Exit::Refused,
            () => Exit::Done,
        })
    }
}

fn inspect(file: SidecarFile) -> Inspection {
    let limits = Limits::DEFAULT;
    // Each by itself: the files may come from different stores, where they neither collide nor wait for each other.
    let refusal = assemble(vec![file.clone()])
        .pop()
        .and_then(|listed| listed.refusal);
    let operation_id = file
        .operation_id()
        .map(String::from)
        .or_else(|| file.glimpse.operation_id.clone());
    let is_bounded = !matches!(
        file.content.as_ref().err().map(|reason| reason.code),
        Some(Code::TooLarge | Code::TooDeep)
    );
    let raw = if file.content.is_err() && is_bounded {
        serde_json::from_slice(&file.bytes).ok()
    } else {
        None
    };
    let version_9 = Version9Report::of(&file.file, &file.bytes, &limits);
    let sidecar = file.content.ok();
    Inspection {
        operation_id,
        schema_version: file.glimpse.schema_version,
        digest: file.digest,
        unknown_fields: sidecar.as_ref().map(unknown_fields).unwrap_or_default(),
        what_if: if refusal.is_none() {
            sidecar.as_ref().map(what_if).unwrap_or_default()
        } else {
            Vec::new()
        },
        file: file.file,
        sidecar,
        raw,
        refused: refusal,
        version_9,
    }
}

fn unknown_fields(sidecar: &Sidecar) -> Vec<String> {
    let top = sidecar.unknown.keys().cloned();
    let tables = sidecar.tables.iter().enumerate().flat_map(|(index, pin)| {
        pin.unknown
            .keys()
            .map(move |name| format!("tables[{index}].{name}"))
    });
    let registrations = sidecar.additional_registrations.iter().enumerate();
    let registrations = registrations.flat_map(|(index, registration)| {
        registration
            .unknown
            .keys()
            .map(move |name| format!("additional_registrations[{index}].{name}"))
    });
    let tombstones = sidecar
        .tombstones
        .iter()
        .enumerate()
        .flat_map(|(index, tombstone)| {
            tombstone
                .unknown
                .keys()
                .map(move |name| format!("tombstones[{index}].{name}"))
        });
    top.chain(tables)
        .chain(registrations)
        .chain(tombstones)
        .collect()
}

fn write(page: &mut Page, list: &InspectionList) {
    for (index, inspection) in list.files.iter().enumerate() {
        if index > 0 {
            page.blank();
        }
        write_inspection(page, inspection);
    }
}

fn write_inspection(page: &mut Page, inspection: &Inspection) {
    page.heading(&inspection.file);
    if let Some(reason) = &inspection.refused {
        page.hanging(
            "  refused  ",
            &format!("{}: {}.", reason.code, reason.detail),
        );
    }
    if let Some(report) = &inspection.version_9 {
        write_version_9(page, report);
    }
    if let Some(sidecar) = &inspection.sidecar {
        write_sidecar(page, sidecar);
    } else if let Some(raw) = &inspection.raw
        && let Ok(text) = serde_json::to_string_pretty(raw)
    {
        page.blank();
        text.lines()
            .for_each(|line| page.line(&format!("  {line}")));
    }
    if !inspection.unknown_fields.is_empty() {
        page.hanging("  unknown fields  ", &inspection.unknown_fields.join(", "));
    }
    if !inspection.what_if.is_empty() {
        page.blank();
        page.paragraph("A sidecar alone says what a writer meant to do, not where its tables stand. If every table stood like this:");
        let mut rows = vec![["PIN", "HEAD", "CLASSIFICATION", "VERDICT"].map(str::to_owned)];
        rows.extend(inspection.what_if.iter().map(what_if_row));
        page.table(2, &rows);
    }
}

fn write_sidecar(page: &mut Page, sidecar: &Sidecar) {
    let mut field = |name: &str, value: &str| page.hanging(&format!("  {name:14}"), value);
    field("operation", sidecar.operation_id.as_str());
    field("writer", sidecar.writer_kind.name());
    field("branch", sidecar.branch().text());
    field("actor", sidecar.actor_id.as_deref().unwrap_or("-"));
    field("started", &sidecar.started_at.to_string());
    if let Some(source) = &sidecar.merge_source_commit_id {
        field("merged from", source);
    }
    for pin in &sidecar.tables {
        let branch = pin
            .table_branch()
            .name()
            .map_or_else(String::new, |branch| format!(" on Lance branch {branch}"));
        field(
            "table",
            &format!(
                "{}{branch}: expected {}, post-commit {}",
                pin.table_key, pin.expected_version, pin.post_commit_pin
            ),
        );
        field("", &pin.table_path);
    }
    for registration in &sidecar.additional_registrations {
        field(
            "adds",
            &format!("{} at {}", registration.table_key, registration.table_path),
        );
    }
    for tombstone in &sidecar.tombstones {
        field(
            "removes",
            &format!(
                "{} with a tombstone at version {}",
                tombstone.table_key, tombstone.tombstone_version
            ),
        );
    }
}

/// What a sidecar of version 9 says, or which rule it breaks.
pub(super) fn write_version_9(page: &mut Page, report: &Version9Report) {
    write_facts(page, report.facts());
}

/// Lines with a label each.
pub(super) fn write_facts(page: &mut Page, facts: Vec<Fact>) {
    for (label, text) in facts {
        page.hanging(&format!("  {label:14}"), &text);
    }
}

fn what_if_row(row: &WhatIf) -> [String; 4] {
    let pin = match row.pin {
        PinPosition::BelowExpected => "below expected",
        PinPosition::AtExpected => "at expected",
        PinPosition::AtPostCommit => "at post-commit",
        PinPosition::AbovePostCommit => "above post-commit",
    };
    let head = match row.head {
        HeadPosition::BelowPin => "pin - 1",
        HeadPosition::AtPin => "pin",
        HeadPosition::OneAbovePin => "pin + 1",
        HeadPosition::SeveralAbovePin => "pin + 3",
    };
    let (pin, head) = match row.numbers {
        Some((pinned, version)) => (format!("{pinned}, {pin}"), format!("{version} = {head}")),
        None => (pin.to_owned(), head.to_owned()),
    };
    [
        pin,
        head,
        row.classification.unwrap_or("differs by table").to_owned(),
        row.disposition.name().to_owned(),
    ]
}
