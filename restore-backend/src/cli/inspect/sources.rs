//! Where inspected sidecars come from: files, folders, roots, standard input.

use std::fs::File;
use std::io::{self, Read};
use std::iter;
use std::path::{Path, PathBuf};

use root_objects::sidecar_dir::SIDECAR_FOLDER;
use sidecar::{Limits, Reason, SidecarFile};

/// Files of one folder. All of them are held until the answer is printed.
const FILES_MAX: usize = 10_000;
/// Names standard input among the files.
const STANDARD_INPUT: &str = "-";

/// The files that one argument names, read one after the other as they are asked for.
pub(super) fn files_of(path: &Path) -> Box<dyn Iterator<Item = SidecarFile>> {
    let limits = Limits::DEFAULT;
    if path.as_os_str() == STANDARD_INPUT {
        return Box::new(iter::once(from_standard_input(&limits)));
    }
    if !path.is_dir() {
        return Box::new(iter::once(at(path, &limits)));
    }
    match in_folder(path) {
        Ok(files) => Box::new(files.into_iter().map(move |file| at(&file, &limits))),
        Err(why) => Box::new(iter::once(unread(path, &why))),
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn unread(path: &Path, why: &str) -> SidecarFile {
    let detail = format!("{} cannot be read: {why}", path.display());
    SidecarFile::unread(&name_of(path), Reason::unreadable(detail))
}

fn at(path: &Path, limits: &Limits) -> SidecarFile {
    match File::open(path).and_then(|file| read(file, limits)) {
        Ok(bytes) => SidecarFile::read(&name_of(path), bytes, limits),
        Err(error) => unread(path, &error.to_string()),
    }
}

/// What is typed or piped has no name of its own, so it counts as named after its operation.
fn from_standard_input(limits: &Limits) -> SidecarFile {
    let path = Path::new(STANDARD_INPUT);
    let bytes = match read(io::stdin().lock(), limits) {
        Ok(bytes) => bytes,
        Err(error) => return unread(path, &error.to_string()),
    };
    let file = SidecarFile::read(STANDARD_INPUT, bytes.clone(), limits);
    match file.operation_id() {
        Some(operation) => SidecarFile::read(&operation.file_name(), bytes, limits),
        None => file,
    }
}

/// The sidecars of a folder, or of a root, by name.
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let of_a_root = folder.join(SIDECAR_FOLDER);
    let folder = if of_a_root.is_dir() {
        &of_a_root
    } else {
        folder
    };
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        // What cannot be looked at is named as unreadable; a pipe or a folder is no file.
        let may_be_one = path.metadata().map_or(true, |found| found.is_file());
        if may_be_one
            && path
                .extension()
                .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(format!("it has more than {FILES_MAX} files"));
        }
    }
    if files.is_empty() {
        return Err("there is no *.json in it".to_owned());
    }
    files.sort();
    Ok(files)
}

/// One byte more than a sidecar can have, so that a larger file is recognised without being read.
fn read(source: impl Read, limits: &Limits) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(limits.sidecar_bytes_max + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
