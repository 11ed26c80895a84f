//! Makes the crashed graphs and their expectations.

use std::path::Path;

use anyhow::{Context, Result, bail};
use omnigraph::db::Omnigraph;
use omnigraph::loader::LoadMode;

use crate::expected::{self, Expected};
use crate::shape::Shape;
use crate::{archive, library, shapes, strike, uri};

/// Makes the shapes that `wanted` names, or all that have no entry yet: archives that are there stay as they are.
pub async fn run(out: &Path, root: &Path, wanted: &[String]) -> Result<()> {
    std::fs::create_dir_all(out)?;
    let mut expected = Expected::read(out)?;
    let mut failed = Vec::new();
    for shape in shapes::all() {
        let is_wanted = match wanted {
            [] => expected.get(shape.name).is_none(),
            names => names.iter().any(|name| name == shape.name),
        };
        if is_wanted && let Err(error) = make(&shape, out, root, &mut expected).await {
            println!("{}: cannot be made: {error:#}", shape.name);
            failed.push(shape.name);
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!("not made: {}", failed.join(", ")),
    }
}

async fn make(shape: &Shape, out: &Path, root: &Path, expected: &mut Expected) -> Result<()> {
    println!("{}", shape.name);
    let graph = root.join(shape.name);
    if graph.exists() {
        std::fs::remove_dir_all(&graph)?;
    }
    std::fs::create_dir_all(&graph)
        .with_context(|| format!("cannot create {}", graph.display()))?;
    crash(shape, &graph).await?;
    let archive = out.join(format!("{}.tar.gz", shape.name));
    archive::pack(&graph, shape.name, &archive)?;
    let entry = expected::entry(shape, &graph).await;
    std::fs::remove_dir_all(&graph)?;
    match entry {
        Ok(entry) => expected.set(shape.name, entry),
        Err(error) => {
            // An archive without its expectation is none.
            std::fs::remove_file(&archive)?;
            Err(error)
        }
    }
}

async fn crash(shape: &Shape, graph: &Path) -> Result<()> {
    let engine = Omnigraph::init(&uri(graph), library::SCHEMA).await?;
    engine
        .load("main", &library::seed(), LoadMode::Append)
        .await?;
    for step in &shape.prepare {
        step.take(&engine, graph).await.context("preparing")?;
    }
    // Opened before the crash, or opening it would recover it.
    let engine = Omnigraph::open(&uri(graph)).await?;
    if shape.strike.is_some() {
        let (shape, graph) = (shape.clone(), graph.to_owned());
        tokio::task::spawn_blocking(move || strike::launch(&shape, 0, &graph)).await??;
    }
    for step in &shape.after {
        step.take(&engine, graph).await.context("afterwards")?;
    }
    Ok(())
}
