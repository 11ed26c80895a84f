//! Puts the files of the page together.

use std::fs;
use std::iter;

use crate::asset::{Asset, Naming};
use crate::cache::Cache;
use crate::error::BuildError;
use crate::inputs;
use crate::layout::Layout;
use crate::module::Module;
use crate::template::fill;

/// The finished page. Its files refer to each other by relative names alone, so it works under
/// any address.
#[derive(Debug)]
pub struct Page {
    /// The WebAssembly module.
    pub module: Asset,
    /// Files that a static host and our server both give out.
    shared: Vec<Asset>,
    /// Files that only a static host gives out.
    hosted: Vec<Asset>,
    /// The index that only our server gives out.
    served: Asset,
}

impl Page {
    /// Names, fills in and compresses every file around a finished module.
    pub fn assemble(layout: &Layout, cache: &Cache, built: Module) -> Result<Self, BuildError> {
        let source = |name: &str| {
            let path = layout.web().join(name);
            fs::read_to_string(&path).map_err(BuildError::file("read", path))
        };
        let hashed = |name: &str, raw| Asset::new(cache, name, Naming::Hashed, raw);

        let icon = hashed("icon.svg", source("icon.svg")?.into_bytes())?;
        let style = hashed("style.css", inputs::styles(layout)?)?;
        let module = hashed("inspector.wasm", built.wasm)?;
        let glue = hashed("inspector.js", built.js.into_bytes())?;
        let boot = fill(
            "boot.js",
            &source("boot.js")?,
            &[("glue", &glue.name), ("module", &module.name)],
        )?;
        let boot = hashed("boot.js", boot.into_bytes())?;
        let index = |name: &str, host: &str| {
            let filled = fill(
                "index.html",
                &source("index.html")?,
                &[
                    ("host", host),
                    ("icon", &icon.name),
                    ("style", &style.name),
                    ("glue", &glue.name),
                    ("module", &module.name),
                    ("boot", &boot.name),
                ],
            )?;
            Asset::new(cache, name, Naming::Fixed, filled.into_bytes())
        };
        let served = index("served.html", "server")?;
        let index = index("index.html", "static")?;

        let kept = [&icon, &style, &module, &glue, &boot];
        let files: Vec<String> = kept
            .iter()
            .map(|asset| format!("\"{}\"", asset.name))
            .collect();
        let worker = fill(
            "sw.js",
            &source("sw.js")?,
            &[("files", &files.join(", ")), ("version", &index.tag)],
        )?;
        let worker = Asset::new(cache, "sw.js", Naming::Fixed, worker.into_bytes())?;

        Ok(Self {
            module,
            shared: vec![glue, boot, style, icon],
            hosted: vec![index, worker],
            served,
        })
    }

    /// Every file of the page.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.served().chain(&self.hosted)
    }

    /// Those that our server gives out. It has no service worker: one would stay in the browser for whatever program has
    /// the server's address next.
    pub fn served(&self) -> impl Iterator<Item = &Asset> {
        iter::once(&self.module)
            .chain(&self.shared)
            .chain(iter::once(&self.served))
    }
}
