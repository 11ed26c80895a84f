//! The findings of some kinds, named.

use crate::doctor::finding::{Finding, FindingKind};

pub(super) fn of_kinds<'a>(
    findings: &'a [Finding],
    kinds: &'a [FindingKind],
) -> impl Iterator<Item = &'a Finding> {
    findings
        .iter()
        .filter(move |finding| kinds.contains(&finding.kind))
}

/// The first few subjects, and how many more there are.
pub(super) fn subjects<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<String> {
    const NAMED_MAX: usize = 3;
    let mut findings = findings.peekable();
    findings.peek()?;
    let named: Vec<&str> = findings
        .by_ref()
        .take(NAMED_MAX)
        .map(|finding| finding.subject.as_str())
        .collect();
    let named = named.join(", ");
    Some(match findings.count() {
        0 => named,
        more => format!("{named} and {more} more"),
    })
}
