//! The connection to one other node, client side.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use rowlock_proto::v1::raft_client::RaftClient;
use rowlock_proto::{NodeId, v1};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use super::{MESSAGE_BYTES_MAX, PROTOCOL_VERSION, QUEUE_MAX, WINDOW_BYTES, next_batch};
use crate::meta::Layout;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_millis(500);
/// A peer that does not even answer pings is gone, whatever its sockets say.
const PING_INTERVAL: Duration = Duration::from_millis(500);
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// Who speaks to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) layout: Layout,
    pub(crate) here: NodeId,
    pub(crate) there: NodeId,
}

impl Ends {
    pub(crate) fn hello(&self) -> v1::Hello {
        v1::Hello {
            cluster: Bytes::copy_from_slice(&self.layout.cluster.0),
            from_node: self.here.0,
            to_node: self.there.0,
            protocol: PROTOCOL_VERSION,
            shards: self.layout.shards,
            replicas: self.layout.replicas,
            clock_bound_ms: self.layout.clock_bound_ms,
        }
    }

    /// Whether `hello` comes from there and is meant for here.
    pub(crate) fn accepts(&self, hello: &v1::Hello) -> Result<(), String> {
        if hello.cluster[..] != self.layout.cluster.0 {
            return Err("another cluster".to_owned());
        }
        if hello.to_node != self.here.0 {
            return Err(format!("meant for node {}, this is {}", hello.to_node, self.here));
        }
        if hello.from_node != self.there.0 {
            return Err(format!("from node {}, not {}", hello.from_node, self.there));
        }
        if hello.protocol != PROTOCOL_VERSION {
            return Err(format!("protocol {}, not {PROTOCOL_VERSION}", hello.protocol));
        }
        let Layout { cluster: _, shards, replicas, clock_bound_ms } = self.layout;
        let differs = |what: &str, there: u64, here: u64| {
            Err(format!(
                "node {} was started with {what} {there}, this one with {here}",
                self.there
            ))
        };
        if hello.shards != shards {
            return differs("--shards", hello.shards.into(), shards.into());
        }
        if hello.replicas != replicas {
            return differs("--replicas", hello.replicas.into(), replicas.into());
        }
        if hello.clock_bound_ms != clock_bound_ms {
            return differs("--clock-bound-ms", hello.clock_bound_ms, clock_bound_ms);
        }
        Ok(())
    }
}

/// Whoever waits for the frames of an exchange.
pub(super) enum Waiting {
    Once(oneshot::Sender<v1::Frame>),
    Many(mpsc::UnboundedSender<v1::Frame>),
}

/// A live connection. Dropping it ends every exchange on it.
struct Link {
    serial: u64,
    out: mpsc::Sender<v1::Frame>,
    waiting: HashMap<u64, Waiting>,
}

/// One other node. Connects by itself, again and again.
pub(crate) struct Peer {
    ends: Ends,
    channel: Channel,
    link: Mutex<Option<Link>>,
    next_exchange: AtomicU64,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("ends", &self.ends).finish_non_exhaustive()
    }
}

/// Why a frame did not leave.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("not connected to the node")]
    NotConnected,
    #[error("the queue to the node is full")]
    Full,
    #[error("the connection to the node ended")]
    Closed,
    #[error("the node did not answer in time")]
    Timeout,
    #[error("the node has no such replica")]
    Rejected,
}

/// A channel to a node that connects when it is first used.
pub(crate) fn channel(addr: &str) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("http://{addr}"))?
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES);
    Ok(endpoint.connect_lazy())
}

impl Peer {
    pub(crate) fn new(ends: Ends, channel: Channel) -> Arc<Self> {
        let (link, next_exchange) = (Mutex::new(None), AtomicU64::new(1));
        Arc::new(Self { ends, channel, link, next_exchange })
    }

    pub(super) fn ends(&self) -> Ends {
        self.ends
    }

    pub(super) fn client(&self) -> RaftClient<Channel> {
        RaftClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Keeps a connection open until `shutdown`.
    pub(crate) async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let (mut backoff, mut serial, mut was_up) = (BACKOFF_MIN, 0_u64, true);
        loop {
            serial += 1;
            let began = Instant::now();
            let ended = tokio::select! {
                ended = self.connection(serial) => ended,
                () = shutdown.cancelled() => {
                    *self.lock() = None;
                    return;
                }
            };
            let was_live = self.lock().take().is_some();
            if was_live || was_up {
                tracing::info!(node = %self.ends.there, reason = %ended, "connection down");
            }
            was_up = was_live;
            // A connection that lasted was a good one: begin again at once.
            backoff = if was_live && began.elapsed() > BACKOFF_MAX {
                BACKOFF_MIN
            } else {
                (backoff * 2).min(BACKOFF_MAX)
            };
            tokio::select! {
                () = tokio::time::sleep(backoff) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// One connection from opening to end; says why it ended.
    async fn connection(&self, serial: u64) -> String {
        let (out, queue) = mpsc::channel(QUEUE_MAX);
        let hello = v1::FrameBatch { hello: Some(self.ends.hello()), frames: Vec::new() };
        let outgoing = stream::unfold((Some(hello), queue), |(hello, mut queue)| async move {
            match hello {
                Some(hello) => Some((hello, (None, queue))),
                None => next_batch(&mut queue).await.map(|batch| (batch, (None, queue))),
            }
        });
        let mut client = self.client();
        let open = tokio::time::timeout(CONNECT_TIMEOUT * 2, async {
            let mut answers = client.frames(outgoing).await?.into_inner();
            let first = answers.message().await?;
            Ok::<_, tonic::Status>((answers, first.and_then(|batch| batch.hello)))
        });
        let (mut answers, hello) = match open.await {
            Ok(Ok(opened)) => opened,
            Ok(Err(status)) => return status.to_string(),
            Err(_) => return "no answer to the first message".to_owned(),
        };
        if let Err(why) =
            hello.ok_or_else(|| "no hello".to_owned()).and_then(|h| self.ends.accepts(&h))
        {
            return why;
        }
        *self.lock() = Some(Link { serial, out, waiting: HashMap::new() });
        tracing::info!(node = %self.ends.there, "connection up");
        loop {
            match answers.message().await {
                Ok(Some(batch)) => {
                    // `None`: an exchange gave this connection up.
                    let mut guard = self.lock();
                    let Some(link) = guard.as_mut() else { return "given up".to_owned() };
                    for frame in batch.frames {
                        link.deliver(frame);
                    }
                }
                Ok(None) => return "closed by the node".to_owned(),
                Err(status) => return status.to_string(),
            }
        }
    }

    /// Opens an exchange: its number, and where its frames go.
    pub(super) fn open(&self, waiting: Waiting) -> Result<Exchange, Error> {
        let number = self.next_exchange.fetch_add(1, Ordering::Relaxed);
        let mut guard = self.lock();
        let link = guard.as_mut().ok_or(Error::NotConnected)?;
        link.waiting.insert(number, waiting);
        Ok(Exchange { number, serial: link.serial, out: link.out.clone() })
    }

    /// Forgets an exchange whose answers nobody waits for any more.
    pub(super) fn forget(&self, exchange: &Exchange) {
        if let Some(link) = self.lock().as_mut() {
            link.waiting.remove(&exchange.number);
        }
    }

    /// Gives up the connection of an exchange whose END could not be sent: the other side would
    /// keep the exchange for ever.
    pub(super) fn give_up(&self, exchange: &Exchange) {
        let mut guard = self.lock();
        if guard.as_ref().is_some_and(|link| link.serial == exchange.serial) {
            *guard = None;
        }
    }

    /// One question, one answer.
    pub(super) async fn ask(
        &self,
        mut frame: v1::Frame,
        timeout: Duration,
    ) -> Result<v1::Frame, Error> {
        let (answer, answered) = oneshot::channel();
        let exchange = self.open(Waiting::Once(answer))?;
        frame.exchange = exchange.number;
        let sent = exchange.out.try_send(frame).map_err(|_| Error::Full);
        let answer = match sent {
            Ok(()) => tokio::time::timeout(timeout, answered).await,
            Err(full) => {
                self.forget(&exchange);
                return Err(full);
            }
        };
        match answer {
            Ok(Ok(frame)) if frame.kind() == v1::frame::Kind::Reject => Err(Error::Rejected),
            Ok(Ok(frame)) => Ok(frame),
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => {
                self.forget(&exchange);
                Err(Error::Timeout)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One exchange on one connection.
pub(super) struct Exchange {
    pub(super) number: u64,
    serial: u64,
    pub(super) out: mpsc::Sender<v1::Frame>,
}

impl Link {
    /// Hands a frame to whoever waits for it. A frame of an exchange that is over is dropped.
    fn deliver(&mut self, frame: v1::Frame) {
        let number = frame.exchange;
        if frame.kind() == v1::frame::Kind::Append {
            if let Some(Waiting::Many(sender)) = self.waiting.get(&number)
                && sender.send(frame).is_err()
            {
                self.waiting.remove(&number);
            }
            return;
        }
        // Whoever waits no longer may have gone away in this moment: nothing is lost by it.
        match self.waiting.remove(&number) {
            Some(Waiting::Once(sender)) => drop(sender.send(frame)),
            Some(Waiting::Many(sender)) => drop(sender.send(frame)),
            None => {}
        }
    }
}
