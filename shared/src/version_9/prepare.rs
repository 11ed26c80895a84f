//! Writes the undo into a sidecar of version 9, as a recovery does before it restores anything.

use super::outcome::RollbackOutcome;
use super::parse::parse;
use crate::limits::Limits;
use crate::sidecar::SidecarError;

/// Why the undo cannot be written into the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotPrepare {
    /// The file is no sidecar of version 9, or would be none afterwards.
    #[error(transparent)]
    Sidecar(#[from] SidecarError),
    /// The write has no plan that an undo could be written into.
    #[error("{file} is of a kind that prepares no undo; take it back without")]
    NoPlan {
        /// Name of the file.
        file: String,
    },
    /// Another undo is in the file.
    #[error(
        "{file} has another undo in it already, of {tables} tables; a recovery has begun, and has to go on as it was begun"
    )]
    AnotherUndo {
        /// Name of the file.
        file: String,
        /// Tables of that undo.
        tables: usize,
    },
    /// The bytes are not those that an engine writes for it, so that more than the undo would change.
    #[error(
        "{file} is not spelled as engines spell it, and would change in more than the undo; find out who wrote it"
    )]
    OtherSpelling {
        /// Name of the file.
        file: String,
    },
}

/// The bytes of the same sidecar with this undo in it. Nothing else changes, in no byte. An empty undo is not the same as none.
///
/// A file that has this very undo comes back as it is.
///
/// # Errors
/// See [`CannotPrepare`].
pub fn with_rollback_outcomes(
    file: &str,
    bytes: &[u8],
    outcomes: &[RollbackOutcome],
    limits: &Limits,
) -> Result<Vec<u8>, CannotPrepare> {
    let mut sidecar = parse(file, bytes, limits)?;
    let other_spelling = || CannotPrepare::OtherSpelling {
        file: file.to_owned(),
    };
    if sidecar.to_bytes().ok().as_deref() != Some(bytes) {
        return Err(other_spelling());
    }
    let Some(protocol) = sidecar.protocol.as_mut() else {
        return Err(CannotPrepare::NoPlan {
            file: file.to_owned(),
        });
    };
    let prepared = &mut protocol.payload_mut().rollback_audit_outcomes;
    match prepared {
        Some(undo) if undo != outcomes => {
            return Err(CannotPrepare::AnotherUndo {
                file: file.to_owned(),
                tables: undo.len(),
            });
        }
        _ => *prepared = Some(outcomes.to_vec()),
    }
    let bytes = sidecar.to_bytes().map_err(|_| other_spelling())?;
    parse(file, &bytes, limits)?;
    Ok(bytes)
}
