//! What must always hold. Written once; called by tests, by the simulation, and by `rowctl verify`.

use std::collections::{BTreeMap, BTreeSet};

use super::booking::{BookingState, Places};
use super::event::{Event, KeyOwner, UserCounts, seat_count};
use super::queue::audit_queue;
use super::reply::SeatCounts;
use super::terms::is_lapsed;
use super::waitlist::audit_waitlist;
use super::{Deadline, State};

/// Violations of one shard that are told; one is already too many.
const TOLD_MAX: usize = 100;

impl State {
    /// Checks every invariant in full, of the events that are whole. Empty: all hold.
    pub fn audit(&self) -> Vec<String> {
        let mut found = Vec::new();
        for event in self.events.values() {
            if event.residency.is_cold() {
                if self.deadlines.of(event.id).next().is_some() {
                    found.push(format!("{}: cold, and has holds", event.id));
                }
                continue;
            }
            found.extend(audit_event(event));
            found.truncate(TOLD_MAX);
        }
        self.audit_lives(&mut found);
        self.audit_retention(&mut found);
        self.audit_consumers(&mut found);
        self.audit_waiting(&mut found);
        self.audit_user_lists(&mut found);
        self.audit_accounts(&mut found);
        let held: BTreeSet<Deadline> = self
            .events
            .values()
            .flat_map(|event| (1..).zip(&event.bookings).map(move |(seq, held)| (event, seq, held)))
            .filter(|(_, _, booking)| booking.state == BookingState::Held)
            .map(|(event, seq, booking)| Deadline {
                at_ms: self.due_at(booking.expires_ms),
                event: event.id,
                seq,
            })
            .collect();
        let kept: BTreeSet<Deadline> = self.deadlines.iter().collect();
        for odd in held.symmetric_difference(&kept) {
            found.push(format!(
                "booking {} of {}: its deadline and its state disagree",
                odd.seq, odd.event
            ));
        }
        for (no, id) in self.by_no.iter().filter(|(no, id)| self.archived.get(id) != Some(*no)) {
            if self.events.get(id).map(|event| (event.id.slot().number(), event.event_no))
                != Some(*no)
            {
                found.push(format!("event {id} is not number {} of slot {}", no.1, no.0));
            }
        }
        if self.by_no.len() != self.events.len() + self.archived.len() {
            found.push("events and event numbers differ in count".to_owned());
        }
        let revisions = self.log.changes.windows(2);
        if revisions.into_iter().any(|pair| match pair {
            [a, b] => a.revision + 1 != b.revision,
            _ => false,
        }) {
            found.push("revisions are not dense".to_owned());
        }
        found.truncate(TOLD_MAX);
        found
    }
}

/// The invariants of one event that is whole.
pub(super) fn audit_event(event: &Event) -> Vec<String> {
    let mut found = Vec::new();
    audit_seats(event, &mut found);
    audit_keys(event, &mut found);
    audit_queue(event, &mut found);
    super::door::audit(event, &mut found);
    super::money::audit(event, &mut found);
    audit_waitlist(event, &mut found);
    super::terms::audit(event, &mut found);
    found
}

/// P1 and P2: each seat and each live booking point at one another; the counts are the sums.
fn audit_seats(event: &Event, found: &mut Vec<String>) {
    let mut counts = SeatCounts { total: event.seat_total(), ..SeatCounts::default() };
    let mut owned: BTreeMap<u32, u32> = BTreeMap::new();
    for (seat, owner) in (0_u32..).zip(event.owners()) {
        let blocked = event.blocked.contains_key(&seat);
        if owner == 0 {
            let place = if blocked { &mut counts.blocked } else { &mut counts.available };
            *place += 1;
            continue;
        }
        if blocked {
            found.push(format!("seat {seat} of {}: blocked, and has an owner", event.id));
        }
        *owned.entry(owner).or_default() += 1;
        match event.booking(owner) {
            Some(booking)
                if booking.state.owns_seats() && booking.seats_here().any(|its| its == seat) =>
            {
                if booking.state == BookingState::Confirmed {
                    counts.sold += 1;
                } else {
                    counts.held += 1;
                }
            }
            Some(_) => {
                found.push(format!("seat {seat} of {}: booking {owner} is not its owner", event.id))
            }
            None => found.push(format!("seat {seat} of {}: there is no booking {owner}", event.id)),
        }
    }
    if counts != event.counts {
        found.push(format!("{}: counts {:?}, seats say {counts:?}", event.id, event.counts));
    }
    let mut per_user: BTreeMap<_, UserCounts> = BTreeMap::new();
    let mut areas = event.layout.no_places_taken();
    let numbered = (1..).zip(&event.bookings).filter(|(_, booking)| !booking.is_collected());
    for (seq, booking) in numbered {
        let has = owned.get(&seq).copied().unwrap_or(0);
        let places = if booking.state.owns_seats() { booking.places() } else { Places::default() };
        let due = seat_count(&places.seats);
        if has != due {
            found.push(format!("booking {}: owns {has} seats instead of {due}", booking.id));
        }
        let counts = per_user.entry(booking.user).or_default();
        counts.seats += places.count();
        counts.held += if booking.state == BookingState::Confirmed { 0 } else { places.count() };
        counts.lapsed += u32::from(is_lapsed(booking.state));
        for &(area, count) in &places.areas {
            if let Some(area) = areas.get_mut(usize::from(area)) {
                let sold = booking.state == BookingState::Confirmed;
                *(if sold { &mut area.sold } else { &mut area.held }) += count;
            }
        }
        let pays = matches!(booking.state, BookingState::Paying | BookingState::Capturing);
        if pays && booking.payment.is_none() {
            found.push(format!("booking {}: paying without a payment", booking.id));
        }
    }
    if areas != event.areas || areas.iter().any(|area| area.held + area.sold > area.capacity) {
        found.push(format!("{}: areas {:?}, bookings say {areas:?}", event.id, event.areas));
    }
    per_user.retain(|_, counts| *counts != UserCounts::default());
    let own = event.per_user.iter().map(|(&user, &it)| (user, UserCounts { refusals: 0, ..it }));
    let kept: BTreeMap<_, _> = own.filter(|(_, it)| *it != UserCounts::default()).collect();
    if kept != per_user {
        found.push(format!("{}: counts of users do not add up", event.id));
    }
}

/// P4: every booking is found by its key.
fn audit_keys(event: &Event, found: &mut Vec<String>) {
    let numbered = (1..).zip(&event.bookings).filter(|(_, booking)| !booking.is_collected());
    for (seq, booking) in numbered {
        let owner = event.by_key.get(&(booking.user, booking.key));
        if owner != Some(&KeyOwner::Booking(seq)) {
            found.push(format!("booking {}: its key leads elsewhere", booking.id));
        }
    }
}
