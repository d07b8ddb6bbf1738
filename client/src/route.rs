//! What to do after each attempt of a call. Pure: an outcome goes in, the next step comes out.
//!
//! The one thing that may never be wrong here: [`Error::Unknown`] is said of a command if and only
//! if an attempt of it was sent whose fate no later attempt has told.

use std::time::Duration;

use rowlock_proto::NodeId;

use crate::error::Error;

/// First pause after an answer that asks for one; doubles up to the maximum.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(400);
/// A node's own hint is followed up to this.
const HINT_MAX: Duration = Duration::from_secs(2);

/// How an attempt ended without an answer that decides the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Another replica leads; it is named if known.
    NotLeader { leader: Option<NodeId> },
    /// The node has no replica of the shard.
    WrongNode,
    /// A queue is full. Nothing was proposed; the node says when to come back (zero: it doesn't).
    Overloaded { after: Duration },
    /// The node can't decide anything now. Nothing was proposed.
    Unavailable { after: Duration },
    /// The node proposed the command and does not know what became of it.
    FateUnknown,
    /// The connection ended, or the attempt took too long.
    Lost { sent: bool },
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This replica's node, after a pause.
    Leader { node: NodeId, pause: Duration },
    /// The shard's next replica in turn, after a pause.
    NextReplica { pause: Duration },
    /// The node that the last attempt went to, after a pause.
    Same { pause: Duration },
    /// Fetch the map, then the leader that it names.
    Refetch { pause: Duration },
}

/// The memory of one call over its attempts.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    command: bool,
    /// An attempt was sent whose fate is not known.
    doubt: bool,
    attempts: u32,
    reason: &'static str,
}

impl Route {
    pub(crate) fn of_command() -> Self {
        Self { command: true, doubt: false, attempts: 0, reason: "no node answered" }
    }

    pub(crate) fn of_query() -> Self {
        Self { command: false, ..Self::of_command() }
    }

    /// `jitter` is random, 0 to 255: callers that were refused together come back apart.
    pub(crate) fn next(&mut self, outcome: &Outcome, jitter: u8) -> Step {
        self.attempts = self.attempts.saturating_add(1);
        let pause = self.pause(jitter);
        match outcome {
            // A hint that proves wrong again and again is not run after without rest.
            Outcome::NotLeader { leader: Some(node) } => {
                self.reason = "the shard's leader can't be found";
                let pause = if self.attempts <= 2 { Duration::ZERO } else { pause };
                Step::Leader { node: *node, pause }
            }
            Outcome::NotLeader { leader: None } => {
                self.reason = "the shard has no leader";
                Step::NextReplica { pause }
            }
            Outcome::WrongNode => {
                self.reason = "the shard can't be found";
                let pause = if self.attempts <= 1 { Duration::ZERO } else { pause };
                Step::Refetch { pause }
            }
            Outcome::Overloaded { after } => {
                self.reason = "the shard is overloaded";
                Step::Same { pause: pause.max((*after).min(HINT_MAX)) }
            }
            Outcome::Unavailable { after } => {
                self.reason = "the shard can't decide now";
                Step::NextReplica { pause: pause.max((*after).min(HINT_MAX)) }
            }
            Outcome::FateUnknown => {
                self.doubt = true;
                Step::NextReplica { pause }
            }
            Outcome::Lost { sent } => {
                self.doubt |= *sent;
                self.reason = "the connection was lost";
                let pause = if self.attempts <= 1 { Duration::ZERO } else { pause };
                Step::NextReplica { pause }
            }
        }
    }

    /// The answer when the deadline has come. `sent` tells of the attempt that was cut off by it.
    pub(crate) fn end(&self, sent: bool) -> Error {
        if self.command && (self.doubt || sent) {
            Error::Unknown
        } else {
            Error::unavailable(self.reason)
        }
    }

    fn pause(&self, jitter: u8) -> Duration {
        let doublings = self.attempts.saturating_sub(1).min(10);
        let full = PAUSE_FIRST.saturating_mul(1 << doublings).min(PAUSE_MAX);
        // Between half and all of it.
        full / 2 + full / 2 * u32::from(jitter) / 255
    }
}

#[cfg(test)]
mod tests;
