//! What moved between two plans for one operation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::code::{Code, Reason};
use crate::explanation::left_out_sentence;
use crate::plan::{Plan, Purpose};
use crate::text::version_text;

/// One thing that is not as the plan found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Hash)]
pub struct Difference {
    /// The table, or `None` for what concerns the whole operation.
    pub table_key: Option<String>,
    /// What differs.
    pub field: DifferenceField,
    /// As planned.
    pub planned: String,
    /// As found.
    pub found: String,
}

impl Difference {
    /// One thing that was planned as one and found as the other.
    #[must_use]
    pub fn new(
        table_key: Option<&str>,
        field: DifferenceField,
        planned: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self {
            table_key: table_key.map(str::to_owned),
            field,
            planned: planned.to_string(),
            found: found.to_string(),
        }
    }

    /// A version that was planned as one and found as the other; `None` is no version.
    #[must_use]
    pub fn of_versions(
        table_key: Option<&str>,
        field: DifferenceField,
        planned: Option<u64>,
        found: Option<u64>,
    ) -> Self {
        Self::new(table_key, field, version_text(planned), version_text(found))
    }

    /// A blocker that was not there when the plan was approved.
    #[must_use]
    pub fn blocked(reason: Reason) -> Self {
        let field = DifferenceField::Blocked(reason.code);
        Self::new(None, field, "not blocked", reason.detail)
    }
}

/// What differs. In JSON it is its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Hash)]
#[serde(from = "String", into = "String")]
pub enum DifferenceField {
    /// What is done to a table.
    Action,
    /// Why a file is set aside.
    Because,
    /// The catalog.
    Catalog,
    /// The branch of the catalog.
    CatalogBranch,
    /// What became of the write.
    Disposition,
    /// Files of a restored version.
    Files,
    /// UUID of the Lance transaction that made HEAD.
    HeadTransaction,
    /// A table's Lance HEAD.
    LanceHead,
    /// Tables that a merge is published without.
    LeftOut,
    /// The history that the graph keeps.
    GraphHistory,
    /// Where a dataset lies.
    Location,
    /// The lock of a schema change.
    Lock,
    /// When that lock was taken.
    LockedSince,
    /// The visible version of a table.
    ManifestPinned,
    /// The plan as a whole.
    Plan,
    /// Whether a version can be restored.
    Restorable,
    /// The root of the store.
    Root,
    /// A pair of names that should be those of a schema file.
    SchemaFile,
    /// The file of the sidecar.
    Sidecar,
    /// Whether the table is part of the plan.
    Table,
    /// A tag of a table.
    Tag,
    /// Whether the visible version is still there.
    VisibleVersion,
    /// Something blocks now that did not when the plan was approved.
    Blocked(Code),
    /// The schema file of this name, or a field that another build of this program names: journals keep differences for ever.
    Named(String),
}

impl DifferenceField {
    /// All that have a name of their own.
    const OWN: [Self; 22] = [
        Self::Action,
        Self::Because,
        Self::Catalog,
        Self::CatalogBranch,
        Self::Disposition,
        Self::Files,
        Self::HeadTransaction,
        Self::LanceHead,
        Self::LeftOut,
        Self::GraphHistory,
        Self::Location,
        Self::Lock,
        Self::LockedSince,
        Self::ManifestPinned,
        Self::Plan,
        Self::Restorable,
        Self::Root,
        Self::SchemaFile,
        Self::Sidecar,
        Self::Table,
        Self::Tag,
        Self::VisibleVersion,
    ];

    /// The field as it is spelled in JSON.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Action => "action",
            Self::Because => "because",
            Self::Catalog => "catalog",
            Self::CatalogBranch => "catalog_branch",
            Self::Disposition => "disposition",
            Self::Files => "files",
            Self::HeadTransaction => "head_transaction",
            Self::LanceHead => "lance_head",
            Self::LeftOut => "left_out",
            Self::GraphHistory => "lineage",
            Self::Location => "location",
            Self::Lock => "lock",
            Self::LockedSince => "locked_since",
            Self::ManifestPinned => "manifest_pinned",
            Self::Plan => "plan",
            Self::Restorable => "restorable",
            Self::Root => "root",
            Self::SchemaFile => "schema_file",
            Self::Sidecar => "sidecar",
            Self::Table => "table",
            Self::Tag => "tag",
            Self::VisibleVersion => "visible_version",
            Self::Blocked(code) => code.name(),
            Self::Named(name) => name,
        }
    }
}

impl fmt::Display for DifferenceField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl From<String> for DifferenceField {
    fn from(name: String) -> Self {
        if let Some(own) = Self::OWN.into_iter().find(|own| own.name() == name) {
            return own;
        }
        Code::named(&name).map_or(Self::Named(name), Self::Blocked)
    }
}

impl From<DifferenceField> for String {
    fn from(field: DifferenceField) -> Self {
        field.name().to_owned()
    }
}

/// Field by field, what moved between two plans for one operation (ARCHITECTURE.md, invariant 3).
#[must_use]
pub fn differences(planned: &Plan, found: &Plan) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare =
        |table_key: Option<&str>, field: DifferenceField, planned: String, found: String| {
            if planned != found {
                differences.push(Difference::new(table_key, field, planned, found));
            }
        };
    compare(
        None,
        DifferenceField::Root,
        planned.root.to_string(),
        found.root.to_string(),
    );
    compare(
        None,
        DifferenceField::Sidecar,
        planned.sidecar.to_string(),
        found.sidecar.to_string(),
    );
    compare(
        None,
        DifferenceField::Disposition,
        planned.disposition.name().to_owned(),
        found.disposition.name().to_owned(),
    );
    compare(
        None,
        DifferenceField::Because,
        because_text(planned),
        because_text(found),
    );
    let left_out = |plan: &Plan| {
        let sentences: Vec<String> = plan.left_out.iter().map(left_out_sentence).collect();
        match sentences.is_empty() {
            true => "nothing".to_owned(),
            false => sentences.join(" "),
        }
    };
    compare(
        None,
        DifferenceField::LeftOut,
        left_out(planned),
        left_out(found),
    );
    for table in &planned.tables {
        let key = Some(table.table_key.as_str());
        let Some(other) = found
            .tables
            .iter()
            .find(|other| (&other.table_key, &other.branch) == (&table.table_key, &table.branch))
        else {
            compare(
                key,
                DifferenceField::Table,
                "present".to_owned(),
                "absent".to_owned(),
            );
            continue;
        };
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        compare(
            key,
            DifferenceField::ManifestPinned,
            version_text(table.manifest_pinned),
            version_text(other.manifest_pinned),
        );
        compare(
            key,
            DifferenceField::LanceHead,
            version_text(table.lance_head),
            version_text(other.lance_head),
        );
        compare(
            key,
            DifferenceField::HeadTransaction,
            text(&table.head_transaction),
            text(&other.head_transaction),
        );
        compare(
            key,
            DifferenceField::Location,
            text(&table.location),
            text(&other.location),
        );
        compare(
            key,
            DifferenceField::Action,
            table.action.name().to_owned(),
            other.action.name().to_owned(),
        );
        let visible_version = |gone: bool| if gone { "cleaned away" } else { "there" };
        compare(
            key,
            DifferenceField::VisibleVersion,
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
                DifferenceField::Table,
                "absent".to_owned(),
                "present".to_owned(),
            );
        }
    }
    if differences.is_empty() && planned != found {
        differences.push(Difference::new(
            None,
            DifferenceField::Plan,
            "as approved",
            "another",
        ));
    }
    differences
}

/// Why a plan sets its file aside.
fn because_text(plan: &Plan) -> String {
    let codes: &[Code] = match &plan.purpose {
        Purpose::Dismiss { because } => because,
        Purpose::Recover | Purpose::Undo { .. } | Purpose::Release { .. } => &[],
    };
    let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_reads_back_as_it_was_written() {
        let named = ["_schema.pg.staging", "", "of another build"];
        let fields = DifferenceField::OWN
            .into_iter()
            .chain([
                DifferenceField::Blocked(Code::WaitingFor),
                DifferenceField::Blocked(Code::RowsNotCounted),
            ])
            .chain(named.map(|name| DifferenceField::Named(name.to_owned())));
        for field in fields {
            let json = serde_json::to_string(&field).unwrap();
            assert_eq!(json, format!("{:?}", field.name()));
            assert_eq!(
                serde_json::from_str::<DifferenceField>(&json).unwrap(),
                field
            );
        }
    }
}
