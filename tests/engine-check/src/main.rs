//! Crashed graphs of the released engine: makes them, and checks that ours recovers them to what that engine itself makes visible.

// The futures of omnigraph 0.8.0 nest deeper than the default.
#![recursion_limit = "256"]
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "it is a program that prints what it found"
)]

mod archive;
mod check;
mod expected;
mod library;
mod lineage;
mod make;
mod product;
mod shape;
mod shapes;
mod step;
mod strike;
mod table;
mod view;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Where the graphs of the fixtures were written: their sidecars and branches name it.
const ROOT: &str = "/srv/graphs";

#[derive(Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make crashed graphs, one archive each, and what the engine's own recovery makes of them
    MakeFixtures {
        out: PathBuf,
        /// Where the graphs are written
        #[arg(long, default_value = ROOT)]
        root: PathBuf,
        /// Only these shapes, made anew; otherwise all that are not there yet
        #[arg(long)]
        only: Vec<String>,
    },
    /// Recover every graph with the product and compare it with what the engine's own recovery gave
    Check {
        #[arg(long)]
        binary: PathBuf,
        #[arg(long)]
        fixtures: PathBuf,
        /// Where the graphs were written
        #[arg(long, default_value = ROOT)]
        root: PathBuf,
        #[arg(long)]
        only: Vec<String>,
    },
    /// A write that is to be struck down: a process of its own
    #[command(hide = true)]
    Strike {
        name: String,
        #[arg(long)]
        depth: usize,
        #[arg(long)]
        graph: PathBuf,
    },
}

/// A path as the engine and Lance take it.
fn uri(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<bool> {
    match command {
        Command::MakeFixtures { out, root, only } => {
            make::run(&out, &root, &only).await?;
            Ok(true)
        }
        Command::Check {
            binary,
            fixtures,
            root,
            only,
        } => check::run(&binary, &fixtures, &root, &only).await,
        Command::Strike { name, depth, graph } => {
            let shapes = shapes::all();
            let shape = shapes.iter().find(|shape| shape.name == name);
            let shape = shape.with_context(|| format!("no shape {name}"))?;
            strike::suffer(shape, depth, &graph).await?;
            Ok(true)
        }
    }
}
