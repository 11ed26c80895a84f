//! Where a table's dataset is, and how its storage is made to fail.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The table's dataset, relative to the root: the engine names folders after the FNV-1a hash of the type.
pub fn location(key: &str) -> String {
    let (kind, name) = key.split_once(':').unwrap_or(("node", key));
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{kind}s/{hash:016x}")
}

/// The folder of the dataset, or of one of its Lance branches.
pub fn folder(root: &Path, key: &str, branch: Option<&str>) -> PathBuf {
    let dataset = root.join(location(key));
    match branch {
        Some(branch) => dataset.join("tree").join(branch),
        None => dataset,
    }
}

/// A table that takes no commit: its `_transactions` is a file, so Lance cannot write into it.
///
/// A crash between the commits of two tables has no failpoint. The first failing commit leaves the same, so
/// that is how such graphs are made.
pub struct Obstacle {
    transactions: PathBuf,
    aside: PathBuf,
}

impl Obstacle {
    pub fn put(root: &Path, key: &str, branch: Option<&str>) -> Result<Self> {
        let folder = folder(root, key, branch);
        let obstacle = Self {
            transactions: folder.join("_transactions"),
            aside: folder.join("_transactions.aside"),
        };
        if obstacle.transactions.exists() {
            std::fs::rename(&obstacle.transactions, &obstacle.aside)
                .with_context(|| format!("cannot set the transactions of {key} aside"))?;
        }
        std::fs::create_dir_all(&folder)?;
        std::fs::write(&obstacle.transactions, "no folder")
            .with_context(|| format!("cannot obstruct {key}"))?;
        Ok(obstacle)
    }

    pub fn remove(self) -> Result<()> {
        std::fs::remove_file(&self.transactions)?;
        if self.aside.exists() {
            std::fs::rename(&self.aside, &self.transactions)?;
        } else if let Some(folder) = self.transactions.parent() {
            // The branch that the writer never reached: it must not look begun.
            let _ = std::fs::remove_dir(folder);
        }
        Ok(())
    }
}

/// Removes the manifest of the newest version, as a storage that lost a file does, and the hint that names it.
pub fn lose_newest_version(root: &Path, key: &str) -> Result<()> {
    let versions = folder(root, key, None).join("_versions");
    let mut manifests: Vec<PathBuf> = std::fs::read_dir(&versions)
        .with_context(|| format!("cannot read {}", versions.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    manifests.retain(|path| path.extension().is_some_and(|ending| ending == "manifest"));
    // Names count down from 2^64 - 1, so the newest version sorts first.
    manifests.sort();
    ensure!(manifests.len() > 1, "{key} has no older version");
    std::fs::remove_file(&manifests[0])?;
    let hint = versions.join("latest_version_hint.json");
    if hint.exists() {
        std::fs::remove_file(hint)?;
    }
    Ok(())
}
