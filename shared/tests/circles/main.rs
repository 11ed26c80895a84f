//! No circle of imports between files: whoever reads a file can read all it rests on first.
//!
//! A file imports from another if it names, in a `use` or in a path such as `crate::plan::Plan`, an item that the other
//! defines. Calls of methods are no imports: they need no path.
//!
//! - A re-export is followed to the file that defines the item. So `use super::Plan` imports from `plan.rs` where the parent only
//!   says `pub use plan::Plan`.
//! - `mod child;` and `pub use child::Item` alone are no imports of the child: they say where it is found. A parent imports from its
//!   child if it also uses the item, or brings it in with a private `use`.
//! - A child imports from its parent if it uses an item that the parent itself defines. Parent and child are therefore a circle if
//!   each uses what the other defines. Leave the parent as the facade, and move what both need into a file of its own.
//! - Code under `#[cfg(test)]`, and files that only such code declares, do not count. Nor do the packages in `tests/`.
//!
//! The scanner reads words, not types. It takes a variable for the function of the same name if a module calls both by that name.
//! It does not look into string literals, so a path in `#[serde(with = "…")]` is not seen.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test says what it expects and stops where it is wrong"
)]

mod circle;
mod package;
mod scope;
mod snippets;
mod ties;
mod tokens;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use circle::{Circle, circles, complaints};
use package::Package;
use ties::{Ties, ties};

/// Circles that are put up with: none.
const KNOWN: &[&[&str]] = &[];

#[test]
fn no_file_imports_from_a_file_that_imports_from_it() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut all = Ties::new();
    for package in packages(house) {
        let (ties, undeclared) = ties_of(house, &package);
        assert_eq!(
            undeclared, [""; 0],
            "no module declares these files, so nobody knows what they import"
        );
        all.extend(ties);
    }
    let count: usize = all.values().map(|files| files.len()).sum();
    assert!(
        count > 1000,
        "only {count} imports were found: the scanner overlooks them"
    );

    let known: Vec<Circle> = KNOWN
        .iter()
        .map(|files| files.iter().map(|file| (*file).to_owned()).collect())
        .collect();
    let complaints = complaints(&known, &circles(&all), &all);
    assert!(complaints.is_empty(), "\n\n{}", complaints.join("\n"));
}

#[test]
fn every_package_outside_of_the_tests_is_looked_at() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let packages = packages(house);
    for name in [
        "shared",
        "restore-backend",
        "restore-backend/objects",
        "restore-backend/fenced-lance",
        "restore-backend/two-phase-writer",
        "inspector-wasm",
        "web",
    ] {
        assert!(
            packages.contains(&house.join(name)),
            "{name} in {packages:?}"
        );
    }
}

/// The folders with a `Cargo.toml` and sources, also those inside of other packages.
fn packages(folder: &Path) -> Vec<PathBuf> {
    const LEFT_OUT: [&str; 4] = ["node_modules", "src", "target", "tests"];
    let mut found = Vec::new();
    if folder.join("Cargo.toml").is_file() && folder.join("src").is_dir() {
        found.push(folder.to_owned());
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder && !name.starts_with('.') && !LEFT_OUT.contains(&name.as_str()) {
            found.extend(packages(&entry.path()));
        }
    }
    found
}

/// All imports between the files of a package, and the files that no module declares.
fn ties_of(house: &Path, package: &Path) -> (Ties, Vec<String>) {
    let name = |path: &Path| {
        path.strip_prefix(house)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    let read = |file: &str| std::fs::read_to_string(house.join(file)).ok();
    let source = package.join("src");
    let mut undeclared: BTreeSet<String> =
        rust_files(&source).iter().map(|path| name(path)).collect();
    let mut roots = vec![source.join("lib.rs"), source.join("main.rs")];
    roots.retain(|root| root.is_file());
    if source.join("bin").is_dir() {
        roots.extend(rust_files(&source.join("bin")));
    }
    let mut all = Ties::new();
    for root in roots {
        let package = Package::read(&name(&root), &read).unwrap();
        for module in &package.modules {
            undeclared.remove(&module.file);
        }
        all.extend(ties(&package));
    }
    (all, undeclared.into_iter().collect())
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
