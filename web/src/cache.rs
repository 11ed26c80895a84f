//! Results of slow steps, kept by the digest of what went in.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::error::BuildError;

/// A folder of results.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    used: RefCell<BTreeSet<OsString>>,
}

impl Cache {
    /// Opens a folder, which is made when it is not there.
    pub fn open(folder: PathBuf) -> Result<Self, BuildError> {
        fs::create_dir_all(&folder).map_err(BuildError::file("make", &folder))?;
        Ok(Self {
            folder,
            used: RefCell::default(),
        })
    }

    /// The result for these inputs, made now if it was not made before.
    pub fn get_or_make(
        &self,
        inputs: &[&[u8]],
        make: impl FnOnce() -> Result<Vec<u8>, BuildError>,
    ) -> Result<Vec<u8>, BuildError> {
        let mut digest = Digest::default();
        for input in inputs {
            digest.add(input);
        }
        let name = digest.finish();
        let file = self.folder.join(&name);
        self.used.borrow_mut().insert(name.into());
        if let Ok(known) = fs::read(&file) {
            return Ok(known);
        }
        let made = make()?;
        let unfinished = file.with_extension("part");
        fs::write(&unfinished, &made).map_err(BuildError::file("write", &unfinished))?;
        fs::rename(&unfinished, &file).map_err(BuildError::file("write", &file))?;
        Ok(made)
    }

    /// Removes the results that this build did not use.
    pub fn prune(&self) -> Result<(), BuildError> {
        let used = self.used.borrow();
        let entries = fs::read_dir(&self.folder).map_err(BuildError::file("list", &self.folder))?;
        for entry in entries.flatten() {
            if !used.contains(&entry.file_name()) {
                let path = entry.path();
                fs::remove_file(&path).map_err(BuildError::file("remove", &path))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;

    #[test]
    fn a_result_is_made_once_and_pruned_when_unused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned()).unwrap();
        let made = cache.get_or_make(&[b"a", b"b"], || Ok(b"result".to_vec()));
        assert_eq!(made.unwrap(), b"result");
        let again = cache.get_or_make(&[b"a", b"b"], || panic!("made a second time"));
        assert_eq!(again.unwrap(), b"result");
        let other = cache.get_or_make(&[b"ab"], || Ok(b"other".to_vec()));
        assert_eq!(other.unwrap(), b"other");

        let later = Cache::open(folder.path().to_owned()).unwrap();
        later.get_or_make(&[b"ab"], || panic!("kept")).unwrap();
        later.prune().unwrap();
        let remade = later.get_or_make(&[b"a", b"b"], || Ok(b"remade".to_vec()));
        assert_eq!(remade.unwrap(), b"remade");
    }
}
