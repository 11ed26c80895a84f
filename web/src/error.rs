//! Everything that can stop the page from being built, each with what to do about it.

use std::path::PathBuf;
use std::process::ExitStatus;

use crate::size::Bytes;

/// Why the page was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The program was started outside the workspace.
    #[error("the workspace was not found; run this as `cargo run -p web -- build`")]
    NoWorkspace,

    /// Neither a prebuilt standard library for wasm nor the sources to build one are there.
    #[error(
        "Rust cannot compile for wasm32-unknown-unknown here; run `rustup target add \
         wasm32-unknown-unknown`, or on Debian `apt-get install rustc-web cargo-web rust-web-src`"
    )]
    NoWasmTarget,

    /// The compiler is there, but nothing that links wasm.
    #[error("no linker for wasm was found; install one, on Debian with `apt-get install lld`")]
    NoWasmLinker,

    /// A file or folder could not be read or written.
    #[error("could not {action} {path}")]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },

    /// A program could not be started.
    #[error("could not start {program}")]
    Start {
        /// The program's name or path.
        program: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },

    /// A program ran and failed; it has said why on its own.
    #[error("{program} failed ({status})")]
    Program {
        /// The program's name or path.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },

    /// The module could not be bound to JavaScript.
    #[error("wasm-bindgen could not bind the module")]
    Bind(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// A dependency wants to add JavaScript files of its own.
    #[error("a dependency brings JavaScript of its own, which the page does not take in: {0}")]
    Snippets(String),

    /// The finished module is refused by a JavaScript engine.
    #[error("the finished module does not load: {0}")]
    Unloadable(String),

    /// A page template and the program disagree about a placeholder.
    #[error("{file}: placeholder {{{{{name}}}}} is {problem}")]
    Placeholder {
        /// The template.
        file: &'static str,
        /// The placeholder's name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// The module has outgrown what a first visit may cost.
    #[error("the module is {size} after brotli, over its budget of {budget}")]
    OverBudget {
        /// The module's size after brotli.
        size: Bytes,
        /// The most it may be.
        budget: Bytes,
    },
}

impl BuildError {
    /// Wraps an error of the file system with the file it happened to.
    pub fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}
