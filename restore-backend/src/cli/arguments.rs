//! Arguments that several subcommands take, and what is accepted in them.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use sidecar::Requirement;

/// Options of every subcommand.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// Print one JSON document, and nothing else, on standard output
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Where the root stood when its sidecars were written, if it was moved since; for `serve` with several roots, NAME=OLD_ROOT for each
    #[arg(long, global = true, value_name = "OLD_ROOT")]
    pub(super) relocated_from: Vec<String>,
    /// Younger sidecars are shown but not executable, since their writer may still be running
    #[arg(long, global = true, value_name = "DURATION", default_value = "15m", value_parser = humantime::parse_duration)]
    pub(super) min_age: Duration,
}

/// A root with the name it is served under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedRoot {
    pub(super) name: String,
    pub(super) uri: String,
}

/// Names stand in paths of the API, so they are kept to what needs no escaping there.
pub(super) fn named_root(text: &str) -> Result<NamedRoot, String> {
    const NAME_CHARS_MAX: usize = 64;
    let is_name = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        name.len() <= NAME_CHARS_MAX
            && name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name.bytes().all(allowed)
    };
    match text.split_once('=') {
        Some((name, uri)) if is_name(name) && !uri.is_empty() => Ok(NamedRoot {
            name: name.to_owned(),
            uri: uri.to_owned(),
        }),
        _ => Err(format!(
            "expected NAME=URI, as in graph=/srv/graphs/a; NAME has at most {NAME_CHARS_MAX} letters, digits, '-', '_' and '.'"
        )),
    }
}

/// A requirement by the code it has in `requires`.
pub(super) fn requirement(code: &str) -> Result<Requirement, ValueError> {
    Requirement::deserialize(code.into_deserializer())
}

/// The option that states requirements by their codes.
const ACKNOWLEDGE: &str = "--acknowledge";

/// The arguments with one code behind each `--acknowledge`: `--acknowledge a b` becomes `--acknowledge a --acknowledge b`.
///
/// An option with any number of values would take the root and the operation behind it for codes.
pub(super) fn one_code_each(given: Vec<OsString>) -> Vec<OsString> {
    let mut spread = Vec::with_capacity(given.len());
    let mut given = given.into_iter();
    // The number of codes seen since the option; `None` outside of it.
    let mut codes = None;
    for argument in given.by_ref() {
        let text = argument.to_str().unwrap_or_default();
        if text == "--" {
            spread.push(argument);
            break;
        }
        codes = match codes {
            _ if text == ACKNOWLEDGE => Some(0),
            _ if text.starts_with(ACKNOWLEDGE) && text[ACKNOWLEDGE.len()..].starts_with('=') => {
                Some(1)
            }
            // Whatever it is, it is meant as a code.
            Some(0) => Some(1),
            Some(seen) if requirement(text).is_ok() => {
                spread.push(ACKNOWLEDGE.into());
                Some(seen + 1)
            }
            _ => None,
        };
        spread.push(argument);
    }
    spread.extend(given);
    spread
}

/// The name of a person as it goes on record.
pub(super) fn person_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.contains(sidecar::text::acts) {
        return Err(
            "a name has at least one letter and no control or invisible characters".to_owned(),
        );
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_has_a_name_and_a_uri() {
        let named = |name: &str, uri: &str| {
            Ok(NamedRoot {
                name: name.to_owned(),
                uri: uri.to_owned(),
            })
        };
        assert_eq!(named_root("a=/srv/a"), named("a", "/srv/a"));
        assert_eq!(
            named_root("a.b-2=s3://bucket/x=1"),
            named("a.b-2", "s3://bucket/x=1")
        );
        for text in [
            "/srv/a",
            "=/srv/a",
            "a=",
            "a/b=/srv",
            "../x=/srv",
            "ä=/srv",
            "s3://bucket/x=1",
        ] {
            assert!(named_root(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_code_has_an_option_of_its_own_and_what_is_no_code_stays_where_it_is() {
        for (given, wanted) in [
            (
                "x approve --acknowledge reason older_unreadable /r OP",
                "x approve --acknowledge reason --acknowledge older_unreadable /r OP",
            ),
            (
                "x approve --acknowledge=reason older_unreadable /r",
                "x approve --acknowledge=reason --acknowledge older_unreadable /r",
            ),
            (
                "x approve /r --acknowledge reason --as ada reason",
                "x approve /r --acknowledge reason --as ada reason",
            ),
            (
                "x approve --acknowledge typo older_unreadable",
                "x approve --acknowledge typo --acknowledge older_unreadable",
            ),
            ("x approve /r reason", "x approve /r reason"),
            (
                "x plan /r -- --acknowledge reason reason",
                "x plan /r -- --acknowledge reason reason",
            ),
        ] {
            let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(one_code_each(words(given)), words(wanted), "{given}");
        }
    }

    #[test]
    fn requirements_are_spelled_as_in_json() {
        assert_eq!(
            requirement("target_differs_from_expected"),
            Ok(Requirement::TargetDiffersFromExpected)
        );
        let words = requirement("nonsense").unwrap_err().to_string();
        assert!(words.contains("target_differs_from_expected"), "{words}");
    }
}
