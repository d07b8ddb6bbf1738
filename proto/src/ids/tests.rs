use proptest::prelude::*;

use super::*;

fn locator() -> impl Strategy<Value = BookingLocator> {
    (0..4096_u16, 0..EVENTS_PER_SLOT_MAX, 0..BOOKINGS_PER_EVENT_MAX).prop_map(
        |(slot, event_no, seq)| {
            BookingLocator::new(Slot::new(slot).unwrap(), event_no, seq).unwrap()
        },
    )
}

proptest! {
    #[test]
    fn ids_survive_their_text(bits: u128, index: u32) {
        let event = EventId(bits);
        prop_assert_eq!(event.to_string().parse(), Ok(event));
        prop_assert_eq!(event.to_string().to_uppercase().parse(), Ok(event));
        let seat = SeatId::new(event, index);
        prop_assert_eq!(seat.to_string().parse(), Ok(seat));
        prop_assert_eq!(seat.index_in(event), Some(index));
        prop_assert_eq!(seat.index_in(EventId(bits ^ 1)), None);
    }

    #[test]
    fn bookings_carry_their_locator(locator in locator(), tag: u128, item: u8) {
        let booking = BookingId::new(locator, tag);
        prop_assert_eq!(booking.locator(), locator);
        prop_assert_eq!(booking.ticket(item).locator(), locator);
        prop_assert_eq!(booking.ticket(item).item(), item);
        prop_assert_eq!(booking.reference().to_string().parse(), Ok(booking.reference()));
    }

    #[test]
    fn nothing_that_is_typed_makes_parsing_panic(text in "\\PC*") {
        drop(text.parse::<EventId>());
        drop(text.parse::<SeatId>());
        drop(text.parse::<BookingReference>());
    }
}

#[test]
fn texts_are_golden() {
    let event = EventId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    assert_eq!(event.to_string(), "evt-014d2pf2dbsqqg28t5cy4tqkff");
    assert_eq!(SeatId::new(event, 7).to_string().len(), 25);
    let locator = BookingLocator::new(Slot::new(5).unwrap(), 1, 1).unwrap();
    let reference = BookingReference(locator).to_string();
    assert_eq!(reference.len(), 16);
    assert!(reference.starts_with("BKG-"));
}

#[test]
fn an_id_of_another_kind_is_refused() {
    let user = UserId(7).to_string();
    assert_eq!(user.parse::<EventId>(), Err(ParseIdError { kind: "event id" }));
    assert!("evt-".parse::<EventId>().is_err());
    assert!("evt-zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<EventId>().is_err());
}

#[test]
fn users_carry_their_slot() {
    let slot = Slot::new(4095).unwrap();
    assert_eq!(UserId::new(slot, u128::MAX).slot(), slot);
    assert_eq!(UserId::new(Slot::new(0).unwrap(), u128::MAX).slot().number(), 0);
}
