//! Setting the terms of an event, and putting a promotion on a hold.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, UserId};

use super::super::change::{ChangeKind, TermsChange};
use super::super::command::{Command, Subject, invalid};
use super::super::event::Event;
use super::super::hold::event_no;
use super::super::offer::wrong_prices;
use super::super::record::RecordKey;
use super::super::reply::{Answer, EventState, Refusal, Reply};
use super::super::{State, refuse};
use super::command::about;
use super::{
    AccessCode, CHANNELS_MAX, CODES_MAX, Channel, FEES_MAX, Fee, Limits, PROMOTIONS_MAX, Promotion,
    Terms, TermsCommand,
};

impl State {
    pub(in crate::inventory) fn terms_command(
        &mut self,
        command: &Command,
        terms: &TermsCommand,
    ) -> (Answer, u64) {
        let answer = match terms {
            TermsCommand::Hold { event, cart, code } => {
                return self.hold_with_code(command, *event, cart, code);
            }
            TermsCommand::ApplyPromotion { booking, code } => {
                self.apply_promotion(command.principal, *booking, code)
            }
            TermsCommand::SetLimits { event, limits } => self.set_limits(*event, *limits),
            TermsCommand::SetFees { event, fees } => self.set_fees(*event, fees),
            TermsCommand::Reprice { event, prices } => self.reprice(*event, prices),
            TermsCommand::PutChannel { event, channel } => self.put_channel(*event, channel),
            TermsCommand::KeepSeats { event, channel, seats } => {
                self.keep_seats(*event, channel, seats)
            }
            TermsCommand::FreeSeats { event, seats } => self.free_seats(*event, seats),
            TermsCommand::ReleaseChannel { event, channel } => {
                self.release_channel(*event, channel)
            }
            TermsCommand::AddCodes { event, channel, uses_max, codes } => {
                self.add_codes(*event, channel, *uses_max, codes)
            }
            TermsCommand::RevokeCodes { event, codes } => self.revoke_codes(*event, codes),
            TermsCommand::AddPromotion { event, promotion } => {
                self.add_promotion(*event, promotion)
            }
            TermsCommand::ClosePromotion { event, code } => self.close_promotion(*event, code),
        };
        if let Subject::Event(event) = terms.subject() {
            self.drop_empty_terms(event);
        }
        (answer, 0)
    }

    /// An event has terms if they say anything: as after a restart, which finds no record of others.
    fn drop_empty_terms(&mut self, id: EventId) {
        let Some(event) = self.events.get_mut(&id) else { return };
        event.terms = event.terms.take().filter(|terms| **terms != Terms::default());
    }

    /// Of an event with terms, what is due counts as a use until it is retired.
    pub(in crate::inventory) fn retire_for_terms(&mut self, id: EventId) {
        if self.events.get(&id).is_some_and(|event| event.terms.is_some()) {
            while self.retire_some_due() {}
        }
    }

    /// The event, if its terms may still be changed. Its uses are exact from here on.
    fn open_terms(&mut self, id: EventId) -> Result<&mut Event, Refusal> {
        self.retire_for_terms(id);
        let clock_ms = self.log.clock_ms;
        let event = self.events.get_mut(&id).ok_or(Refusal::of(ErrorCode::EventNotFound))?;
        match event.state_at(clock_ms) {
            EventState::Draft | EventState::Published | EventState::Paused => Ok(event),
            EventState::Cancelled | EventState::Ended => {
                Err(Refusal::of(ErrorCode::EventStateConflict))
            }
        }
    }

    /// The terms were changed, and whoever searched for seats must look again.
    fn terms_changed(&mut self, id: EventId, change: TermsChange) -> Answer {
        if let Some(event) = self.events.get_mut(&id) {
            event.free.clear();
            event.count_terms_again();
            self.log.touch(RecordKey::Terms(event_no(event)));
        }
        self.log.note(ChangeKind::Terms { event: id, change });
        self.stir(id);
        Ok(Reply::Done)
    }

    fn set_limits(&mut self, id: EventId, limits: Limits) -> Answer {
        let terms = self.open_terms(id)?.terms_mut();
        if terms.limits == limits {
            return Ok(Reply::Done);
        }
        terms.limits = limits;
        self.terms_changed(id, TermsChange::LimitsSet { limits })
    }

    fn set_fees(&mut self, id: EventId, fees: &[Fee]) -> Answer {
        let event = self.open_terms(id)?;
        let categories = fees.iter().flat_map(|fee| &fee.categories);
        known_categories(event, categories)?;
        let terms = event.terms_mut();
        if terms.fees.last().map_or(&[][..], Vec::as_slice) == fees {
            return Ok(Reply::Done);
        }
        if terms.fees.len() >= FEES_MAX {
            return refuse(ErrorCode::TermsFull);
        }
        terms.fees.push(fees.to_vec());
        let version = terms.fees_now();
        self.terms_changed(id, TermsChange::FeesSet { version })
    }

    fn reprice(&mut self, id: EventId, prices: &[u64]) -> Answer {
        let event = self.open_terms(id)?;
        if prices.len() != event.spec.prices.len() {
            return wrong_prices(event.spec.prices.len(), prices.len());
        }
        if event.spec.prices != prices {
            event.spec.prices = prices.to_vec();
            self.event_changed(id);
        }
        Ok(Reply::Done)
    }

    fn put_channel(&mut self, id: EventId, channel: &Channel) -> Answer {
        let event = self.open_terms(id)?;
        known_categories(event, channel.quotas.iter().map(|(category, _)| category))?;
        let terms = event.terms_mut();
        let full = terms.channels.len() >= CHANNELS_MAX;
        let known = terms.channels.iter_mut().find(|known| known.name == channel.name);
        match known {
            Some(known) if known == channel => return Ok(Reply::Done),
            Some(known) => {
                let same = Channel {
                    opens_ms: channel.opens_ms,
                    closes_ms: channel.closes_ms,
                    ..known.clone()
                };
                // What was promised to a channel, and what it may have at most, stays.
                if same != *channel {
                    return Err(about(ErrorCode::ChannelExists, &channel.name));
                }
                *known = same;
            }
            None if full => return refuse(ErrorCode::TermsFull),
            None => terms.channels.push(Channel { released: false, ..channel.clone() }),
        }
        let channel = channel.name.clone();
        self.terms_changed(id, TermsChange::ChannelPut { channel })
    }

    fn keep_seats(&mut self, id: EventId, channel: &str, seats: &[u32]) -> Answer {
        self.retire_due_owners(id, seats);
        let event = self.open_terms(id)?;
        let no = open_channel(event, channel)?;
        let named = |pick: &dyn Fn(u32) -> bool| -> Vec<u32> {
            seats.iter().copied().filter(|&seat| pick(seat)).collect()
        };
        let unknown = named(&|seat| event.owner(seat).is_none());
        if !unknown.is_empty() {
            return Err(Refusal { seats: unknown, ..Refusal::of(ErrorCode::SeatUnknown) });
        }
        let kept = named(&|seat| event.terms.iter().any(|terms| terms.is_kept_from(seat, no)));
        if !kept.is_empty() {
            return Err(Refusal { seats: kept, ..Refusal::of(ErrorCode::SeatKept) });
        }
        let fresh = |seat: u32| !event.terms.iter().any(|terms| terms.kept.contains_key(&seat));
        let taken = named(&|seat| fresh(seat) && event.owner(seat) != Some(0));
        if !taken.is_empty() {
            return Err(Refusal { seats: taken, ..Refusal::of(ErrorCode::SeatTaken) });
        }
        let seats = named(&fresh);
        if seats.is_empty() {
            return Ok(Reply::Done);
        }
        event.terms_mut().kept.extend(seats.iter().map(|&seat| (seat, no)));
        let channel = channel.to_owned();
        self.terms_changed(id, TermsChange::SeatsKept { channel, seats })
    }

    fn free_seats(&mut self, id: EventId, seats: &[u32]) -> Answer {
        let event = self.open_terms(id)?;
        let unknown = seats.iter().copied().filter(|&seat| event.owner(seat).is_none());
        let unknown: Vec<u32> = unknown.collect();
        if !unknown.is_empty() {
            return Err(Refusal { seats: unknown, ..Refusal::of(ErrorCode::SeatUnknown) });
        }
        let terms = event.terms_mut();
        let freed = seats.iter().copied().filter(|seat| terms.kept.remove(seat).is_some());
        let seats: Vec<u32> = freed.collect();
        if seats.is_empty() {
            return Ok(Reply::Done);
        }
        self.terms_changed(id, TermsChange::SeatsFreed { seats })
    }

    fn release_channel(&mut self, id: EventId, channel: &str) -> Answer {
        let event = self.open_terms(id)?;
        let terms = event.terms_mut();
        let Some(no) = terms.channel_no(channel) else {
            return Err(about(ErrorCode::ChannelNotFound, channel));
        };
        let place = usize::from(no).saturating_sub(1);
        match terms.channels.get_mut(place).filter(|it| !it.released) {
            Some(known) => {
                known.released = true;
                known.quotas.clear();
            }
            None => return Ok(Reply::Done),
        }
        terms.kept.retain(|_, by| *by != no);
        let channel = channel.to_owned();
        self.terms_changed(id, TermsChange::ChannelReleased { channel })
    }

    fn add_codes(&mut self, id: EventId, channel: &str, uses_max: u32, codes: &[String]) -> Answer {
        let event = self.open_terms(id)?;
        let no = open_channel(event, channel)?;
        let terms = event.terms_mut();
        let mut fresh = Vec::new();
        for code in codes {
            match terms.code_no(code).and_then(|known| terms.code(known)) {
                None => fresh.push(AccessCode {
                    code: code.clone(),
                    channel: no,
                    uses_max,
                    revoked: false,
                }),
                Some(known) if (known.channel, known.uses_max) == (no, uses_max) => {}
                Some(_) => return Err(about(ErrorCode::CodeExists, code)),
            }
        }
        if terms.codes.len().saturating_add(fresh.len()) > CODES_MAX {
            return refuse(ErrorCode::TermsFull);
        }
        if fresh.is_empty() {
            return Ok(Reply::Done);
        }
        let count = u32::try_from(fresh.len()).unwrap_or(u32::MAX);
        terms.codes.extend(fresh);
        let channel = channel.to_owned();
        self.terms_changed(id, TermsChange::CodesAdded { channel, count })
    }

    fn revoke_codes(&mut self, id: EventId, codes: &[String]) -> Answer {
        let terms = self.open_terms(id)?.terms_mut();
        if let Some(unknown) = codes.iter().find(|code| terms.code_no(code).is_none()) {
            return Err(about(ErrorCode::AccessCodeUnknown, unknown));
        }
        let good = terms.codes.iter_mut().filter(|it| !it.revoked && codes.contains(&it.code));
        let count = good.map(|code| code.revoked = true).count();
        if count == 0 {
            return Ok(Reply::Done);
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.terms_changed(id, TermsChange::CodesRevoked { count })
    }

    fn add_promotion(&mut self, id: EventId, promotion: &Promotion) -> Answer {
        let event = self.open_terms(id)?;
        known_categories(event, promotion.categories.iter())?;
        let terms = event.terms_mut();
        let no = terms.promotion_no(&promotion.code);
        if let Some(known) = no.and_then(|no| terms.promotion(no)) {
            let same = Promotion { closed: known.closed, ..promotion.clone() } == *known;
            let code = &promotion.code;
            return if same { Ok(Reply::Done) } else { Err(about(ErrorCode::CodeExists, code)) };
        }
        if terms.promotions.len() >= PROMOTIONS_MAX {
            return refuse(ErrorCode::TermsFull);
        }
        terms.promotions.push(Promotion { closed: false, ..promotion.clone() });
        let code = promotion.code.clone();
        self.terms_changed(id, TermsChange::PromotionAdded { code })
    }

    fn close_promotion(&mut self, id: EventId, code: &str) -> Answer {
        let terms = self.open_terms(id)?.terms_mut();
        let known = terms.promotions.iter_mut().find(|promotion| promotion.code == code);
        match known {
            None => return Err(about(ErrorCode::PromotionUnknown, code)),
            Some(known) if known.closed => return Ok(Reply::Done),
            Some(known) => known.closed = true,
        }
        let code = code.to_owned();
        self.terms_changed(id, TermsChange::PromotionClosed { code })
    }

    fn apply_promotion(&mut self, principal: UserId, id: BookingId, code: &str) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let (event, seq) = (event.id, booking.id.locator().seq());
        self.judge_live(booking)?;
        self.retire_for_terms(event);
        let clock_ms = self.log.clock_ms;
        let known = self.events.get(&event).and_then(|event| Some((event, event.booking(seq)?)));
        let Some((of, booking)) = known else { return refuse(ErrorCode::BookingNotFound) };
        let no = match (of.terms.as_deref(), code) {
            (_, "") => 0,
            (None, _) => return Err(about(ErrorCode::PromotionUnknown, code)),
            (Some(terms), _) => {
                let no = terms.promotion_no(code);
                let no = no.ok_or_else(|| about(ErrorCode::PromotionUnknown, code))?;
                if booking.terms.promotion != no {
                    of.judge_new_promotion(terms, no, booking, clock_ms)?;
                }
                no
            }
        };
        if booking.terms.promotion != no {
            let (before, user) = (booking.terms, booking.user);
            let Some(of) = self.events.get_mut(&event) else {
                return refuse(ErrorCode::EventNotFound);
            };
            of.count_booking(before, user, false);
            let mut after = before;
            after.promotion = no;
            if let Some(booking) = of.booking_mut(seq) {
                booking.terms = after;
                booking.fence_off();
            }
            of.count_booking(after, user, true);
            let at = event_no(of);
            self.log.touch_terms(at, seq);
            self.log.touch_booking(at, seq);
            let code = code.to_owned();
            let change = TermsChange::PromotionApplied { booking: id, code };
            self.log.note(ChangeKind::Terms { event, change });
        }
        self.booking_answer(id)
    }
}

impl Event {
    pub(super) fn terms_mut(&mut self) -> &mut Terms {
        self.terms.get_or_insert_default()
    }

    /// Whether the promotion may be put on a hold now.
    fn judge_new_promotion(
        &self,
        terms: &Terms,
        no: u16,
        booking: &super::super::booking::Booking,
        clock_ms: u64,
    ) -> Result<(), Refusal> {
        let Some(promotion) = terms.promotion(no) else { return Ok(()) };
        let code = &promotion.code;
        let later = clock_ms < promotion.from_ms;
        let over = promotion.until_ms != 0 && clock_ms >= promotion.until_ms;
        if promotion.closed || later || over {
            return Err(about(ErrorCode::PromotionNotNow, code));
        }
        let places = booking.all_places().filter(|(number, ..)| !booking.is_gone(*number));
        let its = places.filter(|(_, place, _)| {
            let category = self.category(*place);
            promotion.categories.is_empty()
                || category.is_some_and(|category| promotion.categories.contains(&category))
        });
        let count = u32::try_from(its.count()).unwrap_or(u32::MAX);
        if count < promotion.places_min.max(1) {
            let limit = promotion.places_min.max(1).into();
            return Err(Refusal { limit, ..about(ErrorCode::PromotionDoesNotFit, code) });
        }
        self.judge_promotion(terms, no, booking.user)
    }
}

/// Categories that the event's map has.
fn known_categories<'a>(
    event: &Event,
    mut categories: impl Iterator<Item = &'a u8>,
) -> Result<(), Refusal> {
    let count = event.layout.category_count;
    match categories.find(|&&category| usize::from(category) >= count) {
        None => Ok(()),
        Some(category) => {
            Err(invalid(format!("category {category} is not one of the map's {count}")))
        }
    }
}

/// Number of a channel that was not released.
fn open_channel(event: &Event, name: &str) -> Result<u8, Refusal> {
    let terms = event.terms.as_deref();
    let no = terms.and_then(|terms| terms.channel_no(name));
    let no = no.ok_or_else(|| about(ErrorCode::ChannelNotFound, name))?;
    match terms.and_then(|terms| terms.channel(no)) {
        Some(channel) if channel.released => Err(about(ErrorCode::ChannelClosed, name)),
        Some(_) | None => Ok(no),
    }
}
