//! The verdict crate does no input or output, knows no clock and no randomness, and is not asynchronous.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};

fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => rust_files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn it_depends_on_these_five_crates_alone() {
    let manifest = std::fs::read_to_string(crate_root().join("Cargo.toml")).unwrap();
    let dependencies: Vec<&str> = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| {
            line.split(['=', '.', ' '])
                .next()
                .filter(|name| !name.is_empty())
        })
        .collect();
    assert_eq!(
        dependencies,
        ["base64", "serde", "serde_json", "sha2", "thiserror"]
    );
    let sections: Vec<&str> = manifest
        .lines()
        .filter(|line| line.starts_with('['))
        .collect();
    assert!(
        sections.iter().all(|section| [
            "[package]",
            "[lib]",
            "[dependencies]",
            "[dev-dependencies]",
            "[lints]"
        ]
        .contains(section)),
        "{sections:?}"
    );
}

#[test]
fn no_source_file_reaches_outside() {
    const FORBIDDEN: [&str; 20] = [
        "std::fs",
        "std::net",
        "std::env",
        "std::io",
        "std::process",
        "std::thread",
        "SystemTime",
        "Instant",
        "HashMap",
        "HashSet",
        "RandomState",
        "thread_rng",
        "async fn",
        "async move",
        ".await",
        "tokio",
        "println!",
        "eprintln!",
        "web_sys",
        "unsafe ",
    ];
    let files = rust_files(&crate_root().join("src"));
    assert!(files.len() > 15, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (index, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            let found = FORBIDDEN.iter().find(|word| line.contains(**word));
            assert!(
                found.is_none(),
                "{}:{}: {}",
                file.display(),
                index + 1,
                found.unwrap_or(&"")
            );
        }
        assert!(
            text.starts_with("//! "),
            "{} opens with one sentence on what it holds",
            file.display()
        );
    }
}
