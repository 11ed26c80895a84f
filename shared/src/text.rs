//! Text that came from outside, made fit to be shown to people.

use std::borrow::Cow;

/// A version, or that there is none.
#[must_use]
pub fn version_text(version: Option<u64>) -> String {
    version.map_or_else(|| "none".to_owned(), |version| version.to_string())
}

/// A word as a shell takes it. One with characters that [`acts`] names is spelled with escapes, as bash, zsh and ksh take them:
/// drawn as they are they would not be seen, and a mark in their place would make another word.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else if word.contains(acts) {
        let escaped: String = word.chars().map(shell_escaped).collect();
        format!("$'{escaped}'")
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A character between `$'` and `'`.
fn shell_escaped(char: char) -> String {
    if !acts(char) {
        return match char {
            '\\' | '\'' => format!("\\{char}"),
            char => char.to_string(),
        };
    }
    // Three octal digits end by themselves, whatever follows; hexadecimal ones would take the next letter with them.
    let mut buffer = [0; 4];
    let bytes = char.encode_utf8(&mut buffer).bytes();
    bytes.map(|byte| format!("\\{byte:03o}")).collect()
}

/// Cuts `text` to `chars_max` characters and replaces control, direction and invisible characters.
pub(crate) fn shown(text: &str, chars_max: usize) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(chars_max).map(shown_char).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// `text` with a mark in the place of every character that [`acts`]. For names and words out of files, wherever they are drawn: a
/// name cannot steer the terminal, turn the direction of the line, or pass for another one by characters that nobody sees.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.contains(acts) {
        Cow::Owned(text.chars().map(shown_char).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The same for the whole text of a file, which keeps its line breaks and tabs.
#[must_use]
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    let acts_in_lines = |char: char| acts(char) && !matches!(char, '\n' | '\t');
    if text.contains(acts_in_lines) {
        let shown = |char: char| {
            if acts_in_lines(char) {
                char::REPLACEMENT_CHARACTER
            } else {
                char
            }
        };
        Cow::Owned(text.chars().map(shown).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn shown_char(char: char) -> char {
    if acts(char) {
        char::REPLACEMENT_CHARACTER
    } else {
        char
    }
}

/// Whether a character does something instead of being seen: a control character, one that changes the direction of the
/// text around it, breaks or joins it, or is not drawn at all.
#[must_use]
pub fn acts(char: char) -> bool {
    if char.is_ascii() {
        return char.is_ascii_control();
    }
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` without what a reader must not learn from an error of some library: where its source lay on the machine that built
/// this program, and passwords in addresses.
#[must_use]
pub fn scrubbed(text: &str) -> String {
    without_secrets(&without_source_places(text))
}

/// Leaves out `/somewhere/lance-14.0.2/src/dataset.rs:12:3`, and what leads up to it.
fn without_source_places(text: &str) -> Cow<'_, str> {
    const SUFFIX: &str = ".rs:";
    if !text.contains(SUFFIX) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SUFFIX) {
        let after = at + SUFFIX.len();
        let Some(length) = line_and_column(&rest[after..]) else {
            kept.push_str(&rest[..after]);
            rest = &rest[after..];
            continue;
        };
        let is_edge = |char: char| {
            char.is_whitespace() || matches!(char, '"' | '\'' | '(' | '[' | '<' | ',' | ';' | '`')
        };
        let begin = rest[..at]
            .char_indices()
            .rev()
            .find(|(_, char)| is_edge(*char))
            .map_or(0, |(index, char)| index + char.len_utf8());
        let mut before = &rest[..begin];
        // ", location: PLACE", ", PLACE", " at PLACE", "(PLACE)"
        for lead in ["location: ", "at ", "panicked at "] {
            before = before.strip_suffix(lead).unwrap_or(before);
        }
        let trimmed = before.trim_end();
        kept.push_str(trimmed.strip_suffix([',', ';', ':']).unwrap_or(trimmed));
        rest = &rest[after + length..];
        if kept.ends_with('(') && rest.starts_with(')') {
            kept.truncate(kept.trim_end_matches('(').trim_end().len());
            rest = &rest[1..];
        }
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// The length of `12:3` at the beginning of a text.
fn line_and_column(text: &str) -> Option<usize> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let line = digits(text);
    let rest = text.get(line..)?.strip_prefix(':')?;
    let column = digits(rest);
    (line > 0 && column > 0).then_some(line + 1 + column)
}

/// Names of query parameters and settings whose values are secrets, in lower case.
const SECRET_NAMES: [&str; 14] = [
    "sig",
    "signature",
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "x-goog-signature",
    "x-goog-credential",
    "awsaccesskeyid",
    "secret_access_key",
    "aws_secret_access_key",
    "sharedaccesssignature",
    "accountkey",
    "access_token",
    "password",
];

/// The text in the place of a secret.
const HIDDEN: &str = "***";

fn without_secrets(text: &str) -> String {
    without_secret_values(&without_user_information(text))
}

/// `s3://key:secret@host/path` without what stands before the `@`.
fn without_user_information(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at + 3);
        kept.push_str(before);
        let ends = |char: char| {
            char.is_whitespace()
                || matches!(
                    char,
                    '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>' | '(' | ')'
                )
        };
        let authority = &address[..address.find(ends).unwrap_or(address.len())];
        rest = match authority.rfind('@') {
            // `abfss://container@account.host` names a container there, and no person.
            Some(end) if authority[..end].contains(':') || !before.ends_with("abfss://") => {
                kept.push_str(HIDDEN);
                &address[end..]
            }
            _ => address,
        };
    }
    kept.push_str(rest);
    kept
}

fn without_secret_values(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let name_begins = rest[..at]
            .rfind(|char: char| !char.is_ascii_alphanumeric() && !matches!(char, '-' | '_'))
            .map_or(0, |index| {
                index + rest[index..].chars().next().map_or(1, char::len_utf8)
            });
        let is_secret = SECRET_NAMES
            .iter()
            .any(|name| rest[name_begins..at].eq_ignore_ascii_case(name));
        kept.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        if is_secret {
            let ends = |char: char| {
                char.is_whitespace()
                    || matches!(
                        char,
                        '&' | '"' | '\'' | '`' | '<' | '>' | '(' | ')' | ',' | ';' | '#'
                    )
            };
            let end = rest.find(ends).unwrap_or(rest.len());
            if end > 0 {
                kept.push_str(HIDDEN);
            }
            rest = &rest[end..];
        }
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(shell_word("/srv/graphs/a"), "/srv/graphs/a");
        assert_eq!(shell_word("it's here"), r"'it'\''s here'");
    }

    #[test]
    fn what_could_steer_a_terminal_is_replaced_and_what_is_long_is_cut() {
        for (text, expected) in [
            ("act-ada", "act-ada"),
            ("Ada Löve 日本", "Ada Löve 日本"),
            ("\u{1b}[31mada\r\n", "\u{fffd}[31mada\u{fffd}\u{fffd}"),
            ("ada\u{202e}nosj", "ada\u{fffd}nosj"),
            ("a\u{61c}b\u{200f}c", "a\u{fffd}b\u{fffd}c"),
            ("12345678901234567", "1234567890123456…"),
        ] {
            assert_eq!(shown(text, 16), expected);
        }
    }

    #[test]
    fn no_name_turns_the_line_or_passes_for_another() {
        assert!(matches!(visible("node:Ärzte 日本"), Cow::Borrowed(_)));
        for hidden in [
            '\u{202a}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{200e}',
            '\u{200f}',
            '\u{61c}',
            '\u{200b}',
            '\u{2060}',
            '\u{feff}',
            '\u{ad}',
            '\u{3164}',
            '\u{e0041}',
            '\u{9b}',
            '\u{7f}',
            '\n',
        ] {
            assert_eq!(visible(&format!("a{hidden}b")), "a\u{fffd}b", "{hidden:?}");
        }
        assert_eq!(
            visible_lines("a\n\tb\u{202e}\u{1b}c"),
            "a\n\tb\u{fffd}\u{fffd}c"
        );
    }

    #[test]
    fn the_machine_that_built_the_program_is_left_out() {
        for (text, expected) in [
            (
                "LanceError(IO): disk full, /root/.cargo/registry/src/index.crates.io-1949/lance-14.0.2/src/dataset/write.rs:12:34",
                "LanceError(IO): disk full",
            ),
            (
                "Append with different schema: x, location: rust/lance/src/dataset.rs:1:2",
                "Append with different schema: x",
            ),
            (
                "one, /a b/c.rs:1:2: two, src/x.rs:3:4: three",
                "one, /a: two: three",
            ),
            ("panicked (/x/y.rs:1:2)", "panicked"),
            ("panicked at /x/y.rs:1:2: why", "panicked: why"),
            ("the table notes.rs:12 stays", "the table notes.rs:12 stays"),
            ("main.rs: no such file", "main.rs: no such file"),
            ("ä/ö.rs:7:7", ""),
        ] {
            assert_eq!(scrubbed(text), expected);
        }
    }

    #[test]
    fn no_password_of_an_address_is_shown() {
        for (text, expected) in [
            (
                "error for url (http://user:pa55@minio:9000/b?list-type=2): refused",
                "error for url (http://***@minio:9000/b?list-type=2): refused",
            ),
            ("s3://AKIA:se/cret@bucket/x", "s3://AKIA:se/cret@bucket/x"),
            ("s3://AKIA:se%2Fcret@bucket/x", "s3://***@bucket/x"),
            ("https://token@host/", "https://***@host/"),
            (
                "abfss://container@account.dfs/x",
                "abfss://container@account.dfs/x",
            ),
            (
                "https://a.blob/x?sv=2020&sig=aB%3D&se=1, then",
                "https://a.blob/x?sv=2020&sig=***&se=1, then",
            ),
            (
                "x?X-Amz-Credential=AK%2F1&X-Amz-Signature=00ff",
                "x?X-Amz-Credential=***&X-Amz-Signature=***",
            ),
            ("AccountKey=abc==;x=1", "AccountKey=***;x=1"),
            (
                "ada@example.com wrote design=x",
                "ada@example.com wrote design=x",
            ),
            ("ö=1&sig=", "ö=1&sig="),
        ] {
            assert_eq!(scrubbed(text), expected);
        }
    }
}
