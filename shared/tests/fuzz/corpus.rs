//! Inputs that are kept: from real writers and real runs, hostile ones made by hand, and those that once failed.

use std::fs;
use std::path::{Path, PathBuf};

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(target)
}

/// Every file of a target's folder by name, in the same order everywhere.
pub(crate) fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Puts an input that failed where `cargo clean` removes it, and says where it belongs.
pub(crate) fn save(target: &str, bytes: &[u8]) -> String {
    let name = format!("{target}-{}", bytes.len());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match fs::write(&path, bytes) {
        Ok(()) => format!(
            "the input is in {}; once it is understood, copy it to {} under a name that says what it is",
            path.display(),
            folder(target).display()
        ),
        Err(error) => format!("the input could not be kept ({error}): {bytes:?}"),
    }
}

/// A file made by this build: frozen as the goldens are, since a stale one would no longer get past the parser.
#[track_caller]
pub(crate) fn check_made(target: &str, name: &str, made: &[u8]) {
    let path = folder(target).join(name);
    if std::env::var_os("REGENERATE_GOLDEN").is_some() {
        fs::write(path, made).unwrap();
    } else {
        let kept = fs::read(&path).unwrap_or_default();
        assert!(
            kept == made,
            "{} is not what this build makes",
            path.display()
        );
    }
}
