//! One `Exchange` stream to one node, shared by every caller.
//!
//! Callers put calls into a queue; the stream takes all that are ready in one message whenever the
//! transport can send; answers find their callers by id. One task per node reads answers and
//! reconnects; no task is started for a call, and a call costs one allocation of its own here.
//!
//! Invariants:
//! - A call that was not taken into a message was not sent: [`Broken::Unsent`] is sure.
//! - Every call of a stream that ended is told so at once.

mod cell;
mod slab;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::Stream;
use rowlock_proto::v1;
use rowlock_proto::v1::inventory_client::InventoryClient;
use tokio::sync::Notify;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};

pub use cell::Broken;
use cell::Cell;
use slab::Slab;

/// Calls of one message.
const CALLS_PER_BATCH_MAX: usize = 1024;
/// Calls that wait to be sent to one node.
const QUEUE_MAX: usize = 65_536;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const RECONNECT_PAUSE_MIN: Duration = Duration::from_millis(20);
const RECONNECT_PAUSE_MAX: Duration = Duration::from_millis(500);
/// A peer that vanished without closing is found out after both together.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(1);
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
/// Largest message read: seat maps and lists travel in parts far below it.
pub(crate) const MESSAGE_BYTES_MAX: usize = 32 << 20;

#[derive(Debug)]
struct Queued {
    call: v1::Call,
    cell: Arc<Cell>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Queued>,
    sent: Slab<Arc<Cell>>,
    /// The stream's, while it waits for calls.
    sender: Option<Waker>,
    /// Number of the current stream; an older one takes no more calls.
    epoch: u64,
    /// The last attempt to connect failed: calls fail at once instead of waiting.
    down: bool,
    closed: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    closing: Notify,
}

impl Shared {
    /// Nothing that can panic runs under the lock, so a poisoned state is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the current stream for every call of it; with `queued`, also for those not yet sent.
    fn fail(&self, queued: bool) {
        let (sent, unsent) = {
            let mut state = self.lock();
            state.epoch += 1;
            state.down = queued;
            let unsent = if queued { std::mem::take(&mut state.queue) } else { VecDeque::new() };
            (state.sent.drain(), unsent)
        };
        for cell in sent {
            cell.complete(Err(Broken::Sent));
        }
        for queued in unsent {
            queued.cell.complete(Err(Broken::Unsent));
        }
    }
}

/// The way to one node. Ends its task when dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    channel: Channel,
}

impl Connection {
    /// Starts connecting in the background. `addr` is `host:port`.
    pub(crate) fn open(addr: &str) -> Result<Self, tonic::transport::Error> {
        let channel = endpoint(addr)?.connect_lazy();
        let shared =
            Arc::new(Shared { state: Mutex::new(State::default()), closing: Notify::new() });
        tokio::spawn(run(endpoint(addr)?, Arc::clone(&shared)));
        Ok(Self { shared, channel })
    }

    /// For calls that have a stream of their own.
    pub(crate) fn client(&self) -> InventoryClient<Channel> {
        InventoryClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// One attempt of a call. Its `id` is set here.
    pub(crate) async fn call(
        &self,
        call: v1::Call,
        deadline: Instant,
    ) -> Result<v1::Answer, Broken> {
        let cell = Arc::new(Cell::default());
        {
            let mut state = self.shared.lock();
            if state.down || state.closed || state.queue.len() >= QUEUE_MAX {
                return Err(Broken::Unsent);
            }
            state.queue.push_back(Queued { call, cell: Arc::clone(&cell) });
            let sender = state.sender.take();
            drop(state);
            if let Some(sender) = sender {
                sender.wake();
            }
        }
        match tokio::time::timeout_at(deadline, cell.answer()).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(cell.abandon()),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.closing.notify_one();
        self.shared.fail(true);
    }
}

pub(crate) fn endpoint(addr: &str) -> Result<Endpoint, tonic::transport::Error> {
    Ok(Endpoint::from_shared(format!("http://{addr}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES))
}

/// Keeps a stream open until the connection is dropped.
async fn run(endpoint: Endpoint, shared: Arc<Shared>) {
    let mut pause = RECONNECT_PAUSE_MIN;
    loop {
        let stream = async {
            let began = Instant::now();
            exchange(&endpoint, &shared).await;
            began.elapsed()
        };
        let lived = tokio::select! {
            lived = stream => lived,
            () = shared.closing.notified() => return,
        };
        shared.fail(true);
        // A stream that lived a while gives hope.
        pause = if lived > RECONNECT_PAUSE_MAX { RECONNECT_PAUSE_MIN } else { pause * 2 };
        pause = pause.min(RECONNECT_PAUSE_MAX);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.closing.notified() => return,
        }
    }
}

/// One stream, from connecting to its end.
async fn exchange(endpoint: &Endpoint, shared: &Arc<Shared>) {
    let channel = match endpoint.connect().await {
        Ok(channel) => channel,
        Err(error) => {
            tracing::debug!(uri = %endpoint.uri(), %error, "node can't be reached");
            return;
        }
    };
    let epoch = {
        let mut state = shared.lock();
        state.down = false;
        state.epoch
    };
    let outgoing = Outgoing { shared: Arc::clone(shared), epoch };
    let mut client = InventoryClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let mut answers = match client.exchange(outgoing).await {
        Ok(response) => response.into_inner(),
        Err(status) => {
            tracing::debug!(uri = %endpoint.uri(), %status, "node took no stream");
            return;
        }
    };
    let mut ready = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(batch)) => {
                {
                    let mut state = shared.lock();
                    for answer in batch.answers {
                        if let Some(cell) = state.sent.remove(answer.id) {
                            ready.push((cell, answer));
                        }
                    }
                }
                for (cell, answer) in ready.drain(..) {
                    cell.complete(Ok(answer));
                }
            }
            Ok(None) => return,
            Err(status) => {
                tracing::debug!(uri = %endpoint.uri(), %status, "stream to node broke");
                return;
            }
        }
    }
}

/// The sending half of a stream: polled by the transport whenever it can send.
#[derive(Debug)]
struct Outgoing {
    shared: Arc<Shared>,
    epoch: u64,
}

impl Stream for Outgoing {
    type Item = v1::CallBatch;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<v1::CallBatch>> {
        let mut state = self.shared.lock();
        if state.epoch != self.epoch {
            return Poll::Ready(None);
        }
        let count = state.queue.len().min(CALLS_PER_BATCH_MAX);
        let mut calls = Vec::with_capacity(count);
        while calls.len() < count
            && let Some(Queued { mut call, cell }) = state.queue.pop_front()
        {
            // A caller that gave up meanwhile is told the truth: not sent.
            if cell.mark_sent() {
                call.id = state.sent.insert(cell);
                calls.push(call);
            }
        }
        if calls.is_empty() {
            if state.queue.is_empty() {
                state.sender = Some(context.waker().clone());
            } else {
                context.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        Poll::Ready(Some(v1::CallBatch { calls }))
    }
}
