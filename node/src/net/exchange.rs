//! A run of appends to one follower as a stream: requests go in, results come out.
//!
//! Polling the results also sends the requests, so that no task of its own is needed. Raft polls
//! them for as long as the run lasts.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use openraft::errors::{RPCError, Unreachable};
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use rowlock_proto::v1;
use rowlock_proto::v1::frame::Kind;
use rowlock_raft_store::types::TypeConfig;
use tokio::sync::mpsc;

use super::network::Route;
use super::peer::{self, Exchange, Peer, Waiting};
use super::wire;

/// The results of one run of appends.
pub(super) struct Appends<S> {
    peer: Arc<Peer>,
    route: Route,
    exchange: Exchange,
    /// `None`: all requests are sent, and END after them.
    requests: Option<S>,
    answers: mpsc::UnboundedReceiver<v1::Frame>,
    over: bool,
}

impl<S> Appends<S> {
    pub(super) fn open(peer: Arc<Peer>, route: Route, requests: S) -> Result<Self, peer::Error> {
        let (sender, answers) = mpsc::unbounded_channel();
        let exchange = peer.open(Waiting::Many(sender))?;
        Ok(Self { peer, route, exchange, requests: Some(requests), answers, over: false })
    }

    fn send(&self, kind: Kind, body: bytes::Bytes) -> Result<(), peer::Error> {
        let frame = self.route.frame(kind, self.exchange.number, body);
        self.exchange.out.try_send(frame).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => peer::Error::Full,
            mpsc::error::TrySendError::Closed(_) => peer::Error::Closed,
        })
    }

    fn fail(&mut self, why: &dyn ToString) -> Poll<Option<Item>> {
        self.over = true;
        Poll::Ready(Some(Err(RPCError::Unreachable(Unreachable::from_string(why.to_string())))))
    }
}

type Item = Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>;

impl<S> Stream for Appends<S>
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Unpin,
{
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        while let Some(requests) = self.requests.as_mut() {
            let sent = match Pin::new(requests).poll_next(cx) {
                Poll::Ready(Some(request)) => {
                    self.send(Kind::Append, wire::encode_append(&request))
                }
                Poll::Ready(None) => {
                    self.requests = None;
                    self.send(Kind::End, bytes::Bytes::new())
                }
                Poll::Pending => break,
            };
            if let Err(error) = sent {
                return self.fail(&error);
            }
        }
        let Some(frame) = std::task::ready!(self.answers.poll_recv(cx)) else {
            return self.fail(&peer::Error::Closed);
        };
        match frame.kind() {
            Kind::Append => match wire::decode_appended(frame.body) {
                Ok(result) => Poll::Ready(Some(Ok(result))),
                Err(error) => self.fail(&error),
            },
            Kind::End => {
                self.over = true;
                Poll::Ready(None)
            }
            Kind::Reject => self.fail(&peer::Error::Rejected),
            Kind::Unspecified | Kind::Vote | Kind::PreVote | Kind::TransferLeader => {
                self.fail(&"a frame of another kind in a run of appends")
            }
        }
    }
}

impl<S> Drop for Appends<S> {
    /// Tells the other side that nothing more comes. It keeps the exchange until it hears that.
    fn drop(&mut self) {
        self.peer.forget(&self.exchange);
        if self.requests.is_some() && self.send(Kind::End, bytes::Bytes::new()).is_err() {
            self.peer.give_up(&self.exchange);
        }
    }
}
