//! The wasm-opt of this machine, if it has one.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::layout::Layout;

/// The options of wasm-opt.
///
/// The features that rustc's output may use are named one by one: `--all-features` lets wasm-opt write encodings that browsers
/// refuse. Two passes are left out, because the size after brotli counts: with inlining and shared subexpressions, functions made
/// from one generic function stop resembling each other, and a module that is smaller by 4 % compresses worse by 10 %.
const FLAGS: [&str; 13] = [
    "-Oz",
    "--skip-pass=inlining-optimizing",
    "--skip-pass=local-cse",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--strip-debug",
    "--strip-producers",
];

/// The oldest wasm-opt that reads what wasm-bindgen writes and knows every flag above.
const OLDEST: u32 = 123;

/// A wasm-opt that can be run.
#[derive(Debug)]
pub struct Optimizer {
    program: OsString,
    script: Option<PathBuf>,
    version: String,
}

impl Optimizer {
    /// Looks in `WASM_OPT`, then among the page's own npm packages, then on the search path.
    pub fn find(layout: &Layout) -> Option<Self> {
        let script = layout.web().join("node_modules/binaryen/bin/wasm-opt");
        let named = env::var_os("WASM_OPT").filter(|program| !program.is_empty());
        let candidates = [
            named.map(|program| (program, None)),
            script.is_file().then(|| ("node".into(), Some(script))),
            Some(("wasm-opt".into(), None)),
        ];
        candidates
            .into_iter()
            .flatten()
            .find_map(|(program, script)| {
                let version = version(&program, script.as_deref())?;
                Some(Self {
                    program,
                    script,
                    version,
                })
            })
    }

    /// The command that reads `input` and writes a smaller `output`.
    pub fn command(&self, input: &Path, output: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.script).args(FLAGS);
        command.arg(input).arg("-o").arg(output);
        command
    }

    /// Everything a result depends on besides the module that goes in.
    pub fn identity(&self) -> String {
        format!("{} {}", self.version, FLAGS.join(" "))
    }
}

/// The version of a wasm-opt, if it is one and is young enough. The npm package takes a second to
/// start and says its version in a file, so it is not asked.
fn version(program: &OsString, script: Option<&Path>) -> Option<String> {
    if let Some(script) = script {
        runs(program).then_some(())?;
        let manifest = script.parent()?.parent()?.join("package.json");
        return fs::read_to_string(manifest)
            .ok()?
            .lines()
            .find(|line| line.contains("\"version\""))
            .map(|line| line.trim().to_owned());
    }
    let output = Command::new(program)
        .arg("--version")
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (number(&text)? >= OLDEST).then(|| text.trim().to_owned())
}

fn runs(program: &OsString) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The number in `wasm-opt version 132 (version_132)`.
fn number(text: &str) -> Option<u32> {
    text.split_whitespace()
        .find_map(|word| word.parse::<u32>().ok())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn the_version_is_read_from_what_wasm_opt_says() {
        assert_eq!(number("wasm-opt version 132 (version_132)\n"), Some(132));
        assert_eq!(number("wasm-opt version 108\n"), Some(108));
        assert_eq!(number("something else"), None);
    }
}
