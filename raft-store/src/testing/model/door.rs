//! Doors: voided tickets, scans that come later, counts.

use std::collections::BTreeMap;

use rowlock_proto::error_code::ErrorCode;

use super::{Model, Said, Sale, Show, no};

/// What happened to the tickets of a sale at doors, by place.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AtDoors {
    /// The request that made it void.
    pub voids: BTreeMap<u32, u64>,
    /// The scan that came later and was taken last.
    pub merged: BTreeMap<u32, u64>,
}

/// Key, number of the sale, place, version, door, time as the door saw it.
pub type Late = (u64, u32, u32, u32, String, u64);

#[derive(Clone, Debug)]
pub enum DoorAsk {
    Void { event: usize, number: u32, key: u64, place: u32 },
    Merge { event: usize, scans: Vec<Late> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Taken,
    Repeat,
    Conflict(String, u64),
    Replaced,
    Void,
    Unknown,
}

impl Show {
    /// Who is in, by door.
    pub fn inside(&self) -> BTreeMap<String, u32> {
        let mut inside = BTreeMap::new();
        let passes = self.sales.iter().flat_map(|sale: &Sale| sale.passes.values());
        for (door, ..) in passes.filter_map(|pass| pass.2.as_ref()) {
            *inside.entry(door.clone()).or_default() += 1;
        }
        inside
    }
}

impl Model {
    pub(super) fn door(&mut self, ask: &DoorAsk) -> Said {
        match ask {
            DoorAsk::Void { event, number, key, place } => self.void(*event, *number, *key, *place),
            DoorAsk::Merge { event, scans } => {
                Said::Scans(scans.iter().map(|scan| self.merge(*event, scan)).collect())
            }
        }
    }

    fn void(&mut self, event: usize, number: u32, key: u64, place: u32) -> Said {
        let known = self.find(event, number, 0).and_then(|sale| sale.doors.voids.get(&place));
        if known == Some(&key) {
            return Said::Booking(self.seen(event, number));
        }
        match self.ticket(event, number, place) {
            Err(code) => return no(code),
            Ok((_, (_, _, Some((_, at_ms, _))))) => {
                return Said::Refused(ErrorCode::TicketRedeemed, Vec::new(), at_ms);
            }
            Ok(_) => {}
        }
        let sale = self.find(event, number, 0).expect("its ticket was found");
        sale.doors.voids.insert(place, key);
        Said::Booking(self.seen(event, number))
    }

    fn merge(&mut self, event: usize, scan: &Late) -> Heard {
        let now = self.clock_ms;
        let &(key, number, place, version, ref door, seen_ms) = scan;
        let Some(sale) = self.find(event, number, 0) else { return Heard::Unknown };
        if place as usize >= sale.granted().len() {
            return Heard::Unknown;
        }
        let used = sale.passes.get(&place).and_then(|pass| pass.2.clone());
        let same = |by: &u64| *by == key;
        if sale.doors.merged.get(&place).is_some_and(same)
            || used.as_ref().is_some_and(|(_, _, by)| same(by))
        {
            return Heard::Repeat;
        }
        let (holder, known) = match self.ticket(event, number, place) {
            Err(_) => return Heard::Void,
            Ok((_, (holder, known, _))) => (holder, known),
        };
        if let Some((door, at_ms, _)) = used {
            return Heard::Conflict(door, at_ms);
        }
        if known != version {
            return Heard::Replaced;
        }
        let used = Some((door.clone(), seen_ms.min(now), key));
        self.write_ticket(event, number, place, (holder, known, used));
        let sale = self.find(event, number, 0).expect("its ticket was found");
        sale.doors.merged.insert(place, key);
        Heard::Taken
    }
}
