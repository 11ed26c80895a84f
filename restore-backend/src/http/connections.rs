//! The connections of the server: how many, how large a request's head, and for how long each may keep the server waiting.
//!
//! Any program that reaches the port can open connections and say nothing. When as many are open as the server holds, the one
//! that has been quiet for longest makes room, so that idle sockets keep nobody out.

use std::collections::BTreeMap;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::resource::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, Sleep};

/// What the connections of a server may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections at a time. Each is a file descriptor.
    pub(super) connections_max: usize,
    /// Fields of a request's head.
    pub(super) headers_max: usize,
    /// Bytes of a request's head.
    pub(super) head_bytes_max: usize,
    /// How long to wait for the head of a request, from the start of the connection or the end of the request before. So it also
    /// bounds how long a connection is idle.
    pub(super) head_wait_max: Duration,
    /// How long to wait for a client that takes nothing of its answer.
    pub(super) write_wait_max: Duration,
    /// Pause after a connection that could not be accepted, unless another one ends before.
    pub(super) accept_pause: Duration,
    /// How long nothing more is logged about connections that cannot be accepted.
    pub(super) accept_quiet: Duration,
}

/// Connections may take one in so many of the process's file descriptors: the storage needs the others.
const DESCRIPTORS_PER_CONNECTION: u64 = 4;
/// At least so many connections are allowed, however few descriptors there are. A browser alone opens six.
const CONNECTIONS_MIN: usize = 8;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: 256,
            headers_max: 64,
            head_bytes_max: 16 << 10,
            head_wait_max: Duration::from_secs(30),
            write_wait_max: Duration::from_secs(30),
            accept_pause: Duration::from_millis(500),
            accept_quiet: Duration::from_secs(60),
        }
    }
}

impl Bounds {
    /// The default ones, with no more connections than this process has file descriptors for.
    pub(super) fn of_this_process() -> Self {
        let all = Self::default();
        let Ok((descriptors, _)) = getrlimit(Resource::RLIMIT_NOFILE) else {
            return all;
        };
        let share = usize::try_from(descriptors / DESCRIPTORS_PER_CONNECTION);
        let share = share.unwrap_or(usize::MAX).max(CONNECTIONS_MIN);
        Self {
            connections_max: all.connections_max.min(share),
            ..all
        }
    }
}

/// Answers on every connection until told to stop, then ends those that are idle and lets the others end their answers.
pub(super) async fn serve(
    listeners: Vec<TcpListener>,
    router: Router,
    bounds: Bounds,
    stop: watch::Receiver<bool>,
) {
    let seats = Arc::new(Seats::default());
    let accepting = listeners
        .into_iter()
        .map(|listener| accept(listener, &router, bounds, &seats, stop.clone()));
    futures::future::join_all(accepting).await;
    while seats.count() > 0 {
        seats.freed.notified().await;
    }
}

async fn accept(
    listener: TcpListener,
    router: &Router,
    bounds: Bounds,
    seats: &Arc<Seats>,
    mut stop: watch::Receiver<bool>,
) {
    let mut trouble = Trouble::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told(&mut stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) if is_of_one_connection(&error) => {
                tracing::debug!(%error, "a client gave up before its connection was accepted");
                continue;
            }
            Err(error) => {
                // Out of file descriptors, most likely. One connection may give its own back.
                let made_room = seats.end_quietest();
                trouble.met(&error, bounds.accept_quiet);
                tokio::select! {
                    () = seats.freed.notified(), if made_room => {}
                    () = tokio::time::sleep(bounds.accept_pause) => {}
                    () = told(&mut stop) => break,
                }
                continue;
            }
        };
        // Progress is many small messages, each wanted at once.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays with delayed sending");
        }
        while seats.count() >= bounds.connections_max {
            let freed = seats.freed.notified();
            seats.end_quietest();
            tokio::select! {
                () = freed => {}
                () = told(&mut stop) => break,
            }
        }
        let seat = Seat::take(seats);
        let ended = stop.clone();
        tokio::spawn(answer(stream, router.clone(), bounds, seat, ended));
    }
}

/// Whether the error is about this one connection, so that the next may be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// Connections that cannot be accepted, told once in a while: there may be thousands, and the log is on some disk too.
#[derive(Debug, Default)]
struct Trouble {
    told_at: Option<Instant>,
    untold: u64,
}

impl Trouble {
    fn met(&mut self, error: &io::Error, quiet: Duration) {
        if self.told_at.is_some_and(|at| at.elapsed() < quiet) {
            self.untold += 1;
            return;
        }
        tracing::error!(
            %error,
            not_told_before = self.untold,
            "connections cannot be accepted: the process has no file descriptor left, or the system refuses; idle connections are ended to make room, and the server goes on; if this lasts, start it with a higher limit (ulimit -n)"
        );
        (self.told_at, self.untold) = (Some(Instant::now()), 0);
    }
}

/// Waits until the server is told to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    // If the sender is gone, nobody can tell any more, and the server stops too.
    stop.wait_for(|stop| *stop).await.ok();
}

async fn answer(
    stream: TcpStream,
    router: Router,
    bounds: Bounds,
    seat: Seat,
    mut stop: watch::Receiver<bool>,
) {
    let seat = Arc::new(seat);
    let service = {
        let (answers, seat) = (TowerToHyperService::new(router), Arc::clone(&seat));
        service_fn(move |request: hyper::Request<Incoming>| {
            let (answer, busy) = (answers.call(request), Busy::begin(&seat));
            async move {
                let answer = answer.await;
                drop(busy);
                answer
            }
        })
    };
    let io = TokioIo::new(Heard {
        stream,
        seat: Arc::clone(&seat),
        write_wait_max: bounds.write_wait_max,
        writing: None,
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_wait_max)
        .max_headers(bounds.headers_max)
        .max_header_size(bounds.head_bytes_max)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let ended: Result<(), hyper::Error> = tokio::select! {
        ended = connection.as_mut() => ended,
        () = seat.wanted.notified() => return,
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = sidecar::error_text(&error), "a connection ended");
    }
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Seats {
    taken: Mutex<Taken>,
    /// Told when one of them ends.
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    by: BTreeMap<u64, Activity>,
}

#[derive(Debug)]
struct Activity {
    /// When anything was last read or written.
    last: Instant,
    /// Requests that are being answered.
    requests: usize,
    wanted: Arc<Notify>,
}

impl Seats {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) -> usize {
        self.taken().by.len()
    }

    /// Ends the connection that has been quiet for longest, of those on which no request waits for its answer. Returns
    /// whether there is one.
    fn end_quietest(&self) -> bool {
        let taken = self.taken();
        let quietest = taken
            .by
            .values()
            .filter(|activity| activity.requests == 0)
            .min_by_key(|activity| activity.last);
        if let Some(activity) = quietest {
            activity.wanted.notify_one();
        }
        quietest.is_some()
    }
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
struct Seat {
    number: u64,
    seats: Arc<Seats>,
    /// Told when another connection needs the place.
    wanted: Arc<Notify>,
}

impl Seat {
    fn take(seats: &Arc<Seats>) -> Self {
        let mut taken = seats.taken();
        let (number, wanted) = (taken.next, Arc::new(Notify::new()));
        taken.next += 1;
        taken.by.insert(
            number,
            Activity {
                last: Instant::now(),
                requests: 0,
                wanted: Arc::clone(&wanted),
            },
        );
        drop(taken);
        Self {
            number,
            seats: Arc::clone(seats),
            wanted,
        }
    }

    fn note(&self, note: impl FnOnce(&mut Activity)) {
        if let Some(activity) = self.seats.taken().by.get_mut(&self.number) {
            note(activity);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken().by.remove(&self.number);
        self.seats.freed.notify_one();
    }
}

/// One request that is being answered.
struct Busy(Arc<Seat>);

impl Busy {
    fn begin(seat: &Arc<Seat>) -> Self {
        seat.note(|activity| activity.requests += 1);
        Self(Arc::clone(seat))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.note(|activity| {
            activity.requests -= 1;
            activity.last = Instant::now();
        });
    }
}

/// A stream that notes when anything is read or written, and breaks when nothing can be written for long.
struct Heard {
    stream: TcpStream,
    seat: Arc<Seat>,
    write_wait_max: Duration,
    writing: Option<Pin<Box<Sleep>>>,
}

impl Heard {
    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing = None;
            self.seat.note(|activity| activity.last = Instant::now());
            return written;
        }
        let wait = self.write_wait_max;
        let writing = self
            .writing
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        writing.as_mut().poll(context).map(|()| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client takes nothing of its answer",
            ))
        })
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.seat.note(|activity| activity.last = Instant::now());
        }
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    /// A server of three connections, whose `/` answers at once and whose `/held` waits to be told.
    async fn server(bounds: Bounds) -> (std::net::SocketAddr, Arc<Notify>, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, goes_on) = (listener.local_addr().unwrap(), Arc::new(Notify::new()));
        let held = {
            let goes_on = Arc::clone(&goes_on);
            get(async move || {
                goes_on.notified().await;
                "held"
            })
        };
        let large = get(async || vec![b'x'; 32 << 20]);
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route("/large", large)
            .route("/held", held);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(serve(vec![listener], router, bounds, stopped));
        (address, goes_on, stop)
    }

    fn bounds() -> Bounds {
        Bounds {
            connections_max: 3,
            ..Bounds::default()
        }
    }

    async fn text(stream: &mut TcpStream) -> String {
        let mut bytes = vec![0; 4096];
        let count = stream.read(&mut bytes).await.unwrap_or_default();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    /// Far less than the server waits for a head by default, so that a connection which ends in this time was ended.
    const END_WAIT_MAX: Duration = Duration::from_secs(15);

    /// Everything there is until the other side ends.
    async fn to_the_end(stream: &mut TcpStream) -> usize {
        let mut bytes = Vec::new();
        let end = tokio::time::timeout(END_WAIT_MAX, stream.read_to_end(&mut bytes)).await;
        // A reset is an end too.
        end.expect("the server ends the connection").ok();
        bytes.len()
    }

    #[tokio::test]
    async fn sockets_that_do_nothing_keep_nobody_out() {
        let (address, _, _stop) = server(bounds()).await;
        let mut idle = Vec::new();
        for _ in 0..20 {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(REQUEST).await.unwrap();
        assert!(text(&mut busy).await.ends_with("hello"));
        assert_eq!(to_the_end(&mut idle[0]).await, 0, "the quietest made room");
    }

    #[tokio::test]
    async fn a_request_that_waits_for_its_answer_is_not_cut_off() {
        let (address, goes_on, _stop) = server(bounds()).await;
        let mut held = TcpStream::connect(address).await.unwrap();
        held.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut others = Vec::new();
        for _ in 0..20 {
            let mut other = TcpStream::connect(address).await.unwrap();
            other.write_all(REQUEST).await.unwrap();
            assert!(text(&mut other).await.ends_with("hello"));
            others.push(other);
        }
        goes_on.notify_one();
        assert!(text(&mut held).await.ends_with("held"));
    }

    #[tokio::test]
    async fn a_head_is_bounded_in_size_number_and_time() {
        let (address, _, _stop) = server(Bounds {
            head_wait_max: Duration::from_millis(50),
            ..bounds()
        })
        .await;
        let long = format!(
            "GET / HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n",
            "x".repeat(20_000)
        );
        let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(80));
        for request in [long, many] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            assert!(text(&mut stream).await.starts_with("HTTP/1.1 431 "));
        }
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nho").await.unwrap();
        to_the_end(&mut slow).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(REQUEST).await.unwrap();
        assert!(to_the_end(&mut idle).await > 0, "one answer, then the end");
    }

    #[tokio::test]
    async fn a_client_that_takes_no_answer_is_let_go() {
        let (address, _, _stop) = server(Bounds {
            write_wait_max: Duration::from_millis(50),
            connections_max: 1,
            ..bounds()
        })
        .await;
        let mut deaf = TcpStream::connect(address).await.unwrap();
        deaf.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut first = [0; 1];
        deaf.read_exact(&mut first).await.unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(to_the_end(&mut deaf).await < 32 << 20);
    }

    #[tokio::test]
    async fn a_stop_ends_what_is_idle_and_waits_for_answers() {
        let (address, goes_on, stop) = server(bounds()).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(REQUEST).await.unwrap();
        text(&mut idle).await;
        let mut held = TcpStream::connect(address).await.unwrap();
        held.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(REQUEST).await.unwrap();
        assert!(text(&mut third).await.ends_with("hello"));
        stop.send(true).unwrap();
        assert_eq!(to_the_end(&mut idle).await, 0);
        goes_on.notify_one();
        assert!(text(&mut held).await.ends_with("held"));
    }
}
