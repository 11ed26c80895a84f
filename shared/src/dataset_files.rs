//! The files of one Lance dataset, as a listing of its folder names them.

use serde::{Deserialize, Serialize};

use crate::root_layout::{TRANSACTIONS_FOLDER, VERSIONS_FOLDER};

/// A dataset with more files than this is not removed. One that a schema change just made holds three.
pub const DATASET_FILES_MAX: usize = 8;

/// The file that names the version which Lance opens first, in the folder of versions.
const VERSION_HINT: &str = "latest_version_hint.json";

/// The file of version 1, in the two ways in which Lance names files of versions.
const FIRST_VERSION: [&str; 2] = ["18446744073709551614.manifest", "1.manifest"];

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
        if let Some(stray) = files.iter().find(|file| !file.is_of_a_new_dataset()) {
            return Self::NotListed {
                reason: format!(
                    "{} in its folder is no file that it was made with",
                    stray.path
                ),
            };
        }
        files.sort_by(|left, right| left.place().cmp(&right.place()));
        Self::Listed { files }
    }
}

impl DatasetFile {
    /// Whether a dataset without rows has such a file right after it was made: the file of its one version, the transaction that made it,
    /// and the hint. Rows that somebody is about to commit are files of other names.
    #[must_use]
    pub fn is_of_a_new_dataset(&self) -> bool {
        self.is_the_hint() || self.is_a_version_file() || self.transaction().is_some()
    }

    /// Whether it is the file of a version, which says what the dataset holds. Without it there is no dataset.
    #[must_use]
    pub fn is_a_version_file(&self) -> bool {
        let name = self.within(VERSIONS_FOLDER);
        name.is_some_and(|name| FIRST_VERSION.contains(&name))
    }

    fn is_the_hint(&self) -> bool {
        self.within(VERSIONS_FOLDER) == Some(VERSION_HINT)
    }

    /// Its path in this folder of the dataset; `None` if it is in another.
    fn within(&self, folder: &str) -> Option<&str> {
        self.path.strip_prefix(folder)?.strip_prefix('/')
    }

    /// The transaction that it holds, if it is the file of a first transaction.
    #[must_use]
    pub fn transaction(&self) -> Option<&str> {
        let name = self.within(TRANSACTIONS_FOLDER)?.strip_prefix("0-")?;
        let uuid = name.strip_suffix(".txn")?;
        let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '-';
        (!uuid.is_empty() && uuid.chars().all(is_plain)).then_some(uuid)
    }

    /// A version file goes before the files that it names, so that nobody finds a dataset that has lost some of them.
    fn place(&self) -> (u8, &str) {
        let place = if self.is_the_hint() {
            0
        } else if self.is_a_version_file() {
            1
        } else {
            2
        };
        (place, &self.path)
    }
}

/// Whether files are in the order of their removal, each once.
pub(crate) fn is_in_order(files: &[DatasetFile]) -> bool {
    let mut pairs = files.windows(2);
    pairs.all(|pair| pair[0].place() < pair[1].place())
}

/// Whether these files are left of a dataset that this transaction made.
pub(crate) fn are_by(files: &[DatasetFile], transaction: &str) -> bool {
    let mut transactions = files.iter().filter_map(DatasetFile::transaction);
    transactions.all(|found| found == transaction)
}
