//! Names that almost every module knows: operations, roots.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Tag};
use crate::work;

/// The name of one multi-table write: a ULID, upper case, 26 characters of Crockford's base 32.
///
/// It is the stem of the sidecar's file name (PROTOCOL.md, section 2), a folder of the journal and part of tag names, so nothing
/// but a ULID is accepted. Ordering is by text, which for ULIDs is ordering by time of creation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperationId(String);

/// Characters of a ULID that say when.
const TIME_CHARS: usize = 10;
/// Time part of derived ids for files without an id; sorts after every real operation.
const TIME_OF_NOBODY: &str = "7ZZZZZZZZZ";

/// Which of two ids that are derived from one sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DerivedOrder {
    /// Sorts before all other ids with the same time.
    Before,
    /// Sorts after them.
    After,
}

/// Why a text is not an [`OperationId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an operation id: a ULID has 26 characters of 0-9 and A-Z without I, L, O, U, and starts with 0-7"
)]
pub struct OperationIdError {
    /// The text, cut to 64 characters.
    pub text: String,
}

impl OperationId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of an operation that follows from this one, always the same one: to undo it, for instance.
    ///
    /// It has the same time, so that it sorts beside this one; `first` begins its random part and orders ids of one time.
    #[must_use]
    pub fn derived(&self, first: DerivedOrder, purpose: &str) -> Self {
        work::count();
        let seed = format!("{purpose}\n{self}");
        Self::beside(&self.0[..TIME_CHARS], first, seed.as_bytes())
    }

    /// Whether an id that begins with `prefix` can have the same time, as that of an operation that follows from this one has.
    #[must_use]
    pub(crate) fn shares_time_with(&self, prefix: &str) -> bool {
        let (time, prefix) = (&self.0.as_bytes()[..TIME_CHARS], prefix.as_bytes());
        time.iter().zip(prefix).all(|(ours, theirs)| ours == theirs)
    }

    /// The id of an operation about something that has no valid id of its own, always the same one for the same `seed`.
    #[must_use]
    pub fn of_nobody(seed: &[u8]) -> Self {
        Self::beside(TIME_OF_NOBODY, DerivedOrder::Before, seed)
    }

    /// Whether it is one of [`Self::of_nobody`], as far as that shows without its seed.
    #[must_use]
    pub(crate) fn is_of_nobody(&self) -> bool {
        self.0.starts_with(TIME_OF_NOBODY) && self.0[TIME_CHARS..].starts_with('0')
    }

    fn beside(time: &str, first: DerivedOrder, seed: &[u8]) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let digest = Digest::of(Tag::DerivedId, seed);
        let random = digest
            .bytes()
            .iter()
            .take(26 - TIME_CHARS - 1)
            .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let first = match first {
            DerivedOrder::Before => '0',
            DerivedOrder::After => 'Z',
        };
        let mut id = format!("{time}{first}");
        id.extend(random);
        Self(id)
    }

    /// The name of this operation's sidecar file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.json", self.0)
    }
}

impl FromStr for OperationId {
    type Err = OperationIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let alphabet = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'T' | b'V'..=b'Z');
        let bytes = text.as_bytes();
        let is_ulid =
            bytes.len() == 26 && bytes[0] <= b'7' && bytes.iter().all(|byte| alphabet(*byte));
        if is_ulid {
            Ok(Self(text.to_owned()))
        } else {
            Err(OperationIdError {
                text: text.chars().take(64).collect(),
            })
        }
    }
}

impl TryFrom<String> for OperationId {
    type Error = OperationIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<OperationId> for String {
    fn from(id: OperationId) -> Self {
        id.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which root a plan is for: its URI in normal form, without a trailing slash (`file:///srv/graphs/a`, `s3://bucket/a`).
///
/// Part of every plan's bytes, so an approval given for one root means nothing at a copy of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct RootId(String);

impl RootId {
    /// Takes a URI and drops trailing slashes; the caller has made it absolute.
    #[must_use]
    pub fn new(uri: &str) -> Self {
        Self(uri.trim_end_matches('/').to_owned())
    }

    /// The URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for RootId {
    fn from(uri: String) -> Self {
        Self::new(&uri)
    }
}

impl From<RootId> for String {
    fn from(root: RootId) -> Self {
        root.0
    }
}

impl fmt::Display for RootId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ulid_is_an_operation_id() {
        assert!("01M8125ENACWR9X1EZNRMDV5V2".parse::<OperationId>().is_ok());
        for text in [
            "",
            "01M8125ENACWR9X1EZNRMDV5V",
            "01m8125enacwr9x1eznrmdv5v2",
            "81M8125ENACWR9X1EZNRMDV5V2",
            "01M8125ENACWR9X1EZNRMDV5/2",
            "01M8125ENACWR9X1EZNRMDV5VU",
        ] {
            assert!(text.parse::<OperationId>().is_err(), "{text}");
        }
    }
}
