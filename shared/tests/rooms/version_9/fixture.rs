//! The sidecars that omnigraph 0.9.0 left behind, by the graph they were in.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sidecar::Limits;
use sidecar::version_9::{Sidecar9, parse};

/// One file of one graph.
pub(super) struct Fixture {
    pub(super) graph: String,
    pub(super) file: String,
    pub(super) bytes: Vec<u8>,
}

impl Fixture {
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.graph, self.file)
    }

    pub(super) fn value(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    #[track_caller]
    pub(super) fn parsed(&self) -> Sidecar9 {
        parse(&self.file, &self.bytes, &Limits::DEFAULT)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }

    /// The same file with something else in it.
    pub(super) fn with(&self, change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut value = self.value();
        change(&mut value);
        value.to_string().into_bytes()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/omnigraph-0.9.0")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Every file that a reader of sidecars would look at.
pub(super) fn all() -> Vec<Fixture> {
    let graphs = names(&folder()).into_iter();
    let mut all = Vec::new();
    for graph in graphs.filter(|name| folder().join(name).is_dir()) {
        let files = names(&folder().join(&graph)).into_iter();
        for file in files.filter(|file| file.ends_with(".json")) {
            all.push(Fixture {
                bytes: fs::read(folder().join(&graph).join(&file)).unwrap(),
                graph: graph.clone(),
                file,
            });
        }
    }
    all
}

/// Those that are whole.
pub(super) fn readable() -> Vec<Fixture> {
    let cut_short = "v9-sidecar-truncated";
    all()
        .into_iter()
        .filter(|fixture| fixture.graph != cut_short)
        .collect()
}

/// The one file of that graph.
#[track_caller]
pub(super) fn of(graph: &str) -> Fixture {
    let mut found = all().into_iter().filter(|fixture| fixture.graph == graph);
    let fixture = found.next().unwrap_or_else(|| panic!("no {graph}"));
    assert!(found.next().is_none(), "{graph} has one file");
    fixture
}

/// What the maker of the graphs read off each sidecar, by graph: without this program.
pub(super) fn expected() -> Value {
    serde_json::from_slice(&fs::read(folder().join("sidecars.json")).unwrap()).unwrap()
}
