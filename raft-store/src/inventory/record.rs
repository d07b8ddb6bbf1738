//! The records that the state is kept in on disk, and their keys.
//!
//! Many bookings and many seats share a record, so that many holds cost one row. Keys are ordered so
//! that loading in key order finds what a record refers to already there: maps before events, events
//! before their blocks.
//!
//! ```text
//! 0                                     clock, revision, event counters
//! 1 map:32 part:u32                     a part of a seat map
//! 2 venue:16        3 user:16
//! 4 slot:u16 no:u32                     an event
//! 5 slot:u16 no:u32 block:u32           owners of 512 seats; absent: all available
//! 6 slot:u16 no:u32 block:u32           64 bookings
//! 7 slot:u16 no:u32 block:u64           64 remembered refusals
//! 8 slot:u16 no:u32                     blocked seats; absent: none
//! 9 slot:u16 no:u32 block:u32           what some of 64 bookings have besides; absent: none has
//! 10 slot:u16 no:u32                    what is kept of its life; absent: nothing
//! 11 slot:u16 no:u32                    on what terms it is sold; absent: nothing was said
//! 12 user:16                            a user's account; absent: nothing happened in it
//! 13 slot:u16 no:u32 block:u32          terms that some of 64 bookings are under; absent: none is
//! 14 slot:u16 no:u32 block:u32          what happened to tickets of 64 bookings at doors
//! 15 slot:u16 no:u32 block:u32          the money of some of 64 bookings; absent: none has any
//! 16 slot:u16 no:u32                    a queue
//! 17 slot:u16 no:u32 block:u32          256 entries of a queue
//! 18 slot:u16 no:u32 block:u32          which of 8,192 entries left; absent: none did
//! 19 slot:u16 no:u32 block:u32          passes of 256 places; absent: none is left
//! 22                                    named consumers of the feed; absent: there are none
//! 20 slot:u16 no:u32                    a waitlist
//! 21 slot:u16 no:u32 block:u32          128 entries of a waitlist
//! 23 slot:u16 no:u32                    its audit chain, which is kept beside the state: `audit.rs`
//! 24 user:16                            a user's list; absent: only its rows are kept
//! 24 user:16 booking:16                 a row of it
//! 25 slot:u16 no:u32                    what was collected of it, and whether it is archived
//! ```

use rowlock_proto::ids::{BookingId, SeatMapHash, UserId, VenueId};

/// An event's place: slot and number in the slot.
pub type EventNo = (u16, u32);

/// In the order of their bytes: a digest of the state and one of its rows go through them alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKey {
    Shard,
    MapPart(SeatMapHash, u32),
    Venue(VenueId),
    User(UserId),
    Event(EventNo),
    Seats(EventNo, u32),
    Bookings(EventNo, u32),
    Refusals(EventNo, u64),
    Blocked(EventNo),
    Extras(EventNo, u32),
    Life(EventNo),
    Terms(EventNo),
    Account(UserId),
    BookingTerms(EventNo, u32),
    Doors(EventNo, u32),
    Money(EventNo, u32),
    Queue(EventNo),
    QueueEntries(EventNo, u32),
    QueueLeft(EventNo, u32),
    QueuePasses(EventNo, u32),
    Waitlist(EventNo),
    Waiters(EventNo, u32),
    Consumers,
    Chain(EventNo),
    /// Of a user: the list itself, or a row of it.
    UserList(UserId, Option<BookingId>),
    Retention(EventNo),
}

/// Tags of the records that belong to an event. They all begin with the event's place, so that an
/// event is read back by one look under each tag.
pub const EVENT_TAGS: [u8; 19] =
    [4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 25];

/// Those of the records that an event can leave on disk: all but its own, and but the one that says
/// whether it is in the archive.
pub const BODY_TAGS: &[u8] = EVENT_TAGS.split_at(1).1.split_at(EVENT_TAGS.len() - 2).0;

/// What the keys of an event's records begin with, in the order of the keys.
pub fn event_prefixes((slot, no): EventNo) -> impl Iterator<Item = [u8; 7]> {
    EVENT_TAGS.into_iter().map(move |tag| {
        let ([a, b], [c, d, e, f]) = (slot.to_be_bytes(), no.to_be_bytes());
        [tag, a, b, c, d, e, f]
    })
}

impl RecordKey {
    /// The event that the record belongs to.
    pub const fn event(self) -> Option<EventNo> {
        match self {
            Self::Shard
            | Self::MapPart(..)
            | Self::Venue(_)
            | Self::User(_)
            | Self::Account(_)
            | Self::Consumers
            | Self::UserList(..) => None,
            Self::Event(no)
            | Self::Seats(no, _)
            | Self::Bookings(no, _)
            | Self::Refusals(no, _)
            | Self::Blocked(no)
            | Self::Extras(no, _)
            | Self::Life(no)
            | Self::Terms(no)
            | Self::BookingTerms(no, _)
            | Self::Doors(no, _)
            | Self::Money(no, _)
            | Self::Queue(no)
            | Self::QueueEntries(no, _)
            | Self::QueueLeft(no, _)
            | Self::QueuePasses(no, _)
            | Self::Waitlist(no)
            | Self::Waiters(no, _)
            | Self::Chain(no)
            | Self::Retention(no) => Some(no),
        }
    }

    pub fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        let event = |out: &mut Vec<u8>, tag: u8, (slot, no): EventNo| {
            out.push(tag);
            out.extend_from_slice(&slot.to_be_bytes());
            out.extend_from_slice(&no.to_be_bytes());
        };
        match self {
            Self::Shard => out.push(0),
            Self::Consumers => out.push(22),
            Self::Chain(no) => event(&mut out, 23, no),
            Self::Retention(no) => event(&mut out, 25, no),
            Self::Account(user) => {
                out.push(12);
                out.extend_from_slice(&user.to_bytes());
            }
            Self::UserList(user, row) => {
                out.push(24);
                out.extend_from_slice(&user.to_bytes());
                out.extend(row.iter().flat_map(|booking| booking.to_bytes()));
            }
            Self::MapPart(map, part) => {
                out.push(1);
                out.extend_from_slice(&map.0);
                out.extend_from_slice(&part.to_be_bytes());
            }
            Self::Venue(venue) => {
                out.push(2);
                out.extend_from_slice(&venue.to_bytes());
            }
            Self::User(user) => {
                out.push(3);
                out.extend_from_slice(&user.to_bytes());
            }
            Self::Event(no) => event(&mut out, 4, no),
            Self::Seats(no, block) => {
                event(&mut out, 5, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::Bookings(no, block) => {
                event(&mut out, 6, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::Refusals(no, block) => {
                event(&mut out, 7, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::Blocked(no) => event(&mut out, 8, no),
            Self::Life(no) => event(&mut out, 10, no),
            Self::Terms(no) => event(&mut out, 11, no),
            Self::BookingTerms(no, block) => {
                event(&mut out, 13, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::Extras(no, block) => {
                event(&mut out, 9, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::Doors(no, block) => {
                event(&mut out, 14, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::Money(no, block) => {
                event(&mut out, 15, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::Queue(no) => event(&mut out, 16, no),
            Self::QueueEntries(no, block) => {
                event(&mut out, 17, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::QueueLeft(no, block) => {
                event(&mut out, 18, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::QueuePasses(no, block) => {
                event(&mut out, 19, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::Waitlist(no) => event(&mut out, 20, no),
            Self::Waiters(no, block) => {
                event(&mut out, 21, no);
                out.extend_from_slice(&block.to_be_bytes());
            }
        }
        out
    }

    /// The key that `bytes` are, if they are one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&tag, rest) = bytes.split_first()?;
        let event = |rest: &[u8]| -> Option<EventNo> {
            let (slot, no) = rest.split_first_chunk::<2>()?;
            Some((u16::from_be_bytes(*slot), u32::from_be_bytes(no.try_into().ok()?)))
        };
        Some(match tag {
            0 if rest.is_empty() => Self::Shard,
            22 if rest.is_empty() => Self::Consumers,
            1 => {
                let (map, part) = rest.split_first_chunk::<32>()?;
                Self::MapPart(SeatMapHash(*map), u32::from_be_bytes(part.try_into().ok()?))
            }
            2 => Self::Venue(VenueId::from_slice(rest)?),
            3 => Self::User(UserId::from_slice(rest)?),
            4 => Self::Event(event(rest)?),
            5 | 6 | 9 | 13 | 14 | 15 | 17 | 18 | 19 | 21 => {
                let (no, block) = rest.split_first_chunk::<6>()?;
                let (no, block) = (event(no)?, u32::from_be_bytes(block.try_into().ok()?));
                match tag {
                    5 => Self::Seats(no, block),
                    6 => Self::Bookings(no, block),
                    13 => Self::BookingTerms(no, block),
                    14 => Self::Doors(no, block),
                    15 => Self::Money(no, block),
                    17 => Self::QueueEntries(no, block),
                    18 => Self::QueueLeft(no, block),
                    19 => Self::QueuePasses(no, block),
                    21 => Self::Waiters(no, block),
                    _ => Self::Extras(no, block),
                }
            }
            7 => {
                let (no, block) = rest.split_first_chunk::<6>()?;
                Self::Refusals(event(no)?, u64::from_be_bytes(block.try_into().ok()?))
            }
            8 => Self::Blocked(event(rest)?),
            10 => Self::Life(event(rest)?),
            11 => Self::Terms(event(rest)?),
            12 => Self::Account(UserId::from_slice(rest)?),
            16 => Self::Queue(event(rest)?),
            20 => Self::Waitlist(event(rest)?),
            23 => Self::Chain(event(rest)?),
            25 => Self::Retention(event(rest)?),
            24 => {
                let (user, row) = rest.split_first_chunk::<16>()?;
                let row = (!row.is_empty()).then_some(row);
                let row = row.map(|row| BookingId::from_slice(row).ok_or(())).transpose().ok()?;
                Self::UserList(UserId::from_bytes(*user), row)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever adds a record of events: its tag belongs into [`EVENT_TAGS`], or an event that was left
    /// on disk comes back without it.
    #[test]
    fn every_tag_of_an_event_is_read_back() {
        let no = (0x0123, 0x4567_89ab);
        for tag in 0..=u8::MAX {
            for len in 0..=64 {
                let mut bytes = vec![tag];
                bytes.extend_from_slice(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab]);
                bytes.extend(std::iter::repeat_n(1, len));
                let Some(key) = RecordKey::from_bytes(&bytes) else { continue };
                assert_eq!(key.to_bytes(), bytes);
                let is_listed = EVENT_TAGS.contains(&tag);
                assert_eq!(key.event(), is_listed.then_some(no), "tag {tag}: {key:?}");
            }
        }
        assert!(EVENT_TAGS.is_sorted());
        let listed = event_prefixes(no).zip(EVENT_TAGS);
        assert!(listed.into_iter().all(|(prefix, tag)| prefix[0] == tag));
    }
}
