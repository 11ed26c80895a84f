//! Builds the page of Sidecar Inspector: `cargo run -p web -- build`.
//!
//! The result is `web/dist`: a folder that works on any static host, and the table by which the
//! server takes the same files in. Nothing is downloaded and nothing is installed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to the person who runs it"
)]

mod asset;
mod cache;
mod digest;
mod dist;
mod error;
mod inputs;
mod layout;
mod module;
mod optimizer;
mod page;
mod single;
mod size;
mod template;
mod toolchain;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use cache::Cache;
use dist::{Dist, Note};
use error::BuildError;
use layout::Layout;
use module::Glue;
use optimizer::Optimizer;
use page::Page;
use size::Bytes;
use toolchain::Toolchain;

/// The most the module may cost a first visit, after brotli.
const BUDGET: Bytes = Bytes(500_000);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments != ["build"] {
        eprintln!("usage: cargo run -p web -- build");
        return ExitCode::from(2);
    }
    match build() {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("error: {error}");
            let mut source = error.source();
            while let Some(error) = source {
                eprint!(": {error}");
                source = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

/// Builds the page, unless it is there already, and returns the line to print about it.
fn build() -> Result<String, BuildError> {
    let layout = Layout::find()?;
    let toolchain = Toolchain::probe()?;
    let optimizer = Optimizer::find(&layout);
    if optimizer.is_none() {
        eprintln!(
            "warning: no wasm-opt was found, so the page is larger than it need be; install \
             Node.js, then run `npm ci` in web/"
        );
    }

    let optimizing = optimizer.as_ref().map(Optimizer::identity);
    let tools = [&toolchain.identity, optimizing.as_deref().unwrap_or("none")];
    let fingerprint = inputs::fingerprint(&layout, &tools)?;
    let dist = Dist(layout.dist());
    if let Some(note) = dist.note().filter(|note| note.fingerprint == fingerprint) {
        return Ok(note.summary);
    }

    let cache = Cache::open(layout.target.join("cache"))?;
    let raw = module::compile(&layout, &toolchain)?;
    let finished = |glue| {
        let mut built = module::bind(&raw, glue)?;
        if let Some(optimizer) = &optimizer {
            built.wasm = module::optimize(&cache, optimizer, &built.wasm)?;
        }
        let checked = module::loads(&built.wasm)?;
        Ok((built, checked))
    };
    let (for_site, checked) = finished(Glue::Module)?;
    let (for_file, _) = finished(Glue::Script)?;
    if !checked {
        eprintln!("warning: without Node.js, nobody has checked that the module loads");
    }
    let page = Page::assemble(&layout, &cache, for_site)?;
    let single = single::assemble(&layout, &for_file)?;

    // The budget is for the page we ship. A machine without wasm-opt builds a page for itself only.
    let size = Bytes(page.module.br.len());
    if optimizer.is_some() && size > BUDGET {
        return Err(BuildError::OverBudget {
            size,
            budget: BUDGET,
        });
    }
    let note = Note {
        fingerprint,
        summary: summary(&page, optimizer.is_some()),
    };
    dist.write(&page, &single, &note)?;
    cache.prune()?;
    Ok(note.summary)
}

/// The sizes of the page in one line.
fn summary(page: &Page, optimized: bool) -> String {
    let module = &page.module;
    let whole = page.assets().map(|asset| asset.br.len()).sum();
    let budget = if optimized {
        format!("of {BUDGET} allowed")
    } else {
        "without wasm-opt".to_owned()
    };
    format!(
        "web/dist: module {} raw, {} gzip, {} brotli {budget}; whole page {} brotli",
        Bytes(module.raw.len()),
        Bytes(module.gz.len()),
        Bytes(module.br.len()),
        Bytes(whole),
    )
}
