//! Operations and digests as people type them: whole, or by their first characters.
//!
//! A beginning that fits several is never guessed at: whoever typed it has to type more.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::digest::Digest;
use crate::follow_up::FollowUpKind;
use crate::ids::OperationId;

/// Characters of an operation id that have to be given. The first ten say when it began, and operations of one time share them.
pub const ID_PREFIX_MIN: usize = 4;
/// Hex digits of a digest that have to be given. A digest stands for what a person looked at, so a beginning of it must not fit a plan
/// that somebody else has made to fit: eight digits take a minute to hit, twelve a day of many machines.
pub const DIGEST_PREFIX_MIN: usize = 12;

const ID_CHARS: usize = 26;
const DIGEST_CHARS: usize = 64;
const DIGEST_BEGINS: &str = "sha256:";

/// An operation as a person typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationName {
    /// Its id.
    Whole(OperationId),
    /// The first characters of its id, in upper case.
    Prefix(String),
}

/// A digest as a person typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestName {
    /// The digest.
    Whole(Digest),
    /// Its first hex digits.
    Prefix(String),
}

/// Why a text is neither an operation nor a digest, nor the beginning of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShortNameError {
    /// It is no beginning of an operation id.
    #[error(
        "{text:?} is not an operation id: a ULID has {ID_CHARS} characters of 0-9 and A-Z without I, L, O, U, and starts with 0-7; give all of them, or {ID_PREFIX_MIN} at least"
    )]
    Operation {
        /// The text, cut to 64 characters.
        text: String,
    },
    /// It is no beginning of a digest.
    #[error(
        "{text:?} is not a digest: expected {DIGEST_BEGINS} and {DIGEST_CHARS} lower-case hex digits, or {DIGEST_PREFIX_MIN} of them at least"
    )]
    Digest {
        /// The text, cut to 80 characters.
        text: String,
    },
}

impl FromStr for OperationName {
    type Err = ShortNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        if let Ok(operation) = upper.parse() {
            return Ok(Self::Whole(operation));
        }
        // It is a beginning if it can be filled up to an id.
        let is_prefix = (ID_PREFIX_MIN..ID_CHARS).contains(&upper.len())
            && format!("{upper:0<ID_CHARS$}")
                .parse::<OperationId>()
                .is_ok();
        if is_prefix {
            return Ok(Self::Prefix(upper));
        }
        Err(ShortNameError::Operation {
            text: text.chars().take(64).collect(),
        })
    }
}

impl FromStr for DigestName {
    type Err = ShortNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix(DIGEST_BEGINS).unwrap_or(text);
        if let Ok(digest) = format!("{DIGEST_BEGINS}{hex}").parse() {
            return Ok(Self::Whole(digest));
        }
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if (DIGEST_PREFIX_MIN..DIGEST_CHARS).contains(&hex.len()) && hex.bytes().all(is_hex) {
            return Ok(Self::Prefix(hex.to_owned()));
        }
        Err(ShortNameError::Digest {
            text: text.chars().take(80).collect(),
        })
    }
}

impl DigestName {
    /// Those of these digests that are meant, each once.
    #[must_use]
    pub fn among(&self, digests: &[Digest]) -> Vec<Digest> {
        let is_meant = |digest: &Digest| match self {
            Self::Whole(whole) => whole == digest,
            Self::Prefix(prefix) => digest.hex().starts_with(prefix),
        };
        let meant: BTreeSet<Digest> = digests.iter().copied().filter(is_meant).collect();
        meant.into_iter().collect()
    }
}

/// The operations whose ids begin with `prefix`: those that are `pending` or `on_record`, and only if there is none of these, the undo and
/// the release that can be planned next of those that were `claimed`.
#[must_use]
pub fn operations_named(
    prefix: &str,
    pending: &BTreeSet<OperationId>,
    on_record: &BTreeSet<OperationId>,
    claimed: &BTreeSet<OperationId>,
) -> Vec<OperationId> {
    let fits = |operation: &OperationId| operation.as_str().starts_with(prefix);
    let known: BTreeSet<&OperationId> = pending.union(on_record).filter(|id| fits(id)).collect();
    if !known.is_empty() {
        return known.into_iter().cloned().collect();
    }
    // The id of an undo begins with the time of the operation that it is of. Deriving ids of all others would be work for nothing.
    let derived = claimed.iter().filter(|of| of.shares_time_with(prefix));
    let next = derived.flat_map(|of| {
        let kinds = [FollowUpKind::Undo, FollowUpKind::Release].into_iter();
        kinds.filter_map(|kind| kind.ids(of).find(|id| !on_record.contains(id)))
    });
    let next: BTreeSet<OperationId> = next.filter(fits).collect();
    next.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01M8125ENACWR9X1EZNRMDV5V2";

    fn id(text: &str) -> OperationId {
        text.parse().unwrap()
    }

    fn ids(texts: &[&str]) -> BTreeSet<OperationId> {
        texts.iter().map(|text| id(text)).collect()
    }

    #[test]
    fn an_operation_is_named_by_its_id_or_four_characters_of_it_in_either_case() {
        for (text, wanted) in [
            (ID, OperationName::Whole(id(ID))),
            (&ID.to_lowercase(), OperationName::Whole(id(ID))),
            ("01M8", OperationName::Prefix("01M8".to_owned())),
            ("01m8125en", OperationName::Prefix("01M8125EN".to_owned())),
        ] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
        for text in ["", "01M", "91M8", "01I8", "not-an-id", &format!("{ID}0")] {
            assert!(text.parse::<OperationName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_digest_is_named_by_all_of_it_or_twelve_digits() {
        let digest = Digest::of(crate::digest::Tag::Plan, b"x");
        let (text, hex) = (digest.to_string(), digest.hex());
        let prefix = DigestName::Prefix(hex[..12].to_owned());
        for (typed, wanted) in [
            (&text[..], DigestName::Whole(digest)),
            (&hex[..], DigestName::Whole(digest)),
            (&text[..19], prefix.clone()),
            (&hex[..12], prefix),
        ] {
            assert_eq!(typed.parse(), Ok(wanted), "{typed}");
        }
        let upper = hex.to_uppercase();
        for typed in [
            "",
            "sha256:",
            &text[..18],
            &hex[..11],
            &upper,
            "md5:0123456789ab",
        ] {
            assert!(typed.parse::<DigestName>().is_err(), "{typed}");
        }
    }

    #[test]
    fn a_beginning_stands_for_every_digest_that_it_fits() {
        let digests = [b"x", b"y"].map(|bytes| Digest::of(crate::digest::Tag::Plan, bytes));
        let named = |typed: &str| typed.parse::<DigestName>().unwrap().among(&digests);
        assert_eq!(named(&digests[1].hex()[..12]), [digests[1]]);
        assert_eq!(named(&digests[1].to_string()), [digests[1]]);
        assert_eq!(named("000000000000"), []);
        let twice = [digests[0], digests[0]];
        let name: DigestName = digests[0].hex()[..20].parse().unwrap();
        assert_eq!(name.among(&twice), [digests[0]]);
    }

    #[test]
    fn what_is_known_comes_before_what_could_be_planned_next() {
        let other = "01M8125ENBCWR9X1EZNRMDV5V2";
        let undo = FollowUpKind::Undo.ids(&id(ID)).next().unwrap();
        let second = FollowUpKind::Undo.ids(&id(ID)).nth(1).unwrap();
        let release = FollowUpKind::Release.ids(&id(ID)).next().unwrap();
        let (none, claimed) = (BTreeSet::new(), ids(&[ID]));
        let named = |prefix: &str, pending: &BTreeSet<_>, on_record: &BTreeSet<_>| {
            operations_named(prefix, pending, on_record, &claimed)
        };
        // The time alone stands for what is known, as much of it as there is.
        assert_eq!(named("01M8125EN", &none, &claimed), [id(ID)]);
        assert_eq!(
            named("01M8125EN", &ids(&[other]), &claimed),
            [id(ID), id(other)]
        );
        // What is pending and on record is one operation.
        assert_eq!(named("01M8125ENA", &claimed, &claimed), [id(ID)]);
        let undo_prefix = &undo.as_str()[..14];
        assert_eq!(named(undo_prefix, &none, &claimed), vec![undo.clone()]);
        assert_eq!(named(&release.as_str()[..14], &none, &claimed), [release]);
        // A spent undo is on record, and the next one is what can be planned.
        let spent = ids(&[ID, undo.as_str()]);
        assert_eq!(named(undo_prefix, &none, &spent), [undo]);
        assert_eq!(
            named(&second.as_str()[..16], &none, &spent),
            vec![second.clone()]
        );
        assert_eq!(named(&second.as_str()[..16], &none, &claimed), []);
        assert_eq!(named("01M9", &none, &claimed), []);
    }
}
