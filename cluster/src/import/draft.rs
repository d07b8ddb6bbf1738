//! A venue or event that is ready to be put into a cluster, under an id made from its content.

use std::sync::Arc;

use rowlock_client::types::{EventSpec, Venue};
use rowlock_proto::seat_map::{self, SeatMap};
use rowlock_proto::{EventId, SeatMapHash, VenueId};
use sha2::{Digest, Sha256};

/// A venue with its seat map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueDraft {
    pub id: VenueId,
    pub doc: Venue,
    pub map: SeatMap,
    /// The map's canonical bytes: what `doc.map` is the hash of.
    pub map_bytes: Arc<[u8]>,
}

/// Where a venue is and what it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueDetails {
    pub name: String,
    pub city: String,
    pub country: String,
    pub address: String,
    /// Latitude and longitude in millionths of a degree.
    pub position_e6: Option<(i64, i64)>,
}

impl VenueDraft {
    /// The id is that of name, city and map: the same file under the same name is the same venue.
    pub fn new(details: VenueDetails, map: SeatMap) -> Result<Self, seat_map::Error> {
        let map_bytes: Arc<[u8]> = map.encode()?.into();
        let hash: [u8; 32] = Sha256::digest(&map_bytes).into();
        let id =
            digest("rowlock venue", &[details.name.as_bytes(), details.city.as_bytes(), &hash]);
        let seats = u32::try_from(map.seat_count()).unwrap_or(u32::MAX);
        let capacity = map.areas.iter().fold(seats, |sum, area| sum.saturating_add(area.capacity));
        let doc = Venue {
            name: details.name,
            city: details.city,
            country: details.country,
            address: details.address,
            position_e6: details.position_e6,
            map: SeatMapHash(hash),
            capacity,
        };
        Ok(Self { id: VenueId::from_bytes(id), doc, map, map_bytes })
    }
}

/// An event of a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDraft {
    pub id: EventId,
    pub spec: EventSpec,
    /// The bytes of the map that `spec.map` names, shared by the events of a venue.
    pub map_bytes: Arc<[u8]>,
}

/// The id of an event that a catalogue names by `source` and that is sold at `venue`. The same
/// concert at another venue is another event: its seats are others.
pub fn event_id(catalogue: &str, source: &str, number: usize, venue: VenueId) -> EventId {
    let number = (number as u64).to_le_bytes();
    EventId::from_bytes(digest(
        "rowlock event",
        &[catalogue.as_bytes(), source.as_bytes(), &number, &venue.to_bytes()],
    ))
}

/// Sixteen bytes that stand for the parts. Each is preceded by its length, so that no two lists of
/// parts look the same.
fn digest(domain: &str, parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in std::iter::once(&domain.as_bytes()).chain(parts) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

/// Degrees as they are written, in millionths: `25.000463`.
pub fn degrees_e6(text: &str, bound: u32) -> Result<i64, String> {
    let wrong = || format!("'{text}' is not a number of degrees from -{bound} to {bound}");
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return Err(wrong());
    }
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    // Seven digits and more are finer than a hand: cut, not refused.
    let fraction: i64 =
        format!("{:0<6}", &fraction[..fraction.len().min(6)]).parse().map_err(|_| wrong())?;
    let e6 = whole.checked_mul(1_000_000).and_then(|whole| whole.checked_add(fraction));
    let e6 = e6.filter(|&e6| e6 <= i64::from(bound) * 1_000_000).ok_or_else(wrong)?;
    Ok(if text.starts_with('-') { -e6 } else { e6 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::hall;

    fn venue(name: &str, seats: u32) -> VenueDraft {
        let details = VenueDetails {
            name: name.to_owned(),
            city: "Here".to_owned(),
            ..VenueDetails::default()
        };
        VenueDraft::new(details, hall::draw(seats).expect("a hall")).expect("a valid map")
    }

    #[test]
    fn ids_are_made_from_content() {
        let hall = venue("Hall", 300);
        assert_eq!(hall.id, venue("Hall", 300).id);
        assert_ne!(hall.id, venue("Hall", 301).id);
        assert_ne!(hall.id, venue("Haus", 300).id);
        assert_eq!(hall.doc.capacity, 300);
        let event = |source, number| event_id("nyphil", source, number, hall.id);
        assert_eq!(event("p-1", 0), event("p-1", 0));
        assert_ne!(event("p-1", 0), event("p-1", 1));
        assert_ne!(event("p-1", 0), event("p-2", 0));
        // Moving a letter from one part to the next is another list of parts.
        assert_ne!(digest("d", &[b"ab", b"c"]), digest("d", &[b"a", b"bc"]));
    }

    #[test]
    fn degrees_become_millionths() {
        assert_eq!(degrees_e6("25.000463", 90), Ok(25_000_463));
        assert_eq!(degrees_e6("-73.98", 180), Ok(-73_980_000));
        assert_eq!(degrees_e6("121.20012345", 180), Ok(121_200_123));
        for wrong in ["", "-", "91", "90.000001", "1e1", "x", ".5", "5.", "+5", "--5"] {
            degrees_e6(wrong, 90).expect_err(wrong);
        }
    }
}
