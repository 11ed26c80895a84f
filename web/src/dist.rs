//! The folder of the finished page: the files themselves, their compressed forms beside them, the
//! table by which the server takes them in, and a note of what they were made from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::asset::Asset;
use crate::error::BuildError;
use crate::page::Page;
use crate::single;

/// The table of assets, a Rust expression.
const TABLE: &str = "assets.rs";

/// The note. Hidden, so that it does not look like a part of the page.
const NOTE: &str = ".built";

/// The folder of the finished page.
#[derive(Debug)]
pub struct Dist(pub PathBuf);

/// The sources that a finished page was made from, and its sizes.
#[derive(Debug, PartialEq, Eq)]
pub struct Note {
    /// The fingerprint of its sources and tools.
    pub fingerprint: String,
    /// Its sizes, in one line.
    pub summary: String,
}

impl Dist {
    /// The note of the page that is there, if all of that page is there.
    pub fn note(&self) -> Option<Note> {
        let text = fs::read_to_string(self.0.join(NOTE)).ok()?;
        let mut lines = text.lines().map(str::to_owned);
        let note = Note {
            fingerprint: lines.next()?,
            summary: lines.next()?,
        };
        lines
            .all(|name| self.0.join(name).is_file())
            .then_some(note)
    }

    /// Writes a page in place of the one that was there. A file that stays the same is not
    /// touched, so that nothing is compiled again for it.
    pub fn write(&self, page: &Page, single: &str, note: &Note) -> Result<(), BuildError> {
        fs::create_dir_all(&self.0).map_err(BuildError::file("make", &self.0))?;
        let stale = self.0.join(NOTE);
        if stale.exists() {
            fs::remove_file(&stale).map_err(BuildError::file("remove", &stale))?;
        }

        let table = table(page.served());
        let mut files = BTreeMap::from([
            (TABLE.to_owned(), table.as_bytes()),
            (single::NAME.to_owned(), single.as_bytes()),
        ]);
        for asset in page.assets() {
            files.insert(asset.name.clone(), &asset.raw);
            for (name, content) in asset.compressed() {
                files.insert(name, content);
            }
        }
        for (name, content) in &files {
            let path = self.0.join(name);
            if fs::read(&path).is_ok_and(|there| there == *content) {
                continue;
            }
            fs::write(&path, content).map_err(BuildError::file("write", &path))?;
        }

        let entries = fs::read_dir(&self.0).map_err(BuildError::file("list", &self.0))?;
        for entry in entries.flatten() {
            let known = entry
                .file_name()
                .to_str()
                .is_some_and(|name| files.contains_key(name));
            if !known {
                let path = entry.path();
                fs::remove_file(&path).map_err(BuildError::file("remove", &path))?;
            }
        }

        // The note comes last: with it, the page is whole.
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        let text = format!(
            "{}\n{}\n{}\n",
            note.fingerprint,
            note.summary,
            names.join("\n")
        );
        fs::write(&stale, text).map_err(BuildError::file("write", &stale))
    }
}

/// The expression that the server includes.
fn table<'a>(assets: impl Iterator<Item = &'a Asset>) -> String {
    let mut text = String::from("// Written by `cargo run -p web -- build`.\n&[\n");
    for asset in assets {
        let compressed: BTreeMap<_, _> = asset.compressed().collect();
        let sibling = |extension| {
            let name = format!("{}.{extension}", asset.name);
            if compressed.contains_key(&name) {
                format!("Some(include_bytes!({name:?}))")
            } else {
                "None".to_owned()
            }
        };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "    Asset {{\n        name: {:?},\n        mime: {:?},\n        tag: {:?},\n        \
             immutable: {},\n        raw: include_bytes!({:?}),\n        br: {},\n        \
             gz: {},\n    }},\n",
            asset.name,
            asset.mime,
            asset.tag,
            asset.immutable,
            asset.name,
            sibling("br"),
            sibling("gz"),
        );
    }
    text.push_str("]\n");
    text
}
