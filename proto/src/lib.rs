//! The wire contract of Rowlock: what every other crate, and every other program, agrees on.
//!
//! Owns: the protobuf messages and services (`v1`, feature `grpc`), the ids and how they are
//! written ([`ids`]), slots ([`shard`]), the error codes ([`error_code`]) and the bytes of a seat
//! map ([`seat_map`]). Must not: depend on anything of ours, or do I/O.
//!
//! Invariants:
//! - An id that belongs to an event carries that event's slot, so it routes without a look-up.
//! - Codes, slots, and the bytes of ids and seat maps never change their meaning; golden tests hold
//!   them in place.

pub mod error_code;
pub mod ids;
pub mod seat_map;
pub mod shard;

pub use error_code::ErrorCode;
pub use ids::{
    BookingId, BookingLocator, BookingReference, EventId, NodeId, ReplicaId, RequestKey, SeatId,
    SeatMapHash, TicketId, UserId, VenueId,
};
pub use shard::{ShardId, Slot};

/// Generated messages and services of `rowlock.v1`.
#[cfg(feature = "grpc")]
pub mod v1 {
    #![allow(
        clippy::all,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        unreachable_pub,
        unused_qualifications,
        missing_debug_implementations,
        clippy::str_to_string,
        reason = "generated"
    )]
    tonic::include_proto!("rowlock.v1");
}
