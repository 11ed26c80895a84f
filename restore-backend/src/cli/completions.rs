//! `completions`: a script that completes commands and options in a shell.

use clap::{Args, Command};
use clap_complete::Shell;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::print_text;

/// Print the script that completes commands and options in a shell
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Serialize)]
struct ScriptDocument {
    shell: String,
    script: String,
}

impl Completions {
    /// Prints the script for this program.
    pub(super) fn run(&self, context: &Context, mut program: Command) -> Result<Exit, CliError> {
        let name = program.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, name, &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        if context.json() {
            context.print_document(&ScriptDocument {
                shell: self.shell.to_string(),
                script,
            })?;
        } else {
            print_text(&script)?;
        }
        Ok(Exit::Done)
    }
}
