//! Reads a sidecar of version 9.

use serde_json::Value;

use super::fault::broken;
use super::fields::{Path, Read};
use super::shape::check;
use super::sidecar::Sidecar9;
use super::twins::NoTwins;
use crate::limits::Limits;
use crate::sidecar::{SidecarError, SidecarSchemaError, wire};

/// The `schema_version` of this dialect.
pub const SCHEMA_VERSION: u32 = 9;

/// Reads the bytes of `file`. Never panics, whatever the bytes.
///
/// A file that is read keeps every rule of the shape, and has no field that this build does not know (PROTOCOL.md, section 18).
///
/// # Errors
/// See [`SidecarError`]. Other versions are reported as such.
pub fn parse(file: &str, bytes: &[u8], limits: &Limits) -> Result<Sidecar9, SidecarError> {
    let json = json_of_version_9(file, bytes, limits)?;
    of_json(file, bytes, &json, limits)
}

/// The bytes as JSON that says it is of version 9, whatever else it says.
pub(super) fn json_of_version_9(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Value, SidecarError> {
    let json = wire::json(file, bytes, limits)?;
    let found = wire::peek_schema_version(file, &json)?;
    if found == u64::from(SCHEMA_VERSION) {
        return Ok(json);
    }
    Err(SidecarSchemaError {
        file: file.to_owned(),
        found,
    }
    .into())
}

/// The sidecar in that JSON, which is of these bytes.
pub(crate) fn of_json(
    file: &str,
    bytes: &[u8],
    json: &Value,
    limits: &Limits,
) -> Result<Sidecar9, SidecarError> {
    let read = || {
        if let Err(error) = serde_json::from_slice::<NoTwins>(bytes) {
            return broken(error.to_string());
        }
        let mut sidecar = Sidecar9::read(json, Path::Top, limits)?;
        sidecar.spelling.is_an_engines = sidecar.to_bytes().is_ok_and(|written| written == bytes);
        check(&sidecar, limits)?;
        Ok(sidecar)
    };
    read().map_err(|fault| fault.about(file, limits))
}
