//! Events as the organiser shapes them: created as drafts, published, changed, cancelled.

use std::collections::BTreeSet;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{EVENTS_PER_SLOT_MAX, EventId};

use super::booking::BookingState;
use super::change::ChangeKind;
use super::command::{EventPatch, EventSpec};
use super::event::Event;
use super::hold::event_no;
use super::planted::{Mistake, planted};
use super::record::RecordKey;
use super::reply::{Answer, EventState, Refusal, Reply};
use super::{State, refuse};

pub(super) fn wrong_prices(expected: usize, given: usize) -> Answer {
    let detail = format!("the seat map has {expected} categories and {given} prices are given");
    Err(Refusal { detail, ..Refusal::of(ErrorCode::Invalid) })
}

impl State {
    pub(super) fn create_event(&mut self, id: EventId, spec: &EventSpec) -> Answer {
        if let Some(event) = self.events.get(&id) {
            // Ids are made from the request, so the same id and content is the same request again.
            let same = event.spec == *spec;
            return if same { Ok(Reply::Done) } else { refuse(ErrorCode::EventExists) };
        }
        let Some(map) = self.maps.get(&spec.map).and_then(|map| map.sealed.as_ref()) else {
            return refuse(ErrorCode::SeatMapNotFound);
        };
        if spec.prices.len() != map.layout.category_count {
            return wrong_prices(map.layout.category_count, spec.prices.len());
        }
        let slot = id.slot();
        let created = self.events_created.get(&slot.number()).copied().unwrap_or(0);
        if created + 1 >= EVENTS_PER_SLOT_MAX {
            return refuse(ErrorCode::EventLimitReached);
        }
        let event_no = created + 1;
        self.events_created.insert(slot.number(), event_no);
        let mut event = Event::new(id, event_no, spec.clone(), map.layout.clone());
        event.created_ms = self.log.clock_ms;
        self.by_no.insert((slot.number(), event_no), id);
        self.events.insert(id, event);
        self.event_changed(id);
        Ok(Reply::Done)
    }

    pub(super) fn update_event(&mut self, id: EventId, patch: &EventPatch) -> Answer {
        let in_use = self.seats_in_use(id);
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        if event.state == EventState::Cancelled {
            return refuse(ErrorCode::EventStateConflict);
        }
        let mut spec = event.spec.clone();
        if !patch.prices.is_empty() {
            if patch.prices.len() != spec.prices.len() {
                return wrong_prices(spec.prices.len(), patch.prices.len());
            }
            // A booking keeps the prices that it was made at, but a due hold is none any more.
            if patch.prices != spec.prices && in_use {
                return refuse(ErrorCode::PricesInUse);
            }
            spec.prices.clone_from(&patch.prices);
        }
        let text = |old: &mut String, new: &Option<String>| {
            if let Some(new) = new {
                old.clone_from(new);
            }
        };
        text(&mut spec.name, &patch.name);
        text(&mut spec.description, &patch.description);
        text(&mut spec.category, &patch.category);
        text(&mut spec.image_url, &patch.image_url);
        spec.date_ms = patch.date_ms.unwrap_or(spec.date_ms);
        spec.sale_start_ms = patch.sale_start_ms.unwrap_or(spec.sale_start_ms);
        spec.hold_ttl_ms = patch.hold_ttl_ms.unwrap_or(spec.hold_ttl_ms);
        spec.max_seats_per_user = patch.max_seats_per_user.unwrap_or(spec.max_seats_per_user);
        if spec != event.spec {
            event.spec = spec;
            self.event_changed(id);
        }
        Ok(Reply::Done)
    }

    pub(super) fn publish_event(&mut self, id: EventId) -> Answer {
        let clock_ms = self.log.clock_ms;
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        match event.state_at(clock_ms) {
            // It was published, whatever came after.
            EventState::Published | EventState::Paused => Ok(Reply::Done),
            EventState::Cancelled | EventState::Ended => refuse(ErrorCode::EventStateConflict),
            EventState::Draft => {
                event.state = EventState::Published;
                self.event_changed(id);
                self.retend(id);
                Ok(Reply::Done)
            }
        }
    }

    /// No more is sold; what is only held goes back. What is sold is refunded step by step.
    pub(super) fn cancel_event(&mut self, id: EventId) -> Answer {
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        if event.state == EventState::Cancelled {
            return Ok(Reply::Done);
        }
        event.state = EventState::Cancelled;
        // Its bookings are to be refunded: it is no longer done with.
        self.leave_archive(id);
        // By the deadlines, which are those of live holds, and not by the bookings, which are many
        // more in time.
        let held = self.deadlines.of(id);
        let held = held.filter(|_| !planted(Mistake::HoldsKept));
        let held: BTreeSet<u32> = held.map(|deadline| deadline.seq).collect();
        let holds: Vec<_> = held
            .into_iter()
            .filter_map(|seq| {
                let booking = self.events.get(&id)?.booking(seq)?;
                let over = self.is_due(booking);
                let into = if over { BookingState::Expired } else { BookingState::Released };
                self.end_hold(id, seq, into)
            })
            .collect();
        if !holds.is_empty() {
            self.log.note(ChangeKind::HoldsExpired { holds });
        }
        // Nobody need wait any more; an event without a queue has none to close.
        self.close_queue(id).ok();
        self.event_changed(id);
        self.retend(id);
        Ok(Reply::Done)
    }

    fn seats_in_use(&self, id: EventId) -> bool {
        let Some(event) = self.events.get(&id) else { return false };
        let counts = self.counts_now(event);
        let areas = self.areas_now(event);
        counts.held + counts.sold > 0 || areas.iter().any(|area| area.held + area.sold > 0)
    }

    pub(super) fn event_changed(&mut self, id: EventId) {
        let Some(event) = self.events.get_mut(&id) else { return };
        self.log.note(ChangeKind::EventChanged { event: id, state: event.state });
        event.revision = self.log.revision;
        self.log.touch(RecordKey::Event(event_no(event)));
        self.recollect(id);
        self.stir(id);
    }
}
