//! What a booking costs: prices of its places as they were when it was made, less its promotion, and the
//! fees that it was made under. Pure: the same booking costs the same at any time.
//!
//! What a part of a booking costs is what the whole costs with it less what it costs without: so whatever
//! is paid back place by place sums to what was charged.

use super::super::booking::{Booking, BookingTerms, Place};
use super::super::event::Event;
use super::super::planted::{Mistake, planted};
use super::command::WHOLE;
use super::{Discount, Fee, FeeKind, Terms};

/// Minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Price {
    pub places: u64,
    /// What the promotion takes off.
    pub discount: u64,
    /// What is paid on top.
    pub fees: u64,
}

impl Price {
    pub const fn total(self) -> u64 {
        self.places.saturating_sub(self.discount).saturating_add(self.fees)
    }
}

/// Category and price of a place.
type Priced = (Option<u8>, u64);

fn sum(places: &[Priced]) -> u64 {
    // PRICE_MAX times SEATS_PER_HOLD_MAX fits, and prices are checked on their way in; what a log holds
    // all the same may not stop a shard.
    places.iter().fold(0, |sum, (_, price)| sum.saturating_add(*price))
}

/// The places that a fee or a promotion for `categories` is for.
fn those_in(places: &[Priced], categories: &[u8]) -> Vec<Priced> {
    let fits = |category: Option<u8>| {
        categories.is_empty() || category.is_some_and(|it| categories.contains(&it))
    };
    places.iter().copied().filter(|&(category, _)| fits(category)).collect()
}

/// `hundredths` of a percent of an amount; `round` is what is added before the fraction is cut off.
fn part(amount: u64, hundredths: u32, round: u32) -> u64 {
    let part = u128::from(amount) * u128::from(hundredths) + u128::from(round);
    u64::try_from(part / u128::from(WHOLE)).unwrap_or(u64::MAX)
}

fn discount(discount: Discount, places: &[Priced]) -> u64 {
    match discount {
        Discount::Share(hundredths) => part(sum(places), hundredths, 0),
        Discount::PerPlace(most) => {
            places.iter().fold(0, |sum, (_, price)| sum.saturating_add(most.min(*price)))
        }
        Discount::PerBooking(most) => most.min(sum(places)),
    }
}

fn fee(fee: &Fee, places: &[Priced], rest: u64) -> u64 {
    let its = those_in(places, &fee.categories);
    match fee.kind {
        _ if its.is_empty() => 0,
        FeeKind::PerPlace(minor) => minor.saturating_mul(its.len() as u64),
        FeeKind::PerBooking(minor) => minor,
        FeeKind::Share(hundredths) if fee.categories.is_empty() => {
            part(rest, hundredths, WHOLE / 2)
        }
        FeeKind::Share(hundredths) => part(sum(&its).min(rest), hundredths, WHOLE / 2),
    }
}

impl Terms {
    fn price(&self, under: BookingTerms, places: &[Priced]) -> Price {
        let promotion = self.promotion(under.promotion);
        let off = promotion.map_or(0, |promotion| {
            discount(promotion.discount, &those_in(places, &promotion.categories))
        });
        let all = sum(places);
        let rest = all.saturating_sub(off);
        let version = usize::from(under.fees).checked_sub(1);
        let fees = version.and_then(|version| self.fees.get(version));
        let fees = fees.into_iter().flatten().map(|it| fee(it, places, rest));
        Price { places: all, discount: off, fees: fees.fold(0, u64::saturating_add) }
    }
}

impl Event {
    fn priced(&self, under: BookingTerms, places: impl Iterator<Item = (Place, u64)>) -> Price {
        let Some(terms) = self.terms.as_deref().filter(|_| under != BookingTerms::default()) else {
            let places = places.fold(0_u64, |sum, (_, price)| sum.saturating_add(price));
            return Price { places, ..Price::default() };
        };
        let places: Vec<Priced> =
            places.map(|(place, price)| (self.category(place), price)).collect();
        terms.price(under, &places)
    }

    /// What the places cost that are not gone.
    pub fn price_of(&self, booking: &Booking) -> Price {
        self.price_without(booking, &[])
    }

    pub fn total_of(&self, booking: &Booking) -> u64 {
        self.price_of(booking).total()
    }

    /// What the booking would cost without some of its places.
    pub fn price_without(&self, booking: &Booking, numbers: &[u32]) -> Price {
        if booking.is_complimentary() && !planted(Mistake::GiftIsCharged) {
            return Price::default();
        }
        let charged = |number: u32| {
            (!booking.is_gone(number) || planted(Mistake::GoneIsCharged))
                && !numbers.contains(&number)
        };
        let places = booking.all_places().filter(|(number, ..)| charged(*number));
        self.priced(booking.terms, places.map(|(_, place, price)| (place, price)))
    }

    /// What it cost when it was granted: all its places, and no promotion yet.
    pub fn first_price(&self, booking: &Booking) -> Price {
        let under = BookingTerms { promotion: 0, ..booking.terms };
        self.priced(under, booking.granted_places())
    }
}
