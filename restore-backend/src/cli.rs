//! The command line: one subcommand per file, each of which reads its arguments, calls the service, and prints the answer.
//!
//! With `--json`, standard output carries one JSON document and nothing else, also for a failure. Without, it carries plain text
//! for people. Logs and failures for people go to standard error. Exit codes: 0 done, 1 failed, also where storage did not answer in
//! time, 2 usage, 3 refused or conflict, 4 something is pending and `--fail-if-pending` was given, or
//! `doctor` found something that stands in the way.

mod apply;
mod approve;
mod arguments;
mod audit;
mod completions;
mod context;
mod demo;
mod dismiss;
mod doctor;
mod drain;
mod end;
mod error;
mod exit;
mod inspect;
mod list;
mod man;
mod names;
mod output;
mod page;
mod plan;
mod revoke;
mod rows;
mod serve;
mod signals;
#[cfg(test)]
mod stuck;
mod terminal;
mod tone;
mod undo;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

use arguments::{Global, one_code_each};
use context::Context;
use error::{CliError, ErrorDocument};
use exit::Exit;

/// Stack of the runtime's threads. Unoptimised builds keep the state of Lance's deeply nested reads on it.
const STACK_BYTES: usize = 8 << 20;

/// How long to wait for threads that still work when the command has ended.
const THREADS_WAIT_MAX: Duration = Duration::from_secs(2);

/// Finds out what an interrupted write left behind, and finishes or undoes it, once somebody approved.
#[derive(Debug, Parser)]
#[command(name = "sidecar-inspector", version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    List(list::List),
    Plan(plan::Plan),
    Rows(rows::Rows),
    Approve(approve::Approve),
    Revoke(revoke::Revoke),
    Apply(apply::Apply),
    End(end::End),
    Undo(undo::Undo),
    Dismiss(dismiss::Dismiss),
    Release(undo::Release),
    Audit(audit::Audit),
    Doctor(doctor::Doctor),
    Drain(drain::Drain),
    Inspect(inspect::Inspect),
    Completions(completions::Completions),
    Man(man::Manual),
}

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let given = one_code_each(std::env::args_os().collect());
    let exit = match Arguments::try_parse_from(&given) {
        Ok(arguments) => run(arguments),
        Err(error) => explain_usage(&error, &given),
    };
    ExitCode::from(exit as u8)
}

fn run(arguments: Arguments) -> Exit {
    log_to_stderr();
    std::panic::set_hook(Box::new(log_panic));
    let context = Context::new(arguments.global);
    let result = match runtime() {
        Ok(runtime) => {
            let result = runtime.block_on(dispatch(&context, arguments.command));
            // Dropping the runtime would wait for threads that wait for a file system that does not answer.
            runtime.shutdown_timeout(THREADS_WAIT_MAX);
            result
        }
        Err(error) => Err(CliError::Runtime(error)),
    };
    match result {
        Ok(exit) => exit,
        Err(error) => {
            if context.json() {
                context.print_document(&ErrorDocument::of(&error)).ok();
            } else {
                context.note(&format!("error: {}", error.text()));
            }
            error.exit()
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
}

async fn dispatch(context: &Context, command: Command) -> Result<Exit, CliError> {
    if !matches!(command, Command::Serve(_)) {
        context.check_one_former_place()?;
    }
    match command {
        Command::Demo(demo) => Box::pin(demo.run(context)).await,
        Command::Serve(serve) => Box::pin(serve.run(context)).await,
        Command::List(list) => Box::pin(list.run(context)).await,
        Command::Plan(plan) => Box::pin(plan.run(context)).await,
        Command::Rows(rows) => Box::pin(rows.run(context)).await,
        Command::Approve(approve) => Box::pin(approve.run(context)).await,
        Command::End(end) => Box::pin(end.run(context)).await,
        Command::Apply(apply) => Box::pin(apply.run(context)).await,
        Command::Revoke(revoke) => Box::pin(revoke.run(context)).await,
        Command::Undo(undo) => Box::pin(undo.run(context)).await,
        Command::Dismiss(dismiss) => Box::pin(dismiss.run(context)).await,
        Command::Release(release) => Box::pin(release.run(context)).await,
        Command::Audit(audit) => Box::pin(audit.run(context)).await,
        Command::Doctor(doctor) => Box::pin(doctor.run(context)).await,
        Command::Drain(drain) => Box::pin(drain.run(context)).await,
        Command::Inspect(inspect) => inspect.run(context),
        Command::Completions(completions) => completions.run(context, Arguments::command()),
        Command::Man(man) => man.run(context, Arguments::command()),
    }
}

/// Prints help where it was asked for, else what is wrong with the arguments. `--json` may stand among arguments that could
/// not be parsed.
fn explain_usage(error: &clap::Error, given: &[OsString]) -> Exit {
    if !error.use_stderr() {
        error.print().ok();
        return Exit::Done;
    }
    if given.iter().any(|argument| argument == "--json") {
        let document = ErrorDocument::usage(error.render().to_string().trim_end());
        if let Ok(text) = serde_json::to_string_pretty(&document) {
            writeln!(io::stdout(), "{text}").ok();
        }
    } else {
        error.print().ok();
    }
    Exit::Usage
}

/// Logs a panic with file and line. The folders before the file name are left out: they say on whose machine it was built.
fn log_panic(info: &PanicHookInfo<'_>) {
    let words = info.payload_as_str().unwrap_or("it said nothing");
    let place = info.location().map_or_else(String::new, |location| {
        let file = location
            .file()
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or_default();
        format!("{file}:{}", location.line())
    });
    let words = sidecar::text::scrubbed(words);
    tracing::error!(place, words, "internal error: the program panicked");
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,restore_backend=info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    // This fails only where a log is set up already. That log is then used.
    subscriber.try_init().ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_or_after_the_subcommand() {
        for line in [
            "x --json --min-age 0s list /r",
            "x list --min-age 0s /r --json",
        ] {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert!(arguments.global.json, "{line}");
            assert!(arguments.global.min_age.is_zero(), "{line}");
        }
    }
}
