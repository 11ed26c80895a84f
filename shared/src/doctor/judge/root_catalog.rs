//! Findings about the catalog itself and the branches of the graph.

use crate::branch::Branch;
use crate::doctor::catalog::CatalogReport;
use crate::doctor::facts::RootFacts;
use crate::doctor::finding::{Finding, FindingKind};
use crate::root_layout::CATALOG_FOLDER;

pub(super) fn findings(facts: &RootFacts, report: &CatalogReport) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &facts.catalog {
        Err(reason) => findings.push(unreadable(CATALOG_FOLDER.to_owned(), reason)),
        Ok(declared) => {
            if let Err(words) = &declared.stamp {
                let reason = format!("its stamp {words:?} is not a number");
                findings.push(unreadable(CATALOG_FOLDER.to_owned(), &reason));
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
                match &branch.catalog {
                    Some(Err(reason)) => {
                        findings.push(unreadable(format!("{CATALOG_FOLDER} on {name}"), reason));
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

fn unreadable(subject: String, reason: &str) -> Finding {
    Finding::in_the_way(
        FindingKind::CatalogUnreadable,
        subject,
        format!("It cannot be read: {reason}."),
        "Restore it from a backup, or look again once storage gives it",
    )
}
