//! The columns of a list. What does not fit the line of a recovery stands in words below it.

use sidecar::api::RecoverySummary;
use sidecar::{Branch, age_text};

use super::arranged::progress_words;
use crate::cli::page::{Page, Piece};
use crate::cli::tone::{self, Tone};

/// Where the words below a line begin.
const INDENT: &str = "    ";
/// Between two columns.
const GAP: usize = 2;
/// Characters that are worth a column of tables.
const TABLES_MIN: usize = 24;

/// What is told of a recovery, each with its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Operation,
    Disposition,
    State,
    Moved,
    Age,
    Actor,
    Kind,
    Branch,
    Tables,
}

impl Column {
    const ALL: [Self; 9] = [
        Self::Operation,
        Self::Disposition,
        Self::State,
        Self::Moved,
        Self::Age,
        Self::Actor,
        Self::Kind,
        Self::Branch,
        Self::Tables,
    ];

    const fn header(self) -> &'static str {
        match self {
            Self::Operation => "OPERATION",
            Self::Disposition => "DISPOSITION",
            Self::State => "STATE",
            Self::Moved => "MOVED",
            Self::Age => "AGE",
            Self::Actor => "ACTOR",
            Self::Kind => "KIND",
            Self::Branch => "BRANCH",
            Self::Tables => "TABLES",
        }
    }

    /// What it says of a recovery; `None` if nothing is known.
    fn text(self, recovery: &RecoverySummary) -> Option<String> {
        let refused = recovery.refused.is_some();
        match self {
            Self::Operation => {
                let operation = recovery.operation_id.as_ref();
                Some(operation.unwrap_or(&recovery.file).clone())
            }
            Self::Disposition => Some(recovery.disposition.name().to_owned()),
            Self::State => state(recovery),
            Self::Moved if refused => None,
            Self::Moved => Some(format!(
                "{}/{}",
                recovery.tables_moved, recovery.tables_total
            )),
            Self::Age => recovery.age_seconds.map(age_text),
            Self::Actor => recovery.actor_id.clone(),
            Self::Kind => recovery.writer_kind.clone(),
            // Of a file that tells no kind of write nobody knows that it is of main.
            Self::Branch => recovery
                .writer_kind
                .as_ref()
                .map(|_| Branch::of(recovery.branch.as_deref()).text().to_owned()),
            Self::Tables => {
                let tables = tables(recovery, usize::MAX);
                (!tables.is_empty()).then_some(tables)
            }
        }
    }

    /// The same as a part of a sentence.
    fn words(self, text: String) -> String {
        match self {
            Self::Moved => format!("{text} moved"),
            Self::Age => format!("{text} old"),
            Self::Actor => format!("by {text}"),
            Self::Branch => format!("on {text}"),
            Self::Operation | Self::Disposition | Self::State | Self::Kind | Self::Tables => text,
        }
    }
}

fn state(recovery: &RecoverySummary) -> Option<String> {
    let progress = progress_words(recovery.progress);
    let state: Vec<&str> = progress
        .into_iter()
        .chain(recovery.may_be_running.then_some("may be running"))
        .collect();
    (!state.is_empty()).then(|| state.join(", "))
}

/// The tables of a recovery in so many characters; how many are left out stands behind them.
fn tables(recovery: &RecoverySummary, width: usize) -> String {
    let keys = &recovery.table_keys;
    for count in (1..=keys.len()).rev() {
        let mut text = keys[..count].join(", ");
        let left_out = recovery.tables_total.saturating_sub(count);
        if left_out > 0 {
            text.push_str(&format!(" +{left_out}"));
        }
        if count == 1 || text.chars().count() <= width {
            return text;
        }
    }
    String::new()
}

/// Writes one line for each recovery, as far as its columns fit the page, and the rest below it.
pub(super) fn write(page: &mut Page, recoveries: &[RecoverySummary]) {
    let text = |column: Column, recovery: &RecoverySummary| column.text(recovery);
    let told: Vec<Column> = Column::ALL
        .into_iter()
        .filter(|column| recoveries.iter().any(|it| text(*column, it).is_some()))
        .collect();
    let shown = &told[..fitting(page, &told, recoveries)];
    let tables_width = page.width().saturating_sub(taken(
        shown.iter().filter(|column| **column != Column::Tables),
        recoveries,
    ));
    let cell = |column: Column, recovery: &RecoverySummary| {
        let tone = match column {
            Column::Disposition => tone::of_disposition(recovery.disposition),
            Column::State => Tone::Calm,
            _ => Tone::Plain,
        };
        let text = match column {
            Column::Tables => Some(tables(recovery, tables_width)),
            column => text(column, recovery),
        };
        let text = text.filter(|text| !text.is_empty());
        Piece::new(tone, text.unwrap_or_else(|| "-".to_owned()))
    };
    let header = |column: &Column| Piece::new(Tone::Heading, column.header());
    let mut rows = vec![shown.iter().map(header).collect::<Vec<Piece>>()];
    rows.extend(recoveries.iter().map(|recovery| {
        let cells = shown.iter().map(|column| cell(*column, recovery));
        cells.collect()
    }));
    let below = |recovery: &RecoverySummary| {
        let rest = told[shown.len()..].iter();
        let words = rest.filter_map(|column| Some(column.words(text(*column, recovery)?)));
        words.collect::<Vec<String>>().join(", ")
    };
    page.rows_with(0, &rows, |page, row| {
        let recovery = row.checked_sub(1).and_then(|place| recoveries.get(place));
        let words = recovery.map(below).unwrap_or_default();
        if !words.is_empty() {
            page.hanging(INDENT, &words);
        }
    });
}

/// How many of the columns fit a line. Tables may be cut short.
fn fitting(page: &Page, told: &[Column], recoveries: &[RecoverySummary]) -> usize {
    let fits = |count: &usize| {
        let columns = told[..*count].iter();
        let full = columns.clone().filter(|column| **column != Column::Tables);
        let has_tables = columns.clone().any(|column| *column == Column::Tables);
        let width = taken(full, recoveries);
        if has_tables {
            width + TABLES_MIN <= page.width()
        } else {
            width <= page.width() + GAP
        }
    };
    // The operation and what became of it stay together, however narrow the page is.
    (1..=told.len())
        .rev()
        .find(fits)
        .unwrap_or_default()
        .max(told.len().min(2))
}

/// Characters that these columns take, with the gap behind each.
fn taken<'a>(columns: impl Iterator<Item = &'a Column>, recoveries: &[RecoverySummary]) -> usize {
    let width = |column: &Column| {
        let texts = recoveries
            .iter()
            .filter_map(|recovery| column.text(recovery));
        let widest = texts.map(|text| text.chars().count()).max();
        widest.unwrap_or_default().max(column.header().len()) + GAP
    };
    columns.map(width).sum()
}

#[cfg(test)]
pub(super) mod tests {
    use sidecar::Disposition;
    use sidecar::api::Progress;

    use super::*;
    use crate::cli::terminal::Layout;

    pub(crate) fn recovery(
        file: &str,
        disposition: Disposition,
        actor: Option<&str>,
    ) -> RecoverySummary {
        RecoverySummary {
            operation_id: Some(format!("01M8125E20G3JA88BS9CEJEX{file:.2}")),
            file: file.to_owned(),
            schema_version: Some(1),
            writer_kind: Some("Mutation".to_owned()),
            branch: None,
            actor_id: actor.map(str::to_owned),
            started_at: None,
            age_seconds: Some(3_600),
            disposition,
            tables_total: 2,
            tables_moved: 1,
            refused: None,
            progress: Progress::Open,
            may_be_running: false,
            table_keys: vec!["node:Author".to_owned(), "edge:Wrote".to_owned()],
        }
    }

    fn page(width: usize, recoveries: &[RecoverySummary]) -> String {
        let mut page = Page::new(Layout {
            width,
            ..Layout::default()
        });
        write(&mut page, recoveries);
        page.text().to_owned()
    }

    fn recoveries() -> [RecoverySummary; 2] {
        let mut young = recovery("B1.json", Disposition::NeverStarted, None);
        young.age_seconds = Some(60);
        young.may_be_running = true;
        young.progress = Progress::Approved;
        young.tables_total = 19;
        [
            recovery("A1.json", Disposition::RollBack, Some("ada")),
            young,
        ]
    }

    #[test]
    fn a_wide_page_has_a_line_for_each_with_all_of_it() {
        let text = page(200, &recoveries());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        for word in ["ACTOR", "BRANCH", "TABLES", "STATE", "AGE"] {
            assert!(lines[0].contains(word), "{text}");
        }
        for word in ["roll_back", "1/2", "1 h", "ada", "Mutation", "main"] {
            assert!(lines[1].contains(word), "{word}: {text}");
        }
        assert!(lines[1].ends_with("node:Author, edge:Wrote"), "{text}");
        assert!(lines[2].contains("approved, may be running"), "{text}");
        assert!(lines[2].ends_with("node:Author, edge:Wrote +17"), "{text}");
    }

    #[test]
    fn a_narrow_page_says_the_same_below_each_line_and_no_line_is_too_long() {
        for width in [60, 80, 100, 120, 140] {
            let text = page(width, &recoveries());
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{width}: {text}");
            }
            for word in [
                "roll_back",
                "ada",
                "Mutation",
                "main",
                "may be running",
                "node:Author",
            ] {
                assert!(text.contains(word), "{width}, {word}: {text}");
            }
        }
        let narrow = page(60, &recoveries());
        assert!(
            narrow.contains("\n    1/2 moved, 1 h 0 min old, by ada, Mutation, on main,\n    node:Author, edge:Wrote\n"),
            "{narrow}"
        );
    }

    #[test]
    fn nothing_is_said_of_the_branch_of_a_file_that_is_no_sidecar() {
        let mut refused = recovery("A1.json", Disposition::Refused, None);
        refused.writer_kind = None;
        refused.table_keys = Vec::new();
        let text = page(200, &[refused]);
        assert!(!text.contains("main") && !text.contains("BRANCH"), "{text}");
    }
}
