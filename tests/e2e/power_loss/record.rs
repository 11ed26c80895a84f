//! What a console asked of the file system, in order, as the preloaded shim wrote it down.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// One call that was carried out. Numbers are inodes.
#[derive(Debug)]
pub enum Call {
    /// A file was opened that may not have existed.
    Open(u64, PathBuf),
    Write(u64, usize, Vec<u8>),
    Truncate(u64, usize),
    Link(PathBuf, PathBuf),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
    MakeFolder(u64, PathBuf),
    RemoveFolder(PathBuf),
    /// A file or a folder was synced.
    Sync(u64),
    /// Here the process died, or a sync failed.
    Struck,
}

/// What a process does to itself, right after which call: the n-th whose path has this part.
#[derive(Clone, Copy, Debug)]
pub struct Strike {
    pub what: &'static str,
    pub call: &'static str,
    pub path: &'static str,
    pub nth: usize,
}

impl Strike {
    pub const fn dies_after(call: &'static str, path: &'static str, nth: usize) -> Self {
        Self {
            what: "die",
            call,
            path,
            nth,
        }
    }

    /// The sync of the folder that comes after it fails.
    pub const fn sync_fails_after(call: &'static str, path: &'static str, nth: usize) -> Self {
        Self {
            what: "fail-sync",
            ..Self::dies_after(call, path, nth)
        }
    }

    pub fn arm(&self, command: &mut Command) {
        command
            .env("SHIM_STRIKE", self.what)
            .env("SHIM_CALL", self.call)
            .env("SHIM_PATH", self.path)
            .env("SHIM_NTH", self.nth.to_string());
    }
}

impl Call {
    /// Whether a strike can be aimed at it: its name and its path.
    pub fn aim(&self) -> Option<(&'static str, &Path)> {
        match self {
            Self::Link(_, path) => Some(("link", path)),
            Self::Rename(_, path) => Some(("rename", path)),
            Self::Unlink(path) => Some(("unlink", path)),
            Self::MakeFolder(_, path) => Some(("mkdir", path)),
            _ => None,
        }
    }
}

/// The shim, compiled, and the place for one record: processes add to it.
pub struct Shim {
    folder: TempDir,
}

impl Shim {
    /// With the compiler that also links every Rust program here.
    pub fn compiled() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/power_loss/shim.c");
        let compiled = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .arg(folder.path().join("shim.so"))
            .arg(source)
            .args(["-ldl", "-lpthread"])
            .status();
        assert!(compiled.unwrap().success());
        Self { folder }
    }

    pub fn preload(&self, command: &mut Command, below: &Path) {
        command
            .env("LD_PRELOAD", self.folder.path().join("shim.so"))
            .env("SHIM_FOLDER", below.canonicalize().unwrap())
            .env("SHIM_RECORD", self.folder.path().join("record"));
    }

    /// Everything that was recorded with it, of one process after the other.
    pub fn record(&self) -> Vec<Call> {
        let bytes = std::fs::read(self.folder.path().join("record")).unwrap();
        let mut rest = Rest(&bytes);
        let mut calls = Vec::new();
        while !rest.0.is_empty() {
            calls.push(rest.call());
        }
        calls
    }
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn call(&mut self) -> Call {
        let end = self.0.iter().position(|byte| *byte == b'\n').unwrap();
        let line = String::from_utf8(self.0[..end].to_vec()).unwrap();
        self.0 = &self.0[end + 1..];
        let (name, numbers) = line.split_once(' ').unwrap();
        let numbers: Vec<usize> = numbers
            .split(' ')
            .map(|number| number.parse().unwrap())
            .collect();
        let inode = numbers[0] as u64;
        match name {
            "open" => Call::Open(inode, self.path(numbers[1])),
            "write" => Call::Write(inode, numbers[1], self.bytes(numbers[2])),
            "truncate" => Call::Truncate(inode, numbers[1]),
            "link" => Call::Link(self.path(numbers[0]), self.path(numbers[1])),
            "rename" => Call::Rename(self.path(numbers[0]), self.path(numbers[1])),
            "unlink" => Call::Unlink(self.path(numbers[0])),
            "mkdir" => Call::MakeFolder(inode, self.path(numbers[1])),
            "rmdir" => Call::RemoveFolder(self.path(numbers[0])),
            "sync" => Call::Sync(inode),
            "struck" => Call::Struck,
            _ => panic!("{name} {:?}", self.path(numbers[0])),
        }
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes.to_vec()
    }

    fn path(&mut self, length: usize) -> PathBuf {
        PathBuf::from(String::from_utf8(self.bytes(length)).unwrap())
    }
}
