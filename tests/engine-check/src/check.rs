//! Recovers every graph with the product, then has the engine read and write it, and compares with what the engine's own
//! recovery gave.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use omnigraph::db::Omnigraph;
use serde_json::Value;

use crate::expected::{self, Expected};
use crate::product::{Course, Product};
use crate::view::View;
use crate::{archive, uri};

/// One line of the table.
struct Line {
    name: String,
    disposition: String,
    outcome: String,
    rows: String,
    writes: String,
    /// What is wrong, if anything is.
    wrong: Vec<String>,
}

/// Whether everything is as it should be.
pub async fn run(binary: &Path, fixtures: &Path, root: &Path, only: &[String]) -> Result<bool> {
    let expected = Expected::read(fixtures)?;
    let wanted = |name: &&String| only.is_empty() || only.contains(name);
    let mut lines = Vec::new();
    for name in expected.names().filter(wanted) {
        let entry = expected.get(name).context("an entry without a name")?;
        let line = match check(binary, fixtures, root, name, entry).await {
            Ok(line) => line,
            Err(error) => Line::failed(name, &error),
        };
        println!("{}", line.row());
        lines.push(line);
    }
    let wrong: Vec<&Line> = lines.iter().filter(|line| !line.wrong.is_empty()).collect();
    for line in &wrong {
        println!("\n{}:\n  {}", line.name, line.wrong.join("\n  "));
    }
    println!("\n{} graphs, {} wrong", lines.len(), wrong.len());
    Ok(wrong.is_empty())
}

async fn check(
    binary: &Path,
    fixtures: &Path,
    root: &Path,
    name: &str,
    entry: &Value,
) -> Result<Line> {
    let place = Place::of(fixtures, root, name)?;
    let graph = place.graph();
    let product = Product {
        binary: binary.to_owned(),
        graph: graph.clone(),
        written_at: root.join(name),
    };
    let course = Course::run(&product)?;
    let mut line = Line::of(name, &course);
    if entry["disposition"] != line.disposition.as_str() {
        let expected = &entry["disposition"];
        line.wrong.push(format!(
            "the disposition is {}, not {expected}",
            line.disposition
        ));
    }
    if !course.left.is_empty() {
        // Left for a person to look at: nothing may have changed.
        line.compare(
            &entry["visible_rows_before"],
            &entry["tables_before"],
            &graph,
        )
        .await?;
        return Ok(line);
    }
    // The console rolls back a write that the engine cannot recover at all: the rows are those from before.
    let after = match entry["engine"]["opens"] == false {
        true => (&entry["visible_rows_before"], &entry["tables_before"]),
        false => (
            &entry["visible_rows_after_recovery"],
            &entry["engine"]["tables"],
        ),
    };
    let opened = Omnigraph::open(&uri(&graph)).await;
    line.compare(after.0, after.1, &graph).await?;
    let written = match &opened {
        Ok(engine) => expected::writes_again(engine, &graph).await,
        Err(error) => Err(anyhow::anyhow!(
            "the engine does not open the graph: {error}"
        )),
    };
    line.writes = if written.is_ok() { "yes" } else { "no" }.to_owned();
    // Where the product had nothing to do, the engine's refusal is not its fault.
    if let Err(error) = written
        && course.disposition.is_some()
    {
        line.wrong.push(format!("no more writes: {error:#}"));
    }
    Ok(line)
}

impl Line {
    fn of(name: &str, course: &Course) -> Self {
        let mut outcome = course.outcomes.clone();
        outcome.extend(course.left.iter().cloned());
        Self {
            name: name.to_owned(),
            disposition: course.disposition.clone().unwrap_or_else(|| "none".into()),
            outcome: outcome.join(", "),
            rows: "-".into(),
            writes: "-".into(),
            wrong: Vec::new(),
        }
    }

    fn failed(name: &str, error: &anyhow::Error) -> Self {
        let mut line = Self::of(name, &Course::default());
        line.disposition = "?".into();
        line.wrong.push(format!("{error:#}"));
        line
    }

    /// Counts for every entry; digests too for those that have them.
    async fn compare(&mut self, counts: &Value, tables: &Value, graph: &Path) -> Result<()> {
        let view = View::of(graph).await?;
        let seen = match tables {
            Value::Null => (view.counts(), counts.clone()),
            tables => (view.digests(), digests(tables)),
        };
        let is_equal = seen.0 == seen.1;
        self.rows = if is_equal { "equal" } else { "differ" }.to_owned();
        if !is_equal {
            self.wrong
                .push(format!("the rows are {}, not {counts}", view.counts()));
            self.wrong
                .push(format!("digests {}, not {}", seen.0, seen.1));
        }
        Ok(())
    }

    fn row(&self) -> String {
        let verdict = if self.wrong.is_empty() { "" } else { " WRONG" };
        format!(
            "| {} | {} | {} | {} | {} |{verdict}",
            self.name, self.disposition, self.outcome, self.rows, self.writes
        )
    }
}

fn digests(tables: &Value) -> Value {
    let branches = tables
        .as_object()
        .into_iter()
        .flatten()
        .map(|(branch, tables)| {
            let tables = tables.as_object().into_iter().flatten();
            let tables = tables.map(|(key, table)| (key.clone(), table["digest"].clone()));
            (branch.clone(), Value::Object(tables.collect()))
        });
    Value::Object(branches.collect())
}

/// A graph where it was written: branches, and tables that were cloned, name that place.
struct Place(PathBuf);

impl Place {
    fn of(fixtures: &Path, root: &Path, name: &str) -> Result<Self> {
        let archive = fixtures.join(format!("{name}.tar.gz"));
        let graph = root.join(name);
        if graph.exists() {
            std::fs::remove_dir_all(&graph)?;
        }
        std::fs::create_dir_all(root)
            .and_then(|()| archive::unpack(&archive, root).map_err(std::io::Error::other))
            .with_context(|| format!("the graph must be at {}", graph.display()))?;
        Ok(Self(graph))
    }

    fn graph(&self) -> PathBuf {
        self.0.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
