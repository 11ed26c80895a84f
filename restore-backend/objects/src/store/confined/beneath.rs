//! Opening what is below a folder, and nothing else: no link on the way is followed, whoever puts it there at whatever moment.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::Path as FilePath;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::fcntl::OFlag;
use nix::fcntl::openat;
use nix::sys::stat::Mode;
use nix::sys::stat::fstatat;

use super::error::Kind;
use super::found::Found;

/// A folder whose entries are opened, not listed.
#[cfg(target_os = "linux")]
const PASSED: OFlag = OFlag::O_PATH;
#[cfg(not(target_os = "linux"))]
const PASSED: OFlag = OFlag::O_RDONLY;

/// How a file is opened to be read, without waiting for a pipe's writer or taking over a terminal. Check its kind before reading.
pub(super) const FILE: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);
/// How a folder is opened to be listed, changed or synced.
pub(super) const FOLDER: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);
const ON_THE_WAY: OFlag = PASSED
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// Opens the folder of a root by an absolute path that had no links when it was resolved, and may have none now.
pub(super) fn open_root(path: &FilePath) -> nix::Result<OwnedFd> {
    let flags = PASSED | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    match by_one_call(nix::fcntl::AT_FDCWD, path, flags, Within::AnyFolder) {
        Err(Errno::ENOSYS | Errno::EPERM) => {
            nix::fcntl::open(path, flags | OFlag::O_NOFOLLOW, Mode::empty())
        }
        opened => opened,
    }
}

/// Opens the file or folder at a relative path of plain names below a folder; an empty path is the folder itself.
pub(super) fn open_beneath(
    folder: BorrowedFd<'_>,
    relative: &FilePath,
    flags: OFlag,
) -> nix::Result<OwnedFd> {
    let path = if relative.as_os_str().is_empty() {
        FilePath::new(".")
    } else {
        relative
    };
    match by_one_call(folder, path, flags, Within::Folder) {
        // The kernel is too old, or a sandbox forbids the call. If this very file is forbidden, walking says the same.
        Err(Errno::ENOSYS | Errno::EPERM | Errno::EAGAIN) => by_walking(folder, path, flags),
        opened => opened,
    }
}

#[derive(Clone, Copy)]
enum Within {
    AnyFolder,
    Folder,
}

#[cfg(target_os = "linux")]
fn by_one_call(
    folder: BorrowedFd<'_>,
    path: &FilePath,
    flags: OFlag,
    within: Within,
) -> nix::Result<OwnedFd> {
    use nix::fcntl::OpenHow;
    use nix::fcntl::ResolveFlag;

    let no_links = ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let resolve = match within {
        Within::AnyFolder => no_links,
        Within::Folder => no_links | ResolveFlag::RESOLVE_BENEATH,
    };
    let how = OpenHow::new().flags(flags).resolve(resolve);
    nix::fcntl::openat2(folder, path, how)
}

#[cfg(not(target_os = "linux"))]
fn by_one_call(
    _folder: BorrowedFd<'_>,
    _path: &FilePath,
    _flags: OFlag,
    _within: Within,
) -> nix::Result<OwnedFd> {
    Err(Errno::ENOSYS)
}

fn by_walking(folder: BorrowedFd<'_>, path: &FilePath, flags: OFlag) -> nix::Result<OwnedFd> {
    let last = path.file_name().unwrap_or(OsStr::new("."));
    let mut within: Option<OwnedFd> = None;
    for name in path.parent().into_iter().flatten() {
        let at = within.as_ref().map_or(folder, AsFd::as_fd);
        within = Some(openat(at, name, ON_THE_WAY, Mode::empty())?);
    }
    let at = within.as_ref().map_or(folder, AsFd::as_fd);
    openat(at, last, flags | OFlag::O_NOFOLLOW, Mode::empty())
}

/// The first name of a path that is no folder, and its kind; for a message after something failed. A regular file at the end of
/// the path is named too: whoever opened it as a file tells it apart.
pub(super) fn what_is_odd(folder: BorrowedFd<'_>, relative: &FilePath) -> Option<(PathBuf, Kind)> {
    let mut within: Option<OwnedFd> = None;
    let mut walked = PathBuf::new();
    for name in relative {
        walked.push(name);
        let at = within.as_ref().map_or(folder, AsFd::as_fd);
        let found = look_at(at, name).ok()?;
        let is_last = walked.as_os_str().len() == relative.as_os_str().len();
        match found.kind {
            None => return Some((walked, Kind::File)),
            Some(Kind::Folder) if is_last => return None,
            Some(Kind::Folder) => within = Some(openat(at, name, ON_THE_WAY, Mode::empty()).ok()?),
            Some(kind) => return Some((walked, kind)),
        }
    }
    None
}

/// Looks at a name in an open folder; a link is looked at, not followed.
pub(super) fn look_at(folder: BorrowedFd<'_>, name: &OsStr) -> nix::Result<Found> {
    fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW).map(|stat| Found::from(&stat))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Both ways of opening. The second is used on systems without the first, so each is tested.
    const WAYS: [Way; 2] = [open_beneath, by_walking];
    type Way = fn(BorrowedFd<'_>, &FilePath, OFlag) -> nix::Result<OwnedFd>;

    #[test]
    fn only_what_is_below_a_folder_is_opened() {
        let outside = tempfile::tempdir().expect("a folder");
        fs::write(outside.path().join("secret"), "outside").expect("a file");
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("a/b")).expect("folders");
        fs::write(root.path().join("a/b/file"), "inside").expect("a file");
        let link = |to: &FilePath, from: &str| symlink(to, root.path().join(from)).expect("a link");
        link(&outside.path().join("secret"), "a/link");
        link(outside.path(), "a/out");
        link(FilePath::new("b/file"), "a/near");
        link(FilePath::new("b"), "a/c");
        let folder = open_root(&root.path().canonicalize().expect("a path")).expect("the folder");
        for open in WAYS {
            let opens = |path: &str, flags| open(folder.as_fd(), FilePath::new(path), flags);
            opens("a/b/file", FILE).expect("a file");
            opens("a/b", FOLDER).expect("a folder");
            opens(".", FOLDER).expect("the folder itself");
            for path in ["a/link", "a/out/secret", "a/near", "a/c/file"] {
                opens(path, FILE).expect_err(path);
            }
            opens("a/out", FOLDER).expect_err("a link");
            opens("a/c", FOLDER).expect_err("a link");
            assert_eq!(opens("a/none", FILE).err(), Some(Errno::ENOENT));
            assert_eq!(opens("a/none/file", FILE).err(), Some(Errno::ENOENT));
            assert_eq!(opens("a/b/file/x", FILE).err(), Some(Errno::ENOTDIR));
        }
        let odd = |path: &str| what_is_odd(folder.as_fd(), FilePath::new(path));
        assert_eq!(odd("a/b"), None);
        let file = PathBuf::from("a/b/file");
        assert_eq!(odd("a/b/file"), Some((file.clone(), Kind::File)));
        assert_eq!(odd("a/b/file/x"), Some((file, Kind::File)));
        assert_eq!(
            odd("a/out/secret"),
            Some((PathBuf::from("a/out"), Kind::Link))
        );
        assert_eq!(odd("a/near"), Some((PathBuf::from("a/near"), Kind::Link)));
    }
}
