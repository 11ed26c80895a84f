//! What can be left on a disk when the power fails: everything that was synced, and any of what was not.
//!
//! A write is safe once its file was synced after it; a name, made or removed, once its folder was. No file system promises more.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::record::Call;

/// Every file below a folder, with its bytes.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A file or a folder, whatever it is called and whichever inode it had.
type Thing = usize;

#[derive(Clone, Debug)]
enum Change {
    Write(Thing, usize, Vec<u8>),
    Truncate(Thing, usize),
    Name(PathBuf, Thing),
    Unname(PathBuf),
    Rename(PathBuf, PathBuf, Thing),
}

#[derive(Debug)]
struct Step {
    change: Change,
    /// What has to be synced for it to last.
    waits_for: BTreeSet<Thing>,
}

/// What can be left.
pub struct Images {
    pub all: Vec<Files>,
    /// Of a failure after the last call.
    pub at_the_end: Vec<Files>,
    /// What is there when the power does not fail.
    pub without_failure: Files,
}

/// Which syncs do what they are for; with some left out, to see that images tell the difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Syncs {
    All,
    OnlyOfFiles,
    OnlyOfFolders,
}

/// A folder as it was before a console ran in it.
pub struct Disk {
    names: BTreeMap<PathBuf, Thing>,
    folders: BTreeSet<Thing>,
    contents: BTreeMap<Thing, Vec<u8>>,
    inodes: BTreeMap<u64, Thing>,
    next: Thing,
}

impl Disk {
    /// Everything below the folder counts as synced.
    pub fn of(folder: &Path) -> Self {
        let mut disk = Self {
            names: BTreeMap::new(),
            folders: BTreeSet::new(),
            contents: BTreeMap::new(),
            inodes: BTreeMap::new(),
            next: 0,
        };
        disk.walk(&folder.canonicalize().unwrap());
        disk
    }

    fn walk(&mut self, path: &Path) {
        let thing = self.thing(path.metadata().unwrap().ino());
        self.names.insert(path.to_owned(), thing);
        if path.is_dir() {
            self.folders.insert(thing);
            for entry in std::fs::read_dir(path).unwrap() {
                self.walk(&entry.unwrap().path());
            }
        } else {
            self.contents.insert(thing, std::fs::read(path).unwrap());
        }
    }

    fn thing(&mut self, inode: u64) -> Thing {
        self.next += 1;
        self.inodes.insert(inode, self.next);
        self.next
    }

    /// Every image, once each, that a power failure can leave at any moment of these calls from the `from`-th on.
    pub fn images(mut self, calls: &[Call], from: usize, syncs: Syncs) -> Images {
        let (names, contents) = (self.names.clone(), self.contents.clone());
        let mut steps: Vec<Step> = Vec::new();
        let (mut seen, mut images) = (BTreeSet::new(), Vec::new());
        let mut at_the_end = Vec::new();
        for (place, call) in calls.iter().enumerate() {
            match call {
                Call::Sync(inode) => {
                    let Some(thing) = self.inodes.get(inode) else {
                        continue;
                    };
                    let left_out = match syncs {
                        Syncs::All => false,
                        Syncs::OnlyOfFiles => self.folders.contains(thing),
                        Syncs::OnlyOfFolders => !self.folders.contains(thing),
                    };
                    if left_out {
                        continue;
                    }
                    for step in &mut steps {
                        step.waits_for.remove(thing);
                    }
                }
                call => steps.extend(self.step(call)),
            }
            if place < from {
                continue;
            }
            let is_last = place + 1 == calls.len();
            for kept in choices(&steps) {
                let image = self.image(&names, &contents, &steps, &kept);
                if is_last {
                    at_the_end.push(image.clone());
                }
                if seen.insert(fingerprint(&image)) {
                    images.push(image);
                }
            }
        }
        let all = vec![true; steps.len()];
        let without_failure = self.image(&names, &contents, &steps, &all);
        Images {
            all: images,
            at_the_end,
            without_failure,
        }
    }

    fn step(&mut self, call: &Call) -> Option<Step> {
        let (change, waits_for) = match call {
            Call::Open(_, path) if self.names.contains_key(path) => return None,
            Call::Open(inode, path) => {
                let thing = self.thing(*inode);
                (Change::Name(path.clone(), thing), vec![self.parent(path)])
            }
            Call::MakeFolder(inode, path) => {
                let thing = self.thing(*inode);
                self.folders.insert(thing);
                (Change::Name(path.clone(), thing), vec![self.parent(path)])
            }
            Call::Write(inode, offset, bytes) => {
                let thing = self.inodes[inode];
                (Change::Write(thing, *offset, bytes.clone()), vec![thing])
            }
            Call::Truncate(inode, size) => {
                let thing = self.inodes[inode];
                (Change::Truncate(thing, *size), vec![thing])
            }
            Call::Link(from, to) => (
                Change::Name(to.clone(), self.names[from]),
                vec![self.parent(to)],
            ),
            Call::Rename(from, to) => (
                Change::Rename(from.clone(), to.clone(), self.names[from]),
                vec![self.parent(from), self.parent(to)],
            ),
            Call::Unlink(path) | Call::RemoveFolder(path) => {
                (Change::Unname(path.clone()), vec![self.parent(path)])
            }
            Call::Sync(_) | Call::Struck => return None,
        };
        rename(&mut self.names, &change);
        Some(Step {
            change,
            waits_for: waits_for.into_iter().collect(),
        })
    }

    fn parent(&self, path: &Path) -> Thing {
        self.names[path.parent().unwrap()]
    }

    fn image(
        &self,
        names: &BTreeMap<PathBuf, Thing>,
        contents: &BTreeMap<Thing, Vec<u8>>,
        steps: &[Step],
        kept: &[bool],
    ) -> Files {
        let (mut names, mut contents) = (names.clone(), contents.clone());
        for (step, _) in steps.iter().zip(kept).filter(|(_, kept)| **kept) {
            match &step.change {
                Change::Write(thing, offset, bytes) => {
                    let content = contents.entry(*thing).or_default();
                    let end = offset + bytes.len();
                    if content.len() < end {
                        content.resize(end, 0);
                    }
                    content[*offset..end].copy_from_slice(bytes);
                }
                Change::Truncate(thing, size) => {
                    contents.entry(*thing).or_default().resize(*size, 0);
                }
                change => rename(&mut names, change),
            }
        }
        // A name in a folder that was lost is lost with it.
        let stands = |path: &Path| {
            path.ancestors()
                .skip(1)
                .take_while(|above| above.starts_with(self.top()))
                .all(|above| names.contains_key(above))
        };
        names
            .iter()
            .filter(|(path, thing)| !self.folders.contains(thing) && stands(path))
            .map(|(path, thing)| {
                let below = path.strip_prefix(self.top()).unwrap().to_owned();
                (below, contents.get(thing).cloned().unwrap_or_default())
            })
            .collect()
    }

    /// The folder itself: nothing stands before it.
    fn top(&self) -> &Path {
        self.names.keys().next().unwrap()
    }
}

fn rename(names: &mut BTreeMap<PathBuf, Thing>, change: &Change) {
    match change {
        Change::Name(path, thing) => {
            names.insert(path.clone(), *thing);
        }
        Change::Unname(path) => {
            names.remove(path);
        }
        Change::Rename(from, to, thing) => {
            names.remove(from);
            names.insert(to.clone(), *thing);
        }
        Change::Write(..) | Change::Truncate(..) => {}
    }
}

/// Which steps are left, for every failure that is tried: of those that were not synced none, all but one, only one, only the
/// removals.
fn choices(steps: &[Step]) -> Vec<Vec<bool>> {
    let synced: Vec<bool> = steps.iter().map(|step| step.waits_for.is_empty()).collect();
    let pending: Vec<usize> = (0..steps.len()).filter(|step| !synced[*step]).collect();
    let removals = steps
        .iter()
        .zip(&synced)
        .map(|(step, synced)| *synced || matches!(step.change, Change::Unname(_)));
    let mut choices = vec![synced.clone(), removals.collect(), vec![true; steps.len()]];
    for one in pending {
        let mut without = vec![true; steps.len()];
        without[one] = false;
        let mut only = synced.clone();
        only[one] = true;
        choices.extend([without, only]);
    }
    choices
}

/// Images that differ only in files still being staged, which no reader sees, are one; with `SIDECAR_LONG` they are not.
fn fingerprint(files: &Files) -> u64 {
    let is_long = std::env::var_os("SIDECAR_LONG").is_some();
    let is_staged = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.rsplit_once('#')
            .is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut hasher = DefaultHasher::new();
    for (path, bytes) in files.iter().filter(|(path, _)| is_long || !is_staged(path)) {
        (path, bytes).hash(&mut hasher);
    }
    hasher.finish()
}
