//! No circle of imports between files: whoever reads a file can read all it rests on first.
//!
//! A file imports from another if it names, in a `use` or in a path such as `crate::error_text::text`, an item that the other
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

/// The circles that are still there. This list may only become shorter. To see every import of a circle, take it off the list and
/// run the test.
const KNOWN: &[&[&str]] = &[
    &[
        "restore-backend/src/cli.rs",
        "restore-backend/src/cli/apply.rs",
        "restore-backend/src/cli/approve.rs",
        "restore-backend/src/cli/audit.rs",
        "restore-backend/src/cli/context.rs",
        "restore-backend/src/cli/demo.rs",
        "restore-backend/src/cli/dismiss.rs",
        "restore-backend/src/cli/end.rs",
        "restore-backend/src/cli/error.rs",
        "restore-backend/src/cli/inspect.rs",
        "restore-backend/src/cli/list.rs",
        "restore-backend/src/cli/plan.rs",
        "restore-backend/src/cli/revoke.rs",
        "restore-backend/src/cli/serve.rs",
        "restore-backend/src/cli/signals.rs",
        "restore-backend/src/cli/undo.rs",
    ],
    &[
        "restore-backend/src/execute.rs",
        "restore-backend/src/execute/closing.rs",
        "restore-backend/src/execute/execution.rs",
        "restore-backend/src/execute/progress.rs",
        "restore-backend/src/execute/report.rs",
        "restore-backend/src/service.rs",
        "restore-backend/src/service/approving.rs",
        "restore-backend/src/service/follow_up.rs",
        "restore-backend/src/service/in_force.rs",
        "restore-backend/src/service/planning.rs",
    ],
    &[
        "restore-backend/src/execute/effects.rs",
        "restore-backend/src/execute/effects/catalog.rs",
        "restore-backend/src/execute/effects/lineage.rs",
        "restore-backend/src/execute/effects/schema.rs",
        "restore-backend/src/execute/effects/table.rs",
    ],
    &[
        "restore-backend/src/http/console.rs",
        "restore-backend/src/http/executions.rs",
        "restore-backend/src/http/guard.rs",
        "restore-backend/src/http/login.rs",
        "restore-backend/src/http/session.rs",
    ],
    &[
        "restore-backend/src/journal_store.rs",
        "restore-backend/src/journal_store/open.rs",
        "restore-backend/src/journal_store/reading.rs",
    ],
    &[
        "restore-backend/src/lance_room.rs",
        "restore-backend/src/lance_room/base_paths.rs",
        "restore-backend/src/lance_room/catalog.rs",
        "restore-backend/src/lance_room/head.rs",
        "restore-backend/src/lance_room/memory.rs",
        "restore-backend/src/lance_room/root_uri.rs",
        "restore-backend/src/lance_room/session.rs",
        "restore-backend/src/lance_room/version_file.rs",
    ],
    &[
        "restore-backend/src/lance_room/commit.rs",
        "restore-backend/src/lance_room/table_write.rs",
    ],
    &[
        "restore-backend/src/lance_room/lineage.rs",
        "restore-backend/src/lance_room/lineage/rows.rs",
    ],
    &[
        "restore-backend/src/observe.rs",
        "restore-backend/src/observe/evidence.rs",
        "restore-backend/src/observe/failed.rs",
        "restore-backend/src/observe/merge.rs",
        "restore-backend/src/observe/recorded.rs",
        "restore-backend/src/observe/row_counts.rs",
        "restore-backend/src/observe/schema.rs",
        "restore-backend/src/pending.rs",
        "restore-backend/src/pending/gathered.rs",
        "restore-backend/src/pending/journals.rs",
        "restore-backend/src/service/error.rs",
    ],
    &[
        "restore-backend/src/store/confined.rs",
        "restore-backend/src/store/confined/upload.rs",
    ],
    &[
        "restore-backend/src/two_phase_writer.rs",
        "restore-backend/src/two_phase_writer/late_commit.rs",
        "restore-backend/src/two_phase_writer/prepared.rs",
    ],
];

#[test]
fn no_file_imports_from_a_file_that_imports_from_it_except_in_the_known_circles() {
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
    for name in ["shared", "restore-backend", "inspector-wasm", "web"] {
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
