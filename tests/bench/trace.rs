//! What follows what in one recovery: every request takes the same long time, so what is sent together shares a round.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use root_objects::store::{Gate, Request};

/// Long beside what is computed between two requests.
const REQUEST_TIME: Duration = Duration::from_millis(250);

/// Delays every request and notes when it was sent.
#[derive(Debug)]
pub struct Trace {
    start: Instant,
    sent: Mutex<Vec<(Duration, String)>>,
}

impl Trace {
    pub fn begin() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            sent: Mutex::default(),
        })
    }

    pub fn print(&self) {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut round = (0, Duration::ZERO);
        for (at, request) in sent.iter() {
            if round.0 == 0 || *at >= round.1 + REQUEST_TIME {
                round = (round.0 + 1, *at);
            }
            println!("{:>3}  {:>6}  {request}", round.0, at.as_millis());
        }
    }
}

#[async_trait]
impl Gate for Trace {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((self.start.elapsed(), request.to_string()));
        tokio::time::sleep(REQUEST_TIME).await;
        Ok(())
    }
}
