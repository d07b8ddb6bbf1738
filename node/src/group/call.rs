//! A call on its way to a group, and the answer on its way back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rowlock_proto::{NodeId, ShardId};
use rowlock_raft_store::inventory::{Refusal, Reply};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Found;

/// Something that is asked of a group. It is answered once, whatever happens.
#[derive(Debug)]
pub(crate) struct Call<T> {
    pub(crate) id: u64,
    pub(crate) body: T,
    /// The caller waits until then.
    pub(crate) deadline: Instant,
    pub(crate) answer_to: AnswerTo,
}

impl<T> Call<T> {
    /// Answers a call that was not worked on, or whose outcome is not known.
    pub(crate) fn retry(self, retry: Retry) {
        self.answer_to.send(Answer { id: self.id, at: None, body: Body::Retry(retry) });
    }
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) id: u64,
    pub(crate) at: Option<Position>,
    pub(crate) body: Body,
}

/// Where in a shard's history an answer was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Position {
    pub(crate) shard: ShardId,
    pub(crate) term: u64,
    pub(crate) index: u64,
    /// Place of the command in its entry.
    pub(crate) offset: u32,
    pub(crate) revision: u64,
    pub(crate) log_time_ms: u64,
    /// Where an answer that is repeated was first given; 0: here.
    pub(crate) first_index: u64,
}

/// The three answers to a write (done, refused, and a retry of which one kind says *unknown*), and
/// what a query finds.
#[derive(Debug)]
pub(crate) enum Body {
    Reply(Reply),
    Found(Found),
    Refusal(Refusal),
    Retry(Retry),
}

/// Nothing was decided here, except that of an unknown outcome nobody here can say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Retry {
    NotLeader { leader: NodeId },
    WrongNode,
    Overloaded { after_ms: u32 },
    Unavailable { after_ms: u32 },
    UnknownOutcome,
}

/// Who waits for an answer.
#[derive(Debug)]
pub(crate) enum AnswerTo {
    Connection(Connection),
    One(oneshot::Sender<Answer>),
    Nobody,
}

impl AnswerTo {
    /// Never waits. A caller that has gone away hears nothing.
    pub(crate) fn send(self, answer: Answer) {
        match self {
            Self::Connection(connection) => connection.send(answer),
            Self::One(sender) => drop(sender.send(answer)),
            Self::Nobody => {}
        }
    }
}

/// The way back to a client's stream, shared by all its calls.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    sender: mpsc::UnboundedSender<Answer>,
    waiting: Arc<AtomicUsize>,
}

/// The other end of a [`Connection`].
#[derive(Debug)]
pub(crate) struct Answers {
    receiver: mpsc::UnboundedReceiver<Answer>,
    waiting: Arc<AtomicUsize>,
}

/// The two ends of a client's way back.
pub(crate) fn connection() -> (Connection, Answers) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    (Connection { sender, waiting: Arc::clone(&waiting) }, Answers { receiver, waiting })
}

impl Connection {
    pub(crate) fn send(&self, answer: Answer) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // The stream may have ended: nobody reads what is sent then.
        drop(self.sender.send(answer));
    }

    /// Answers that the client has not taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Answers {
    /// Takes what is ready, at most `max`, and waits for the first. Returns 0 at the end.
    pub(crate) async fn take(&mut self, into: &mut Vec<Answer>, max: usize) -> usize {
        let count = self.receiver.recv_many(into, max).await;
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        count
    }
}
