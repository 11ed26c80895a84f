//! A sidecar file's bytes, whatever they are, as journals and answers carry them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::Limits;

/// Text up to this many bytes is kept as text; longer text could outgrow a journal record by its escapes.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// The bytes of a sidecar file, exactly as stored.
///
/// In JSON a string where they are text of at most 4 MiB, else an object with one field `base64` (RFC 4648, padded). The same
/// bytes have one spelling only, and another is refused.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SidecarBytes(Spelling);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Spelling {
    Text(String),
    Base64(Vec<u8>),
}

/// The field of the JSON object that holds bytes that are no text.
const BASE64: &str = "base64";

impl SidecarBytes {
    /// These bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        if bytes.len() > TEXT_BYTES_MAX {
            return Self(Spelling::Base64(bytes));
        }
        Self(
            String::from_utf8(bytes)
                .map_or_else(|error| Spelling::Base64(error.into_bytes()), Spelling::Text),
        )
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Spelling::Text(text) => text.as_bytes(),
            Spelling::Base64(bytes) => bytes.as_slice(),
        }
    }

    /// Whether they are few enough to be sent along with a plan.
    #[must_use]
    pub const fn may_be_shown(&self) -> bool {
        self.as_bytes().len() as u64 <= Limits::DEFAULT.sidecar_bytes_max
    }

    /// The same as text, where a person could read it as such.
    #[must_use]
    pub const fn text(&self) -> Option<&str> {
        match &self.0 {
            Spelling::Text(text) => Some(text.as_str()),
            Spelling::Base64(_) => None,
        }
    }
}

impl From<Vec<u8>> for SidecarBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<String> for SidecarBytes {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl fmt::Debug for SidecarBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Spelling::Text(text) => text.fmt(formatter),
            Spelling::Base64(bytes) => write!(formatter, "{} bytes", bytes.len()),
        }
    }
}

impl Serialize for SidecarBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Spelling::Text(text) => serializer.serialize_str(text),
            Spelling::Base64(bytes) => {
                let mut object = serializer.serialize_map(Some(1))?;
                object.serialize_entry(BASE64, &STANDARD.encode(bytes))?;
                object.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for SidecarBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherSpelling)
    }
}

struct EitherSpelling;

impl<'de> Visitor<'de> for EitherSpelling {
    type Value = SidecarBytes;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the bytes of a sidecar, as text or in base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SidecarBytes, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<SidecarBytes, E> {
        let read = SidecarBytes::from(text);
        read.text()
            .is_some()
            .then_some(read)
            .ok_or_else(other_spelling)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<SidecarBytes, A::Error> {
        let Some((field, base64)) = object.next_entry::<String, String>()? else {
            return Err(other_spelling());
        };
        if field != BASE64 || object.next_key::<String>()?.is_some() {
            return Err(other_spelling());
        }
        let bytes = STANDARD.decode(base64).map_err(A::Error::custom)?;
        let read = SidecarBytes::new(bytes);
        read.text()
            .is_none()
            .then_some(read)
            .ok_or_else(other_spelling)
    }
}

fn other_spelling<E: Error>() -> E {
    E::custom("the bytes of a sidecar are not spelled as this build spells them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were_and_text_stays_readable() {
        for (bytes, json) in [
            (b"{}".to_vec(), r#""{}""#),
            (Vec::new(), r#""""#),
            (vec![0xff, 0x00], r#"{"base64":"/wA="}"#),
        ] {
            let kept = SidecarBytes::new(bytes.clone());
            assert_eq!(serde_json::to_string(&kept).unwrap(), json);
            let read: SidecarBytes = serde_json::from_str(json).unwrap();
            assert_eq!((read.as_bytes(), &read), (bytes.as_slice(), &kept));
        }
    }

    #[test]
    fn text_that_is_too_long_for_a_record_is_not_kept_as_text() {
        let quotes = SidecarBytes::new(vec![b'"'; TEXT_BYTES_MAX + 1]);
        let json = serde_json::to_string(&quotes).unwrap();
        assert!(json.len() < 2 * TEXT_BYTES_MAX);
        assert_eq!(serde_json::from_str::<SidecarBytes>(&json).unwrap(), quotes);
    }

    #[test]
    fn a_second_spelling_of_the_same_bytes_is_refused() {
        for json in [
            r#"{"base64":"e30="}"#,
            r#"{"base64":"/wA"}"#,
            r#"{"base64":"*"}"#,
            r#"{"base64":"/wA=","more":"1"}"#,
            r#"{"bytes":[]}"#,
            "{}",
            "17",
        ] {
            assert!(
                serde_json::from_str::<SidecarBytes>(json).is_err(),
                "{json}"
            );
        }
    }
}
