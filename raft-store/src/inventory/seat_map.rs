//! Seat maps: uploaded in parts, sealed by their hash.
//!
//! A map is sealed once its parts are all there and their SHA-256 is its name; until then nothing can
//! refer to it. Parts that don't add up are dropped together, so that a broken upload can be repeated.

use std::collections::BTreeMap;
use std::sync::Arc;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::SeatMapHash;
use rowlock_proto::seat_map::SeatMap;
use sha2::{Digest as _, Sha256};

use super::change::ChangeKind;
use super::command::MAP_PARTS_MAX;
use super::layout::Layout;
use super::record::RecordKey;
use super::reply::{Answer, Refusal, Reply};
use super::{State, refuse};

#[derive(Clone, Debug, Default)]
pub(super) struct StoredMap {
    pub parts: u32,
    pub data: BTreeMap<u32, Vec<u8>>,
    pub sealed: Option<Sealed>,
}

/// What the inventory needs of a map.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub layout: Arc<Layout>,
}

impl StoredMap {
    fn complete(&self) -> bool {
        u32::try_from(self.data.len()).is_ok_and(|count| count == self.parts)
    }

    /// Reads the complete parts as the map that `hash` names.
    pub(super) fn seal(&mut self, hash: SeatMapHash) -> Result<(), String> {
        let bytes: Vec<u8> = self.data.values().flatten().copied().collect();
        if Sha256::digest(&bytes).as_slice() != hash.0.as_slice() {
            return Err("the parts do not hash to the map's name".to_owned());
        }
        let map = SeatMap::decode(&bytes).map_err(|error| error.to_string())?;
        self.sealed = Some(Sealed { layout: Arc::new(Layout::of(&map)) });
        Ok(())
    }
}

impl State {
    pub(super) fn put_map_part(
        &mut self,
        hash: SeatMapHash,
        part: u32,
        parts: u32,
        data: &[u8],
    ) -> Answer {
        if parts == 0 || parts > MAP_PARTS_MAX || part >= parts {
            return refuse(ErrorCode::SeatMapInvalid);
        }
        let map = self.maps.entry(hash).or_default();
        if map.sealed.is_some() {
            return Ok(Reply::Done);
        }
        if map.parts != parts {
            // Another cut of the same bytes: begin anew.
            for part in std::mem::take(&mut map.data).into_keys() {
                self.log.touch(RecordKey::MapPart(hash, part));
            }
            map.parts = parts;
        }
        map.data.insert(part, data.to_vec());
        self.log.touch(RecordKey::MapPart(hash, part));
        if !map.complete() {
            return Ok(Reply::Done);
        }
        match map.seal(hash) {
            Ok(()) => {
                let seats = map.sealed.as_ref().map_or(0, |sealed| sealed.layout.categories.len());
                let seats = u32::try_from(seats).unwrap_or(u32::MAX);
                self.log.note(ChangeKind::SeatMapSealed { map: hash, seats });
                Ok(Reply::Done)
            }
            Err(detail) => {
                if let Some(map) = self.maps.remove(&hash) {
                    for part in map.data.into_keys() {
                        self.log.touch(RecordKey::MapPart(hash, part));
                    }
                }
                Err(Refusal { detail, ..Refusal::of(ErrorCode::SeatMapInvalid) })
            }
        }
    }
}
