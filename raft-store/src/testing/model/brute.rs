//! The best seats by looking at every window of every row, as the rule reads and not as it is searched.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rowlock_proto::error_code::ErrorCode;

use super::Show;

/// Windows longer than this are not looked for.
const SIDE_BY_SIDE: usize = 32;

/// Where a seat stands. Seats of one stretch follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub section: u16,
    pub row: u32,
    pub stretch: u32,
    pub kind: Kind,
    pub wheelchair: bool,
    pub x_mm: i32,
    pub y_mm: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Plain,
    Pillar,
    Accessible,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    Somehow,
    OneRow,
    SideBySide,
}

/// What a party asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub size: u32,
    pub categories: Vec<usize>,
    pub sections: Vec<u16>,
    pub price_max: Option<u64>,
    pub near: Near,
    pub accessible: bool,
}

struct Hall<'a> {
    show: &'a Show,
    party: &'a Party,
    /// Categories that are promised to others.
    closed: Vec<usize>,
    /// Free seats that this party may have.
    free: BTreeSet<u32>,
}

/// The seats for a party, in order, or why there are none and how many there are.
pub(super) fn best(
    show: &Show,
    party: &Party,
    besides: &[u32],
    way: &str,
) -> Result<Vec<u32>, (ErrorCode, u64)> {
    let all = 0..u32::try_from(show.seats.len()).unwrap_or(u32::MAX);
    let closed = show.closed_kinds(way, party.size);
    let mut hall = Hall { show, party, closed, free: BTreeSet::new() };
    let free = all.filter(|seat| {
        hall.may_have(*seat)
            && show.owner(*seat).is_none()
            && !show.blocked.contains(seat)
            && !show.is_kept(*seat, way)
            && !besides.contains(seat)
    });
    hall.free = free.collect();
    let size = party.size as usize;
    if hall.free.len() < size {
        return Err((ErrorCode::NotEnoughSeats, hall.free.len() as u64));
    }
    if let Some(window) = hall.window(size) {
        return Ok(window);
    }
    let longest = hall.runs().map(|run| run.len()).max().unwrap_or(0).min(SIDE_BY_SIDE);
    let apart = (ErrorCode::NotTogether, longest as u64);
    let row = || hall.one_row(size).ok_or(apart);
    match party.near {
        Near::SideBySide => Err(apart),
        Near::OneRow => row(),
        Near::Somehow if party.accessible => row(),
        Near::Somehow => Ok(row().unwrap_or_else(|_| hall.groups(size))),
    }
}

impl Hall<'_> {
    fn spot(&self, seat: u32) -> Spot {
        self.show.spots[seat as usize]
    }

    fn may_have(&self, seat: u32) -> bool {
        let (spot, party) = (self.spot(seat), self.party);
        let category = self.show.seats[seat as usize];
        (spot.kind == Kind::Accessible) == party.accessible
            && !self.closed.contains(&category)
            && (party.categories.is_empty() || party.categories.contains(&category))
            && (party.sections.is_empty() || party.sections.contains(&spot.section))
            && party.price_max.is_none_or(|most| self.show.prices[category] <= most)
    }

    /// Rounded down, in millimetres.
    fn distance(&self, seat: u32) -> u64 {
        let (spot, (x_mm, y_mm)) = (self.spot(seat), self.show.focus_mm);
        let (dx, dy) = (i64::from(spot.x_mm - x_mm), i64::from(spot.y_mm - y_mm));
        let square = dx * dx + dy * dy;
        // The greatest number whose square fits, found by counting bits down.
        let fits = |root: u64| root * root <= square.unsigned_abs();
        (0..32).rev().fold(0, |root, bit| {
            let more = root | (1 << bit);
            if fits(more) { more } else { root }
        })
    }

    fn seats_of_stretch(&self, stretch: u32) -> Vec<u32> {
        let all = 0..u32::try_from(self.show.seats.len()).unwrap_or(u32::MAX);
        all.filter(|&seat| self.spot(seat).stretch == stretch).collect()
    }

    fn stretch_distance(&self, stretch: u32) -> u64 {
        let seats = self.seats_of_stretch(stretch);
        let sum: u64 = seats.iter().map(|&seat| self.distance(seat)).sum();
        sum / seats.len() as u64
    }

    /// How good a stretch is: the less the better. Between equals, the one whose zone has the best
    /// other stretch.
    fn rank(&self, stretch: u32) -> (u64, (u64, u32), u32) {
        let zone = |stretch: u32| {
            let seat = self.seats_of_stretch(stretch)[0];
            (self.spot(seat).section, self.show.seats[seat as usize], self.spot(seat).kind)
        };
        let stretches: BTreeSet<u32> = self.show.spots.iter().map(|spot| spot.stretch).collect();
        let zone_best = stretches
            .into_iter()
            .filter(|&other| zone(other) == zone(stretch))
            .map(|other| (self.stretch_distance(other), other))
            .min();
        (self.stretch_distance(stretch), zone_best.unwrap_or_default(), stretch)
    }

    /// Free seats that follow one another in one stretch.
    fn runs(&self) -> impl Iterator<Item = Vec<u32>> {
        let mut runs: Vec<Vec<u32>> = Vec::new();
        for &seat in &self.free {
            match runs.last_mut() {
                Some(run)
                    if run.last() == Some(&(seat.wrapping_sub(1)))
                        && self.spot(run[0]).stretch == self.spot(seat).stretch =>
                {
                    run.push(seat);
                }
                _ => runs.push(vec![seat]),
            }
        }
        runs.into_iter()
    }

    /// Every window of `size` free neighbours, with the single seats that it would leave over.
    fn windows(&self, size: usize) -> Vec<(usize, Vec<u32>)> {
        let mut all = Vec::new();
        for run in self.runs() {
            for start in 0..(run.len() + 1).saturating_sub(size) {
                let left = start;
                let right = run.len() - start - size;
                let alone = usize::from(left == 1) + usize::from(right == 1);
                all.push((alone, run[start..start + size].to_vec()));
            }
        }
        all
    }

    fn sum(&self, seats: &[u32]) -> u64 {
        seats.iter().map(|&seat| self.distance(seat)).sum()
    }

    fn window(&self, size: usize) -> Option<Vec<u32>> {
        if size == 0 || (size > SIDE_BY_SIDE && !self.party.accessible) {
            return None;
        }
        let with_place = |seats: &[u32]| {
            !self.party.accessible || seats.iter().any(|&seat| self.spot(seat).wheelchair)
        };
        let windows = self.windows(size).into_iter().filter(|(_, seats)| with_place(seats));
        let ranked = windows.map(|(alone, seats)| {
            let spot = self.spot(seats[0]);
            // A wheelchair place is worth a single seat left over.
            let spoils = !self.party.accessible && alone > 0;
            (
                (spot.kind, spoils),
                self.rank(spot.stretch),
                (alone, self.sum(&seats), seats[0]),
                seats,
            )
        });
        ranked.min().map(|(.., seats)| seats)
    }

    fn one_row(&self, size: usize) -> Option<Vec<u32>> {
        let mut rows: BTreeMap<(Kind, u64, u32), Vec<u32>> = BTreeMap::new();
        let all = 0..u32::try_from(self.show.seats.len()).unwrap_or(u32::MAX);
        let mut nearest: BTreeMap<(Kind, u32), u64> = BTreeMap::new();
        for seat in all.filter(|&seat| self.may_have(seat)) {
            let (spot, far) = (self.spot(seat), self.stretch_distance(self.spot(seat).stretch));
            let least = nearest.entry((spot.kind, spot.row)).or_insert(far);
            *least = far.min(*least);
        }
        for &seat in &self.free {
            let spot = self.spot(seat);
            let near = nearest[&(spot.kind, spot.row)];
            rows.entry((spot.kind, near, spot.row)).or_default().push(seat);
        }
        rows.into_values().find_map(|row| {
            let gaps = |window: &[u32]| {
                let pairs = window.windows(2);
                let gap = |pair: &&[u32]| {
                    pair[0] + 1 != pair[1]
                        || self.spot(pair[0]).stretch != self.spot(pair[1]).stretch
                };
                pairs.filter(gap).count()
            };
            row.windows(size)
                .filter(|window| {
                    !self.party.accessible || window.iter().any(|&seat| self.spot(seat).wheelchair)
                })
                .min_by_key(|window| (gaps(window), self.sum(window), window[0]))
                .map(<[u32]>::to_vec)
        })
    }

    fn groups(&self, size: usize) -> Vec<u32> {
        let (mut left, mut seats) = (size, Vec::new());
        let mut rest = Hall { free: self.free.clone(), closed: self.closed.clone(), ..*self };
        while left > 0 {
            let sizes = (1..=left.min(SIDE_BY_SIDE)).map(Reverse).collect::<BTreeSet<_>>();
            let group = sizes.into_iter().find_map(|Reverse(size)| rest.window(size));
            let mut group = group.expect("there are enough free seats");
            if left - group.len() == 1 && group.len() > 2 {
                group.pop();
            }
            left -= group.len();
            rest.free.retain(|seat| !group.contains(seat));
            seats.extend(group);
        }
        seats.sort_unstable();
        seats
    }
}
