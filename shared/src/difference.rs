//! What moved between two plans for one operation.

use serde::{Deserialize, Serialize};

use crate::explanation::left_out_sentence;
use crate::plan::Plan;

/// One thing that is not as the plan found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Hash)]
pub struct Difference {
    /// The table, or `None` for what concerns the whole operation.
    pub table_key: Option<String>,
    /// What differs: `lance_head`, `head_transaction`, `manifest_pinned`, `sidecar`, `disposition`…
    pub field: String,
    /// As planned.
    pub planned: String,
    /// As found.
    pub found: String,
}

/// Field by field, what moved between two plans for one operation (ARCHITECTURE.md, invariant 3).
#[must_use]
pub fn differences(planned: &Plan, found: &Plan) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare = |table_key: Option<&str>, field: &str, planned: String, found: String| {
        if planned != found {
            differences.push(Difference {
                table_key: table_key.map(str::to_owned),
                field: field.to_owned(),
                planned,
                found,
            });
        }
    };
    compare(
        None,
        "root",
        planned.root.to_string(),
        found.root.to_string(),
    );
    compare(
        None,
        "sidecar",
        planned.sidecar.to_string(),
        found.sidecar.to_string(),
    );
    compare(
        None,
        "disposition",
        planned.disposition.name().to_owned(),
        found.disposition.name().to_owned(),
    );
    let left_out = |plan: &Plan| {
        let sentences: Vec<String> = plan.left_out.iter().map(left_out_sentence).collect();
        match sentences.is_empty() {
            true => "nothing".to_owned(),
            false => sentences.join(" "),
        }
    };
    compare(None, "left_out", left_out(planned), left_out(found));
    for table in &planned.tables {
        let key = Some(table.table_key.as_str());
        let Some(other) = found
            .tables
            .iter()
            .find(|other| (&other.table_key, &other.branch) == (&table.table_key, &table.branch))
        else {
            compare(key, "table", "present".to_owned(), "absent".to_owned());
            continue;
        };
        let number =
            |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        compare(
            key,
            "manifest_pinned",
            number(table.manifest_pinned),
            number(other.manifest_pinned),
        );
        compare(
            key,
            "lance_head",
            number(table.lance_head),
            number(other.lance_head),
        );
        compare(
            key,
            "head_transaction",
            text(&table.head_transaction),
            text(&other.head_transaction),
        );
        compare(
            key,
            "location",
            text(&table.location),
            text(&other.location),
        );
        compare(
            key,
            "action",
            table.action.name().to_owned(),
            other.action.name().to_owned(),
        );
        let visible_version = |gone: bool| if gone { "cleaned away" } else { "there" };
        compare(
            key,
            "visible_version",
            visible_version(table.pin_gone).to_owned(),
            visible_version(other.pin_gone).to_owned(),
        );
    }
    for table in &found.tables {
        if !planned
            .tables
            .iter()
            .any(|other| (&other.table_key, &other.branch) == (&table.table_key, &table.branch))
        {
            compare(
                Some(&table.table_key),
                "table",
                "absent".to_owned(),
                "present".to_owned(),
            );
        }
    }
    if differences.is_empty() && planned != found {
        differences.push(Difference {
            table_key: None,
            field: "plan".to_owned(),
            planned: "as approved".to_owned(),
            found: "another".to_owned(),
        });
    }
    differences
}
