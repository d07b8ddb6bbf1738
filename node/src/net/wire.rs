//! Raft's messages as bytes.
//!
//! Owns: the encoding of what stands in a frame's body. Fields are only ever added, so that nodes
//! of adjacent versions understand one another. Entries travel as the bytes that the log stores.

use bytes::Bytes;
use openraft::raft::{
    AppendEntriesRequest, SnapshotResponse, StreamAppendError, StreamAppendResult,
    TransferLeaderError, TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use prost::Message;

use rowlock_raft_store::raft_bytes;
use rowlock_raft_store::types::{LeaderId, LogId, TypeConfig, Vote};

/// Bytes from another node that are no message: it runs something we don't understand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("a raft message can't be decoded")]
    Message(#[from] prost::DecodeError),
    #[error("a raft message lacks {0}")]
    Missing(&'static str),
    #[error("a log entry can't be decoded")]
    Entry(#[from] raft_bytes::Error),
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireVote {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    replica: u64,
    #[prost(bool, tag = "3")]
    committed: bool,
}

fn wire_vote(vote: &Vote) -> WireVote {
    let LeaderId { term, node_id } = vote.leader_id;
    WireVote { term, replica: node_id, committed: vote.committed }
}

fn vote_of(wire: WireVote) -> Vote {
    let leader_id = LeaderId { term: wire.term, node_id: wire.replica };
    Vote { leader_id, committed: wire.committed }
}

fn vote(wire: Option<WireVote>) -> Result<Vote, Error> {
    wire.map(vote_of).ok_or(Error::Missing("a vote"))
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireLogId {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    replica: u64,
    #[prost(uint64, tag = "3")]
    index: u64,
}

fn wire_log_id(id: &LogId) -> WireLogId {
    let LeaderId { term, node_id } = id.leader_id;
    WireLogId { term, replica: node_id, index: id.index }
}

fn log_id_of(wire: WireLogId) -> LogId {
    let leader_id = LeaderId { term: wire.term, node_id: wire.replica };
    LogId { leader_id, index: wire.index }
}

#[derive(Clone, PartialEq, Message)]
struct WireAppend {
    #[prost(message, optional, tag = "1")]
    vote: Option<WireVote>,
    #[prost(message, optional, tag = "2")]
    prev: Option<WireLogId>,
    #[prost(message, optional, tag = "3")]
    commit: Option<WireLogId>,
    #[prost(bytes = "bytes", repeated, tag = "4")]
    entries: Vec<Bytes>,
}

pub(crate) fn encode_append(request: &AppendEntriesRequest<TypeConfig>) -> Bytes {
    let wire = WireAppend {
        vote: Some(wire_vote(&request.vote)),
        prev: request.prev_log_id.as_ref().map(wire_log_id),
        commit: request.leader_commit.as_ref().map(wire_log_id),
        entries: request.entries.iter().map(raft_bytes::encode_entry).collect(),
    };
    wire.encode_to_vec().into()
}

pub(crate) fn decode_append(body: Bytes) -> Result<AppendEntriesRequest<TypeConfig>, Error> {
    let wire = WireAppend::decode(body)?;
    Ok(AppendEntriesRequest {
        vote: vote(wire.vote)?,
        prev_log_id: wire.prev.map(log_id_of),
        leader_commit: wire.commit.map(log_id_of),
        entries: wire.entries.iter().map(raft_bytes::decode_entry).collect::<Result<_, _>>()?,
    })
}

/// One answer to one append.
#[derive(Clone, Copy, PartialEq, Message)]
struct WireAppended {
    /// Set: the log matches up to here; nothing of it is there if all three are missing.
    #[prost(message, optional, tag = "1")]
    matched: Option<WireLogId>,
    #[prost(message, optional, tag = "2")]
    conflict: Option<WireLogId>,
    #[prost(message, optional, tag = "3")]
    higher_vote: Option<WireVote>,
}

pub(crate) fn encode_appended(result: &StreamAppendResult<TypeConfig>) -> Bytes {
    let mut wire = WireAppended::default();
    match result {
        Ok(matched) => wire.matched = matched.as_ref().map(wire_log_id),
        Err(StreamAppendError::Conflict(id)) => wire.conflict = Some(wire_log_id(id)),
        Err(StreamAppendError::HigherVote(vote)) => wire.higher_vote = Some(wire_vote(vote)),
    }
    wire.encode_to_vec().into()
}

pub(crate) fn decode_appended(body: Bytes) -> Result<StreamAppendResult<TypeConfig>, Error> {
    let wire = WireAppended::decode(body)?;
    Ok(match (wire.higher_vote, wire.conflict) {
        (Some(vote), _) => Err(StreamAppendError::HigherVote(vote_of(vote))),
        (None, Some(id)) => Err(StreamAppendError::Conflict(log_id_of(id))),
        (None, None) => Ok(wire.matched.map(log_id_of)),
    })
}

/// Votes, pre-votes and transfers of leadership, and the answers to them.
#[derive(Clone, PartialEq, Message)]
struct WireVoting {
    #[prost(message, optional, tag = "1")]
    vote: Option<WireVote>,
    #[prost(message, optional, tag = "2")]
    last_log: Option<WireLogId>,
    /// Request: the election was asked for by the leader.
    #[prost(bool, tag = "3")]
    leadership_transfer: bool,
    /// Answer: the vote is given.
    #[prost(bool, tag = "4")]
    granted: bool,
    /// Transfer: to whom.
    #[prost(uint64, tag = "5")]
    to: u64,
}

pub(crate) fn encode_vote(request: &VoteRequest<TypeConfig>) -> Bytes {
    let wire = WireVoting {
        vote: Some(wire_vote(&request.vote)),
        last_log: request.last_log_id.as_ref().map(wire_log_id),
        leadership_transfer: request.leadership_transfer,
        ..WireVoting::default()
    };
    wire.encode_to_vec().into()
}

pub(crate) fn decode_vote(body: Bytes) -> Result<VoteRequest<TypeConfig>, Error> {
    let wire = WireVoting::decode(body)?;
    let mut request = VoteRequest::new(vote(wire.vote)?, wire.last_log.map(log_id_of));
    request.leadership_transfer = wire.leadership_transfer;
    Ok(request)
}

pub(crate) fn encode_voted(answer: &VoteResponse<TypeConfig>) -> Bytes {
    let wire = WireVoting {
        vote: Some(wire_vote(&answer.vote)),
        last_log: answer.last_log_id.as_ref().map(wire_log_id),
        granted: answer.vote_granted,
        ..WireVoting::default()
    };
    wire.encode_to_vec().into()
}

pub(crate) fn decode_voted(body: Bytes) -> Result<VoteResponse<TypeConfig>, Error> {
    let wire = WireVoting::decode(body)?;
    Ok(VoteResponse::new(vote(wire.vote)?, wire.last_log.map(log_id_of), wire.granted))
}

pub(crate) fn encode_transfer(request: &TransferLeaderRequest<TypeConfig>) -> Bytes {
    let wire = WireVoting {
        vote: Some(wire_vote(request.from_leader())),
        last_log: request.last_log_id().map(wire_log_id),
        to: *request.to_node_id(),
        ..WireVoting::default()
    };
    wire.encode_to_vec().into()
}

pub(crate) fn decode_transfer(body: Bytes) -> Result<TransferLeaderRequest<TypeConfig>, Error> {
    let wire = WireVoting::decode(body)?;
    let last_log = wire.last_log.map(log_id_of);
    Ok(TransferLeaderRequest::new(vote(wire.vote)?, wire.to, last_log))
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireTransferred {
    #[prost(bool, tag = "1")]
    done: bool,
    #[prost(message, optional, tag = "2")]
    expected_vote: Option<WireVote>,
    #[prost(message, optional, tag = "3")]
    actual_vote: Option<WireVote>,
    #[prost(message, optional, tag = "4")]
    expected_log: Option<WireLogId>,
    #[prost(message, optional, tag = "5")]
    actual_log: Option<WireLogId>,
}

pub(crate) fn encode_transferred(answer: &TransferLeaderResponse<TypeConfig>) -> Bytes {
    let mut wire = WireTransferred::default();
    match answer {
        Ok(()) => wire.done = true,
        Err(TransferLeaderError::VoteChanged { expected, actual }) => {
            wire.expected_vote = Some(wire_vote(expected));
            wire.actual_vote = Some(wire_vote(actual));
        }
        Err(TransferLeaderError::LogNotFlushed { expected, actual }) => {
            wire.expected_log = expected.as_ref().map(wire_log_id);
            wire.actual_log = actual.as_ref().map(wire_log_id);
        }
    }
    wire.encode_to_vec().into()
}

pub(crate) fn decode_transferred(body: Bytes) -> Result<TransferLeaderResponse<TypeConfig>, Error> {
    let wire = WireTransferred::decode(body)?;
    Ok(match (wire.done, wire.expected_vote, wire.actual_vote) {
        (true, _, _) => Ok(()),
        (false, Some(expected), Some(actual)) => Err(TransferLeaderError::VoteChanged {
            expected: vote_of(expected),
            actual: vote_of(actual),
        }),
        (false, _, _) => Err(TransferLeaderError::LogNotFlushed {
            expected: wire.expected_log.map(log_id_of),
            actual: wire.actual_log.map(log_id_of),
        }),
    })
}

pub(crate) fn encode_plain_vote(vote: &Vote) -> Bytes {
    wire_vote(vote).encode_to_vec().into()
}

pub(crate) fn decode_plain_vote(body: Bytes) -> Result<Vote, Error> {
    Ok(vote_of(WireVote::decode(body)?))
}

pub(crate) fn encode_installed(answer: &SnapshotResponse<TypeConfig>) -> Bytes {
    encode_plain_vote(&answer.vote)
}

pub(crate) fn decode_installed(body: Bytes) -> Result<SnapshotResponse<TypeConfig>, Error> {
    Ok(SnapshotResponse::new(decode_plain_vote(body)?))
}
