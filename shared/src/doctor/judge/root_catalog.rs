//! Findings about the catalog itself and the branches of the graph.

use crate::branch::Branch;
use crate::doctor::catalog::CatalogReport;
use crate::doctor::facts::{BranchCatalog, RootFacts};
use crate::doctor::finding::{Finding, FindingKind, NAME_CHARS_MAX};
use crate::doctor::known::Unread;
use crate::root_layout::CATALOG_FOLDER;
use crate::text::shown;

pub(super) fn findings(facts: &RootFacts, report: &CatalogReport) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &facts.catalog {
        Err(reason) => {
            let unread = Unread::from(reason.as_str());
            findings.push(unreadable(facts, CATALOG_FOLDER.to_owned(), &unread));
        }
        Ok(declared) => {
            if let Err(words) = &declared.stamp {
                let reason = format!("its stamp {words:?} is not a number");
                let unread = Unread::from(reason.as_str());
                findings.push(unreadable(facts, CATALOG_FOLDER.to_owned(), &unread));
            }
            if declared.is_being_upgraded {
                findings.push(Finding::in_the_way(
                    FindingKind::UpgradeUnderWay,
                    CATALOG_FOLDER,
                    "A conversion of the catalog to a later stamp was begun and has not ended.",
                    "Run the `upgrade` that was begun to its end, with the release that began it",
                ));
            }
        }
    }
    match &facts.branches {
        Err(reason) => findings.push(Finding::not_known("the branches of the graph", reason)),
        Ok(branches) => {
            let not_read = branches.iter().any(|branch| branch.catalog.is_none());
            if let (true, Some(stamp)) = (not_read, report.stamp) {
                findings.push(Finding {
                    resolve: "Look with the release that reads the catalog".to_owned(),
                    ..Finding::not_known(
                        "the tables",
                        &format!(
                            "this build does not read the tables of a catalog with stamp {stamp}"
                        ),
                    )
                });
            }
            for branch in branches {
                let name = Branch::of(branch.branch.as_deref());
                if let Some(Ok(catalog)) = &branch.catalog {
                    findings.extend(in_two_places(name, catalog));
                }
                match &branch.catalog {
                    Some(Err(unread)) => {
                        let subject = format!("{CATALOG_FOLDER} on {name}");
                        findings.push(unreadable(facts, subject, unread));
                    }
                    Some(Ok(catalog)) if catalog.is_moving => findings.push(Finding::not_known(
                        format!("the tables on {name}"),
                        "somebody published during every look",
                    )),
                    Some(Ok(_)) | None => {}
                }
            }
        }
    }
    findings
}

/// Tables for which the catalog names two places.
fn in_two_places(branch: Branch<'_>, catalog: &BranchCatalog) -> Option<Finding> {
    let first = catalog.in_two_places.first()?;
    let more = match catalog.in_two_places.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(Finding::in_the_way(
        FindingKind::CatalogContradictory,
        format!("{CATALOG_FOLDER} on {branch}"),
        format!(
            "It has two different rows of the type table for {}{more}, so nobody can tell which dataset readers see.",
            shown(first, NAME_CHARS_MAX)
        ),
        "Find out who wrote the second row, or restore the catalog from a backup",
    ))
}

fn unreadable(facts: &RootFacts, subject: String, unread: &Unread) -> Finding {
    let Unread {
        reason,
        is_elsewhere,
    } = unread;
    let relocated = facts.commands.relocated().filter(|_| *is_elsewhere);
    Finding::in_the_way(
        FindingKind::CatalogUnreadable,
        subject,
        format!("It cannot be read: {reason}."),
        match relocated {
            Some(commands) => commands.doctor(),
            None => "Restore it from a backup, or look again once storage gives it".to_owned(),
        },
    )
}
