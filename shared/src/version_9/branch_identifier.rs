//! The identifier of a Lance branch, whatever the branch is called.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::{Fault, broken};
use super::fields::{Fields, Path, Read};
use crate::limits::Limits;

/// From which versions a branch was made, level by level, and under which names. Main's is empty. A branch that is deleted and made
/// again has another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BranchIdentifier {
    /// The outermost level first: the version it forked from, and a UUID without dashes.
    pub version_mapping: Vec<(u64, String)>,
}

impl Read for BranchIdentifier {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let fields = Fields::of(value, path, &["version_mapping"], limits)?;
        Ok(Self {
            version_mapping: fields.get("version_mapping")?,
        })
    }
}

impl Read for (u64, String) {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        match value.as_array().map(Vec::as_slice) {
            Some([version, uuid]) => Ok((
                u64::read(version, Path::Item(&path, 0), limits)?,
                String::read(uuid, Path::Item(&path, 1), limits)?,
            )),
            _ => broken(format!("{} is not a version and a UUID", path.text())),
        }
    }
}
