//! What the terminal behind standard output can show: how wide a line may be, and colours.

use std::io::{self, IsTerminal};

/// Lines of a terminal, or of a program that reads the output, as long as nothing says otherwise.
const WIDTH_DEFAULT: usize = 80;
/// Narrower, tables and labels leave no room for words; wider, lines are hard to follow with the eye.
const WIDTH_MIN: usize = 60;
const WIDTH_MAX: usize = 200;

/// How a page is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Characters of a line.
    pub(super) width: usize,
    /// Whether colours may be used.
    pub(super) has_colours: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            width: WIDTH_DEFAULT,
            has_colours: false,
        }
    }
}

impl Layout {
    /// That of standard output.
    pub(super) fn of_stdout() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let variable = |name: &str| std::env::var(name).ok();
        let measured = is_terminal
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| usize::from(width.0));
        Self::of(is_terminal, measured, variable)
    }

    /// The layout for a terminal, or for a program that reads the output, with these variables of the environment.
    fn of(
        is_terminal: bool,
        measured: Option<usize>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        // `COLUMNS` is how a person says it where a terminal does not tell, or is not there.
        let said = set("COLUMNS").and_then(|columns| columns.parse().ok());
        let width: usize = said.or(measured).unwrap_or(WIDTH_DEFAULT);
        let is_forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let is_dumb = set("TERM").is_some_and(|term| term == "dumb");
        Self {
            width: width.clamp(WIDTH_MIN, WIDTH_MAX),
            has_colours: set("NO_COLOR").is_none() && (is_forced || (is_terminal && !is_dumb)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(is_terminal: bool, measured: Option<usize>, variables: &[(&str, &str)]) -> Layout {
        Layout::of(is_terminal, measured, |name| {
            let mut variables = variables.iter();
            variables
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_width_is_that_of_the_terminal_within_bounds() {
        for (measured, columns, wanted) in [
            (None, None, 80),
            (Some(100), None, 100),
            (Some(40), None, 60),
            (Some(400), None, 200),
            (Some(100), Some("120"), 120),
            (None, Some("66"), 66),
            (None, Some("0"), 60),
            (Some(100), Some("wide"), 100),
            (Some(100), Some(""), 100),
        ] {
            let variables: Vec<(&str, &str)> = columns
                .map(|columns| ("COLUMNS", columns))
                .into_iter()
                .collect();
            let found = layout(measured.is_some(), measured, &variables);
            assert_eq!(found.width, wanted, "{measured:?} {columns:?}");
        }
    }

    #[test]
    fn colours_are_for_terminals_unless_somebody_says_otherwise() {
        for (is_terminal, variables, wanted) in [
            (true, &[][..], true),
            (false, &[], false),
            (true, &[("NO_COLOR", "1")], false),
            (true, &[("NO_COLOR", "")], true),
            (true, &[("TERM", "dumb")], false),
            (true, &[("TERM", "xterm")], true),
            (false, &[("CLICOLOR_FORCE", "1")], true),
            (false, &[("CLICOLOR_FORCE", "0")], false),
            (false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        ] {
            let found = layout(is_terminal, None, variables);
            assert_eq!(found.has_colours, wanted, "{is_terminal} {variables:?}");
        }
    }
}
