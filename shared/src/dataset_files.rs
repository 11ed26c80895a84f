//! The files of one Lance dataset, as a listing of its folder names them.

use serde::{Deserialize, Serialize};

/// A dataset with more files than this is not removed. One that a schema change just made holds three.
pub const DATASET_FILES_MAX: usize = 256;

/// Folders that Lance makes in a dataset without Lance branches and without tags.
const FOLDERS: [&str; 5] = [
    "_versions",
    "_transactions",
    "data",
    "_deletions",
    "_indices",
];

/// Lance opens what this names first, if it is there.
const VERSION_HINT: &str = "_versions/latest_version_hint.json";

/// One file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetFile {
    /// Its path, relative to the dataset.
    pub path: String,
    /// Its length.
    pub bytes: u64,
}

/// Every file below the folder of a dataset, or why they are not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DatasetFiles {
    /// All of them, in the order of their removal.
    Listed {
        /// The files.
        files: Vec<DatasetFile>,
    },
    /// The listing failed, or it names what Lance does not make in a dataset like this.
    NotListed {
        /// Why, for people.
        reason: String,
    },
}

impl DatasetFiles {
    /// What a listing of the folder shows: as long as it is short, and names nothing that is not a part of the dataset.
    #[must_use]
    pub fn of(mut files: Vec<DatasetFile>) -> Self {
        if files.len() > DATASET_FILES_MAX {
            return Self::NotListed {
                reason: format!("there are more than {DATASET_FILES_MAX} files in its folder"),
            };
        }
        if let Some(stray) = files.iter().find(|file| !file.is_of_a_dataset()) {
            return Self::NotListed {
                reason: format!("{} in its folder is no file of its own", stray.path),
            };
        }
        files.sort_by(|left, right| left.place().cmp(&right.place()));
        Self::Listed { files }
    }
}

impl DatasetFile {
    /// Whether Lance makes files of such a name in a dataset without Lance branches and tags.
    #[must_use]
    pub fn is_of_a_dataset(&self) -> bool {
        let mut parts = self.path.split('/');
        let is_plain = |part: &str| {
            let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.');
            !part.is_empty() && !part.starts_with('.') && part.chars().all(fits)
        };
        let folder = parts.next().unwrap_or_default();
        let mut rest = parts.peekable();
        FOLDERS.contains(&folder) && rest.peek().is_some() && rest.all(is_plain)
    }

    /// Whether it says what the dataset holds. Without any such file there is no dataset.
    #[must_use]
    pub fn is_a_version_file(&self) -> bool {
        self.path.starts_with("_versions/") && self.path != VERSION_HINT
    }

    /// A version file goes before the files that it names, so that nobody finds a dataset that has lost some of them.
    fn place(&self) -> (u8, &str) {
        let place = match self.path.as_str() {
            VERSION_HINT => 0,
            _ if self.is_a_version_file() => 1,
            _ => 2,
        };
        (place, &self.path)
    }
}

/// Whether files are in the order of their removal, each once.
pub(crate) fn is_in_order(files: &[DatasetFile]) -> bool {
    let mut pairs = files.windows(2);
    pairs.all(|pair| pair[0].place() < pair[1].place())
}
