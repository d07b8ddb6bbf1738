//! What live bookings use of the terms of their event: counted where places are given and come back.

use std::collections::BTreeMap;

use rowlock_proto::ids::UserId;

use super::super::booking::{BookingState, BookingTerms, Place, Places};
use super::super::event::Event;
use super::super::layout::Layout;
use super::super::planted::{Mistake, planted};

/// What live bookings use of the terms.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Used {
    /// Live bookings by promotion, and by promotion and user; those that have any.
    pub promotions: BTreeMap<u16, u32>,
    pub promotions_of: BTreeMap<(u16, UserId), u32>,
    /// Live bookings by access code.
    pub codes: BTreeMap<u32, u32>,
    /// Places by channel.
    pub places: BTreeMap<u8, u32>,
    /// Places by channel and category that count against a quota: those not kept by name.
    pub quotas: BTreeMap<(u8, u8), u32>,
    /// Free seats by category that are kept for nobody by name. Only while there are quotas.
    pub free: Vec<u32>,
}

fn step<K: Ord + Copy>(counts: &mut BTreeMap<K, u32>, key: K, more: u32, take: bool) {
    if more == 0 {
        return;
    }
    let count = counts.entry(key).or_default();
    if take {
        *count += more;
    } else {
        *count -= more;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

impl Used {
    /// A live booking begins or ends to use its promotion and its code.
    fn count_booking(&mut self, by: BookingTerms, user: UserId, take: bool) {
        if by.promotion != 0 {
            step(&mut self.promotions, by.promotion, 1, take);
            step(&mut self.promotions_of, (by.promotion, user), 1, take);
        }
        if by.code != 0 {
            step(&mut self.codes, by.code, 1, take);
        }
    }
}

impl Event {
    /// Places begin or end to be taken through the booking's channel.
    pub(in crate::inventory) fn count_places(
        &mut self,
        places: &Places,
        by: BookingTerms,
        take: bool,
    ) {
        let Some(terms) = self.terms.as_deref_mut() else { return };
        if by.channel != 0 {
            step(&mut terms.used.places, by.channel, places.count(), take);
            for (category, count) in unnamed(&self.layout, &terms.kept, places) {
                step(&mut terms.used.quotas, (by.channel, category), count, take);
            }
        }
        if !terms.used.free.is_empty() && !planted(Mistake::PoolUncounted) {
            for &seat in &places.seats {
                self.count_free(seat, !take);
            }
        }
    }

    /// A seat becomes free, or is free no more: for the pools of quotas.
    pub(in crate::inventory) fn count_free(&mut self, seat: u32, more: bool) {
        let Some(terms) = self.terms.as_deref_mut() else { return };
        if terms.used.free.is_empty() || terms.kept.contains_key(&seat) {
            return;
        }
        let place = usize::try_from(seat).unwrap_or(usize::MAX);
        let category = self.layout.categories.get(place).copied().map(usize::from);
        if let Some(count) = category.and_then(|category| terms.used.free.get_mut(category)) {
            *count = if more { *count + 1 } else { *count - 1 };
        }
    }

    /// A booking begins to own its places, or ends to.
    pub(in crate::inventory) fn count_booking(
        &mut self,
        by: BookingTerms,
        user: UserId,
        take: bool,
    ) {
        if let Some(terms) = self.terms.as_deref_mut() {
            terms.used.count_booking(by, user, take);
        }
    }

    /// What live bookings use, counted anew.
    pub(in crate::inventory) fn recount(&self) -> Used {
        let Some(terms) = self.terms.as_deref() else { return Used::default() };
        let mut fresh = Used::default();
        for booking in self.bookings.iter().filter(|booking| booking.state.owns_seats()) {
            let by = booking.terms;
            fresh.count_booking(by, booking.user, true);
            if by.channel == 0 {
                continue;
            }
            let places = booking.places();
            step(&mut fresh.places, by.channel, places.count(), true);
            for (category, count) in unnamed(&self.layout, &terms.kept, &places) {
                step(&mut fresh.quotas, (by.channel, category), count, true);
            }
        }
        if terms.has_quotas() {
            fresh.free = vec![0; self.layout.category_count];
            let seats = (0..).zip(&self.layout.categories);
            let free = seats.filter(|(seat, _)| {
                self.owner(*seat) == Some(0)
                    && !self.blocked.contains_key(seat)
                    && !terms.kept.contains_key(seat)
            });
            for (_, &category) in free {
                if let Some(count) = fresh.free.get_mut(usize::from(category)) {
                    *count += 1;
                }
            }
        }
        fresh
    }

    pub(in crate::inventory) fn count_terms_again(&mut self) {
        let used = self.recount();
        if let Some(terms) = self.terms.as_deref_mut() {
            terms.used = used;
            terms.number_codes();
        }
    }

    /// Category of a place.
    pub(in crate::inventory) fn category(&self, place: Place) -> Option<u8> {
        match place {
            Place::Seat(seat) => self.layout.categories.get(usize::try_from(seat).ok()?).copied(),
            Place::Area(area) => self.layout.areas.get(usize::from(area)).map(|&(it, _)| it),
        }
    }
}

/// Places by category, without the seats that are kept by name.
pub(super) fn unnamed(
    layout: &Layout,
    kept: &BTreeMap<u32, u8>,
    places: &Places,
) -> BTreeMap<u8, u32> {
    let mut counts = BTreeMap::new();
    for seat in places.seats.iter().filter(|seat| !kept.contains_key(seat)) {
        let place = usize::try_from(*seat).unwrap_or(usize::MAX);
        if let Some(&category) = layout.categories.get(place) {
            *counts.entry(category).or_default() += 1;
        }
    }
    for &(area, count) in &places.areas {
        if let Some(&(category, _)) = layout.areas.get(usize::from(area)) {
            *counts.entry(category).or_default() += count;
        }
    }
    counts
}

/// What is wrong with an event's terms.
pub(in crate::inventory) fn audit(event: &Event, found: &mut Vec<String>) {
    let Some(terms) = event.terms.as_deref() else {
        if event.bookings.iter().any(|booking| booking.terms != BookingTerms::default()) {
            found.push(format!("{}: a booking is under terms that are not there", event.id));
        }
        return;
    };
    let used = event.recount();
    if used != terms.used {
        found.push(format!("{}: terms count {:?}, bookings say {used:?}", event.id, terms.used));
    }
    let over = |max: u32, count: u32| max != 0 && count > max;
    for (&no, &count) in &used.promotions {
        if terms.promotion(no).is_none_or(|promotion| over(promotion.uses_max, count)) {
            found.push(format!("{}: promotion {no} is used {count} times", event.id));
        }
    }
    for (&(no, user), &count) in &used.promotions_of {
        if terms.promotion(no).is_none_or(|it| over(it.uses_per_user_max, count)) {
            found.push(format!("{}: promotion {no} is used {count} times by {user}", event.id));
        }
    }
    for (&no, &count) in &used.codes {
        if terms.code(no).is_none_or(|code| over(code.uses_max, count)) {
            found.push(format!("{}: access code {no} is used {count} times", event.id));
        }
    }
    for (&no, &count) in &used.places {
        if terms.channel(no).is_none_or(|channel| over(channel.places_max, count)) {
            found.push(format!("{}: {count} places through channel {no}", event.id));
        }
    }
    for (&seat, &channel) in &terms.kept {
        let owner = event.owner(seat).filter(|&owner| owner != 0);
        let by = owner.and_then(|seq| event.booking(seq)).map(|booking| booking.terms.channel);
        if by.is_some_and(|by| by != channel) {
            found.push(format!("seat {seat} of {}: kept for another channel", event.id));
        }
    }
}

/// Whether a booking in this state counts as one that was let go unpaid.
pub(in crate::inventory) const fn is_lapsed(state: BookingState) -> bool {
    match state {
        BookingState::Released | BookingState::Expired => true,
        BookingState::Held
        | BookingState::Paying
        | BookingState::Capturing
        | BookingState::Confirmed
        | BookingState::RefundDue
        | BookingState::Refunded => false,
    }
}
