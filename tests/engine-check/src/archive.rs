//! Graphs as `{name}.tar.gz`.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

pub fn pack(graph: &Path, name: &str, archive: &Path) -> Result<()> {
    let file =
        File::create(archive).with_context(|| format!("cannot create {}", archive.display()))?;
    let mut builder = tar::Builder::new(GzEncoder::new(file, Compression::best()));
    builder.mode(tar::HeaderMode::Deterministic);
    builder.append_dir_all(name, graph)?;
    builder.into_inner()?.finish()?;
    Ok(())
}

pub fn unpack(archive: &Path, into: &Path) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
    tar::Archive::new(GzDecoder::new(file)).unpack(into)?;
    Ok(())
}
