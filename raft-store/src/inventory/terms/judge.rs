//! Whether a hold may be had on the terms of its event: asked after the places are known to be free, and
//! before any is given.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::UserId;

use super::super::booking::{Booking, BookingTerms, Places};
use super::super::event::Event;
use super::super::planted::{Mistake, planted};
use super::super::reply::Refusal;
use super::command::about;
use super::strand::left_over;
use super::{Channel, Terms};

/// What one hold asks for.
pub(in crate::inventory) struct Asked<'a> {
    pub user: UserId,
    /// Channel and access code; the fees in force.
    pub under: BookingTerms,
    /// Seats that are asked for by name.
    pub seats: &'a [u32],
    pub areas: &'a [(u16, u32)],
    /// Places, those included that are yet to be found.
    pub count: u32,
    /// What there is of the booking already; `None`: it is a new one.
    pub stays: Option<Stays>,
}

/// A booking that takes more places.
#[derive(Clone, Copy, Debug)]
pub(in crate::inventory) struct Stays {
    /// Those that it keeps.
    pub places: u32,
    /// It is paid.
    pub sold: bool,
}

fn bound(code: ErrorCode, limit: u64) -> Refusal {
    Refusal { limit, ..Refusal::of(code) }
}

const fn over(max: u32, count: u32) -> bool {
    max != 0 && count > max
}

impl Channel {
    /// When it is sold through the channel: from, and up to; the event's own times where it has none.
    pub(super) fn window(&self, event: &Event) -> (u64, u64) {
        let or = |own: u64, events: u64| if own == 0 { events } else { own };
        (or(self.opens_ms, event.spec.sale_start_ms), or(self.closes_ms, event.spec.date_ms))
    }
}

impl Event {
    /// Channel and code of a buyer who says `code`, and the fees in force.
    pub(in crate::inventory) fn terms_for(&self, code: &str) -> Result<BookingTerms, Refusal> {
        let fees = self.terms.as_deref().map_or(0, Terms::fees_now);
        if code.is_empty() {
            return Ok(BookingTerms { fees, ..BookingTerms::default() });
        }
        let known = self.terms.as_deref().and_then(|terms| {
            let no = terms.code_no(code)?;
            Some((no, terms.code(no).filter(|code| !code.revoked)?))
        });
        match known {
            Some((no, known)) => {
                Ok(BookingTerms { fees, channel: known.channel, code: no, promotion: 0 })
            }
            None => Err(about(ErrorCode::AccessCodeUnknown, code)),
        }
    }

    /// When places are sold to this buyer: from, and up to.
    pub(in crate::inventory) fn window_for(&self, under: BookingTerms) -> (u64, u64) {
        let channel = self.terms.as_deref().and_then(|terms| terms.channel(under.channel));
        match channel {
            Some(channel) => channel.window(self),
            None => (self.spec.sale_start_ms, self.spec.date_ms),
        }
    }

    /// Whether the places that are asked for by name, or counted, may be had.
    pub(in crate::inventory) fn judge_terms(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        let Some(terms) = self.terms.as_deref() else { return Ok(()) };
        let channel = asked.under.channel;
        let kept = asked.seats.iter().copied().filter(|&seat| self.is_kept_from(seat, channel));
        let kept: Vec<u32> = kept.collect();
        if !kept.is_empty() {
            return Err(Refusal { seats: kept, ..Refusal::of(ErrorCode::SeatKept) });
        }
        self.judge_limits(terms, asked)?;
        self.judge_channel(terms, asked)?;
        self.judge_quotas(asked.seats, asked.areas, channel)?;
        if terms.limits.no_single_seats {
            let seats = left_over(self, asked.seats);
            if !seats.is_empty() && !planted(Mistake::SingleLeft) {
                return Err(Refusal { seats, ..Refusal::of(ErrorCode::SingleSeatLeft) });
            }
        }
        Ok(())
    }

    fn judge_limits(&self, terms: &Terms, asked: &Asked<'_>) -> Result<(), Refusal> {
        let limits = terms.limits;
        let keeps = asked.stays.map_or(0, |stays| stays.places);
        if over(limits.places_per_order_max, keeps.saturating_add(asked.count)) {
            let limit = limits.places_per_order_max.into();
            return Err(bound(ErrorCode::OrderLimitExceeded, limit));
        }
        if asked.stays.is_some_and(|stays| stays.sold) {
            return Ok(());
        }
        let counts = self.per_user.get(&asked.user).copied().unwrap_or_default();
        if over(limits.held_places_max, counts.held.saturating_add(asked.count)) {
            return Err(bound(ErrorCode::HeldLimitExceeded, limits.held_places_max.into()));
        }
        let lapsed = limits.lapsed_holds_max;
        // Who has the hold already is past that.
        if asked.stays.is_none()
            && lapsed != 0
            && counts.lapsed >= lapsed
            && !planted(Mistake::LapsedUncounted)
        {
            return Err(bound(ErrorCode::TooManyLapsedHolds, lapsed.into()));
        }
        Ok(())
    }

    fn judge_channel(&self, terms: &Terms, asked: &Asked<'_>) -> Result<(), Refusal> {
        let under = asked.under;
        // A booking that stays is one of its uses.
        if let Some(code) = terms.code(under.code).filter(|_| asked.stays.is_none()) {
            let uses = terms.used.codes.get(&under.code).copied().unwrap_or(0);
            if over(code.uses_max, uses + 1) {
                return Err(bound(ErrorCode::AccessCodeUsedUp, code.uses_max.into()));
            }
        }
        if let Some(channel) = terms.channel(under.channel) {
            let places = terms.used.places.get(&under.channel).copied().unwrap_or(0);
            if over(channel.places_max, places.saturating_add(asked.count)) {
                return Err(bound(ErrorCode::ChannelFull, channel.places_max.into()));
            }
        }
        Ok(())
    }

    /// Whether places that are kept by number would be taken.
    pub(in crate::inventory) fn judge_quotas(
        &self,
        seats: &[u32],
        areas: &[(u16, u32)],
        channel: u8,
    ) -> Result<(), Refusal> {
        if !self.terms.as_deref().is_some_and(Terms::has_quotas) {
            return Ok(());
        }
        let places = Places { seats: seats.to_vec(), areas: areas.to_vec() };
        match self.over_quota(&places, channel) {
            Some((_, headroom)) => Err(bound(ErrorCode::QuotaKept, headroom.into())),
            None => Ok(()),
        }
    }

    /// Whether a booking that was gone may have its places again: nothing of what it used is used up,
    /// and nothing that it had is kept for others.
    pub(in crate::inventory) fn may_retake(&self, booking: &Booking, places: &Places) -> bool {
        let Some(terms) = self.terms.as_deref() else { return true };
        let under = booking.terms;
        let asked = Asked {
            user: booking.user,
            under,
            seats: &places.seats,
            areas: &places.areas,
            count: places.count(),
            stays: None,
        };
        let kept = places.seats.iter().any(|&seat| self.is_kept_from(seat, under.channel));
        !kept
            && self.judge_channel(terms, &asked).is_ok()
            && self.judge_quotas(&places.seats, &places.areas, under.channel).is_ok()
            && self.judge_promotion(terms, under.promotion, booking.user).is_ok()
    }

    /// Whether a promotion has a use left for this user.
    pub(super) fn judge_promotion(
        &self,
        terms: &Terms,
        no: u16,
        user: UserId,
    ) -> Result<(), Refusal> {
        let Some(promotion) = terms.promotion(no) else { return Ok(()) };
        let uses = terms.used.promotions.get(&no).copied().unwrap_or(0);
        let own = terms.used.promotions_of.get(&(no, user)).copied().unwrap_or(0);
        if over(promotion.uses_max, uses + 1) && !planted(Mistake::PromotionOverused) {
            return Err(bound(ErrorCode::PromotionUsedUp, promotion.uses_max.into()));
        }
        if over(promotion.uses_per_user_max, own + 1) {
            return Err(bound(ErrorCode::PromotionUsedUp, promotion.uses_per_user_max.into()));
        }
        Ok(())
    }
}
