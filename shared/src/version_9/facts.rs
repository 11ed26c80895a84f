//! A report on a sidecar of version 9 as lines that people read.

use super::authority::Authority;
use super::judge::versions;
use super::planned::{PlannedRow, PlannedTable};
use super::report::{Version9Report, Version9Summary};
use super::verdict::Verdict9;
use crate::branch::Branch;

/// A label, and the text beside it.
pub type Fact = (&'static str, String);

impl Version9Report {
    /// What the file says, line by line, each with its label; or the rule that it breaks.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let malformed = self.malformed.iter();
        malformed
            .map(|reason| ("malformed", format!("{}: {}", reason.code, reason.detail)))
            .chain(self.summary.iter().flat_map(summary_facts))
            .collect()
    }

    /// What was found on the tables of the root, line by line; nothing where no root was looked at.
    #[must_use]
    pub fn found(&self) -> Vec<Fact> {
        let unjudged = self.unjudged.iter();
        unjudged
            .map(|reason| ("no verdict", format!("{}: {}", reason.code, reason.detail)))
            .chain(self.verdict.iter().flat_map(verdict_facts))
            .collect()
    }
}

fn verdict_facts(verdict: &Verdict9) -> Vec<Fact> {
    let mut facts = vec![(
        "verdict",
        format!("{}. {}", verdict.disposition.name(), verdict.headline),
    )];
    for reason in &verdict.reasons {
        facts.push(("because", format!("{}: {}", reason.code, reason.detail)));
    }
    for table in &verdict.tables {
        let foreign = match table.foreign_versions.as_slice() {
            [] => String::new(),
            foreign => format!("; not of this write: {}", versions(foreign)),
        };
        facts.push((
            "found",
            format!("{}: {}{foreign}", table.table_key, table.sentence),
        ));
    }
    facts.push(("engine", verdict.engine.clone()));
    facts.push(("next", verdict.advice.clone()));
    facts
}

fn summary_facts(summary: &Version9Summary) -> Vec<Fact> {
    let mut facts = vec![("phase", summary.phase.clone())];
    let mut add = |label, text| facts.push((label, text));
    if let Some((published, undone)) = summary
        .graph_commit_id
        .as_ref()
        .zip(summary.rollback_graph_commit_id.as_ref())
    {
        add(
            "outcome",
            format!("graph commit {published} if it is published, {undone} if it is taken back"),
        );
    }
    if let Some(merged) = &summary.merged_parent_commit_id {
        add("merges", format!("graph commit {merged}"));
    }
    if let Some(schema) = &summary.target_schema_ir_hash {
        add("schema", format!("becomes {schema}"));
    }
    if let Some(authority) = &summary.authority {
        add("planned for", authority_text(authority));
    }
    if let Some(undo) = &summary.rollback_audit_outcomes {
        let tables: Vec<String> = undo
            .iter()
            .map(|table| {
                format!(
                    "{} from version {} to {}",
                    table.table_key, table.from_version, table.to_version
                )
            })
            .collect();
        add(
            "undo",
            match tables.as_slice() {
                [] => "prepared by a recovery, for no table".to_owned(),
                tables => format!("prepared by a recovery: {}", tables.join(", ")),
            },
        );
    }
    for table in &summary.tables {
        add("table", table_text(table));
    }
    for row in &summary.table_updates {
        add("publishes", row_text(row));
    }
    for key in &summary.adds {
        add("adds", key.clone());
    }
    for (before, after) in &summary.renames {
        add("renames", format!("{before} to {after}"));
    }
    for key in &summary.removes {
        add("removes", key.clone());
    }
    facts
}

fn authority_text(authority: &Authority) -> String {
    let head = authority.graph_head.as_ref().map_or_else(
        || "a branch without a graph commit of its own".to_owned(),
        |head| format!("graph commit {head}"),
    );
    let levels = &authority.branch_identifier.version_mapping;
    let branch = match levels.last() {
        None => Branch::of(None).to_string(),
        Some((version, uuid)) => format!("branch {uuid}, made from version {version}"),
    };
    format!(
        "{head}, {branch}; schema {}, identities of version {} in {}",
        authority.schema_ir_hash,
        authority.schema_identity_version,
        authority.schema_identity_domain
    )
}

fn table_text(table: &PlannedTable) -> String {
    let mut text = format!(
        "{}{} at version {}",
        table.table_key,
        on(table.table_branch.as_deref()),
        table.expected_version
    );
    text.push_str(match table.effect.as_deref() {
        None => ", compacted",
        Some("RefOnlyFork") => ", no commit",
        Some("IndexCommit") => ", an index",
        Some("ExistingOverwrite") => ", overwritten",
        Some("FirstTouchDataset") => ", a new dataset",
        Some(_) => "",
    });
    if let Some(fork) = table.fork_version {
        text.push_str(&format!(", Lance branch made from version {fork}"));
    }
    match table.planned_transactions.as_slice() {
        [] => {}
        [one] => text.push_str(&format!(", 1 transaction planned: {}", one.uuid)),
        [first, .., last] => text.push_str(&format!(
            ", {} transactions planned: {} to {}",
            table.planned_transactions.len(),
            first.uuid,
            last.uuid
        )),
    }
    if let Some(version) = table.confirmed_version {
        text.push_str(&format!("; confirmed at version {version}"));
    }
    text
}

fn row_text(row: &PlannedRow) -> String {
    let (key, branch) = (&row.table_key, on(row.table_branch.as_deref()));
    let replaced = match row.expected_version {
        0 => "for the first time".to_owned(),
        version => format!("instead of version {version}"),
    };
    match row.table_version.zip(row.row_count) {
        Some((version, rows)) => {
            format!("{key} at version {version}{branch} {replaced}, {rows} rows")
        }
        None => format!("{key}{branch} {replaced}; the version is not written down yet"),
    }
}

fn on(branch: Option<&str>) -> String {
    let branch = Branch::of(branch);
    match branch.is_main() {
        true => String::new(),
        false => format!(" on Lance branch {branch}"),
    }
}
