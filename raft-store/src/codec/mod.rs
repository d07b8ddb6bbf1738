//! The bytes of commands, changes and state records: the only place that knows the format.
//!
//! A version byte stands before every value. Types here are apart from those in memory, so that a
//! renamed field is not a migration; a changed format is a new version in a new file, beside the old
//! one, which stays for reading. Golden files hold the bytes in place.

mod accounts;
mod chain;
mod change;
mod command;
mod consumers;
mod door;
mod life;
mod money;
mod queue;
mod records;
mod row;
mod terms;
mod text;
mod user_lists;
mod waitlist;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::{Decode, Encode};

pub use accounts::AccountRecord;
pub use chain::ChainRecord;
pub use change::{decode_changes, encode_changes};
pub use command::{decode_batch, encode_batch};
pub use consumers::ConsumersRecord;
pub use door::BlockOfNotes;
pub use life::{LifeRecord, RetentionRecord};
pub use money::BlockOfMoney;
pub use queue::{BlockOfEntries, BlockOfLeft, BlockOfPasses, QueueRecord};
pub use records::{
    BlockOfBookings, BlockOfExtras, BlockOfRefusals, BlockOfSeats, BlockedSeats, EventRecord,
    MapPartRecord, ShardRecord, UserRecord, VenueRecord,
};
pub use row::{decode_row, encode_row};
pub use terms::{BlockOfTerms, TermsRecord};
pub use user_lists::{UserListRecord, UserRowRecord};
pub use waitlist::{BlockOfWaiters, WaitlistRecord};

/// First byte of every value.
pub const FORMAT_VERSION: u8 = 1;

/// Bytes that one value may claim: a length that was damaged must not allocate at will.
const VALUE_BYTES_MAX: usize = 64 << 20;

const CONFIG: Configuration<LittleEndian, Varint, Limit<VALUE_BYTES_MAX>> =
    bincode::config::standard().with_limit();

/// The bytes are not a value of the kind that was expected: they were damaged, or written by a version
/// that is not known here. A fault, never a refusal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("format version {0} is not known")]
    Version(u8),
    #[error("decode a value")]
    Decode(#[source] bincode::error::DecodeError),
    #[error("bytes are left over")]
    TrailingBytes,
    #[error("a number in the value has no meaning")]
    Meaning,
    #[error("a record refers to one that is not there")]
    Orphan,
    #[error("a seat map does not hash to its name: {0}")]
    SeatMap(String),
}

fn encode_onto(out: &mut Vec<u8>, value: impl Encode) {
    bincode::encode_into_std_write(value, out, CONFIG)
        .expect("writing to memory does not fail, and no type here refuses to be encoded");
}

fn encode(value: impl Encode, capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity);
    out.push(FORMAT_VERSION);
    encode_onto(&mut out, value);
    out
}

fn body(bytes: &[u8]) -> Result<&[u8], Error> {
    match bytes.split_first() {
        Some((&FORMAT_VERSION, body)) => Ok(body),
        Some((&version, _)) => Err(Error::Version(version)),
        None => Err(Error::Version(0)),
    }
}

fn decode_front<T: Decode<()>>(bytes: &mut &[u8]) -> Result<T, Error> {
    let (value, used) = bincode::decode_from_slice(bytes, CONFIG).map_err(Error::Decode)?;
    *bytes = bytes.get(used..).ok_or(Error::Meaning)?;
    Ok(value)
}

fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, Error> {
    let mut rest = body(bytes)?;
    let value = decode_front(&mut rest)?;
    if rest.is_empty() { Ok(value) } else { Err(Error::TrailingBytes) }
}
