//! The sources and tools that the page depends on, so that a build without news does nothing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::error::BuildError;
use crate::layout::Layout;

/// Everything the page is made from.
const SOURCES: [&str; 5] = [
    "Cargo.toml",
    "Cargo.lock",
    "shared",
    "inspector-wasm",
    "web",
];

/// Folders beside sources that never reach the page.
const NOT_SOURCES: [&str; 6] = [
    "benches",
    "dist",
    "examples",
    "node_modules",
    "target",
    "tests",
];

/// A digest of every source and of the tools that work on them.
pub fn fingerprint(layout: &Layout, tools: &[&str]) -> Result<String, BuildError> {
    let mut digest = Digest::default();
    for tool in tools {
        digest.add(tool.as_bytes());
    }
    for source in SOURCES {
        for file in files(&layout.root.join(source))? {
            let content = fs::read(&file).map_err(BuildError::file("read", &file))?;
            digest.add(layout.relative(&file).as_os_str().as_encoded_bytes());
            digest.add(&content);
        }
    }
    Ok(digest.finish())
}

/// The page's own style sheets, joined in the order of their names.
pub fn styles(layout: &Layout) -> Result<Vec<u8>, BuildError> {
    let folder = layout.web().join("styles");
    let mut joined = Vec::new();
    if !folder.is_dir() {
        return Ok(joined);
    }
    for file in files(&folder)? {
        if file.extension().is_some_and(|extension| extension == "css") {
            joined.extend(fs::read(&file).map_err(BuildError::file("read", &file))?);
            joined.push(b'\n');
        }
    }
    Ok(joined)
}

/// A file, or every source file below a folder, in the order of their paths.
fn files(path: &Path) -> Result<Vec<PathBuf>, BuildError> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(BuildError::file("list", path))? {
        let entry = entry.map_err(BuildError::file("list", path))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && !NOT_SOURCES.contains(&&*name) {
            found.extend(files(&entry.path())?);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{SOURCES, fingerprint, styles};
    use crate::layout::Layout;

    fn workspace() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        for source in SOURCES {
            if source.contains('.') {
                fs::write(root.join(source), source).unwrap();
            } else {
                fs::create_dir_all(root.join(source).join("src")).unwrap();
            }
        }
        let target = root.join("target");
        (folder, Layout { root, target })
    }

    #[test]
    fn only_sources_and_tools_change_the_fingerprint() {
        let (_folder, layout) = workspace();
        let at = |path: &str, content: &str| {
            let path = layout.root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
            fingerprint(&layout, &["rustc 1"]).unwrap()
        };
        let first = at("web/styles/a.css", "a{}");
        assert_eq!(first, at("web/dist/index.html", "made"));
        assert_eq!(first, at("shared/tests/t.rs", "test"));
        assert_ne!(first, at("web/styles/a.css", "b{}"));
        assert_ne!(first, fingerprint(&layout, &["rustc 2"]).unwrap());
    }

    #[test]
    fn style_sheets_are_joined_by_name() {
        let (_folder, layout) = workspace();
        assert_eq!(styles(&layout).unwrap(), b"");
        let folder = layout.web().join("styles");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("20-b.css"), "b{}").unwrap();
        fs::write(folder.join("10-a.css"), "a{}").unwrap();
        fs::write(folder.join("notes.txt"), "no").unwrap();
        assert_eq!(styles(&layout).unwrap(), b"a{}\nb{}\n");
    }
}
