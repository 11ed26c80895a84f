//! The root's address in the three spellings we need: ours, Lance's, and that of files inside it.

use std::path::Component;
use std::path::Path as FilePath;
use std::path::PathBuf;

use sidecar::text::scrubbed;
use url::Url;

use super::TableError;
use super::location;
use super::session::LOCAL_SCHEME;

/// Schemes whose stores create objects conditionally, which every fence rests on.
///
/// Lance gives any scheme it does not know a commit handler that overwrites blindly, so any other scheme is refused.
const REMOTE_SCHEMES: [&str; 4] = ["s3", "az", "abfss", "gs"];

/// The address of a root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct RootUri {
    text: String,
    directory: Option<PathBuf>,
}

impl RootUri {
    /// Reads a path, a `file://` URI or the URI of an object store.
    pub(super) fn parse(root: &str) -> Result<Self, TableError> {
        let unusable =
            |source: Box<dyn std::error::Error + Send + Sync>| TableError::RootUnusable {
                root: scrubbed(root),
                source,
            };
        let Some((scheme, rest)) = root.split_once("://") else {
            let absolute =
                std::path::absolute(root).map_err(|source| unusable(Box::new(source)))?;
            return Self::local(&absolute).ok_or_else(|| unusable("the path is not text".into()));
        };
        if matches!(scheme, "file" | LOCAL_SCHEME) {
            let path = local_path(root)
                .ok_or_else(|| unusable("the URI does not name a local path".into()))?;
            return Self::local(FilePath::new(&path))
                .ok_or_else(|| unusable("the path is not text".into()));
        }
        if !REMOTE_SCHEMES.contains(&scheme) {
            return Err(TableError::UnsupportedScheme {
                root: scrubbed(root),
            });
        }
        let url = Url::parse(root).map_err(|source| unusable(Box::new(source)))?;
        let rest = rest.trim_end_matches('/');
        if rest.contains(['?', '#']) {
            return Err(unusable("the URI has a query or a fragment".into()));
        }
        // The URI is on record in every plan, and printed. `abfss://container@account…` names a container there.
        if url.password().is_some() || (scheme != "abfss" && !url.username().is_empty()) {
            return Err(unusable(
                "the URI holds credentials; give them in the environment instead, as AWS_ACCESS_KEY_ID and the like".into(),
            ));
        }
        Ok(Self {
            text: format!("{scheme}://{rest}"),
            directory: None,
        })
    }

    fn local(path: &FilePath) -> Option<Self> {
        let directory = without_relative_segments(path);
        let text = directory.to_str()?.to_owned();
        Some(Self {
            text,
            directory: Some(directory),
        })
    }

    /// An absolute path on local disk, else the URI without a trailing slash.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The folder, on local disk.
    pub(super) fn directory(&self) -> Option<&FilePath> {
        self.directory.as_deref()
    }

    /// The URI to open this root by in Lance.
    pub(super) fn lance(&self) -> Option<String> {
        match &self.directory {
            Some(directory) => {
                let url = Url::from_file_path(directory).ok()?;
                Some(format!("{LOCAL_SCHEME}://{}", url.path()))
            }
            None => Some(self.text.clone()),
        }
    }

    /// The path below this root that `location` names; `None` when it is elsewhere.
    ///
    /// `location` is an absolute path or a URI, as writers put it into sidecars and Lance into
    /// the base paths of branches.
    pub(super) fn relative(&self, location: &str) -> Option<String> {
        let location = if self.directory.is_some() {
            local_path(location)?
        } else {
            location.to_owned()
        };
        let below = location.strip_prefix(&self.text)?;
        let below = if self.text.ends_with('/') {
            below
        } else {
            below.strip_prefix('/')?
        };
        let below = below.strip_suffix('/').unwrap_or(below);
        location::check_path(below).ok()?;
        Some(below.to_owned())
    }

    /// The address of `path` as Lance writes it into manifests: plain on local disk.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}/{path}", self.text.trim_end_matches('/'))
    }
}

/// The absolute path that a path, or a URI of a local file, names.
fn local_path(location: &str) -> Option<String> {
    let Some((scheme, rest)) = location.split_once("://") else {
        return location.starts_with('/').then(|| location.to_owned());
    };
    if !matches!(scheme, "file" | LOCAL_SCHEME) {
        return None;
    }
    let url = Url::parse(&format!("file://{rest}")).ok()?;
    // Parsing resolves `..`, so a location that has it would lead elsewhere than its text says.
    if rest.split('/').any(|segment| matches!(segment, "." | "..")) {
        return None;
    }
    url.to_file_path().ok()?.to_str().map(str::to_owned)
}

// Not `canonicalize`: the catalog records where files are under the root as it was opened, and
// other programs compare those paths as text.
fn without_relative_segments(path: &FilePath) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_a_path_or_a_supported_uri() {
        let text = |root| RootUri::parse(root).expect(root).text().to_owned();
        assert_eq!(text("/srv/graphs/one/"), "/srv/graphs/one");
        assert_eq!(text("/srv/graphs/../one"), "/srv/one");
        assert_eq!(text("file:///srv/a%20b"), "/srv/a b");
        assert_eq!(text("s3://bucket/one/"), "s3://bucket/one");
        for root in [
            "hf://x/y",
            "memory://x",
            "s3+ddb://b/p?ddbTableName=t",
            "cos://b/p",
        ] {
            assert_eq!(
                RootUri::parse(root).expect_err(root).code(),
                "unsupported_scheme"
            );
        }
        assert_eq!(
            RootUri::parse("s3://b/p?x=1").expect_err("query").code(),
            "root_unusable"
        );
        assert_eq!(
            text("abfss://container@account.dfs.core.windows.net/one"),
            "abfss://container@account.dfs.core.windows.net/one"
        );
        for root in [
            "s3://AKIA:secret@bucket/one",
            "s3://secret@bucket/one",
            "az://c/one?sig=secret",
            "hf://ada:secret@x/y",
            "abfss://container:secret@account.dfs.core.windows.net/one",
        ] {
            let error = RootUri::parse(root).expect_err("credentials");
            let words = sidecar::error_text(&error);
            assert!(!words.contains("secret"), "{words}");
        }
    }

    #[test]
    fn relative_knows_every_spelling_of_the_root_and_nothing_outside() {
        let local = RootUri::parse("/srv/graphs/one").expect("a path");
        for inside in [
            "/srv/graphs/one/nodes/a",
            "/srv/graphs/one/nodes/a/",
            "file:///srv/graphs/one/nodes/a",
            "file-object-store:///srv/graphs/one/nodes/a",
        ] {
            assert_eq!(
                local.relative(inside).as_deref(),
                Some("nodes/a"),
                "{inside}"
            );
        }
        for outside in [
            "/srv/graphs/one",
            "/srv/graphs/one-more/nodes/a",
            "/srv/graphs/two/nodes/a",
            "/srv/graphs/one/../two/nodes/a",
            "file:///srv/graphs/one/../two/nodes/a",
            "s3://srv/graphs/one/nodes/a",
            "nodes/a",
        ] {
            assert_eq!(local.relative(outside), None, "{outside}");
        }
        let remote = RootUri::parse("s3://bucket/one").expect("a URI");
        assert_eq!(
            remote.relative("s3://bucket/one/nodes/a").as_deref(),
            Some("nodes/a")
        );
        assert_eq!(remote.relative("s3://bucket/one2/nodes/a"), None);
        assert_eq!(remote.relative("/one/nodes/a"), None);
    }
}
