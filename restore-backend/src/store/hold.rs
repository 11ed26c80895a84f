//! Effects that no fence guards are sent only while their executor has not been taken over from.
//!
//! A restore or a publish that comes late lands nowhere: its version is taken. A tag, a schema file or a lock has no version. So an
//! executor that was stopped, taken over from and continued could still send one, into a world that moved on. Whoever takes over
//! creates the journal record that would have been the executor's next; under a hold every mutating request is sent only if that
//! record is not there.
//!
//! On local disk looking and sending are one: both happen under a shared lock of the journal's folder, and the record that takes
//! over is created under an exclusive one. On an object store the look is a request of its own, right before; what is left there is
//! that an executor stops between the two.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use object_store::path::Path;

use super::durability::blocking;

tokio::task_local! {
    static HELD: Hold;
}

/// An executor's hold on its operation, as long as its journal was.
#[derive(Clone, Debug)]
pub struct Hold {
    next: Path,
    local: Option<PathBuf>,
    is_lost: Arc<AtomicBool>,
}

/// Somebody else has the operation now.
#[derive(Debug)]
struct TakenOver;

impl fmt::Display for TakenOver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("another executor took over this operation, so this was not sent")
    }
}

impl Error for TakenOver {}

impl Hold {
    pub(super) fn new(next: Path, local: Option<PathBuf>) -> Self {
        Self {
            next,
            local,
            is_lost: Arc::default(),
        }
    }

    /// Does something whose mutating requests are all sent under this hold, or not at all.
    ///
    /// Requests that are handed to other tasks are not; nothing that is done under a hold does that.
    pub async fn during<T>(&self, effect: impl Future<Output = T>) -> T {
        HELD.scope(self.clone(), effect).await
    }

    /// Whether something was not sent because somebody else had taken over.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::SeqCst)
    }

    pub(super) fn current() -> Option<Self> {
        HELD.try_with(Self::clone).ok()
    }

    /// The object that somebody who takes over creates.
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

    /// On local disk: keeps others from taking over until the answer is dropped, unless somebody has.
    pub(super) async fn locally(&self) -> Option<object_store::Result<Turn>> {
        let next = self.local.clone()?;
        let looked = blocking(move || {
            let lock = match next.parent().map(File::open) {
                Some(Ok(folder)) => {
                    // A file system without locks is worked on without: what is left is the window of an object store.
                    let locked = folder.lock_shared();
                    locked.is_ok().then_some(folder)
                }
                _ => None,
            };
            Ok((!next.try_exists()?).then_some(Turn { _lock: lock }))
        });
        Some(match looked.await {
            Ok(Some(turn)) => Ok(turn),
            Ok(None) => Err(self.lose()),
            Err(error) => Err(error),
        })
    }
}

/// Nobody takes over before it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _lock: Option<File>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::ObjectStore;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;
    use crate::lance_room::LanceRoom;
    use crate::lance_room::RoomOptions;
    use crate::store::Objects;
    use crate::store::ObservedStore;
    use crate::store::RequestLog;

    fn next() -> Path {
        Path::from("__recovery_log/01M8125ENACWR9X1EZNRMDV5V2/000002.json")
    }

    async fn local(folder: &std::path::Path) -> Objects {
        let room = LanceRoom::open(folder.to_str().unwrap(), RoomOptions::default()).await;
        let objects = room.unwrap().objects();
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

        let taking_over = async {
            other.try_lock_shared().unwrap_err();
        };
        objects.alone(&next(), taking_over).await;
        other.try_lock_shared().unwrap();
    }
}
