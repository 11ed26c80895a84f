//! The connections of the server: how many, how large a request's head, and for how long each may keep the server waiting.
//!
//! Any program that reaches the port can open connections and say nothing. When as many are open as the server holds, the one
//! that has been quiet for longest makes room, so that idle sockets keep nobody out.

mod bounds;
mod heard;
mod seats;
#[cfg(test)]
mod tests;
mod trouble;

use std::io;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use heard::Heard;
use seats::{Busy, Seat, Seats};
use trouble::Trouble;

pub(super) use bounds::Bounds;

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
