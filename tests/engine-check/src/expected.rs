//! `expected.json`: of every archive, what the released engine's own recovery makes of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use omnigraph::db::Omnigraph;
use omnigraph::loader::LoadMode;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::lineage::Lineage;
use crate::shape::Shape;
use crate::view::{self, View};
use crate::{library, uri};

const SCHEMA_FILES: [&str; 3] = ["_schema.pg", "_schema.ir.json", "__schema_state.json"];

/// The row that is written and read back once a graph is recovered.
const WITNESS: &str = "Witness";

/// All entries, as they are in the file.
pub struct Expected {
    path: PathBuf,
    entries: Map<String, Value>,
}

impl Expected {
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("expected.json");
        let entries = match path.exists() {
            true => serde_json::from_str(&std::fs::read_to_string(&path)?)
                .with_context(|| format!("cannot read {}", path.display()))?,
            false => Map::new(),
        };
        Ok(Self { path, entries })
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.entries.keys()
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.get(name)
    }

    /// Sets one entry and writes the file, so that what was made is kept if a later shape fails.
    pub fn set(&mut self, name: &str, entry: Value) -> Result<()> {
        self.entries.insert(name.to_owned(), entry);
        let mut text = Vec::new();
        let indent = serde_json::ser::PrettyFormatter::with_indent(b" ");
        self.entries
            .serialize(&mut serde_json::Serializer::with_formatter(
                &mut text, indent,
            ))?;
        std::fs::write(&self.path, text)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Lets the engine recover the graph where it is, and says what came of it. The graph is spent afterwards.
pub async fn entry(shape: &Shape, root: &Path) -> Result<Value> {
    let before = View::of(root).await.context("before the recovery")?;
    let lineage = Lineage::of(root).await?;
    let mut entry = json!({
        "crash": shape.crash,
        "disposition": shape.disposition,
        "visible_rows_before": before.counts(),
        "tables_before": before.tables(),
        "locked_before": before.is_locked,
        "sidecars_before": sidecars(root)?,
        "schema_files_before": schema_files(root)?,
    });
    let opened = Omnigraph::open(&uri(root)).await;
    let after = View::of(root).await.context("after the recovery")?;
    let since = Lineage::of(root).await?;
    let engine = json!({
        "opens": opened.is_ok(),
        "error": opened.as_ref().err().map(|error| without_cargo_home(&error.to_string())),
        "tables": after.tables(),
        "locked": after.is_locked,
        "sidecars_left": names(&sidecars(root)?),
        "schema_files": schema_files(root)?,
        "commits": since.commits_since(&lineage),
        "recoveries": since.recoveries_since(&lineage),
        "writes_again": match &opened {
            Ok(engine) => says(writes_again(engine, root).await),
            Err(_) => json!(false),
        },
    });
    entry["visible_rows_after_recovery"] = after.counts();
    entry["engine"] = engine;
    Ok(entry)
}

/// Writes one row on main, as any writer would, and reads it back.
pub async fn writes_again(engine: &Omnigraph, root: &Path) -> Result<()> {
    let count = async || -> Result<u64> {
        let view = View::of(root).await?;
        let author = view.branches["main"].get("node:Author");
        Ok(author.context("node:Author is not there")?.row_count)
    };
    let before = count().await?;
    engine
        .load("main", &library::author(WITNESS, 2000), LoadMode::Append)
        .await?;
    let after = count().await?;
    anyhow::ensure!(
        after == before + 1,
        "{before} rows before, {after} after one more"
    );
    Ok(())
}

fn says(result: Result<()>) -> Value {
    match result {
        Ok(()) => json!(true),
        Err(error) => json!(without_cargo_home(&format!("{error:#}"))),
    }
}

/// An error of Lance ends in the line of Lance's source that raised it. Whoever compiled Lance has that source in a folder of
/// their own, which says nothing about the engine: `/…/registry/src/{registry}/lance-table-7.1.0/src/io/commit.rs` becomes
/// `lance-table-7.1.0/src/io/commit.rs`.
fn without_cargo_home(error: &str) -> String {
    let words = error.split(' ').map(|word| {
        let below = word.split_once("/registry/src/");
        let source = below.and_then(|(_, below)| below.split_once('/'));
        source.map_or(word, |(_registry, source)| source)
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The sidecars by operation, parsed; their paths are those of the old place.
pub fn sidecars(root: &Path) -> Result<Map<String, Value>> {
    let mut sidecars = Map::new();
    let folder = root.join("__recovery");
    if folder.exists() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path
                .file_stem()
                .map(|name| name.to_string_lossy().into_owned());
            let sidecar = serde_json::from_slice(&std::fs::read(&path)?)
                .with_context(|| format!("cannot read {}", path.display()))?;
            sidecars.insert(name.unwrap_or_default(), sidecar);
        }
    }
    Ok(sidecars)
}

fn names(sidecars: &Map<String, Value>) -> Vec<&String> {
    sidecars.keys().collect()
}

/// The digests of the schema files and of their staged copies, those that are there.
pub fn schema_files(root: &Path) -> Result<Value> {
    let mut files = Map::new();
    for name in SCHEMA_FILES {
        for name in [name.to_owned(), format!("{name}.staging")] {
            let path = root.join(&name);
            if path.exists() {
                let digest = Sha256::digest(std::fs::read(path)?);
                files.insert(name, json!(format!("sha256:{}", view::hex(&digest))));
            }
        }
    }
    Ok(Value::Object(files))
}
