//! The absolute paths by which a Lance branch refers to the dataset it was made from, kept inside the root.
//!
//! A branch is a shallow copy: its manifests refer to the files of the main branch by an absolute
//! base path. Followed as written, that path leads out of a store that has been moved, to the copy
//! it was moved from, and on local disk past every wrapper. So base paths are never followed as
//! written: each is translated to the same place below the opened root, or refused.

use std::collections::HashMap;

use lance_table::format::BasePath;
use lance_table::format::Manifest;

use super::root_uri::RootUri;

/// Translates base paths between the spellings of one root.
#[derive(Clone, Debug)]
pub(super) struct BasePaths {
    root: RootUri,
    lance_uri: String,
    relocated_from: Option<RootUri>,
}

impl BasePaths {
    pub(super) fn new(root: RootUri, lance_uri: String, relocated_from: Option<RootUri>) -> Self {
        Self {
            root,
            lance_uri,
            relocated_from,
        }
    }

    /// The path below the root that `location` names here or at the place the root came from.
    pub(super) fn relative(&self, location: &str) -> Option<String> {
        self.root.relative(location).or_else(|| {
            self.relocated_from
                .as_ref()
                .and_then(|from| from.relative(location))
        })
    }

    /// Every base path of a manifest relative to the root, or the one that is outside.
    pub(super) fn of(&self, manifest: &Manifest) -> Result<HashMap<u32, String>, String> {
        manifest
            .base_paths
            .iter()
            .map(|(id, base)| match self.relative(&base.path) {
                Some(relative) => Ok((*id, relative)),
                None => Err(base.path.clone()),
            })
            .collect()
    }

    /// Rewrites base paths to where Lance is to read them, through the root's own store.
    pub(super) fn open_in(&self, manifest: &mut Manifest) -> Result<(), String> {
        self.rewrite(manifest, |relative| {
            format!("{}/{relative}", self.lance_uri)
        })
    }

    /// Rewrites base paths to what may be stored: readable by every Lance, at the root as opened.
    pub(super) fn settle_in(&self, manifest: &mut Manifest) -> Result<(), String> {
        self.rewrite(manifest, |relative| self.root.join(relative))
    }

    fn rewrite(
        &self,
        manifest: &mut Manifest,
        spell: impl Fn(&str) -> String,
    ) -> Result<(), String> {
        let relative = self.of(manifest)?;
        for (id, base) in &mut manifest.base_paths {
            if let Some(relative) = relative.get(id) {
                *base = BasePath {
                    path: spell(relative),
                    ..base.clone()
                };
            }
        }
        Ok(())
    }
}
