//! What a seat map means for those who look for seats: who sits beside whom, and which seat is better.
//!
//! Computed once when a map is sealed, from the map alone, and shared by all its events. Integers only:
//! every replica must come to the same.
//!
//! - A *stretch* is a piece of one row in which every seat has the next one beside it: no aisle, one
//!   category, one kind of seat. Seats that are searched together lie in one stretch.
//! - A *zone* is the stretches of one section, category and kind, best first.
//! - A seat's *distance* is that to the map's focus in millimetres: the nearer, the better.

use std::collections::BTreeMap;

use rowlock_proto::seat_map::{Row, Seat, SeatMap, Section, Shape, flag};

use super::reply::AreaCounts;

/// A gap this many fourths of the row's usual pitch wide is an aisle.
const AISLE_FOURTHS: u64 = 7;

/// What is sold to whom: seats of different kinds are never offered together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeatKind {
    Plain,
    /// Offered only when no plain seat does.
    Restricted,
    /// Wheelchair places and the seats of those who come along: offered only when asked for.
    Accessible,
}

impl SeatKind {
    const fn of(seat: &Seat) -> Self {
        if seat.flags & (flag::WHEELCHAIR | flag::COMPANION) != 0 {
            Self::Accessible
        } else if seat.flags & flag::RESTRICTED_VIEW != 0 {
            Self::Restricted
        } else {
            Self::Plain
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub first: u32,
    pub count: u32,
    /// Rows are counted through the whole map.
    pub row: u32,
    pub zone: u32,
    /// Its place in the zone's order.
    pub place: u32,
    /// Mean distance of its seats.
    pub distance_mm: u32,
}

impl Stretch {
    pub const fn end(&self) -> u32 {
        self.first + self.count
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub section: u16,
    pub category: u8,
    pub kind: SeatKind,
    /// Stretches, best first.
    pub stretches: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Category of each seat.
    pub categories: Box<[u8]>,
    pub category_count: usize,
    pub section_count: usize,
    /// Category and capacity of each area without seats.
    pub areas: Vec<(u8, u32)>,
    /// Seats of wheelchair users, in order.
    pub wheelchairs: Vec<u32>,
    /// Distance of each seat.
    pub distances_mm: Box<[u32]>,
    /// In the order of the seats.
    pub stretches: Vec<Stretch>,
    /// Those with the best first stretch come first.
    pub zones: Vec<Zone>,
}

impl Layout {
    pub fn of(map: &SeatMap) -> Self {
        let focus = map.focus_mm.unwrap_or_else(|| front_middle(map));
        let categories = map.seats().map(|(_, _, _, seat)| seat.category).collect();
        let distances_mm: Box<[u32]> =
            map.seats().map(|(_, _, _, seat)| distance(at(seat), focus)).collect();
        let wheelchairs = map.seats().filter(|(_, _, _, seat)| seat.flags & flag::WHEELCHAIR != 0);
        let wheelchairs = wheelchairs.map(|(index, ..)| index).collect();
        let mut layout = Self {
            categories,
            category_count: map.categories.len(),
            section_count: map.sections.len(),
            areas: map.areas.iter().map(|area| (area.category, area.capacity)).collect(),
            wheelchairs,
            distances_mm,
            stretches: Vec::new(),
            zones: Vec::new(),
        };
        layout.cut(&map.sections);
        layout.rank();
        layout
    }

    /// The areas while nobody has a place in them.
    pub fn no_places_taken(&self) -> Vec<AreaCounts> {
        let empty = |&(_, capacity): &(u8, u32)| AreaCounts { capacity, held: 0, sold: 0 };
        self.areas.iter().map(empty).collect()
    }

    /// The stretch that a seat lies in. Every seat of the map has one.
    pub fn stretch_of(&self, seat: u32) -> Option<usize> {
        self.stretches.partition_point(|stretch| stretch.first <= seat).checked_sub(1)
    }

    pub fn distance_mm(&self, seat: u32) -> u32 {
        let place = usize::try_from(seat).unwrap_or(usize::MAX);
        self.distances_mm.get(place).copied().unwrap_or(u32::MAX)
    }

    /// Cuts every row into stretches, and gathers those that belong to one zone.
    fn cut(&mut self, sections: &[Section]) {
        let mut zones: BTreeMap<(u16, u8, SeatKind), u32> = BTreeMap::new();
        let (mut next_seat, mut next_row) = (0_u32, 0_u32);
        for (section, rows) in (0_u16..).zip(sections.iter().map(|section| &section.rows)) {
            for row in rows {
                for piece in pieces(row) {
                    let Some(seat) = piece.first() else { continue };
                    let kind = SeatKind::of(seat);
                    let count = u32::try_from(piece.len()).unwrap_or(u32::MAX);
                    let known = u32::try_from(zones.len()).unwrap_or(u32::MAX);
                    let zone = *zones.entry((section, seat.category, kind)).or_insert(known);
                    let seats = next_seat..next_seat + count;
                    let sum: u64 = seats.map(|seat| u64::from(self.distance_mm(seat))).sum();
                    let mean = sum.checked_div(count.into()).unwrap_or(0);
                    self.stretches.push(Stretch {
                        first: next_seat,
                        count,
                        row: next_row,
                        zone,
                        place: 0,
                        distance_mm: u32::try_from(mean).unwrap_or(u32::MAX),
                    });
                    next_seat += count;
                }
                next_row += 1;
            }
        }
        let empty = |((section, category, kind), zone)| {
            (zone, Zone { section, category, kind, stretches: Vec::new() })
        };
        let by_number: BTreeMap<u32, Zone> = zones.into_iter().map(empty).collect();
        self.zones = by_number.into_values().collect();
    }

    /// Puts the zones, and the stretches of each, into the order of their distance.
    fn rank(&mut self) {
        let mut ranked: Vec<(u32, u32)> =
            (0_u32..).zip(&self.stretches).map(|(index, it)| (it.distance_mm, index)).collect();
        ranked.sort_unstable();
        // The first stretch that names a zone is its best.
        let mut order: Vec<u32> = Vec::with_capacity(self.zones.len());
        let mut rank_of: BTreeMap<u32, u32> = BTreeMap::new();
        let mut stretches: Vec<Vec<u32>> = Vec::new();
        for (_, index) in ranked {
            let place = usize::try_from(index).unwrap_or(usize::MAX);
            let Some(stretch) = self.stretches.get_mut(place) else { continue };
            let rank = *rank_of.entry(stretch.zone).or_insert_with(|| {
                let rank = u32::try_from(order.len()).unwrap_or(u32::MAX);
                order.push(stretch.zone);
                stretches.push(Vec::new());
                rank
            });
            stretch.zone = rank;
            let Some(zone) = stretches.get_mut(rank as usize) else { continue };
            stretch.place = u32::try_from(zone.len()).unwrap_or(u32::MAX);
            zone.push(index);
        }
        let zone = |(old, stretches): (u32, Vec<u32>)| {
            Some(Zone { stretches, ..self.zones.get(old as usize)?.clone() })
        };
        self.zones = order.into_iter().zip(stretches).filter_map(zone).collect();
    }
}

const fn at(seat: &Seat) -> (i32, i32) {
    (seat.x_mm, seat.y_mm)
}

fn distance((x, y): (i32, i32), (to_x, to_y): (i32, i32)) -> u32 {
    let square = |a: i32, b: i32| {
        let gap = u64::from(a.abs_diff(b));
        gap * gap
    };
    let root = square(x, to_x).saturating_add(square(y, to_y)).isqrt();
    u32::try_from(root).unwrap_or(u32::MAX)
}

/// Where a stage would be: the middle of the front edge (least y) of all seats.
fn front_middle(map: &SeatMap) -> (i32, i32) {
    let xs = || map.seats().map(|(_, _, _, seat)| seat.x_mm);
    let ys = map.seats().map(|(_, _, _, seat)| seat.y_mm);
    let (left, right) = (xs().min().unwrap_or(0), xs().max().unwrap_or(0));
    (left.midpoint(right), ys.min().unwrap_or(0))
}

/// Cuts a row wherever two neighbours in the list are none in the hall.
fn pieces(row: &Row) -> impl Iterator<Item = &[Seat]> {
    let gap = |(a, b): (&Seat, &Seat)| u64::from(distance(at(a), at(b)));
    let mut gaps: Vec<u64> = row.seats.iter().zip(row.seats.iter().skip(1)).map(gap).collect();
    gaps.sort_unstable();
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(0);
    row.seats.chunk_by(move |a, b| {
        let aisle = row.shape == Shape::Line && gap((a, b)) * 4 > usual * AISLE_FOURTHS;
        a.category == b.category && SeatKind::of(a) == SeatKind::of(b) && !aisle
    })
}

#[cfg(test)]
mod tests;
