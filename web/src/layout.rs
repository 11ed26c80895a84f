//! Where the sources are and where results go.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::BuildError;

/// The folders of one build.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The workspace.
    pub root: PathBuf,
    /// Everything made for wasm. Apart from the native target folder, so that the two builds
    /// neither wait for each other's lock nor mix artifacts of two compilers.
    pub target: PathBuf,
}

impl Layout {
    /// Finds the workspace this program was started in.
    pub fn find() -> Result<Self, BuildError> {
        let current = env::current_dir().map_err(|_| BuildError::NoWorkspace)?;
        // Read when the program runs, not when it is compiled: several checkouts may share one
        // target folder, and with it this very binary.
        let start = env::var_os("CARGO_MANIFEST_DIR").map_or(current.clone(), PathBuf::from);
        let root = start
            .ancestors()
            .find(|folder| folder.join("web/index.html").is_file())
            .ok_or(BuildError::NoWorkspace)?
            .to_owned();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) if !folder.is_empty() => current.join(folder),
            _ => root.join("target"),
        };
        Ok(Self {
            root,
            target: target.join("wasm"),
        })
    }

    /// The sources of the page itself.
    pub fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// The finished page.
    pub fn dist(&self) -> PathBuf {
        self.root.join("web/dist")
    }

    /// A path as the workspace knows it.
    pub fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}
