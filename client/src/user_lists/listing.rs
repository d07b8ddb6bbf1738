//! Which bookings a change is about, and what a booking is to its users. Pure.

use std::collections::{BTreeMap, BTreeSet};

use rowlock_proto::{BookingId, UserId};

use super::{Listing, NOBODY};
use crate::terms::TermsChange;
use crate::types::{Booking, BookingState, Change, ChangeKind};

/// Notes the bookings that look otherwise after a change, with those who gave a ticket of theirs away.
pub fn touched(change: &Change, out: &mut BTreeMap<BookingId, BTreeSet<UserId>>) {
    match &change.kind {
        ChangeKind::SeatsHeld { booking, .. }
        | ChangeKind::PaymentStarted { booking, .. }
        | ChangeKind::PaymentFailed { booking, .. }
        | ChangeKind::SeatsSold { booking, .. }
        | ChangeKind::RefundOwed { booking, .. }
        | ChangeKind::PlacesChanged { booking, .. }
        | ChangeKind::PlacesRefunded { booking, .. }
        | ChangeKind::Money { booking, .. }
        | ChangeKind::Terms { change: TermsChange::PromotionApplied { booking, .. }, .. } => {
            out.entry(*booking).or_default();
        }
        ChangeKind::SeatsReturned(back) => {
            out.entry(back.booking).or_default();
        }
        ChangeKind::HoldsExpired(holds) => {
            for back in holds {
                out.entry(back.booking).or_default();
            }
        }
        // Only its holder passes a ticket on, or it goes over with the place that it is of.
        ChangeKind::TicketTransferred { booking, .. } => {
            let giver = change.principal.filter(|&user| user != NOBODY);
            out.entry(*booking).or_default().extend(giver);
        }
        ChangeKind::EventChanged { .. }
        | ChangeKind::IntentAttached { .. }
        | ChangeKind::VenuePut { .. }
        | ChangeKind::UserChanged { .. }
        | ChangeKind::SeatMapSealed { .. }
        | ChangeKind::HoldExtended { .. }
        | ChangeKind::SeatsBlocked { .. }
        | ChangeKind::SeatsUnblocked { .. }
        | ChangeKind::RefundSettled { .. }
        | ChangeKind::TicketRedeemed { .. }
        | ChangeKind::TicketUnredeemed { .. }
        | ChangeKind::TicketVoided { .. }
        | ChangeKind::ScanConflict { .. }
        | ChangeKind::Queue { .. }
        | ChangeKind::Consumer { .. }
        | ChangeKind::Waitlist { .. }
        | ChangeKind::Terms { .. }
        | ChangeKind::Other => {}
    }
}

/// What a booking was at `revision`, to its buyer, to all who were given tickets of it, and to `others`,
/// who may have given theirs away.
pub fn listings(booking: &Booking, revision: u64, others: &BTreeSet<UserId>) -> Vec<Listing> {
    let extras = &booking.extras;
    let areas = extras.areas.iter().fold(0_u32, |sum, line| sum.saturating_add(line.count));
    let seats = u32::try_from(booking.seats.len()).unwrap_or(u32::MAX);
    let places = seats.saturating_add(areas);
    let gone = u32::try_from(extras.gone.len()).unwrap_or(u32::MAX);
    let mut tickets: BTreeMap<UserId, Vec<u32>> = BTreeMap::new();
    tickets.entry(booking.user).or_default();
    let given = extras.tickets.iter().filter_map(|ticket| ticket.holder);
    for user in given.chain(others.iter().copied()) {
        tickets.entry(user).or_default();
    }
    if booking.state == BookingState::Confirmed {
        let numbers = 0..places.saturating_add(gone);
        for place in numbers.filter(|number| !extras.gone.contains(number)) {
            let known = extras.tickets.iter().find(|ticket| ticket.place == place);
            let holder = known.and_then(|ticket| ticket.holder).unwrap_or(booking.user);
            tickets.entry(holder).or_default().push(place);
        }
    }
    let listing = |(user, tickets): (UserId, Vec<u32>)| Listing {
        user,
        booking: booking.id,
        event: booking.event,
        revision,
        created_ms: booking.created_ms,
        state: booking.state,
        buyer: user == booking.user,
        places,
        total: if user == booking.user { booking.total } else { 0 },
        currency: booking.currency.clone(),
        tickets,
    };
    tickets.into_iter().map(listing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{AreaLine, BookingExtras, EventId, Ticket};

    const ANNA: UserId = UserId(1);
    const BERT: UserId = UserId(2);
    const CARL: UserId = UserId(3);

    /// Two seats and two places in an area; the first seat was given back, the last place is Bert's.
    fn booking(state: BookingState) -> Booking {
        let ticket = |place, holder| Ticket { place, holder, version: 1, redeemed: None };
        Booking {
            id: BookingId(9),
            event: EventId(7),
            user: ANNA,
            state,
            seats: vec![5],
            prices: vec![100],
            total: 300,
            currency: "EUR".to_owned(),
            created_ms: 5,
            expires_ms: 9,
            payment_deadline_ms: 0,
            attempt: 0,
            intent: String::new(),
            confirmed_ms: 0,
            decline_reason: String::new(),
            extras: BookingExtras {
                areas: vec![AreaLine { area: 0, count: 2, price: 100 }],
                gone: vec![0],
                tickets: vec![ticket(0, Some(CARL)), ticket(3, Some(BERT))],
                ..BookingExtras::default()
            },
        }
    }

    fn told(state: BookingState, others: &[UserId]) -> Vec<(UserId, bool, u64, Vec<u32>)> {
        let all = listings(&booking(state), 44, &others.iter().copied().collect());
        assert!(all.iter().all(|it| (it.revision, it.places, it.created_ms) == (44, 3, 5)));
        all.into_iter().map(|it| (it.user, it.buyer, it.total, it.tickets)).collect()
    }

    #[test]
    fn tickets_are_told_to_whoever_has_them_and_to_whoever_had_them() {
        let (anna, bert, carl) = (
            (ANNA, true, 300, vec![1, 2]),
            (BERT, false, 0, vec![3]),
            // What Carl had was given back.
            (CARL, false, 0, Vec::new()),
        );
        let dora = (UserId(4), false, 0, Vec::new());
        let sold = told(BookingState::Confirmed, &[UserId(4), ANNA]);
        assert_eq!(sold, [anna, bert, carl, dora]);
    }

    #[test]
    fn what_is_not_paid_for_has_no_tickets() {
        for state in [BookingState::Held, BookingState::Capturing, BookingState::Refunded] {
            assert!(told(state, &[]).iter().all(|(.., tickets)| tickets.is_empty()), "{state:?}");
        }
    }

    #[test]
    fn who_passes_a_ticket_on_is_told_so() {
        let change = |kind| Change {
            revision: 1,
            index: 1,
            time_ms: 0,
            principal: Some(BERT),
            command: String::new(),
            key: None,
            digest: None,
            kind,
        };
        let booking = BookingId(9);
        let mut out = BTreeMap::new();
        touched(
            &change(ChangeKind::RefundOwed { booking, intent: String::new(), amount: 1 }),
            &mut out,
        );
        assert_eq!(out[&booking], BTreeSet::new());
        let passed = ChangeKind::TicketTransferred { booking, place: 3, to: CARL, version: 2 };
        touched(&change(passed), &mut out);
        assert_eq!(out[&booking], BTreeSet::from([BERT]));
        touched(&change(ChangeKind::Other), &mut out);
        assert_eq!(out.len(), 1);
    }
}
