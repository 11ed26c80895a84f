//! The list of the digests that a person approves.

use std::collections::BTreeSet;

use crate::digest::Digest;

/// Digests of one list at most.
pub const DIGESTS_MAX: usize = 10_000;
/// Bytes of a list at most: every digest, and a comment as long beside it.
pub const LIST_BYTES_MAX: u64 = 2 << 20;

/// Why a text is no list of digests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovedListError {
    /// A line is no digest.
    #[error(
        "line {line} of the list is no digest: expected sha256: and 64 lower-case hex digits, and after it nothing but a comment that begins with #"
    )]
    NoDigest {
        /// Its number, from 1.
        line: usize,
    },
    /// A digest stands there twice.
    #[error("line {line} of the list has a digest that stands there before; name each plan once")]
    Twice {
        /// Its number, from 1.
        line: usize,
    },
    /// More digests than are carried out in one go.
    #[error("the list has more than {DIGESTS_MAX} digests; split it")]
    TooMany,
    /// Nothing is approved.
    #[error("the list has no digest, so nothing is approved; `drain` without --apply shows them")]
    Empty,
}

/// The digests of a list, one a line, in their order. A `#` begins a comment, and empty lines do not count. Some editors put a
/// byte order mark before a text; it does not count either.
///
/// # Errors
/// [`ApprovedListError`]; then nothing of the list counts.
pub fn approved_list(text: &str) -> Result<Vec<Digest>, ApprovedListError> {
    let mut digests = Vec::new();
    let mut seen = BTreeSet::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let digest: Digest = line
            .parse()
            .map_err(|_| ApprovedListError::NoDigest { line: line_number })?;
        if !seen.insert(digest) {
            return Err(ApprovedListError::Twice { line: line_number });
        }
        if digests.len() == DIGESTS_MAX {
            return Err(ApprovedListError::TooMany);
        }
        digests.push(digest);
    }
    if digests.is_empty() {
        return Err(ApprovedListError::Empty);
    }
    Ok(digests)
}
