//! Terms of sale, naively: of a fee and a promotion only the sum is known, of a channel its codes and the
//! seats that are kept for it.

use std::collections::{BTreeMap, BTreeSet};

use rowlock_api_server::inventory::{Call, SaleTerms, TermsOrder};
use rowlock_client::terms::{AccessCode, Channel, EventTerms, Fee, Limits, Promotion, Sum};
use rowlock_client::types::{
    Booking, BookingId, BookingState, Cart, ErrorCode, EventId, RequestKey, UserId,
};
use rowlock_client::{Error, Refusal};

use super::{Fake, State, count, refuse, refuse_seats};

#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    limits: Limits,
    fees: Vec<Fee>,
    promotions: Vec<Promotion>,
    channels: Vec<Channel>,
    kept: BTreeMap<u32, String>,
    codes: Vec<AccessCode>,
}

fn about<T>(code: ErrorCode, name: &str) -> Result<T, Error> {
    let (seats, detail) = (Vec::new(), name.to_owned());
    Err(Error::Refused(Refusal { code, seats, limit: 0, detail }))
}

fn part(sum: Sum, places: u64, price: u64) -> u64 {
    match sum {
        Sum::PerPlace(minor) => minor * places,
        Sum::PerBooking(minor) => minor,
        Sum::Share(hundredths) => price * u64::from(hundredths) / 10_000,
    }
}

impl Terms {
    fn price(&self, booking: &mut Booking) {
        let places = booking.seats.len() as u64;
        let price: u64 = booking.prices.iter().sum();
        let promotion = self.promotions.iter().find(|it| it.code == booking.extras.promotion);
        let discount = promotion.map_or(0, |it| part(it.discount, places, price).min(price));
        let rest = price - discount;
        let fees = self.fees.iter().map(|fee| part(fee.sum, places, rest)).sum();
        (booking.extras.discount, booking.extras.fees) = (discount, fees);
        booking.total = rest + fees;
    }

    fn channel(&self, name: &str) -> Result<&Channel, Error> {
        match self.channels.iter().find(|channel| channel.name == name) {
            Some(channel) if channel.released => about(ErrorCode::ChannelClosed, name),
            Some(channel) => Ok(channel),
            None => about(ErrorCode::ChannelNotFound, name),
        }
    }

    fn change(&mut self, order: TermsOrder) -> Result<(), Error> {
        match order {
            TermsOrder::SetLimits(limits) => self.limits = limits,
            TermsOrder::SetFees(fees) => self.fees = fees,
            TermsOrder::Reprice(_) => {}
            TermsOrder::PutChannel(channel) => {
                match self.channels.iter_mut().find(|it| it.name == channel.name) {
                    Some(known) if known.quotas != channel.quotas => {
                        return about(ErrorCode::ChannelExists, &channel.name);
                    }
                    Some(known) => *known = channel,
                    None => self.channels.push(channel),
                }
            }
            TermsOrder::KeepSeats { channel, seats } => {
                self.channel(&channel)?;
                self.kept.extend(seats.into_iter().map(|seat| (seat, channel.clone())));
            }
            TermsOrder::FreeSeats(seats) => {
                self.kept.retain(|seat, _| !seats.contains(seat));
            }
            TermsOrder::ReleaseChannel(name) => {
                self.channel(&name)?;
                self.kept.retain(|_, by| *by != name);
                let mut channels = self.channels.iter_mut();
                channels.find(|it| it.name == name).unwrap().released = true;
            }
            TermsOrder::AddCodes { channel, uses_max, codes } => {
                self.channel(&channel)?;
                let known = |code: &String| self.codes.iter().any(|it| it.code == *code);
                let mut fresh = codes.iter().enumerate();
                if let Some((_, code)) =
                    fresh.find(|(at, code)| known(code) || codes[..*at].contains(code))
                {
                    return about(ErrorCode::CodeExists, code);
                }
                self.codes.extend(codes.into_iter().map(|code| AccessCode {
                    code,
                    channel: channel.clone(),
                    uses_max,
                    uses: 0,
                    revoked: false,
                }));
            }
            TermsOrder::RevokeCodes(codes) => {
                let codes: BTreeSet<String> = codes.into_iter().collect();
                let known = self.codes.iter_mut().filter(|it| codes.contains(&it.code));
                known.for_each(|code| code.revoked = true);
            }
            TermsOrder::AddPromotion(promotion) => {
                let known = self.promotions.iter().find(|it| it.code == promotion.code);
                match known {
                    Some(known) if *known == promotion => {}
                    Some(_) => return about(ErrorCode::CodeExists, &promotion.code),
                    None => self.promotions.push(promotion),
                }
            }
            TermsOrder::ClosePromotion(code) => {
                match self.promotions.iter_mut().find(|it| it.code == code) {
                    Some(known) => known.closed = true,
                    None => return about(ErrorCode::PromotionUnknown, &code),
                }
            }
        }
        Ok(())
    }
}

impl State {
    /// Whether the seats may be had by somebody of `channel` (empty: of none).
    pub(super) fn judge_terms(
        &self,
        event: EventId,
        seats: &[u32],
        channel: &str,
    ) -> Result<(), Error> {
        let Some(terms) = self.terms.get(&event) else { return Ok(()) };
        let kept = |seat: &u32| terms.kept.get(seat).is_some_and(|by| by != channel);
        let kept: Vec<u32> = seats.iter().copied().filter(kept).collect();
        if !kept.is_empty() {
            return refuse_seats(ErrorCode::SeatKept, kept, 0);
        }
        let most = terms.limits.places_per_order_max;
        if most != 0 && count(seats) > most {
            return refuse_seats(ErrorCode::OrderLimitExceeded, Vec::new(), most.into());
        }
        Ok(())
    }

    pub(super) fn priced(&mut self, id: BookingId) -> Booking {
        let booking = self.bookings.get_mut(&id).unwrap();
        if let Some(terms) = self.terms.get(&booking.event) {
            terms.price(booking);
        }
        booking.clone()
    }

    fn with_code(
        &mut self,
        now_ms: u64,
        event: EventId,
        cart: Cart,
        code: &str,
        user: UserId,
        key: RequestKey,
    ) -> Result<Booking, Error> {
        let codes = self.terms.get(&event).map(|terms| terms.codes.clone()).unwrap_or_default();
        let good = |it: &&AccessCode| it.code == code && !it.revoked;
        let Some(known) = codes.iter().find(good) else {
            return about(ErrorCode::AccessCodeUnknown, code);
        };
        let again = self.events[&event].keys.contains_key(&(user, key));
        if !again && known.uses_max != 0 && known.uses >= known.uses_max {
            return refuse_seats(ErrorCode::AccessCodeUsedUp, Vec::new(), known.uses_max.into());
        }
        self.channel.clone_from(&known.channel);
        let held = self.hold_cart(now_ms, event, cart, user, key);
        self.channel.clear();
        let id = held?.id;
        if !again {
            let mut codes = self.terms.get_mut(&event).unwrap().codes.iter_mut();
            codes.find(|it| it.code == code).unwrap().uses += 1;
        }
        let booking = self.bookings.get_mut(&id).unwrap();
        booking.extras.channel.clone_from(&known.channel);
        Ok(booking.clone())
    }

    fn apply(&mut self, id: BookingId, code: &str, user: UserId) -> Result<Booking, Error> {
        let event = self.owned(id, user)?.event;
        let known = self.terms.get(&event).and_then(|terms| {
            terms.promotions.iter().find(|promotion| promotion.code == code).cloned()
        });
        match (&known, code) {
            (None, "") => {}
            (None, _) => return about(ErrorCode::PromotionUnknown, code),
            (Some(known), _) if known.closed => return about(ErrorCode::PromotionNotNow, code),
            (Some(_), _) => {}
        }
        let booking = self.owned(id, user)?;
        if booking.state != BookingState::Held {
            return refuse(ErrorCode::BookingStateConflict);
        }
        let places = count(&booking.seats);
        if let Some(known) = known.filter(|known| known.places_min > places) {
            let (seats, limit) = (Vec::new(), known.places_min.into());
            let (code, detail) = (ErrorCode::PromotionDoesNotFit, known.code);
            return Err(Error::Refused(Refusal { code, seats, limit, detail }));
        }
        code.clone_into(&mut booking.extras.promotion);
        Ok(self.priced(id))
    }
}

impl SaleTerms for Fake {
    fn change_terms(
        &self,
        event: EventId,
        order: TermsOrder,
        _: UserId,
        _: RequestKey,
    ) -> Call<'_, ()> {
        self.with(|state, _| {
            let Some(stored) = state.events.get_mut(&event) else {
                return refuse(ErrorCode::EventNotFound);
            };
            if let TermsOrder::Reprice(prices) = &order {
                stored.event.spec.prices.clone_from(prices);
            }
            state.terms.entry(event).or_default().change(order)
        })
    }
    fn terms(&self, event: EventId, after_code: u32, limit: u32) -> Call<'_, EventTerms> {
        self.with(move |state, _| {
            let terms = state.terms.get(&event).cloned().unwrap_or_default();
            let of = |channel: &Channel| -> Vec<u32> {
                let kept = terms.kept.iter().filter(|(_, by)| **by == channel.name);
                kept.map(|(&seat, _)| seat).collect()
            };
            let bookings = || state.bookings.values().filter(|it| it.event == event);
            let uses = |promotion: &Promotion| {
                let uses = bookings().filter(|it| it.extras.promotion == promotion.code);
                u32::try_from(uses.count()).unwrap()
            };
            let places = |channel: &Channel| -> u32 {
                let through = bookings().filter(|it| it.extras.channel == channel.name);
                through.map(|it| count(&it.seats)).sum()
            };
            let (skip, most) = (after_code as usize, limit as usize);
            let promotions = terms.promotions.iter();
            let channels = terms.channels.iter();
            Ok(EventTerms {
                limits: terms.limits,
                fees: terms.fees.clone(),
                promotions: promotions.map(|it| (it.clone(), uses(it))).collect(),
                channels: channels.map(|it| (it.clone(), places(it), of(it))).collect(),
                more_codes: terms.codes.len() > skip + most,
                codes: terms.codes.iter().skip(skip).take(most).cloned().collect(),
            })
        })
    }
    fn hold_with_code<'a>(
        &'a self,
        event: EventId,
        cart: Cart,
        code: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        self.with(|state, now_ms| state.with_code(now_ms, event, cart, code, principal, key))
    }
    fn apply_promotion<'a>(
        &'a self,
        id: BookingId,
        code: &'a str,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'a, Booking> {
        self.with(|state, _| state.apply(id, code, principal))
    }
}
