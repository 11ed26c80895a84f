//! The file system's answer about one name.

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use nix::sys::stat::FileStat;
use nix::sys::stat::SFlag;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::error::Kind;

#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Its kind, unless it is a regular file.
    pub(super) kind: Option<Kind>,
    pub(super) size: u64,
    inode: u64,
    modified: SystemTime,
}

#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_fallible_conversions,
    reason = "these numbers have other types on other systems"
)]
impl From<&FileStat> for Found {
    fn from(stat: &FileStat) -> Self {
        let kind = match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => None,
            SFlag::S_IFDIR => Some(Kind::Folder),
            SFlag::S_IFLNK => Some(Kind::Link),
            SFlag::S_IFIFO => Some(Kind::Pipe),
            SFlag::S_IFSOCK => Some(Kind::Socket),
            SFlag::S_IFCHR | SFlag::S_IFBLK => Some(Kind::Device),
            _ => Some(Kind::Other),
        };
        let seconds = Duration::from_secs(i64::from(stat.st_mtime).unsigned_abs());
        let nanos = Duration::from_nanos(u64::try_from(stat.st_mtime_nsec).unwrap_or_default());
        let whole = if i64::from(stat.st_mtime) < 0 {
            UNIX_EPOCH.checked_sub(seconds)
        } else {
            UNIX_EPOCH.checked_add(seconds)
        };
        Self {
            kind,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            inode: u64::try_from(stat.st_ino).unwrap_or_default(),
            modified: whole
                .and_then(|whole| whole.checked_add(nanos))
                .unwrap_or(UNIX_EPOCH),
        }
    }
}

impl Found {
    /// As object_store names a local file, so that what other programs recorded stays comparable.
    pub(super) fn e_tag(&self) -> String {
        let since = self.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        format!(
            "\"{:x}-{:x}-{:x}\"",
            self.inode,
            since.as_micros(),
            self.size
        )
    }

    pub(super) fn meta(&self, location: Path) -> ObjectMeta {
        ObjectMeta {
            location,
            last_modified: self.modified.into(),
            size: self.size,
            e_tag: Some(self.e_tag()),
            version: None,
        }
    }
}
