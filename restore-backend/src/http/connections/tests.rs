//! A small server on a real socket, with clients that keep quiet, say too much, or take nothing.

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use std::time::Duration;

use tokio::sync::Notify;

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
    // Time is tested: the client takes nothing for longer than the server waits. No event tells it that it was let go, since it reads
    // nothing, and another client at the door would have it let go for a place.
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
