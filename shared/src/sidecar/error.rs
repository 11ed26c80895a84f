//! Why a file is not a sidecar this build can read.

use crate::code::Code;
use crate::dialect::Dialect;

/// A sidecar of a version whose rules this build does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file} has schema_version {found}, this build acts on {}; recover it with the engine that wrote it",
    acted_on()
)]
pub struct SidecarSchemaError {
    /// Name of the file.
    pub file: String,
    /// The version it carries.
    pub found: u64,
}

/// The versions this build implements, in words.
fn acted_on() -> String {
    let versions = Dialect::ALL.map(|dialect| dialect.schema_version().to_string());
    versions.join(", ")
}

/// Why a file is not a sidecar this build can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SidecarError {
    /// A version this build does not implement.
    #[error(transparent)]
    Schema(#[from] SidecarSchemaError),
    /// More bytes than a sidecar can have.
    #[error(
        "{file} has more than {bytes_max} bytes, no sidecar is that large; look at the file by hand"
    )]
    TooLarge {
        /// Name of the file.
        file: String,
        /// The limit.
        bytes_max: u64,
    },
    /// Nested deeper than a sidecar can be.
    #[error("{file} nests JSON deeper than {depth_max} levels; look at the file by hand")]
    TooDeep {
        /// Name of the file.
        file: String,
        /// The limit.
        depth_max: usize,
    },
    /// More tables than one write can have.
    #[error(
        "{file} names {tables} tables, at most {tables_max} are accepted; look at the file by hand"
    )]
    TooManyTables {
        /// Name of the file.
        file: String,
        /// Pins, registrations and tombstones together.
        tables: usize,
        /// The limit.
        tables_max: usize,
    },
    /// Not JSON: often a writer that died while writing the file, before it moved any table.
    #[error("{file} is not JSON: {reason}")]
    NotJson {
        /// Name of the file.
        file: String,
        /// The parser's words, with line and column.
        reason: String,
    },
    /// JSON, but not a sidecar.
    #[error("{file} is not a sidecar: {reason}")]
    WrongShape {
        /// Name of the file.
        file: String,
        /// What is wrong with which field.
        reason: String,
    },
    /// It says that it is of version 9, and breaks a rule of that version, or has a field that this build does not know.
    #[error("{}", no_version_9(file, why))]
    NoVersion9 {
        /// Name of the file.
        file: String,
        /// The rule, or the field.
        why: Box<Self>,
    },
    /// A field or a kind of a later engine, which may change what the rest means.
    #[error(
        "{file} has {field}, which this build does not know; recover it with the engine that wrote it"
    )]
    UnknownField {
        /// Name of the file.
        file: String,
        /// Its path in the file, and for a kind its text.
        field: String,
    },
}

/// The name of the file is told once.
fn no_version_9(file: &str, why: &SidecarError) -> String {
    match why {
        SidecarError::WrongShape { reason, .. } => {
            format!("{file} breaks a rule of version 9: {reason}")
        }
        SidecarError::UnknownField { field, .. } => format!(
            "{file} is of version 9 and has {field}, which this build does not know; recover it with the engine that wrote it"
        ),
        SidecarError::Schema(_)
        | SidecarError::TooLarge { .. }
        | SidecarError::TooDeep { .. }
        | SidecarError::TooManyTables { .. }
        | SidecarError::NotJson { .. }
        | SidecarError::NoVersion9 { .. } => format!("{file} breaks a rule of version 9: {why}"),
    }
}

impl SidecarError {
    /// The code under which lists and plans report this error.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Schema(_) => Code::UnsupportedVersion,
            Self::NoVersion9 { why, .. } => why.code(),
            Self::TooLarge { .. } => Code::TooLarge,
            Self::TooDeep { .. } => Code::TooDeep,
            Self::TooManyTables { .. } => Code::TooManyTables,
            Self::NotJson { .. } => Code::NotJson,
            Self::WrongShape { .. } => Code::WrongShape,
            Self::UnknownField { .. } => Code::UnimplementedField,
        }
    }
}
