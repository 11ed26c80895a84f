//! Plain text for people: aligned, wrapped to the width of the terminal, and free of whatever a hostile file would do to it.

use std::fmt::Write;

use sidecar::Difference;
use sidecar::text::acts;

use super::terminal::Layout;
use super::tone::Tone;

/// Between two cells of a row.
const GAP: &str = "  ";
/// Where a row goes on that does not fit a line.
const ROW_INDENT: usize = 4;

/// Text that is built line by line. Everything that goes in is made printable, so a line of it is a line of ours.
#[derive(Debug, Default)]
pub(super) struct Page {
    layout: Layout,
    text: String,
}

/// A piece of a line, or a cell of a table, in one tone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) tone: Tone,
    pub(super) text: String,
}

impl Piece {
    pub(super) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: text.into(),
        }
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, text)
    }
}

impl Page {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            layout,
            text: String::new(),
        }
    }

    /// Characters that fit a line.
    pub(super) const fn width(&self) -> usize {
        self.layout.width
    }

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

    /// One line of several pieces, however long.
    pub(super) fn pieces(&mut self, pieces: &[Piece]) {
        let line: String = pieces.iter().map(|piece| self.painted(piece)).collect();
        self.push_line(&line);
    }

    /// A headline.
    pub(super) fn heading(&mut self, text: &str) {
        self.pieces(&[Piece::new(Tone::Heading, text)]);
    }

    fn painted(&self, piece: &Piece) -> String {
        let text = printable(&piece.text);
        if self.layout.has_colours {
            piece.tone.painted(&text)
        } else {
            text
        }
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
            if !is_empty && line.chars().count() + 1 + word.chars().count() > self.layout.width {
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
        let plain = |row: &[String; N]| row.iter().map(Piece::plain).collect();
        self.rows(indent, &rows.iter().map(plain).collect::<Vec<Vec<Piece>>>());
    }

    /// As [`Self::table`], with the tone of each cell. A row that is wider than the page goes on below itself.
    pub(super) fn rows(&mut self, indent: usize, rows: &[Vec<Piece>]) {
        self.rows_with(indent, rows, |_, _| {});
    }

    /// As [`Self::rows`], with something behind each row, which is given by its place.
    pub(super) fn rows_with(
        &mut self,
        indent: usize,
        rows: &[Vec<Piece>],
        mut behind: impl FnMut(&mut Self, usize),
    ) {
        let width_of = |piece: &Piece| printable(&piece.text).chars().count();
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = rows.iter().filter_map(|row| row.get(column));
                cells.map(width_of).max().unwrap_or_default()
            })
            .collect();
        for (place, row) in rows.iter().enumerate() {
            let mut line = " ".repeat(indent);
            let mut taken = indent;
            let mut is_first = true;
            for (cell, width) in row.iter().zip(&widths) {
                let own = width_of(cell);
                if !is_first && taken + own > self.layout.width {
                    self.push_line(&line);
                    line = " ".repeat(indent + ROW_INDENT);
                    taken = indent + ROW_INDENT;
                }
                line.push_str(&self.painted(cell));
                line.push_str(&" ".repeat(width.saturating_sub(own)));
                line.push_str(GAP);
                taken += width + GAP.len();
                is_first = false;
            }
            self.push_line(&line);
            behind(self, place);
        }
    }

    /// Adds a line that is made printable already.
    fn push_line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
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
        for width in [60, 80, 200] {
            let mut page = Page::new(Layout {
                width,
                ..Layout::default()
            });
            page.hanging("  why  ", &"word ".repeat(50));
            let lines: Vec<&str> = page.text().lines().collect();
            let longest = lines.iter().map(|line| line.chars().count()).max();
            assert!((width - 4..=width).contains(&longest.unwrap()), "{width}");
            assert!(lines[0].starts_with("  why  word"));
            assert!(lines[1].starts_with("       word"));
        }
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
    fn a_row_that_is_wider_than_the_page_goes_on_below_itself() {
        let mut page = Page::new(Layout {
            width: 60,
            ..Layout::default()
        });
        let cells = |letter: &str| [25, 20, 20].map(|count| letter.repeat(count));
        page.table(2, &[cells("a"), cells("b")]);
        let [a, b] = ["a", "b"].map(|letter| {
            let [first, second, third] = cells(letter);
            format!("  {first}  {second}\n      {third}\n")
        });
        assert_eq!(page.text(), a + &b);
    }

    #[test]
    fn a_tone_is_seen_in_colour_alone_and_moves_no_cell() {
        let rows = [
            vec![Piece::new(Tone::Stop, "no"), Piece::plain("x")],
            vec![Piece::plain("long"), Piece::new(Tone::Well, "y")],
        ];
        let page = |has_colours| {
            let mut page = Page::new(Layout {
                has_colours,
                ..Layout::default()
            });
            page.heading("a\u{1b}b");
            page.rows(0, &rows);
            page.text
        };
        assert_eq!(page(false), "a\\u{1b}b\nno    x\nlong  y\n");
        let coloured = page(true);
        assert_eq!(
            coloured,
            "\u{1b}[1ma\\u{1b}b\u{1b}[0m\n\u{1b}[1m\u{1b}[31mno\u{1b}[0m    x\nlong  \u{1b}[1m\u{1b}[32my\u{1b}[0m\n"
        );
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
