//! The rules of the house that a compiler does not check.

use std::path::{Path, PathBuf};

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// Code without comments, so that prose may name what code may not.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn only_the_lance_room_uses_lance() {
    let backend = house().join("restore-backend/src");
    let room = backend.join("lance_room");
    for (path, text) in sources(&backend) {
        if path.starts_with(&room) || path == backend.join("lance_room.rs") {
            continue;
        }
        for word in [
            "lance::",
            "lance_core::",
            "lance_io::",
            "lance_table::",
            "lance_index::",
            "lance_select::",
            "arrow_array::",
            "arrow_schema::",
        ] {
            let uses = code(&text)
                .any(|line| line.split(word).count() > 1 && !line.contains(&format!("_{word}")));
            assert!(!uses, "{} uses {word}", path.display());
        }
    }
}

#[test]
fn the_page_fetches_and_touches_the_browser_only_in_its_services_and_hooks() {
    let ui = house().join("inspector-wasm/src");
    for (path, text) in sources(&ui) {
        if path.starts_with(ui.join("services")) {
            continue;
        }
        assert!(
            !code(&text).any(|line| line.contains("fetch_with") || line.contains("XmlHttpRequest")),
            "{} talks to a server",
            path.display()
        );
    }
}

#[test]
fn no_verdict_is_made_outside_shared() {
    for room in ["restore-backend/src", "inspector-wasm/src", "web/src"] {
        for (path, text) in sources(&house().join(room)) {
            for word in ["classify_table(", "classify_table_for(", " decide("] {
                assert!(
                    !code(&text).any(|line| line.contains(word)),
                    "{} has a second opinion: {word}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_top_level_is_the_house_and_nothing_else() {
    let output = std::process::Command::new("git")
        .arg("-C")
        .arg(house())
        .args(["ls-tree", "--name-only", "-d", "HEAD"])
        .output();
    // A source archive has no history; there the rule was checked before it was made.
    let Ok(output) = output else { return };
    let folders: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|name| !name.starts_with('.'))
        .map(str::to_owned)
        .collect();
    for folder in folders {
        assert!(
            [
                "shared",
                "inspector-wasm",
                "restore-backend",
                "web",
                "tests"
            ]
            .contains(&folder.as_str()),
            "{folder}/"
        );
    }
}
