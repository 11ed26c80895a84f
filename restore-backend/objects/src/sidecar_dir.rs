//! The folder of recovery sidecars, `__recovery/`: write, list, delete.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::TryStreamExt;
use object_store::GetResult;
use object_store::ObjectMeta;
use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::PutMode;
use object_store::path::Path;
use sidecar::{Code, Digest, Limits, Reason, Sidecar, SidecarFile, Tag, Timestamp};

use crate::off_thread;
use crate::store::{InvalidName, NotRead, Objects, child, name_of};

pub use sidecar::root_layout::SIDECAR_FOLDER;

/// Sidecars read at the same time. Enough to hide the round trips of an object store, few enough for its rate limits.
const READS_AT_ONCE: usize = 64;

/// Why the folder could not be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SidecarDirError {
    /// The folder could not be listed.
    #[error("the sidecar folder {SIDECAR_FOLDER}/ cannot be listed")]
    List(#[source] object_store::Error),
    /// More files than are accepted.
    #[error(
        "the sidecar folder {SIDECAR_FOLDER}/ holds more than {max} files; move some away by hand"
    )]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// A sidecar could not be written.
    #[error("the sidecar {file} cannot be written")]
    Write {
        /// Name of the file.
        file: String,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// There is a sidecar of this operation already.
    #[error("the sidecar {file} is there already; every operation needs an id of its own")]
    AlreadyThere {
        /// Name of the file.
        file: String,
    },
    /// A sidecar could not be deleted.
    #[error("the sidecar {file} cannot be deleted")]
    Delete {
        /// Name of the file.
        file: String,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// A sidecar could not be read.
    #[error("the sidecar {file} cannot be read")]
    Read {
        /// Name of the file.
        file: String,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// No file can have the name.
    #[error("{file:?} cannot be the name of a sidecar")]
    InvalidName {
        /// As it was given.
        file: String,
        /// What failed.
        #[source]
        source: InvalidName,
    },
    /// A file was not found by its name, and the folder still has it.
    #[error(
        "the sidecar {file} is not found by its name, and yet it is listed in {SIDECAR_FOLDER}/; nothing is known of it, so look again, and then at the folder by hand"
    )]
    NotGone {
        /// Name of the file.
        file: String,
    },
    /// The sidecar was replaced or removed while it was looked at.
    #[error("the sidecar {file} was replaced or removed while it was looked at; look again")]
    Replaced {
        /// Name of the file.
        file: String,
    },
    /// A bug of ours: a sidecar could not be serialised.
    #[error("internal error: the sidecar {file} cannot be encoded")]
    Encode {
        /// Name of the file.
        file: String,
        /// What failed.
        #[source]
        source: serde_json::Error,
    },
}

/// The path of a file, as a listing gives it: the name is not encoded.
fn path(file: &str) -> Result<Path, SidecarDirError> {
    child(&Path::from(SIDECAR_FOLDER), file).map_err(|source| SidecarDirError::InvalidName {
        file: file.to_owned(),
        source,
    })
}

/// Writes a new sidecar. On return it is durable.
///
/// # Errors
/// [`SidecarDirError::AlreadyThere`] if the operation has one; a sidecar is never overwritten.
pub async fn write_sidecar(
    objects: &Arc<dyn ObjectStore>,
    sidecar: &Sidecar,
) -> Result<(), SidecarDirError> {
    let file = sidecar.operation_id.file_name();
    let bytes = serde_json::to_vec_pretty(sidecar).map_err(|source| SidecarDirError::Encode {
        file: file.clone(),
        source,
    })?;
    match objects
        .put_opts(&path(&file)?, bytes.into(), PutMode::Create.into())
        .await
    {
        Ok(_) => Ok(()),
        Err(object_store::Error::AlreadyExists { .. }) => {
            Err(SidecarDirError::AlreadyThere { file })
        }
        Err(source) => Err(SidecarDirError::Write { file, source }),
    }
}

/// The outcome of creating a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New,
    /// It was there before, with these very bytes.
    AlreadyThere,
    /// A file with other bytes has that name, and is left alone.
    Taken,
}

/// Writes a sidecar with exactly these bytes, unless the name is taken. On return it is durable.
///
/// # Errors
/// [`SidecarDirError::Write`]; [`SidecarDirError::Read`] if the name is taken by a file that cannot be read.
pub async fn create_sidecar(
    objects: &Objects,
    file: &str,
    bytes: &[u8],
) -> Result<Created, SidecarDirError> {
    let location = path(file)?;
    let Err(source) = objects
        .put_opts(&location, bytes.to_vec().into(), PutMode::Create.into())
        .await
    else {
        return Ok(Created::New);
    };
    // A conflict, or a lost answer, may be our own success. So the file is read back, and only the bytes read count.
    match (
        read_bounded(objects, &location, bytes.len() as u64).await,
        source,
    ) {
        (Ok(Some(found)), _) if found == bytes => {
            // The file may not be on disk yet.
            let kept = objects.make_durable(&[location]).await;
            kept.map(|()| Created::AlreadyThere)
                .map_err(|source| SidecarDirError::Write {
                    file: file.to_owned(),
                    source,
                })
        }
        (Ok(_), _) => Ok(Created::Taken),
        // A file is there, and its owner is unknown.
        (Err(source), object_store::Error::AlreadyExists { .. }) => Err(read_error(file, source)),
        (Err(_), source) => Err(SidecarDirError::Write {
            file: file.to_owned(),
            source,
        }),
    }
}

/// Lists the sidecars of a root, by file name: one listing, and one bounded read per file.
///
/// Every entry directly in the folder whose name ends in `.json` counts. A missing folder is an empty one. A file that vanishes
/// between listing and reading was resolved by somebody else and is left out. An unreadable entry, or one that is no file, is
/// listed as such, so that it hides no other.
///
/// # Errors
/// [`SidecarDirError::List`] if the folder as a whole cannot be listed.
pub async fn list_sidecars(
    objects: &Objects,
    limits: &Limits,
) -> Result<Vec<SidecarFile>, SidecarDirError> {
    let names = list_names(objects, limits).await?;
    Ok(names.read(objects, limits, None).await)
}

/// The entries of the sidecar folder, before any is read.
#[derive(Debug, Default)]
pub struct SidecarNames {
    sidecars: Vec<ObjectMeta>,
    unread: Vec<SidecarFile>,
}

/// Lists the sidecar folder, and reads none of its files.
///
/// # Errors
/// [`SidecarDirError::List`], and [`SidecarDirError::TooMany`] beyond the limit.
pub async fn list_names(
    objects: &Objects,
    limits: &Limits,
) -> Result<SidecarNames, SidecarDirError> {
    let folder = Path::from(SIDECAR_FOLDER);
    let mut names = SidecarNames::default();
    // An object store can list one folder alone. A listing on local disk goes deeper, but names each file that it cannot read.
    let mut listing = if objects.are_files() {
        objects.list(Some(&folder))
    } else {
        match objects.list_with_delimiter(Some(&folder)).await {
            Ok(listed) => futures::stream::iter(listed.objects.into_iter().map(Ok)).boxed(),
            Err(object_store::Error::NotFound { .. }) => return Ok(names),
            Err(error) => return Err(SidecarDirError::List(error)),
        }
    };
    let is_sidecar = |path: &Path| {
        path.parent().as_ref() == Some(&folder)
            && path.filename().is_some_and(|name| name.ends_with(".json"))
    };
    while let Some(entry) = listing.next().await {
        match entry {
            Ok(meta) if is_sidecar(&meta.location) => names.sidecars.push(meta),
            Ok(_) => {}
            Err(object_store::Error::NotFound { .. }) => break,
            Err(error) => match NotRead::of(&error) {
                Some(not_read) if is_sidecar(&not_read.path) => {
                    names.unread.push(not_a_file(not_read));
                }
                // The entry lies deeper, or its name is not that of a sidecar.
                Some(not_read) if not_read.path != folder => {}
                _ => return Err(SidecarDirError::List(error)),
            },
        }
        if names.sidecars.len() + names.unread.len() > limits.sidecars_max {
            return Err(SidecarDirError::TooMany {
                max: limits.sidecars_max,
            });
        }
    }
    Ok(names)
}

fn not_a_file(not_read: &NotRead) -> SidecarFile {
    let file = name_of(&not_read.path);
    let reason = Reason::new(Code::Unreadable, format!("{file} {}", not_read.why));
    SidecarFile::unread(&file, reason)
}

impl SidecarNames {
    /// The names of all files; one of them may be gone before it is read.
    pub fn files(&self) -> BTreeSet<String> {
        let sidecars = self.sidecars.iter().map(|meta| name_of(&meta.location));
        let unread = self.unread.iter().map(|file| file.file.clone());
        sidecars.chain(unread).collect()
    }

    /// Reads the files, by name. Keeps the bytes only of the file or operation that is `wanted`. Of the others, holds the first
    /// by name, which are the oldest, up to the limit together, and does not read the rest.
    pub async fn read(
        mut self,
        objects: &Arc<dyn ObjectStore>,
        limits: &Limits,
        wanted: Option<&str>,
    ) -> Vec<SidecarFile> {
        let is_wanted = |meta: &ObjectMeta| {
            let file = name_of(&meta.location);
            wanted
                .is_some_and(|wanted| file == wanted || file.strip_suffix(".json") == Some(wanted))
        };
        self.sidecars
            .sort_by(|left, right| left.location.cmp(&right.location));
        let reads: Vec<_> = self
            .sidecars
            .iter()
            .map(|meta| read_listed(objects, meta.clone(), limits, is_wanted(meta)))
            .collect();
        let mut reads = futures::stream::iter(reads)
            .buffered(READS_AT_ONCE)
            .enumerate();
        let (mut files, mut held) = (Vec::new(), 0_u64);
        let mut not_held = self.sidecars.len();
        while let Some((place, read)) = reads.next().await {
            let Some(file) = read else { continue };
            held = held.saturating_add(file.held_bytes());
            if held > limits.sidecars_held_bytes_max {
                not_held = place;
                break;
            }
            files.push(file);
        }
        drop(reads);
        for meta in self.sidecars.split_off(not_held) {
            if is_wanted(&meta) {
                files.extend(read_listed(objects, meta, limits, true).await);
            } else {
                let file = name_of(&meta.location);
                files.push(SidecarFile {
                    modified_at: modified_at(&meta),
                    ..SidecarFile::not_held(&file, limits)
                });
            }
        }
        files.extend(self.unread);
        files.sort_by(|left, right| left.file.cmp(&right.file));
        files
    }
}

async fn read_listed(
    objects: &Arc<dyn ObjectStore>,
    meta: ObjectMeta,
    limits: &Limits,
    is_whole: bool,
) -> Option<SidecarFile> {
    let file = name_of(&meta.location);
    let read = match read_bounded(objects, &meta.location, limits.sidecar_bytes_max).await {
        Ok(Some(bytes)) => parsed(file, bytes, *limits, is_whole).await,
        Ok(None) => SidecarFile::too_large(&file, stored_as(&meta), limits),
        Err(object_store::Error::NotFound { .. }) => return None,
        Err(error) => match NotRead::of(&error) {
            Some(not_read) => not_a_file(not_read),
            None => SidecarFile::unread(
                &file,
                Reason::new(
                    Code::Unreadable,
                    format!("{file} cannot be read: {}", sidecar::error_text(&error)),
                ),
            ),
        },
    };
    Some(SidecarFile {
        modified_at: modified_at(&meta),
        ..read
    })
}

async fn parsed(file: String, bytes: Vec<u8>, limits: Limits, is_whole: bool) -> SidecarFile {
    off_thread::over(bytes.len(), move || {
        let read = SidecarFile::read(&file, bytes, &limits);
        if is_whole { read } else { read.lean() }
    })
    .await
}

/// A listed file, with its bytes and full contents. Reads the bytes again if the list did not keep them. Also reads a file that
/// is too large for a sidecar and small enough to be dismissed.
///
/// # Errors
/// [`SidecarDirError::Read`]; [`SidecarDirError::Replaced`] if the file has changed.
pub async fn whole(
    objects: &Arc<dyn ObjectStore>,
    listed: &SidecarFile,
    limits: &Limits,
) -> Result<(SidecarFile, Option<Vec<u8>>), SidecarDirError> {
    let Some(digest) = listed.digest else {
        let bytes = match listed.stored_as {
            Some(_) => read_sidecar(objects, &listed.file, limits).await?,
            None => StoredSidecar::Gone,
        };
        return Ok(match bytes {
            StoredSidecar::Bytes(bytes) => (listed.clone(), Some(bytes)),
            StoredSidecar::Gone | StoredSidecar::TooLarge => (listed.clone(), None),
        });
    };
    if !listed.bytes.is_empty() || digest == Digest::of(Tag::Sidecar, &[]) {
        return Ok((listed.clone(), Some(listed.bytes.clone())));
    }
    let replaced = || SidecarDirError::Replaced {
        file: listed.file.clone(),
    };
    let StoredSidecar::Bytes(bytes) = read_sidecar(objects, &listed.file, limits).await? else {
        return Err(replaced());
    };
    let read = parsed(listed.file.clone(), bytes, *limits, true).await;
    if read.digest != Some(digest) {
        return Err(replaced());
    }
    let whole = SidecarFile {
        modified_at: listed.modified_at,
        ..read
    };
    let bytes = whole.bytes.clone();
    Ok((whole, Some(bytes)))
}

/// When the object was modified; `None` for a time before 1970.
fn modified_at(meta: &ObjectMeta) -> Option<Timestamp> {
    let micros = u64::try_from(meta.last_modified.timestamp_micros()).ok()?;
    Some(Timestamp::from_micros(micros))
}

/// Identity of an unread file. Another write changes its e_tag, or at least its time.
fn stored_as(meta: &ObjectMeta) -> String {
    let e_tag = meta.e_tag.as_deref().unwrap_or_default();
    format!(
        "{} {} {e_tag}",
        meta.size,
        meta.last_modified.timestamp_micros()
    )
}

/// Reads an object whole, or `None` if it is longer than `bytes_max`.
pub async fn read_bounded(
    objects: &Arc<dyn ObjectStore>,
    path: &Path,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, object_store::Error> {
    read_whole(objects.get(path).await?, bytes_max).await
}

/// The body of an answer, or `None` if it is longer than `bytes_max`.
pub async fn read_whole(
    result: GetResult,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, object_store::Error> {
    let (size, location) = (result.meta.size, result.meta.location.clone());
    if size > bytes_max {
        return Ok(None);
    }
    let mut stream = result.into_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.try_next().await? {
        let chunk: Bytes = chunk;
        if bytes.len() as u64 + chunk.len() as u64 > bytes_max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    // A truncated body must not pass for a file with other bytes.
    if (bytes.len() as u64) < size {
        return Err(object_store::Error::Generic {
            store: "the store",
            source: format!("{location} ended after {} of {size} bytes", bytes.len()).into(),
        });
    }
    Ok(Some(bytes))
}

/// The file under the name of a sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredSidecar {
    /// No file.
    Gone,
    /// A file with these bytes.
    Bytes(Vec<u8>),
    /// A file of more bytes than can be kept in a journal record.
    TooLarge,
}

/// Reads one file among the sidecars.
///
/// # Errors
/// [`SidecarDirError::Read`].
pub async fn read_sidecar(
    objects: &Arc<dyn ObjectStore>,
    file: &str,
    limits: &Limits,
) -> Result<StoredSidecar, SidecarDirError> {
    match read_bounded(objects, &path(file)?, limits.kept_bytes_max).await {
        Ok(Some(bytes)) => Ok(StoredSidecar::Bytes(bytes)),
        Ok(None) => Ok(StoredSidecar::TooLarge),
        Err(object_store::Error::NotFound { .. }) => Ok(StoredSidecar::Gone),
        Err(source) => Err(read_error(file, source)),
    }
}

fn read_error(file: &str, source: object_store::Error) -> SidecarDirError {
    SidecarDirError::Read {
        file: file.to_owned(),
        source,
    }
}

/// Whether there is a file of this name among the sidecars, whatever is in it.
///
/// # Errors
/// [`SidecarDirError::Read`].
pub async fn is_there(objects: &Arc<dyn ObjectStore>, file: &str) -> Result<bool, SidecarDirError> {
    match objects.head(&path(file)?).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(source) => Err(read_error(file, source)),
    }
}

/// Deletes a sidecar. A file that is neither found nor listed counts as deleted. On return the deletion is durable.
///
/// # Errors
/// [`SidecarDirError::Delete`], and those of [`make_deletion_durable`].
pub async fn delete_sidecar(objects: &Objects, file: &str) -> Result<(), SidecarDirError> {
    match objects.delete(&path(file)?).await {
        Ok(()) => Ok(()),
        Err(object_store::Error::NotFound { .. }) => make_deletion_durable(objects, file).await,
        Err(source) => Err(not_deleted(file, source)),
    }
}

/// Makes durable the deletion of a sidecar that was found gone: the executor that deleted it may have died first. The file counts
/// as gone only if the folder does not list it.
///
/// # Errors
/// [`SidecarDirError::Delete`]; [`SidecarDirError::NotGone`]; [`SidecarDirError::List`].
pub async fn make_deletion_durable(objects: &Objects, file: &str) -> Result<(), SidecarDirError> {
    let names = list_names(objects, &Limits::DEFAULT).await?;
    if names.files().contains(file) {
        return Err(SidecarDirError::NotGone {
            file: file.to_owned(),
        });
    }
    let kept = objects.make_durable(&[path(file)?]).await;
    kept.map_err(|source| not_deleted(file, source))
}

fn not_deleted(file: &str, source: object_store::Error) -> SidecarDirError {
    SidecarDirError::Delete {
        file: file.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn a_file_that_is_not_read_is_told_from_another_of_its_name_and_size() {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let path = Path::from("__recovery/large.json");
        let mut stored = Vec::new();
        for content in ["one", "two"] {
            objects.put(&path, content.into()).await.unwrap();
            stored.push(objects.head(&path).await.unwrap());
        }
        assert_eq!(stored[0].size, stored[1].size);
        assert_ne!(stored_as(&stored[0]), stored_as(&stored[1]));
        assert_eq!(stored_as(&stored[0]), stored_as(&stored[0].clone()));

        // Some stores give no e_tag.
        let [one, other] = [0, 1].map(|micros| ObjectMeta {
            e_tag: None,
            last_modified: stored[0].last_modified + std::time::Duration::from_micros(micros),
            ..stored[0].clone()
        });
        assert_ne!(stored_as(&one), stored_as(&other));
    }

    // A key comes back from a listing as it is; an encoded one would be another object.
    #[tokio::test]
    async fn a_file_in_an_object_store_is_read_and_deleted_by_the_name_it_is_listed_by() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let objects = Objects::from(store);
        let names = ["50%.json", "a%2Fb.json", "~#[x]{y}^|*?\"<>`.json", "é.json"];
        for name in names {
            let key = Path::parse(format!("{SIDECAR_FOLDER}/{name}")).unwrap();
            objects.put(&key, name.into()).await.unwrap();
        }
        let listed = list_sidecars(&objects, &Limits::DEFAULT).await.unwrap();
        assert_eq!(listed.len(), names.len());
        for name in names {
            assert!(listed.iter().any(|file| file.file == name), "{name}");
            let stored = read_sidecar(&objects, name, &Limits::DEFAULT).await;
            assert_eq!(stored.unwrap(), StoredSidecar::Bytes(name.into()), "{name}");
            delete_sidecar(&objects, name).await.unwrap();
        }
        let left = list_sidecars(&objects, &Limits::DEFAULT).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }

    const IDS: [&str; 3] = [
        "01M8125ENACWR9X1EZNRMDV5V1",
        "01M8125ENACWR9X1EZNRMDV5V2",
        "01M8125ENACWR9X1EZNRMDV5V3",
    ];

    /// Three sidecars over a hundred tables each, none of them shared.
    async fn three_large() -> Objects {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        for id in IDS {
            let pins: Vec<_> = (0..100)
                .map(|table| {
                    serde_json::json!({
                        "table_key": format!("{id}:{table}"), "table_path": "/t", "expected_version": 1, "post_commit_pin": 2,
                    })
                })
                .collect();
            let sidecar = serde_json::json!({
                "schema_version": 1, "operation_id": id, "started_at": "1", "writer_kind": "Mutation", "tables": pins,
            });
            let file = path(&format!("{id}.json")).unwrap();
            objects
                .put(&file, sidecar.to_string().into())
                .await
                .unwrap();
        }
        objects.into()
    }

    #[tokio::test]
    async fn only_the_oldest_are_held_and_the_others_wait_until_they_are_asked_for() {
        let objects = three_large().await;
        let one = SidecarFile::read("x.json", vec![b' '; 8], &Limits::DEFAULT).held_bytes();
        let listed = |limits: Limits, wanted: Option<&'static str>| {
            let objects = objects.clone();
            async move {
                let names = list_names(&objects, &limits).await.unwrap();
                sidecar::assemble(names.read(&objects, &limits, wanted).await)
            }
        };
        let all = listed(Limits::DEFAULT, None).await;
        assert!(all.iter().all(|entry| entry.waiting_for.is_none()));
        assert!(
            all.iter().all(|entry| entry.file.bytes.is_empty()),
            "nobody asked for bytes"
        );
        let held = all[0].file.held_bytes();
        assert!(held > one + 10_000, "{held}");

        let few = Limits {
            sidecars_held_bytes_max: held * 3 / 2,
            ..Limits::DEFAULT
        };
        let some = listed(few, None).await;
        let waits: Vec<_> = some
            .iter()
            .map(|entry| entry.waiting_for.as_deref())
            .collect();
        assert_eq!(waits, [None, Some(IDS[0]), Some(IDS[0])]);
        assert!(some.iter().all(|entry| entry.refusal.is_none()));
        let spent: u64 = some.iter().map(|entry| entry.file.held_bytes()).sum();
        assert!(spent < few.sidecars_held_bytes_max, "{spent}");

        let wanted = listed(few, Some(IDS[2])).await;
        assert!(wanted[2].file.content.is_ok() && !wanted[2].file.bytes.is_empty());
        assert_eq!(
            wanted[2].waiting_for.as_deref(),
            Some(IDS[1]),
            "what that one names is not known"
        );
    }

    #[tokio::test]
    async fn what_a_list_did_not_keep_is_read_again_and_must_be_the_same() {
        let objects = three_large().await;
        let limits = Limits::DEFAULT;
        let names = list_names(&objects, &limits).await.unwrap();
        let listed = names.read(&objects, &limits, None).await.remove(0);
        let (whole, bytes) = whole(&objects, &listed, &limits).await.unwrap();
        assert_eq!(whole.digest, listed.digest);
        assert_eq!(bytes.as_ref(), Some(&whole.bytes));
        objects
            .put(&path(&listed.file).unwrap(), "{}".into())
            .await
            .unwrap();
        let replaced = super::whole(&objects, &listed, &limits).await;
        assert!(
            matches!(replaced, Err(SidecarDirError::Replaced { .. })),
            "{replaced:?}"
        );
    }
}
