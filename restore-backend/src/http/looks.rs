//! The looks at one root that are under way: how many at a time, for how long, and what becomes of those that hang.
//!
//! A look that waits for a file system that does not answer cannot be ended: a thread of this process waits in the system.
//! So it is given up, not ended: who asked is told, and its permit stays taken until it ends after all. That way a root that
//! hangs costs as many looks as it has permits, and the other roots cost nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::patience::Patience;

/// Looks at one root that are carried out at a time. Each look fans out over the tables by itself, so more of them would only
/// take turns, and hold memory meanwhile.
const LOOKS_MAX: usize = 4;

/// Why a look has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoLook {
    /// No permit came in time, though no look is late.
    Busy,
    /// No permit can be had, and the oldest late look has been under way for so long.
    Stuck { seconds: u64 },
    /// This look has not ended in time, and is given up.
    Overdue,
    /// The look panicked.
    Panicked,
}

#[derive(Debug)]
pub(super) struct Looks {
    permits: Arc<Semaphore>,
    /// While a look is late, requests wait for others one at a time.
    careful: Arc<Semaphore>,
    /// When each look that is under way began.
    under_way: Arc<Mutex<UnderWay>>,
}

#[derive(Debug, Default)]
struct UnderWay {
    next: u64,
    begun: BTreeMap<u64, Instant>,
}

/// One look that is under way, until it is dropped.
#[derive(Debug)]
struct LookPermit {
    number: u64,
    under_way: Arc<Mutex<UnderWay>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for LookPermit {
    fn drop(&mut self) {
        lock(&self.under_way).begun.remove(&self.number);
    }
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(LOOKS_MAX)),
            careful: Arc::new(Semaphore::new(1)),
            under_way: Arc::default(),
        }
    }
}

impl Looks {
    /// Looks once it has a permit. A look goes on even if nobody waits for it any more: its end tells when its threads are free
    /// again.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        patience: &Patience,
        look: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, NoLook> {
        let (permit, _careful) = self.permit(patience).await?;
        let look = tokio::spawn(async move {
            let _permit = permit;
            look.await
        });
        match timeout(patience.look, look).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(NoLook::Panicked),
            Err(_) => Err(NoLook::Overdue),
        }
    }

    async fn permit(
        &self,
        patience: &Patience,
    ) -> Result<(LookPermit, Option<OwnedSemaphorePermit>), NoLook> {
        let late = self.late(patience);
        if let Some(seconds) = late.all {
            return Err(NoLook::Stuck { seconds });
        }
        let wait = async {
            let careful = match late.oldest {
                Some(_) => Some(Arc::clone(&self.careful).acquire_owned().await.ok()?),
                None => None,
            };
            let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
            Some((permit, careful))
        };
        let Ok(Some((permit, careful))) = timeout(patience.permit, wait).await else {
            return Err(match self.late(patience).oldest {
                Some(seconds) => NoLook::Stuck { seconds },
                None => NoLook::Busy,
            });
        };
        let mut under_way = lock(&self.under_way);
        let number = under_way.next;
        under_way.next += 1;
        under_way.begun.insert(number, Instant::now());
        let permit = LookPermit {
            number,
            under_way: Arc::clone(&self.under_way),
            _permit: permit,
        };
        Ok((permit, careful))
    }

    fn late(&self, patience: &Patience) -> Late {
        let under_way = lock(&self.under_way);
        let ages: Vec<u64> = under_way
            .begun
            .values()
            .map(Instant::elapsed)
            .filter(|age| *age >= patience.look)
            .map(|age| age.as_secs())
            .collect();
        let oldest = ages.iter().copied().max();
        Late {
            oldest,
            all: oldest.filter(|_| ages.len() >= LOOKS_MAX),
        }
    }
}

/// For how many seconds the oldest late look has been under way.
struct Late {
    oldest: Option<u64>,
    /// The same, if late looks have all the permits.
    all: Option<u64>,
}

fn lock(under_way: &Mutex<UnderWay>) -> MutexGuard<'_, UnderWay> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    const PATIENCE: Patience = Patience {
        permit: Duration::from_millis(40),
        look: Duration::from_millis(20),
        step: Duration::from_secs(1),
    };

    #[tokio::test]
    async fn late_looks_take_all_permits_of_their_root_and_give_them_back() {
        let looks = Looks::default();
        let mut ends = Vec::new();
        for _ in 0..LOOKS_MAX {
            let (end, ended) = oneshot::channel::<()>();
            ends.push(end);
            let answer = looks.run(&PATIENCE, async { ended.await.ok() }).await;
            assert_eq!(answer, Err(NoLook::Overdue));
        }
        assert_eq!(
            looks.run(&PATIENCE, async {}).await,
            Err(NoLook::Stuck { seconds: 0 })
        );
        drop(ends);
        while looks.run(&PATIENCE, async {}).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_look_that_is_late_lets_others_through() {
        let looks = Looks::default();
        let (_end, ended) = oneshot::channel::<()>();
        let answer = looks.run(&PATIENCE, async { ended.await.ok() }).await;
        assert_eq!(answer, Err(NoLook::Overdue));
        assert_eq!(looks.run(&PATIENCE, async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_permit_that_does_not_come_is_busy_and_a_panic_is_an_answer() {
        let looks = Looks::default();
        let patient = Patience {
            look: Duration::from_secs(60),
            ..PATIENCE
        };
        let _taken = Arc::clone(&looks.permits)
            .acquire_many_owned(LOOKS_MAX as u32)
            .await;
        assert_eq!(looks.run(&patient, async {}).await, Err(NoLook::Busy));
        drop(_taken);
        let panicking = looks.run(&patient, async { panic!("on purpose") }).await;
        assert_eq!(panicking, Err::<(), _>(NoLook::Panicked));
    }
}
