//! The fields that can be read from the bytes of a sidecar without the rules of its version.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SidecarError;
use crate::branch::Branch;
use crate::limits::Limits;

pub(super) fn check_bounds(file: &str, bytes: &[u8], limits: &Limits) -> Result<(), SidecarError> {
    if bytes.len() as u64 > limits.sidecar_bytes_max {
        return Err(SidecarError::TooLarge {
            file: file.to_owned(),
            bytes_max: limits.sidecar_bytes_max,
        });
    }
    if nesting_depth(bytes) > limits.json_depth_max {
        return Err(SidecarError::TooDeep {
            file: file.to_owned(),
            depth_max: limits.json_depth_max,
        });
    }
    Ok(())
}

/// The deepest nesting of brackets outside strings; right for JSON, and an upper bound on what a parser of anything else sees.
fn nesting_depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Reads the bytes as JSON, whatever they say.
pub(crate) fn json(file: &str, bytes: &[u8], limits: &Limits) -> Result<Value, SidecarError> {
    check_bounds(file, bytes, limits)?;
    serde_json::from_slice(bytes).map_err(|error| SidecarError::NotJson {
        file: file.to_owned(),
        reason: error.to_string(),
    })
}

/// Reads `schema_version` alone, ignoring the rest, so that an old program names a newer version instead of guessing at its shape.
pub(crate) fn peek_schema_version(file: &str, json: &Value) -> Result<u64, SidecarError> {
    let wrong = |reason: &str| SidecarError::WrongShape {
        file: file.to_owned(),
        reason: reason.to_owned(),
    };
    let Value::Object(fields) = json else {
        return Err(wrong("expected a JSON object"));
    };
    match fields.get("schema_version") {
        None | Some(Value::Null) => Err(wrong("schema_version is missing")),
        Some(version) => version
            .as_u64()
            .ok_or_else(|| wrong("schema_version is not a whole number")),
    }
}

/// The fields that a file of any version shows without its rules: enough to name it, nothing to act on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glimpse {
    /// `schema_version`, if it is a number.
    pub schema_version: Option<u64>,
    /// `operation_id`, if it is text.
    pub operation_id: Option<String>,
    /// `writer_kind`, if it is text.
    pub writer_kind: Option<String>,
    /// `branch`, if it is text.
    pub branch: Option<String>,
    /// `actor_id`, if it is text.
    pub actor_id: Option<String>,
    /// `started_at`, if it is text.
    pub started_at: Option<String>,
    /// The tables it names, where they look like pins.
    pub tables: Vec<GlimpsedPin>,
    /// Whether those are all it names: it has a list of tables, and each of them looks like a pin.
    #[serde(skip)]
    pub all_tables: bool,
}

/// A table a file of any version names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlimpsedPin {
    /// `table_key`.
    pub table_key: String,
    /// `table_branch`, main as `None`.
    pub table_branch: Option<String>,
}

impl Glimpse {
    /// Looks at the bytes; whatever is not there stays empty.
    #[must_use]
    pub fn of(bytes: &[u8], limits: &Limits) -> Self {
        json("", bytes, limits)
            .map_or_else(|_| Self::default(), |json| Self::of_json(&json, limits))
    }

    pub(super) fn of_json(json: &Value, limits: &Limits) -> Self {
        let Value::Object(fields) = json else {
            return Self::default();
        };
        let short = |value: &Value| {
            value
                .as_str()
                .map(|text| text.chars().take(limits.text_chars_max).collect::<String>())
        };
        let text = |name: &str| fields.get(name).and_then(short);
        let pin = |pin: &Value| {
            Some(GlimpsedPin {
                table_key: pin.get("table_key").and_then(short)?,
                table_branch: Branch::of(pin.get("table_branch").and_then(short).as_deref())
                    .owned(),
            })
        };
        let listed = fields.get("tables").and_then(Value::as_array);
        let tables: Vec<GlimpsedPin> = listed
            .map(|pins| {
                pins.iter()
                    .take(limits.tables_max)
                    .filter_map(pin)
                    .collect()
            })
            .unwrap_or_default();
        Self {
            schema_version: fields.get("schema_version").and_then(Value::as_u64),
            operation_id: text("operation_id"),
            writer_kind: text("writer_kind"),
            branch: text("branch"),
            actor_id: text("actor_id"),
            started_at: text("started_at"),
            all_tables: listed.is_some_and(|listed| listed.len() == tables.len()),
            tables,
        }
    }
}
