//! A fault of a file of version 9, before the name of the file is added.

use crate::limits::Limits;
use crate::sidecar::SidecarError;

/// What is wrong, and where in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// A field that this build does not know.
    Unknown {
        /// Its path in the file.
        at: String,
    },
    /// A list of tables that is too long.
    TooMany {
        /// How many tables it has.
        found: usize,
    },
    /// A rule of the shape is broken.
    Broken(String),
}

impl Fault {
    /// The same, about this file.
    pub(super) fn about(self, file: &str, limits: &Limits) -> SidecarError {
        let file = file.to_owned();
        match self {
            Self::Unknown { at } => SidecarError::UnknownField { file, field: at },
            Self::TooMany { found } => SidecarError::TooManyTables {
                file,
                tables: found,
                tables_max: limits.tables_max,
            },
            Self::Broken(reason) => SidecarError::WrongShape { file, reason },
        }
    }
}

/// A broken rule.
pub(super) fn broken<T>(sentence: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Broken(sentence.into()))
}
