//! The best seats for a party: chosen inside apply, so that a crowd which asks for 'two together' never
//! collides: each command finds what the ones before it have left (P1), and gets all or nothing (P2).
//!
//! What is better, in this order:
//! 1. a plain seat before one with a restricted view;
//! 2. not to leave a single seat over, since hardly anybody buys one;
//! 3. the stretch that is nearer to what everybody looks at;
//! 4. within the stretch: no single seat left over, then the nearest.
//!
//! When neighbours can't be had, and the party allows it: one row, then groups as large as there are,
//! and no one alone while it can be helped. The cost is that of the zones which are allowed and the
//! seats which are asked for, not of the seats there are.

use std::ops::Range;

use rowlock_proto::error_code::ErrorCode;

use super::event::Event;
use super::free::{Fit, Free, NEIGHBOURS_MAX, runs};
use super::layout::{Layout, SeatKind, Stretch, Zone};
use super::planted::{Mistake, planted};
use super::reply::Refusal;

/// How near to one another the seats of a party must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Together {
    /// As near as can be had.
    #[default]
    Preferred,
    /// All in one row.
    SameRow,
    /// All side by side.
    Adjacent,
}

/// What a party wants.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Wanted {
    pub quantity: u32,
    /// Indexes into the map's categories; none: any.
    pub categories: Vec<u8>,
    /// Indexes into the map's sections; none: any.
    pub sections: Vec<u16>,
    /// Minor units a seat.
    pub price_max: Option<u64>,
    pub together: Together,
    /// At least one wheelchair place, and companion seats for the others.
    pub accessible: bool,
}

/// The seats for `wanted`, in order, or why there are none. Owners stay as they are.
///
/// `besides` are seats that the same cart takes by name.
pub(super) fn search(
    event: &mut Event,
    wanted: &Wanted,
    besides: &[u32],
    channel: u8,
) -> Result<Vec<u32>, Refusal> {
    let layout = event.layout.clone();
    // While nothing is kept for anybody, all search the same seats.
    let keeps = event.terms.as_ref().is_some_and(|terms| !terms.kept.is_empty());
    let shared = if keeps { channel } else { 0 };
    let kept = event.free.entry(shared).or_insert_with(|| Free::unknown(&layout));
    let mut free = std::mem::take(kept);
    let touch = |free: &mut Free| besides.iter().for_each(|&seat| free.touch(&layout, seat));
    touch(&mut free);
    let zones = allowed(event, &layout, wanted, channel);
    let is_free = |seat| event.is_free_for(seat, channel) && !besides.contains(&seat);
    free.refresh(&layout, &zones, &is_free);
    let search =
        Search { layout: &layout, event, free: &mut free, zones, wanted, besides, channel };
    let found = search.run();
    touch(&mut free);
    if let Some(kept) = event.free.get_mut(&shared) {
        *kept = free;
    }
    found.map(|mut seats| {
        seats.sort_unstable();
        seats
    })
}

/// The zones that may be searched, best first.
fn allowed(event: &Event, layout: &Layout, wanted: &Wanted, channel: u8) -> Vec<usize> {
    let cheap = |zone: &Zone| {
        let price = event.spec.prices.get(usize::from(zone.category)).copied();
        wanted.price_max.is_none_or(|most| price.is_some_and(|price| price <= most))
    };
    let fits = |zone: &Zone| {
        (zone.kind == SeatKind::Accessible) == wanted.accessible
            && (wanted.categories.is_empty() || wanted.categories.contains(&zone.category))
            && (wanted.sections.is_empty() || wanted.sections.contains(&zone.section))
            && cheap(zone)
            && event.may_search(zone.category, channel, wanted.quantity)
    };
    (0..).zip(&layout.zones).filter(|(_, zone)| fits(zone)).map(|(index, _)| index).collect()
}

struct Search<'a> {
    layout: &'a Layout,
    event: &'a Event,
    free: &'a mut Free,
    zones: Vec<usize>,
    wanted: &'a Wanted,
    besides: &'a [u32],
    channel: u8,
}

/// Where neighbours were found.
struct Found {
    stretch: Stretch,
    seats: Range<u32>,
}

impl Search<'_> {
    fn run(mut self) -> Result<Vec<u32>, Refusal> {
        let wanted = self.wanted.quantity;
        let free: u32 = self.zones.iter().map(|&zone| self.free.count(zone)).sum();
        if free < wanted {
            let limit = free.into();
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::NotEnoughSeats) });
        }
        if let Some(found) = self.neighbours(wanted, &[]) {
            return Ok(found.seats.collect());
        }
        let most = self.zones.iter().map(|&zone| self.free.most(zone)).max().unwrap_or(0);
        let apart = Refusal { limit: most.into(), ..Refusal::of(ErrorCode::NotTogether) };
        match self.wanted.together {
            Together::Adjacent => Err(apart),
            Together::SameRow => self.one_row(wanted).ok_or(apart),
            Together::Preferred if self.wanted.accessible => self.one_row(wanted).ok_or(apart),
            Together::Preferred => {
                let row = self.one_row(wanted);
                Ok(row.unwrap_or_else(|| self.groups(wanted)))
            }
        }
    }

    fn is_free(&self, seat: u32) -> bool {
        self.event.is_free_for(seat, self.channel) && !self.besides.contains(&seat)
    }

    fn stretch(&self, zone: usize, place: usize) -> Option<Stretch> {
        let index = *self.layout.zones.get(zone)?.stretches.get(place)?;
        self.layout.stretches.get(usize::try_from(index).ok()?).copied()
    }

    fn kind(&self, zone: usize) -> Option<SeatKind> {
        self.layout.zones.get(zone).map(|zone| zone.kind)
    }

    /// Side by side, besides `taken`.
    fn neighbours(&self, count: u32, taken: &[u32]) -> Option<Found> {
        if self.wanted.accessible {
            return self.accessible(count);
        }
        for kind in [SeatKind::Plain, SeatKind::Restricted] {
            for fit in [Fit::Clean, Fit::Any] {
                if planted(Mistake::SinglesLeft) && fit == Fit::Clean {
                    continue;
                }
                if let Some(stretch) = self.best_stretch(kind, count, fit) {
                    let seats = self.window(&stretch, count, taken, |_| true)?;
                    return Some(Found { stretch, seats });
                }
            }
        }
        None
    }

    fn best_stretch(&self, kind: SeatKind, count: u32, fit: Fit) -> Option<Stretch> {
        let mut best: Option<Stretch> = None;
        for &zone in self.zones.iter().filter(|&&zone| self.kind(zone) == Some(kind)) {
            // Zones come in the order of their best stretch: no later one can be better than that.
            let bound = self.stretch(zone, 0).map_or(u32::MAX, |first| first.distance_mm);
            let far = planted(Mistake::FarthestFirst);
            if best.is_some_and(|best| best.distance_mm <= bound) && !far {
                break;
            }
            let found = self.free.first(zone, count, fit);
            if let Some(found) = found.and_then(|place| self.stretch(zone, place))
                && best.is_none_or(|best| found.distance_mm < best.distance_mm || far)
            {
                best = Some(found);
            }
        }
        best
    }

    /// Wheelchair places are few: each stretch that has some is looked at.
    fn accessible(&self, count: u32) -> Option<Found> {
        let stretches = self.zones.iter().flat_map(|&zone| {
            let places = self.layout.zones.get(zone).map_or(0, |zone| zone.stretches.len());
            (0..places).filter_map(move |place| self.stretch(zone, place))
        });
        let mut found: Vec<Found> = stretches
            .filter_map(|stretch| {
                let seats =
                    self.window(&stretch, count, &[], |seats| self.has_wheelchair(seats))?;
                Some(Found { stretch, seats })
            })
            .collect();
        found.sort_by_key(|found| (found.stretch.distance_mm, found.stretch.zone));
        found.into_iter().next()
    }

    fn has_wheelchair(&self, seats: &Range<u32>) -> bool {
        let from = self.layout.wheelchairs.partition_point(|&seat| seat < seats.start);
        self.layout.wheelchairs.get(from).is_some_and(|&seat| seat < seats.end)
    }

    /// The best `count` neighbours of one stretch.
    fn window(
        &self,
        stretch: &Stretch,
        count: u32,
        taken: &[u32],
        will_do: impl Fn(&Range<u32>) -> bool,
    ) -> Option<Range<u32>> {
        let is_free = |seat: u32| self.is_free(seat) && !taken.contains(&seat);
        let distance = |seat: u32| u64::from(self.layout.distance_mm(seat));
        let mut best: Option<((u32, u64), Range<u32>)> = None;
        for run in runs(*stretch, &is_free).filter(|run| run.end - run.start >= count) {
            let mut sum: u64 = (run.start..run.start + count).map(distance).sum();
            for start in run.start..=run.end - count {
                let seats = start..start + count;
                let alone = |gap: u32| u32::from(gap == 1);
                let cost = (alone(seats.start - run.start) + alone(run.end - seats.end), sum);
                if best.as_ref().is_none_or(|(least, _)| cost < *least) && will_do(&seats) {
                    best = Some((cost, seats));
                }
                if start + count < run.end {
                    sum = sum - distance(start) + distance(start + count);
                }
            }
        }
        best.map(|(_, seats)| seats)
    }

    /// All in one row: the nearest row that has enough, with as few gaps as can be.
    fn one_row(&self, count: u32) -> Option<Vec<u32>> {
        let kinds: &[SeatKind] = if self.wanted.accessible {
            &[SeatKind::Accessible]
        } else {
            &[SeatKind::Plain, SeatKind::Restricted]
        };
        kinds.iter().find_map(|&kind| self.one_row_of(kind, count))
    }

    fn one_row_of(&self, kind: SeatKind, count: u32) -> Option<Vec<u32>> {
        let mut rows: std::collections::BTreeMap<u32, (u32, Vec<Stretch>)> =
            std::collections::BTreeMap::new();
        for &zone in self.zones.iter().filter(|&&zone| self.kind(zone) == Some(kind)) {
            let places = self.layout.zones.get(zone).map_or(0, |zone| zone.stretches.len());
            for stretch in (0..places).filter_map(|place| self.stretch(zone, place)) {
                let row = rows.entry(stretch.row).or_insert_with(|| (u32::MAX, Vec::new()));
                row.0 = row.0.min(stretch.distance_mm);
                row.1.push(stretch);
            }
        }
        let mut near: Vec<(u32, u32)> =
            rows.iter().map(|(&row, &(distance, _))| (distance, row)).collect();
        near.sort_unstable();
        near.into_iter().find_map(|(_, row)| {
            let (_, stretches) = rows.get(&row)?;
            self.tightest(stretches, count)
        })
    }

    /// `count` free seats of some stretches of one row that follow one another.
    fn tightest(&self, stretches: &[Stretch], count: u32) -> Option<Vec<u32>> {
        let mut free: Vec<(u32, u32)> = stretches
            .iter()
            .flat_map(|stretch| (stretch.first..stretch.end()).map(|seat| (seat, stretch.first)))
            .filter(|&(seat, _)| self.is_free(seat))
            .collect();
        free.sort_unstable();
        let gap = |pair: &[(u32, u32)]| match pair {
            [(a, of), (b, with)] => u32::from(a + 1 != *b || of != with),
            _ => 0,
        };
        let seats = |window: &[(u32, u32)]| window.iter().map(|&(seat, _)| seat).collect();
        free.windows(usize::try_from(count).ok()?)
            .map(|window| {
                let gaps: u32 = window.windows(2).map(gap).sum();
                let sum: u64 =
                    window.iter().map(|&(seat, _)| u64::from(self.layout.distance_mm(seat))).sum();
                ((gaps, sum), window)
            })
            .filter(|(_, window)| {
                let wheelchair = |&(seat, _): &(u32, u32)| self.has_wheelchair(&(seat..seat + 1));
                !self.wanted.accessible || window.iter().any(wheelchair)
            })
            .min_by_key(|&(cost, window)| (cost, window.first().copied()))
            .map(|(_, window)| seats(window))
    }

    /// Groups, the largest first. There are enough free seats, so it ends.
    fn groups(&mut self, count: u32) -> Vec<u32> {
        let mut seats: Vec<u32> = Vec::new();
        let mut left = count;
        while left > 0 {
            let largest = left.min(NEIGHBOURS_MAX);
            let found = (1..=largest).rev().find_map(|size| self.neighbours(size, &seats));
            let Some(found) = found else { break };
            let mut group = found.seats;
            let size = group.end - group.start;
            // Nobody sits alone if the group before can spare a neighbour.
            if left - size == 1 && size > 2 {
                group.end -= 1;
            }
            left -= group.end - group.start;
            self.free.touch(self.layout, group.start);
            seats.extend(group);
            let taken = &seats;
            let (event, besides, channel) = (self.event, self.besides, self.channel);
            self.free.refresh(self.layout, &self.zones, &|seat| {
                event.is_free_for(seat, channel)
                    && !besides.contains(&seat)
                    && !taken.contains(&seat)
            });
        }
        for &seat in &seats {
            self.free.touch(self.layout, seat);
        }
        seats
    }
}
