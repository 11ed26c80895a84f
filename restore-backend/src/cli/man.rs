//! `man`: manual pages, made from the arguments.

use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use serde::Serialize;
use sidecar::text::scrubbed;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::print_text;

/// Print the manual page of the program or of one command, or write all of them into a folder
#[derive(Debug, Args)]
pub(super) struct Manual {
    /// The command; the program itself without it
    #[arg(conflicts_with = "dir")]
    command: Option<String>,
    /// The folder to write every page into, as sidecar-inspector.1 and sidecar-inspector-COMMAND.1
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct PagesDocument {
    pages: Vec<ManualPage>,
}

#[derive(Debug, Serialize)]
struct ManualPage {
    /// The name of its file.
    file: String,
    /// Its source, for `man`.
    source: String,
}

impl Manual {
    /// Prints or writes the pages of this program.
    pub(super) fn run(&self, context: &Context, program: Command) -> Result<Exit, CliError> {
        // Pages for `help` would say nothing.
        let mut command = program.disable_help_subcommand(true);
        // Names the subcommands in full, and hands the options of all commands down to each.
        command.build();
        let pages = match (&self.command, &self.dir) {
            (Some(name), _) => vec![page(find(&command, name)?)?],
            (None, None) => vec![page(&command)?],
            (None, Some(_)) => {
                let commands = std::iter::once(&command).chain(command.get_subcommands());
                commands.map(page).collect::<Result<_, _>>()?
            }
        };
        if let Some(folder) = &self.dir {
            pages.iter().try_for_each(|page| write(folder, page))?;
        }
        if context.json() {
            context.print_document(&PagesDocument { pages })?;
        } else if self.dir.is_none() {
            pages.iter().try_for_each(|page| print_text(&page.source))?;
        }
        Ok(Exit::Done)
    }
}

fn find<'a>(command: &'a Command, name: &str) -> Result<&'a Command, CliError> {
    let unknown = || {
        let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        CliError::Usage(format!(
            "there is no command {name:?}; the commands are {}",
            names.join(", ")
        ))
    };
    command.find_subcommand(name).ok_or_else(unknown)
}

fn page(command: &Command) -> Result<ManualPage, CliError> {
    let man = Man::new(command.clone());
    let mut source = Vec::new();
    man.render(&mut source).map_err(CliError::Output)?;
    Ok(ManualPage {
        file: man.get_filename(),
        source: String::from_utf8_lossy(&source).into_owned(),
    })
}

fn write(folder: &Path, page: &ManualPage) -> Result<(), CliError> {
    let path = folder.join(&page.file);
    std::fs::write(&path, &page.source).map_err(|source| CliError::ManualPage {
        path: scrubbed(&path.display().to_string()),
        source,
    })
}
