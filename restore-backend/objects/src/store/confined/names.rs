//! The name of a file on disk and its name in a store: one for each, in both directions.
//!
//! A part of a store's path is text without control characters; a name on disk is bytes without a slash. Text without control
//! characters is the same in both, `%` and `#` and all. Any other byte `b` of a name stands in the path as the private character
//! U+F0000 + `b`, and so do the bytes of those private characters themselves; nothing else may be spelt with them.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;

use object_store::path::Path;
use object_store::path::PathPart;

const ESCAPES: std::ops::RangeInclusive<char> = '\u{f0000}'..='\u{f00ff}';

/// A name that no file and no object can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this cannot be the name of a file")]
pub struct InvalidName;

fn escaped(byte: u8) -> char {
    char::from_u32(u32::from(*ESCAPES.start()) + u32::from(byte))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn escaped_byte(char: char) -> Option<u8> {
    let above = u32::from(char).checked_sub(u32::from(*ESCAPES.start()))?;
    u8::try_from(above).ok()
}

/// The part of a path that stands for a name on disk.
pub(super) fn part_of(name: &OsStr) -> String {
    let mut part = String::with_capacity(name.len());
    for chunk in name.as_bytes().utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_ascii_control() || ESCAPES.contains(&char) {
                let mut bytes = [0; 4];
                part.extend(char.encode_utf8(&mut bytes).bytes().map(escaped));
            } else {
                part.push(char);
            }
        }
        part.extend(chunk.invalid().iter().copied().map(escaped));
    }
    part
}

/// The name on disk that a part of a path stands for.
pub(super) fn name_on_disk(part: &str) -> Result<OsString, InvalidName> {
    let mut bytes = Vec::with_capacity(part.len());
    for char in part.chars() {
        match escaped_byte(char) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    let is_a_name = !matches!(bytes.as_slice(), b"" | b"." | b"..")
        && !bytes.iter().any(|byte| matches!(byte, b'/' | 0));
    let name = OsString::from_vec(bytes);
    // Two paths must not mean one file.
    if is_a_name && part_of(&name) == part {
        Ok(name)
    } else {
        Err(InvalidName)
    }
}

/// A folder's path with one part more.
pub(super) fn join(folder: &Path, part: &str) -> Result<Path, InvalidName> {
    match PathPart::parse(part) {
        Ok(parsed) if !part.is_empty() => Ok(folder.clone().join(parsed)),
        _ => Err(InvalidName),
    }
}

/// The name of a file for people: as it is, but for bytes that are no text.
///
/// [`child`] leads back to the same path.
pub fn name_of(path: &Path) -> String {
    let plain = |char: char| match escaped_byte(char) {
        Some(byte) if byte.is_ascii_control() => char::from(byte),
        _ => char,
    };
    let part = path.filename().unwrap_or_default();
    part.chars().map(plain).collect()
}

/// The path of the object called `name` in a folder, in any store.
///
/// # Errors
/// [`InvalidName`] if no file can have the name: it is empty, is a relative segment, or has a slash.
pub fn child(folder: &Path, name: &str) -> Result<Path, InvalidName> {
    let in_path = |char: char| match u8::try_from(char) {
        Ok(byte) if byte.is_ascii_control() => escaped(byte),
        _ => char,
    };
    join(folder, &name.chars().map(in_path).collect::<String>())
}

/// A path for people: bytes that are no text, or could steer a terminal, are spelt out.
pub fn spelt(path: &Path) -> String {
    let mut text = String::with_capacity(path.as_ref().len());
    for char in path.as_ref().chars() {
        // Writing to a string does not fail.
        let _ = match escaped_byte(char) {
            Some(byte) => write!(text, "\\x{byte:02x}"),
            None if char.is_control() => write!(text, "{}", char.escape_default()),
            None => {
                text.push(char);
                Ok(())
            }
        };
    }
    text
}

/// Whether a path has a part that stands for a name with control characters, or one that is no text.
pub fn is_odd(path: &Path) -> bool {
    path.as_ref().contains(|char| ESCAPES.contains(&char))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_bytes() -> impl Iterator<Item = Vec<u8>> {
        let single = (1..=u8::MAX).filter(|byte| *byte != b'/');
        single.flat_map(|byte| [vec![b'a', byte, b'z'], vec![byte, b'a']])
    }

    #[test]
    fn every_name_on_disk_has_one_path_and_every_path_one_name() {
        let names = all_bytes().chain([
            b"caf\xc3\xa9.json".to_vec(),
            b"caf\xe9.json".to_vec(),
            "\u{f0041}".as_bytes().to_vec(),
            "\u{f0001}\u{1}".as_bytes().to_vec(),
            b"100%25.json".to_vec(),
            b"~#[]{}^|*?\"<>`\\.json".to_vec(),
            b"a\nb\x7f".to_vec(),
        ]);
        let mut paths = std::collections::BTreeSet::new();
        for name in names {
            let name = OsString::from_vec(name);
            let part = part_of(&name);
            let path = join(&Path::from("__recovery"), &part).expect("a path");
            assert_eq!(name_on_disk(&part), Ok(name.clone()), "{name:?}");
            assert_eq!(
                child(&Path::from("__recovery"), &name_of(&path)),
                Ok(path.clone()),
                "{name:?}"
            );
            if let Some(text) = name.to_str().filter(|text| !text.contains('\u{f0041}')) {
                let is_plain = !text.contains('\u{f0001}');
                assert_eq!(name_of(&path) == text, is_plain, "{name:?}");
            }
            assert!(paths.insert(path), "{name:?} has the path of another name");
        }
    }

    #[test]
    fn what_no_file_can_be_called_has_no_path_and_no_name() {
        for name in ["", ".", "..", "a/b", "/", "../../etc/passwd"] {
            assert_eq!(child(&Path::from("f"), name), Err(InvalidName), "{name:?}");
            assert_eq!(name_on_disk(name), Err(InvalidName), "{name:?}");
        }
        // Each of these would be a second spelling of a name, or a spelling of something that is no name.
        for part in [
            "\u{f0041}",
            "\u{f002e}",
            "\u{f002e}\u{f002e}",
            "a\u{f002f}b",
            "\u{f0000}",
            "\u{f00c3}\u{f00a9}",
        ] {
            assert_eq!(name_on_disk(part), Err(InvalidName), "{part:?}");
        }
    }

    #[test]
    fn what_could_steer_a_terminal_is_spelt_out() {
        let path = join(
            &Path::from("f"),
            &part_of(OsStr::from_bytes(b"a\x1b\xff\n")),
        )
        .expect("a path");
        assert_eq!(spelt(&path), "f/a\\x1b\\xff\\x0a");
        assert!(is_odd(&path) && !is_odd(&Path::from("f/a b%20")));
    }
}
