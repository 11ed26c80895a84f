//! The two ways to the terminal: the answer on standard output, and what is said beside it on standard error.

use std::io::{self, Write};

use super::error::CliError;
use super::page::Page;

/// Writes to standard error: for the person at the terminal, and no part of the answer.
pub(super) fn note(text: &str) {
    let mut note = Page::default();
    note.line(text);
    // If standard error is closed too, there is nowhere left to report the failure.
    io::stderr().write_all(note.text().as_bytes()).ok();
}

/// Prints text that is an answer, or a part of one.
pub(super) fn print_text(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        // The reader closed the pipe, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(CliError::Output),
    }
}
