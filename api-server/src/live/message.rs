//! What lookers are sent: the whole state once, then what differs.

use std::sync::Arc;

use rowlock_client::types::{AreaCounts, EventId, SeatState, Seats};
use serde_json::{Value, json};

use crate::places::AreaId;
use crate::routes::events;

/// One message, the same for all who look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Of the shard; what the looker has seen after this message.
    pub(crate) revision: u64,
    /// `state` or `change`.
    pub(crate) kind: &'static str,
    /// JSON.
    pub(crate) text: Arc<str>,
}

/// The seats of an event at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) event: EventId,
    pub(crate) status: &'static str,
    /// A letter a seat, in the order of the map.
    letters: Vec<u8>,
    /// Free places of each area.
    areas: Vec<u32>,
}

const fn letter(state: SeatState) -> u8 {
    match state {
        SeatState::Available => b'A',
        SeatState::Held => b'R',
        SeatState::Sold => b'S',
        SeatState::Blocked => b'B',
    }
}

impl Picture {
    pub(crate) fn of(seats: &Seats, now_ms: u64) -> Self {
        Self {
            event: seats.event.id,
            status: events::status(&seats.event, now_ms),
            letters: seats.states.iter().copied().map(letter).collect(),
            areas: seats.event.areas.iter().map(AreaCounts::available).collect(),
        }
    }

    #[cfg(test)]
    pub(super) fn named(letters: &str) -> Self {
        let letters = letters.as_bytes().to_vec();
        Self { event: EventId(7), status: "ON_SALE", letters, areas: Vec::new() }
    }

    pub(crate) fn whole(&self, revision: u64) -> Value {
        json!({
            "type": "state",
            "eventId": self.event.to_string(),
            "revision": revision,
            "status": self.status,
            "seats": String::from_utf8_lossy(&self.letters),
            "areas": self.areas_since(&[]),
        })
    }

    /// What is said to those who have `before`; nothing if there is nothing to say.
    pub(super) fn since(&self, before: &Self, revision: u64) -> Option<Message> {
        let seats = (0_u32..).zip(self.letters.iter().zip(&before.letters));
        let seats: Vec<Value> = seats
            .filter(|(_, (now, then))| now != then)
            .map(|(seat, (now, _))| json!([seat, char::from(*now).to_string()]))
            .collect();
        let areas = self.areas_since(&before.areas);
        let same = self.status == before.status;
        if seats.is_empty() && areas.is_empty() && same {
            return None;
        }
        let mut value =
            json!({"type": "change", "revision": revision, "seats": seats, "areas": areas});
        if !same {
            value["status"] = json!(self.status);
        }
        Some(Message { revision, kind: "change", text: value.to_string().into() })
    }

    fn areas_since(&self, before: &[u32]) -> Vec<Value> {
        let areas = (0_u32..).zip(&self.areas);
        let changed = areas.filter(|(area, free)| {
            usize::try_from(*area).ok().and_then(|area| before.get(area)) != Some(*free)
        });
        let id = |area| AreaId::new(self.event, area).to_string();
        changed.map(|(area, free)| json!({"id": id(area), "available": free})).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(letters: &str, areas: &[u32], status: &'static str) -> Picture {
        let (letters, areas) = (letters.as_bytes().to_vec(), areas.to_vec());
        Picture { event: EventId(7), status, letters, areas }
    }

    #[test]
    fn only_what_differs_is_said() {
        let before = picture("AARS", &[5, 9], "ON_SALE");
        assert_eq!(before.since(&before, 4), None);
        let after = picture("ARRA", &[5, 8], "SOLD_OUT");
        let said = after.since(&before, 4).unwrap();
        assert_eq!((said.revision, said.kind), (4, "change"));
        let value: Value = serde_json::from_str(&said.text).unwrap();
        assert_eq!(value["seats"], json!([[1, "R"], [3, "A"]]));
        assert_eq!(
            value["areas"],
            json!([{"id": AreaId::new(EventId(7), 1).to_string(), "available": 8}])
        );
        assert_eq!(value["status"], "SOLD_OUT");
        let whole = after.whole(4);
        assert_eq!((&whole["seats"], &whole["revision"]), (&json!("ARRA"), &json!(4)));
        assert_eq!(whole["areas"].as_array().unwrap().len(), 2);
    }
}
