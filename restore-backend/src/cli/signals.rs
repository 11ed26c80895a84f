//! The signals that reach the console while it runs: to stop, and to print a new login link.
//!
//! A thread of its own listens, so that it hears even if every other thread waits for a file system that does not answer.

use tokio::sync::mpsc;

use super::error::CliError;

/// One message each time somebody asks for it, from [`listen`] on.
#[derive(Debug)]
pub(super) struct Signals {
    /// Ctrl-C, or the system asks the program to end.
    pub(super) interrupts: mpsc::Receiver<()>,
    /// Ctrl-\, or `SIGUSR1`: somebody needs a login link.
    pub(super) links: mpsc::Receiver<()>,
}

/// Listens from this call on.
///
/// # Errors
/// [`CliError::Runtime`] if the thread cannot be started.
pub(super) fn listen() -> Result<Signals, CliError> {
    let (interrupt, interrupts) = mpsc::channel(1);
    let (link, links) = mpsc::channel(1);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Runtime)?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || runtime.block_on(imp::forward(interrupt, link, ready)))
        .map_err(CliError::Runtime)?;
    // This fails if the thread ended. The thread has logged why.
    is_ready.recv().ok();
    Ok(Signals { interrupts, links })
}

#[cfg(unix)]
mod imp {
    use std::time::Duration;

    use tokio::signal::unix::{Signal, SignalKind, signal};
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    /// How long the program may take to end after the first interrupt, and after the second. Both are longer than the server waits
    /// for executions and connections. Those that are left are cut off then; an execution that is cut off can be resumed.
    const STOP_MAX: Duration = Duration::from_secs(45);
    const STOP_NOW_MAX: Duration = Duration::from_secs(5);

    pub(super) async fn forward(
        interrupt: mpsc::Sender<()>,
        link: mpsc::Sender<()>,
        ready: std::sync::mpsc::Sender<()>,
    ) {
        let mut stopping = [SignalKind::interrupt(), SignalKind::terminate()].map(heard);
        let mut asking = [SignalKind::quit(), SignalKind::user_defined1()].map(heard);
        ready.send(()).ok();
        let mut ends_at: Option<Instant> = None;
        loop {
            let [ctrl_c, terminate] = &mut stopping;
            let [quit, user] = &mut asking;
            // If a message is waiting already, the new one adds nothing.
            tokio::select! {
                () = next(ctrl_c) => {}
                () = next(terminate) => {}
                () = next(quit) => {
                    link.try_send(()).ok();
                    continue;
                }
                () = next(user) => {
                    link.try_send(()).ok();
                    continue;
                }
                () = until(ends_at) => {
                    tracing::error!("the program is cut off: storage does not answer, so it does not end by itself");
                    std::process::exit(1);
                }
            }
            interrupt.try_send(()).ok();
            let wait = if ends_at.is_none() {
                STOP_MAX
            } else {
                STOP_NOW_MAX
            };
            let at = Instant::now() + wait;
            ends_at = Some(ends_at.map_or(at, |earlier| earlier.min(at)));
        }
    }

    fn heard(kind: SignalKind) -> Option<Signal> {
        signal(kind)
            .map_err(|error| {
                tracing::warn!(%error, "a signal cannot be listened for, so it has its default effect");
            })
            .ok()
    }

    async fn next(signal: &mut Option<Signal>) {
        let heard = match signal {
            Some(signal) => signal.recv().await.is_some(),
            None => false,
        };
        if !heard {
            std::future::pending().await
        }
    }

    async fn until(at: Option<Instant>) {
        match at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
mod imp {
    use tokio::sync::mpsc;

    pub(super) async fn forward(
        interrupt: mpsc::Sender<()>,
        _link: mpsc::Sender<()>,
        ready: std::sync::mpsc::Sender<()>,
    ) {
        ready.send(()).ok();
        while tokio::signal::ctrl_c().await.is_ok() {
            interrupt.try_send(()).ok();
        }
    }
}
