//! The program `sidecar-inspector`: the console, the command line, and the demo.

use std::process::ExitCode;

fn main() -> ExitCode {
    restore_backend::cli::main()
}
