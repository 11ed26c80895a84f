//! Which cargo and rustc can compile for wasm on this machine.
//!
//! A toolchain with the `wasm32-unknown-unknown` target is used as it is. Where that target cannot
//! be had, a compiler that comes with the sources of the standard library builds the library too:
//! Debian packages one as `rustc-web`, `cargo-web` and `rust-web-src`, and `rust-src` is such a
//! component of rustup. Nothing is installed here; that is `bootstrap.sh`'s work.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::BuildError;

/// The one target of the page.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Settings meant for a native build, or for one particular toolchain, which would follow cargo
/// into the wasm build.
const NOT_FOR_WASM: [&str; 6] = [
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "__CARGO_DEFAULT_LIB_METADATA",
];

/// A cargo that compiles for wasm, and the environment it needs to do so.
#[derive(Debug)]
pub struct Toolchain {
    cargo: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    removed: Vec<&'static str>,
    /// The compiler's description of itself, by which a change of compiler is noticed.
    pub identity: String,
}

impl Toolchain {
    /// Looks for a toolchain, best first.
    pub fn probe() -> Result<Self, BuildError> {
        let active = Rustc(env::var_os("RUSTC").map_or("rustc".into(), PathBuf::from));
        let cargo = env::var_os("CARGO").map_or("cargo".into(), PathBuf::from);

        if active.has_target() {
            return Ok(Self {
                identity: active.identity(),
                cargo,
                environment: vec![("RUSTC", active.0.into())],
                removed: vec![],
            });
        }
        if active.has_library_sources() {
            return Ok(Self {
                identity: active.identity(),
                cargo,
                environment: build_std(&active, &[&active])?,
                removed: vec![],
            });
        }
        let packaged = Rustc("/usr/bin/rustc".into());
        if packaged.has_library_sources() && Path::new("/usr/bin/cargo").is_file() {
            return Ok(Self {
                identity: packaged.identity(),
                cargo: "/usr/bin/cargo".into(),
                environment: build_std(&packaged, &[&packaged, &active])?,
                removed: vec!["RUSTUP_TOOLCHAIN"],
            });
        }
        Err(BuildError::NoWasmTarget)
    }

    /// A cargo command that has only the environment a wasm build should see.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(&self.cargo);
        for name in NOT_FOR_WASM.iter().chain(&self.removed) {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The environment in which cargo builds the standard library along with everything else. Both
/// settings belong to an unstable feature, hence the bootstrap switch.
fn build_std(
    rustc: &Rustc,
    with_linkers: &[&Rustc],
) -> Result<Vec<(&'static str, OsString)>, BuildError> {
    let linker = wasm_linker(with_linkers).ok_or(BuildError::NoWasmLinker)?;
    Ok(vec![
        ("RUSTC", rustc.0.clone().into()),
        ("RUSTC_BOOTSTRAP", "1".into()),
        ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort".into()),
        ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.into()),
    ])
}

/// A compiler, by name or path.
#[derive(Debug)]
struct Rustc(PathBuf);

impl Rustc {
    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new(&self.0)
            .args(arguments)
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    }

    fn identity(&self) -> String {
        self.ask(&["-vV"]).unwrap_or_default()
    }

    fn has_target(&self) -> bool {
        self.ask(&["--print", "target-libdir", "--target", TARGET])
            .and_then(|folder| fs::read_dir(folder).ok())
            .is_some_and(|entries| {
                entries.flatten().any(|entry| {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    name.starts_with("libcore-") && name.ends_with(".rlib")
                })
            })
    }

    fn sysroot(&self) -> Option<PathBuf> {
        self.ask(&["--print", "sysroot"]).map(PathBuf::from)
    }

    fn has_library_sources(&self) -> bool {
        self.sysroot().is_some_and(|sysroot| {
            sysroot
                .join("lib/rustlib/src/rust/library/std/Cargo.toml")
                .is_file()
        })
    }

    /// The linker that rustup ships with each toolchain.
    fn bundled_linker(&self) -> Option<PathBuf> {
        let host = self
            .identity()
            .lines()
            .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))?;
        let linker = self
            .sysroot()?
            .join("lib/rustlib")
            .join(host)
            .join("bin/rust-lld");
        linker.is_file().then_some(linker)
    }
}

/// A linker for wasm: one that came with a compiler, or LLVM's own from the search path, whose
/// name may end in its version.
fn wasm_linker(compilers: &[&Rustc]) -> Option<PathBuf> {
    compilers
        .iter()
        .find_map(|rustc| rustc.bundled_linker())
        .or_else(|| {
            let path = env::var_os("PATH")?;
            env::split_paths(&path)
                .filter_map(|folder| fs::read_dir(folder).ok())
                .flat_map(|entries| entries.flatten())
                .find(|entry| {
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    name == "wasm-ld" || name.starts_with("wasm-ld-")
                })
                .map(|entry| entry.path())
        })
}
