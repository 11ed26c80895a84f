//! From the `inspector-wasm` package to a finished module: compile, bind, optimise, check.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use wasm_bindgen_cli_support::Bindgen;

use crate::cache::Cache;
use crate::error::BuildError;
use crate::layout::Layout;
use crate::optimizer::Optimizer;
use crate::toolchain::{TARGET, Toolchain};

const PROFILE: &str = "wasm-release";

/// A WebAssembly module and the JavaScript that loads it.
#[derive(Debug)]
pub struct Module {
    /// The glue that wasm-bindgen wrote.
    pub js: String,
    /// The module.
    pub wasm: Vec<u8>,
}

/// How a page takes the glue in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glue {
    /// As a JavaScript module: the page on a server.
    Module,
    /// As a classic script: the page in one file, which browsers allow no modules when it is
    /// opened from disk.
    Script,
}

/// Compiles the page's package and returns the path of the raw module.
pub fn compile(layout: &Layout, toolchain: &Toolchain) -> Result<PathBuf, BuildError> {
    let mut cargo = toolchain.cargo();
    cargo
        .current_dir(&layout.root)
        .args(["build", "--locked", "--package", "inspector-wasm"])
        .args(["--profile", PROFILE, "--target", TARGET, "--target-dir"])
        .arg(&layout.target);
    run(cargo)?;
    Ok(layout
        .target
        .join(TARGET)
        .join(PROFILE)
        .join("inspector_wasm.wasm"))
}

/// Writes the glue for a raw module, and takes out of the module what only binding needed.
pub fn bind(raw: &Path, glue: Glue) -> Result<Module, BuildError> {
    let bind = || {
        let mut bindgen = Bindgen::new();
        bindgen
            .input_path(raw)
            .out_name("inspector")
            .typescript(false)
            .remove_name_section(true)
            .remove_producers_section(true);
        match glue {
            Glue::Module => bindgen.web(true)?,
            Glue::Script => bindgen.no_modules(true)?,
        };
        bindgen.generate_output()
    };
    let mut output = bind().map_err(|error| BuildError::Bind(error.into()))?;
    let brought = output
        .snippets()
        .iter()
        .filter_map(|(name, files)| (!files.is_empty()).then_some(name))
        .chain(output.local_modules().keys())
        .chain(output.npm_dependencies().keys());
    if let Some(name) = brought.min() {
        return Err(BuildError::Snippets(name.clone()));
    }
    Ok(Module {
        js: output.js().to_owned(),
        wasm: output.wasm_mut().emit_wasm(),
    })
}

/// Makes a module smaller, or gives back the result for the same module from before.
pub fn optimize(cache: &Cache, optimizer: &Optimizer, wasm: &[u8]) -> Result<Vec<u8>, BuildError> {
    cache.get_or_make(
        &[b"wasm-opt", optimizer.identity().as_bytes(), wasm],
        || {
            let scratch = scratch()?;
            let input = scratch.path().join("bound.wasm");
            let output = scratch.path().join("optimized.wasm");
            fs::write(&input, wasm).map_err(BuildError::file("write", &input))?;
            run(optimizer.command(&input, &output))?;
            fs::read(&output).map_err(BuildError::file("read", &output))
        },
    )
}

/// Has a JavaScript engine compile the module, since an optimiser can write one that no browser
/// takes. `Ok(false)` when there is no engine to ask.
pub fn loads(wasm: &[u8]) -> Result<bool, BuildError> {
    const COMPILE: &str = "new WebAssembly.Module(require('fs').readFileSync(process.argv[1]))";
    let scratch = scratch()?;
    let file = scratch.path().join("finished.wasm");
    fs::write(&file, wasm).map_err(BuildError::file("write", &file))?;
    let Ok(output) = Command::new("node")
        .args(["-e", COMPILE])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
    else {
        return Ok(false);
    };
    if output.status.success() {
        return Ok(true);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let reason = said
        .lines()
        .find(|line| line.contains("Error"))
        .unwrap_or("node refused it");
    Err(BuildError::Unloadable(reason.to_owned()))
}

/// A folder for files that pass between programs, gone when it is let go of.
fn scratch() -> Result<TempDir, BuildError> {
    tempfile::tempdir().map_err(BuildError::file("make a folder in", env::temp_dir()))
}

/// Runs a program with our own output, and takes anything but success as a failure.
fn run(mut command: Command) -> Result<(), BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|source| BuildError::Start {
        program: program.clone(),
        source,
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(BuildError::Program { program, status })
    }
}
