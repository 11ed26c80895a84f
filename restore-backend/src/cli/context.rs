//! What every subcommand is given: the global options, and the way to the terminal.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use sidecar::Digest;

use super::arguments::Global;
use super::error::CliError;
use super::page::{Page, printable_json, shell_word};
use crate::root::{MIN_AGE_DEFAULT, Root, RootOptions};

#[derive(Debug)]
pub(super) struct Context {
    json: bool,
    relocated_from: Option<String>,
    min_age: Duration,
}

impl Context {
    pub(super) fn new(global: Global) -> Self {
        let Global {
            json,
            relocated_from,
            min_age,
        } = global;
        Self {
            json,
            relocated_from,
            min_age,
        }
    }

    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn relocated_from(&self) -> Option<&str> {
        self.relocated_from.as_deref()
    }

    /// The options that say which root this is, and what is executable there.
    fn root_options(&self) -> String {
        let mut options = String::new();
        if let Some(old_root) = &self.relocated_from {
            options.push_str(&format!(" --relocated-from {}", shell_word(old_root)));
        }
        if self.min_age != MIN_AGE_DEFAULT {
            let min_age = humantime::format_duration(self.min_age).to_string();
            options.push_str(&format!(
                " --min-age {}",
                shell_word(&min_age.replace(' ', ""))
            ));
        }
        options
    }

    /// A plan to look at next.
    pub(super) fn write_plan_command(
        &self,
        page: &mut Page,
        root: &str,
        operation: &str,
        rest: &str,
    ) {
        let options = self.root_options();
        page.line(&format!(
            "sidecar-inspector plan {} {operation}{options}{rest}",
            shell_word(root)
        ));
    }

    /// A command to type next, in lines that can be copied: the digest fills one by itself. The options that say which root
    /// this is, and what is executable there, go with it.
    pub(super) fn write_command(
        &self,
        page: &mut Page,
        command: &str,
        root: &str,
        operation: &str,
        digest: Digest,
        rest: &str,
    ) {
        let mut options = self.root_options();
        options.push_str(rest);
        page.line(&format!(
            "sidecar-inspector {command} {} {operation} --digest \\",
            shell_word(root)
        ));
        page.line(&format!(
            "  {digest}{}",
            if options.is_empty() { "" } else { " \\" }
        ));
        if !options.is_empty() {
            page.line(&format!(" {options}"));
        }
    }

    /// Opens a root. A store without sidecars has nothing pending, but a folder that is not there is a mistake.
    pub(super) async fn open(&self, uri: &str) -> Result<Root, CliError> {
        let options = RootOptions {
            relocated_from: self.relocated_from.clone(),
            min_age: self.min_age,
            ..RootOptions::default()
        };
        let root = Box::pin(Root::open(uri, options)).await?;
        if let Some(path) = root.directory()
            && !tokio::fs::metadata(&path)
                .await
                .is_ok_and(|found| found.is_dir())
        {
            return Err(CliError::RootMissing { path });
        }
        Ok(root)
    }

    /// Prints the answer: the document with `--json`, else the page.
    pub(super) fn print<T: Serialize>(
        &self,
        document: &T,
        page: impl FnOnce(&mut Page),
    ) -> Result<(), CliError> {
        if self.json {
            return self.print_document(document);
        }
        self.print_page(page)
    }

    /// Prints a page, or a part of one.
    pub(super) fn print_page(&self, page: impl FnOnce(&mut Page)) -> Result<(), CliError> {
        let mut written = Page::default();
        page(&mut written);
        print_text(written.text())
    }

    pub(super) fn print_document<T: Serialize>(&self, document: &T) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(document).map_err(CliError::Encode)?;
        print_text(&format!("{}\n", printable_json(&text)))
    }

    /// Tells the person at the terminal something that is not the answer.
    pub(super) fn note(&self, text: &str) {
        note(text);
    }
}

/// Tells the person at the terminal something that is not the answer.
pub(super) fn note(text: &str) {
    let mut note = Page::default();
    note.line(text);
    // Nobody is there to be told that nobody reads it.
    io::stderr().write_all(note.text().as_bytes()).ok();
}

/// Prints text that is an answer, or a part of one.
pub(super) fn print_text(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(CliError::Output),
    }
}
