//! Connections and their bounds.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use rowlock_api_server::serve::{Limits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// Gets a word when a slow request began, and gives one when it may end.
    began: mpsc::Receiver<()>,
    ends: mpsc::Sender<()>,
}

impl Served {
    async fn start(limits: Limits) -> Self {
        let (begin, began) = mpsc::channel(1);
        let (ends, end) = mpsc::channel::<()>(1);
        let end = std::sync::Arc::new(tokio::sync::Mutex::new(end));
        let slow = move || {
            let (begin, end) = (begin.clone(), end.clone());
            async move {
                begin.send(()).await.unwrap();
                end.lock().await.recv().await;
                "slow"
            }
        };
        let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
        let router = Router::new().route("/", get(who)).route("/slow", get(slow));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, router, limits, stop.clone()));
        Self { address, stop, task, began, ends }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// All that comes until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = stream.read_to_end(&mut text);
    // A connection that is cut off is closed too.
    drop(tokio::time::timeout(PATIENCE, read).await.expect("an end"));
    String::from_utf8(text).unwrap()
}

async fn asked(served: &Served, request: &str) -> String {
    let mut stream = served.connect().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

#[tokio::test]
async fn a_request_is_answered_and_its_peer_is_known() {
    let served = Served::start(Limits::default()).await;
    let reply = asked(&served, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with("127.0.0.1"), "{reply}");
}

#[tokio::test]
async fn who_does_not_say_what_it_wants_in_time_is_let_go() {
    let head_time = Duration::from_millis(100);
    let served = Served::start(Limits { head_time, ..Limits::default() }).await;
    for head in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let reply = asked(&served, head).await;
        assert!(!reply.contains("200 OK"), "{head}: {reply}");
    }
}

#[tokio::test]
async fn heads_have_their_bounds() {
    let limits = Limits { headers: 10, head_bytes: 16 << 10, ..Limits::default() };
    let served = Served::start(limits).await;
    let many: String = (0..11).map(|number| format!("x-{number}: y\r\n")).collect();
    let reply = asked(&served, &format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n")).await;
    assert!(reply.starts_with("HTTP/1.1 431"), "{reply}");
    let long = "y".repeat(20 << 10);
    let reply =
        asked(&served, &format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {long}\r\n\r\n")).await;
    assert!(!reply.contains("200 OK"), "{reply}");
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_wait() {
    let served = Served::start(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = served.connect().await;
    first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut head = [0; 12];
    first.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    let mut second = served.connect().await;
    second.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    drop(first);
    assert!(rest(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_server_that_stops_ends_what_was_begun_and_takes_no_more() {
    let mut served = Served::start(Limits::default()).await;
    let mut idle = served.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut head = [0; 12];
    idle.read_exact(&mut head).await.unwrap();
    let mut slow = served.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    served.began.recv().await.unwrap();
    served.stop.cancel();
    // The idle one ends at once; what was begun has its answer.
    rest(&mut idle).await;
    served.ends.send(()).await.unwrap();
    let reply = rest(&mut slow).await;
    assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with("slow"), "{reply}");
    tokio::time::timeout(PATIENCE, served.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off() {
    let limits = Limits { drain_time: Duration::from_millis(50), ..Limits::default() };
    let mut served = Served::start(limits).await;
    let mut slow = served.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    served.began.recv().await.unwrap();
    served.stop.cancel();
    tokio::time::timeout(PATIENCE, served.task).await.unwrap().unwrap();
}
