//! Effects that no fence guards are sent only while their executor has not been taken over from.
//!
//! A restore or a publish that comes late lands nowhere: its version is taken. A tag, a schema file or a lock has no version. So an
//! executor that was stopped, taken over and then continued could still send such a request, after another executor has gone on.
//! The other executor begins by creating the journal record that would have been the first one's next. Under a hold a mutating
//! request is sent only if that record does not exist.
//!
//! On local disk no takeover fits between the look and the request: both happen under a shared lock of the journal's folder, and the
//! record that takes over is created under an exclusive one. A process that is stopped in the middle of a request keeps that lock, so
//! others wait a few seconds for it and then go on; that one request may come late. On an object store the look is a request of its
//! own, right before the other, and an executor may be stopped between the two.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::fs::TryLockError;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use object_store::path::Path;

use super::confined::LocalPlace;

/// How long to wait for the requests of others that are on their way, and how often to look.
const WAITS_FOR: Duration = Duration::from_secs(5);
const LOOKS_EVERY: Duration = Duration::from_millis(5);

tokio::task_local! {
    static CONDITION: WriteCondition;
}

/// How mutating requests are sent.
#[derive(Clone, Debug)]
pub(super) enum WriteCondition {
    /// Only while no other executor has taken over.
    Held(Hold),
    /// Only while no request under a hold on this object's folder is on its way.
    Exclusive(LocalPlace),
}

impl WriteCondition {
    pub(super) fn current() -> Option<Self> {
        CONDITION.try_with(Self::clone).ok()
    }
}

pub(super) async fn exclusively<T>(place: LocalPlace, work: impl Future<Output = T>) -> T {
    CONDITION
        .scope(WriteCondition::Exclusive(place), work)
        .await
}

/// An executor's hold on its operation. It is lost once another executor has created the journal record `next`.
#[derive(Clone, Debug)]
pub struct Hold {
    next: Path,
    local: Option<LocalPlace>,
    is_lost: Arc<AtomicBool>,
}

/// Another executor has the operation now.
#[derive(Debug)]
struct TakenOver;

impl fmt::Display for TakenOver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("another executor took over this operation, so this was not sent")
    }
}

impl Error for TakenOver {}

impl Hold {
    pub(super) fn new(next: Path, local: Option<LocalPlace>) -> Self {
        Self {
            next,
            local,
            is_lost: Arc::default(),
        }
    }

    /// Runs `effect`, whose mutating requests are all sent under this hold, or not at all.
    ///
    /// The hold does not cover requests that `effect` hands to other tasks, so it must not do that.
    pub async fn during<T>(&self, effect: impl Future<Output = T>) -> T {
        CONDITION
            .scope(WriteCondition::Held(self.clone()), effect)
            .await
    }

    /// Whether a request was held back because another executor had taken over.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::SeqCst)
    }

    /// The object that a takeover creates.
    pub(super) fn next(&self) -> &Path {
        &self.next
    }

    pub(super) fn lose(&self) -> object_store::Error {
        self.is_lost.store(true, Ordering::SeqCst);
        object_store::Error::Generic {
            store: "hold",
            source: Box::new(TakenOver),
        }
    }

    /// On local disk: keeps others from taking over until the answer is dropped; an error if somebody has.
    pub(super) async fn locally(&self) -> Option<object_store::Result<FolderLock>> {
        let next = self.local.clone()?;
        let lock = FolderLock::shared(next.clone()).await;
        let looked = next.is_taken().await;
        Some(match looked {
            Ok(false) => Ok(lock),
            Ok(true) => Err(self.lose()),
            Err(error) => Err(error),
        })
    }
}

/// The lock of a folder, held until it is dropped. A file system without locks gives none, and work goes on.
#[derive(Debug)]
pub(super) struct FolderLock(#[expect(dead_code, reason = "it is held")] Option<File>);

impl FolderLock {
    async fn shared(place: LocalPlace) -> Self {
        Self(locked(place, File::try_lock_shared).await)
    }

    pub(super) async fn exclusive(place: LocalPlace) -> Self {
        Self(locked(place, File::try_lock).await)
    }
}

async fn locked(
    place: LocalPlace,
    lock: impl Fn(&File) -> Result<(), TryLockError>,
) -> Option<File> {
    let file = place.folder().await.ok()?;
    let mut left = WAITS_FOR.as_millis() / LOOKS_EVERY.as_millis();
    loop {
        match lock(&file) {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) if left > 0 => {
                left -= 1;
                tokio::time::sleep(LOOKS_EVERY).await;
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::ObjectStore;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;
    use object_store::prefix::PrefixStore;

    use crate::store::ConfinedFiles;
    use crate::store::ConfinedStore;
    use crate::store::Durability;
    use crate::store::LocalSync;
    use crate::store::Objects;
    use crate::store::ObservedStore;
    use crate::store::RequestLog;

    fn next() -> Path {
        Path::from("__recovery_log/01M8125ENACWR9X1EZNRMDV5V2/000002.json")
    }

    async fn local(folder: &std::path::Path) -> Objects {
        let prefix = Path::from_absolute_path(folder).unwrap();
        let files = ConfinedFiles::new(folder.to_owned(), prefix.clone());
        let sync = LocalSync::of(files.clone());
        let store = Arc::new(ConfinedStore::of(files.clone(), Durability::Synced));
        let observed = ObservedStore::new(store, RequestLog::new())
            .relative_to(prefix.clone())
            .syncing_with(sync.clone());
        let below = PrefixStore::new(observed, prefix.clone());
        let objects = Objects::below(Arc::new(below), prefix, Some(sync), Some(files));
        let first = Path::from("__recovery_log/01M8125ENACWR9X1EZNRMDV5V2/000001.json");
        objects.put(&first, "{}".into()).await.unwrap();
        objects
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_is_sent_under_a_hold_that_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let in_memory = ObservedStore::new(Arc::new(InMemory::new()), RequestLog::new());
        let in_memory: Arc<dyn ObjectStore> = Arc::new(in_memory);
        for objects in [local(folder.path()).await, Objects::from(in_memory)] {
            let hold = objects.hold(&next());
            let (one, other) = (Path::from("a"), Path::from("b"));
            hold.during(objects.put(&one, "1".into())).await.unwrap();
            hold.during(objects.copy(&one, &other)).await.unwrap();
            hold.during(objects.delete(&other)).await.unwrap();
            assert!(!hold.is_lost());

            objects.put(&next(), "{}".into()).await.unwrap();
            hold.during(objects.put(&one, "2".into()))
                .await
                .unwrap_err();
            assert!(hold.is_lost());
            hold.during(objects.copy(&one, &other)).await.unwrap_err();
            hold.during(objects.rename(&one, &other)).await.unwrap_err();
            hold.during(objects.delete(&one)).await.unwrap_err();
            let kept = objects.get(&one).await.unwrap().bytes().await.unwrap();
            assert_eq!(kept.as_ref(), b"1");
            objects.head(&other).await.unwrap_err();
            objects.put(&one, "2".into()).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_takes_over_while_a_request_is_on_its_way() {
        let folder = tempfile::tempdir().unwrap();
        let objects = local(folder.path()).await;
        let journal = folder
            .path()
            .join("__recovery_log/01M8125ENACWR9X1EZNRMDV5V2");
        let other = File::open(&journal).unwrap();
        let hold = objects.hold(&next());
        let turn = hold.locally().await.unwrap().unwrap();
        other.try_lock().unwrap_err();
        let second = hold.locally().await.unwrap().unwrap();
        drop((turn, second));
        other.try_lock().unwrap();
        other.unlock().unwrap();

        let taking_over = FolderLock::exclusive(hold.local.clone().unwrap()).await;
        other.try_lock_shared().unwrap_err();
        drop(taking_over);
        other.try_lock_shared().unwrap();
        other.unlock().unwrap();

        let path = next();
        let taken = objects.put(&path, "{}".into());
        objects.exclusively(&path, taken).await.unwrap();
        hold.locally().await.unwrap().unwrap_err();
    }
}
