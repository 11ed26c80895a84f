//! Plain text for people: aligned, wrapped to 80 columns, and free of whatever a hostile file would do to a terminal.

use std::fmt::Write;

use sidecar::Difference;
use sidecar::text::acts;

const WIDTH: usize = 80;

/// Text that is built line by line. Everything that goes in is made printable, so a line of it is a line of ours.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// One line, however long.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(printable(line).trim_end());
        self.text.push('\n');
    }

    /// Text that may be broken between words.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.hanging("", text);
    }

    /// A label with text behind it that may be broken between words. Further lines stand below the text, not below the label.
    pub(super) fn hanging(&mut self, label: &str, text: &str) {
        let label = printable(label);
        let indent = label.chars().count();
        let mut line = label;
        let mut is_empty = true;
        for word in printable(text).split_whitespace() {
            if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = " ".repeat(indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(&line);
    }

    /// The differences from the plan, field by field.
    pub(super) fn differences(&mut self, differences: &[Difference]) {
        for Difference {
            table_key,
            field,
            planned,
            found,
        } in differences
        {
            let of = table_key
                .as_ref()
                .map_or_else(String::new, |table_key| format!(" of {table_key}"));
            self.hanging(
                "  ",
                &format!("{field}{of}: planned {planned}, found {found}"),
            );
        }
    }

    /// Rows with their cells below each other.
    pub(super) fn table<const N: usize>(&mut self, indent: usize, rows: &[[String; N]]) {
        let rows: Vec<[String; N]> = rows
            .iter()
            .map(|row| row.each_ref().map(|cell| printable(cell)))
            .collect();
        let widths: [usize; N] = std::array::from_fn(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or_default()
        });
        for row in &rows {
            let mut line = " ".repeat(indent);
            for (cell, width) in row.iter().zip(widths) {
                // Writing to a string cannot fail.
                write!(line, "{cell:width$}  ").ok();
            }
            self.line(&line);
        }
    }
}

/// Escapes characters that a terminal obeys, and characters that reorder or hide their neighbours.
fn printable(text: &str) -> String {
    text.chars().fold(
        String::with_capacity(text.len()),
        |mut printable, character| {
            if acts(character) {
                printable.extend(character.escape_default());
            } else {
                printable.push(character);
            }
            printable
        },
    )
}

/// JSON text with the same characters escaped, as JSON does it: they only occur inside of its strings, so it says the same.
pub(super) fn printable_json(json: &str) -> String {
    json.chars().fold(
        String::with_capacity(json.len()),
        |mut printable, character| {
            if acts(character) && character != '\n' {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    write!(printable, "\\u{unit:04x}").ok();
                }
            } else {
                printable.push(character);
            }
            printable
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_broken_below_its_beginning() {
        let mut page = Page::default();
        page.hanging("  why  ", &"word ".repeat(30));
        let lines: Vec<&str> = page.text().lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH));
        assert!(lines[0].starts_with("  why  word"));
        assert!(lines[1].starts_with("       word"));
    }

    #[test]
    fn cells_stand_below_each_other() {
        let mut page = Page::default();
        page.table(
            2,
            &[
                ["a".to_owned(), "b".to_owned()],
                ["long".to_owned(), "c".to_owned()],
            ],
        );
        assert_eq!(page.text(), "  a     b\n  long  c\n");
    }

    #[test]
    fn a_hostile_name_cannot_act_on_the_terminal() {
        let mut page = Page::default();
        page.line("a\u{1b}[2Jb\nc\u{202e}d\u{9b}e");
        assert_eq!(page.text(), "a\\u{1b}[2Jb\\nc\\u{202e}d\\u{9b}e\n");
    }

    #[test]
    fn every_part_of_a_page_and_of_json_is_free_of_what_acts() {
        let hostile = "a\u{202e}b\u{61c}c\u{2066}d\u{200f}e\u{ad}f\u{e0041}g";
        let mut page = Page::default();
        page.line(hostile);
        page.hanging(hostile, hostile);
        page.table(0, &[[hostile.to_owned()]]);
        page.differences(&[Difference {
            table_key: Some(hostile.to_owned()),
            field: sidecar::DifferenceField::Named(hostile.to_owned()),
            planned: hostile.to_owned(),
            found: hostile.to_owned(),
        }]);
        assert!(!page.text().contains(|char| acts(char) && char != '\n'));

        let json = serde_json::to_string_pretty(&[hostile]).unwrap();
        let printed = printable_json(&json);
        assert!(!printed.contains(|char| acts(char) && char != '\n'));
        let read: Vec<String> = serde_json::from_str(&printed).unwrap();
        assert_eq!(read, [hostile]);
    }
}
