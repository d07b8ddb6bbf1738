//! Named consumers of the feed, off the wire and onto it.

use rowlock_proto::v1;
use rowlock_raft_store::inventory::{ConsumerChange, ConsumerCommand, ConsumerView, Refusal};

use super::command::malformed;

pub(super) fn command(wire: v1::ConsumerCommand) -> Result<ConsumerCommand, Refusal> {
    use v1::consumer_command::Kind;
    let v1::ConsumerCommand { name, kind } = wire;
    Ok(match kind.ok_or_else(|| malformed("a command to a consumer of no kind"))? {
        Kind::Register(v1::RegisterConsumer { after }) => ConsumerCommand::Register { name, after },
        Kind::Lease(v1::LeaseConsumer { holder, ttl_ms }) => {
            ConsumerCommand::Lease { name, holder, ttl_ms }
        }
        Kind::Acknowledge(v1::AcknowledgeChanges { holder, lease, revision }) => {
            ConsumerCommand::Acknowledge { name, holder, lease, revision }
        }
        Kind::Yield(v1::YieldConsumer { holder, lease }) => {
            ConsumerCommand::Yield { name, holder, lease }
        }
        Kind::Unregister(v1::Done {}) => ConsumerCommand::Unregister { name },
    })
}

pub(super) fn view(view: ConsumerView) -> v1::Consumer {
    let ConsumerView { name, position, moved_ms, lease } = view;
    let (lease, holder, until_ms) =
        lease.map_or_else(Default::default, |lease| (lease.number, lease.holder, lease.until_ms));
    v1::Consumer { name, position, moved_ms, lease, holder, until_ms }
}

pub(super) fn list(consumers: Vec<ConsumerView>) -> v1::ConsumerList {
    v1::ConsumerList { consumers: consumers.into_iter().map(view).collect() }
}

pub(super) fn changed(change: ConsumerChange) -> v1::ConsumerChanged {
    match change {
        ConsumerChange::Registered { name, position } => {
            v1::ConsumerChanged { name, position: Some(position) }
        }
        ConsumerChange::Unregistered { name } => v1::ConsumerChanged { name, position: None },
    }
}
