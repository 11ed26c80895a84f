//! SHA-256 digests over a type tag and exact bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Begins every digest that is written out.
const PREFIX: &str = "sha256:";

/// A SHA-256 digest, written `sha256:` and 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// What the hashed bytes are. The tag is hashed in front of them, so bytes of one type never pass for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// The bytes of a sidecar file, exactly as stored.
    Sidecar,
    /// The canonical bytes of a [`crate::Plan`].
    Plan,
    /// The stored bytes of a journal record.
    JournalRecord,
    /// The bytes of a staged schema file.
    SchemaFile,
    /// The text that an operation id of ours is derived from.
    DerivedId,
}

impl Tag {
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Sidecar => b"sidecar-inspector/sidecar\n",
            Self::Plan => b"sidecar-inspector/plan/v1\n",
            Self::JournalRecord => b"sidecar-inspector/journal-record/v1\n",
            Self::DerivedId => b"sidecar-inspector/derived-id\n",
            Self::SchemaFile => b"sidecar-inspector/schema-file\n",
        }
    }
}

/// Why a text is not a [`Digest`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a digest: expected sha256: and 64 lower-case hex digits")]
pub struct DigestError {
    /// The text, cut to 80 characters.
    pub text: String,
}

impl Digest {
    /// Hashes `bytes` behind the type tag.
    #[must_use]
    pub fn of(tag: Tag, bytes: &[u8]) -> Self {
        let mut digesting = Self::begin(tag);
        digesting.update(bytes);
        digesting.finish()
    }

    /// Hashes bytes that come piece by piece.
    #[must_use]
    pub fn begin(tag: Tag) -> Digesting {
        let mut hasher = Sha256::new();
        hasher.update(tag.prefix());
        Digesting(hasher)
    }

    /// The digest itself.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A digest of bytes that are still coming.
#[derive(Clone)]
pub struct Digesting(Sha256);

impl Digesting {
    /// Takes the bytes that come next.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that came.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl Digest {
    /// Its 64 hex digits, as names of objects and tags carry them.
    #[must_use]
    pub fn hex(self) -> String {
        let text = self.to_string();
        text.trim_start_matches(PREFIX).to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(PREFIX)?;
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || DigestError {
            text: text.chars().take(80).collect(),
        };
        let hex = text.strip_prefix(PREFIX).ok_or_else(error)?.as_bytes();
        if hex.len() != 64 {
            return Err(error());
        }
        let nibble = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(error()),
        };
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = (nibble(pair[0])? << 4) | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_under_another_tag_have_another_digest() {
        assert_ne!(Digest::of(Tag::Plan, b"x"), Digest::of(Tag::Sidecar, b"x"));
    }

    #[test]
    fn text_round_trips_and_other_spellings_are_refused() {
        let digest = Digest::of(Tag::Plan, b"x");
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        for text in [
            "",
            "sha256:",
            "sha256:zz",
            &digest.to_string().to_uppercase(),
            &digest.to_string()[7..],
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
