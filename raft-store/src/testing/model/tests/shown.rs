//! Bookings and answers of both sides in one form, so that they can be compared.

use super::*;

/// A sale as it is shown: what is left of it, and not what the keys were.
pub(super) fn plain(sale: &Sale) -> Sale {
    let mut shown = Sale {
        key: 0,
        begun_key: 0,
        basket: plain_basket(Vec::new()),
        seats: Vec::new(),
        prices: Vec::new(),
        areas: Vec::new(),
        moves: Moves::default(),
        extended_from_ms: u64::from(sale.extended_from_ms != 0),
        till: money::plain(&sale.till),
        back: sale.back.iter().map(|(_, amount, name)| (0, *amount, name.clone())).collect(),
        ..sale.clone()
    };
    let (discount, fees) = sale.on_top();
    let code = sale.bill.deal.as_ref().map(|deal| deal.code.clone()).unwrap_or_default();
    let way = sale.bill.way.clone();
    shown.bill = Bill { way, shown: (discount, fees, code), ..Bill::default() };
    shown.doors.merged.clear();
    shown.doors.voids.values_mut().for_each(|key| *key = 0);
    for pass in shown.passes.values_mut() {
        if let Some((_, _, key)) = &mut pass.2 {
            *key = 0;
        }
    }
    let mut lawn = Vec::new();
    let mut numbers = Vec::new();
    for (number, place, price) in sale.here() {
        match place {
            Where::Seat(seat) => {
                shown.seats.push(seat);
                shown.prices.push(price);
                numbers.push(number);
            }
            Where::Area(area) => lawn.push((area, price, number)),
        }
    }
    lawn.sort_unstable();
    for (area, price, number) in lawn {
        numbers.push(number);
        match shown.areas.last_mut().filter(|last| (last.0, last.2) == (area, price)) {
            Some((_, count, _)) => *count += 1,
            None => shown.areas.push((area, 1, price)),
        }
    }
    if sale.moves.any() {
        shown.moves.shown = numbers;
    }
    shown
}

pub(super) fn told(said: Said) -> Said {
    let plain = |(event, number, sale): Seen| (event, number, plain(&sale));
    match said {
        Said::Booking(seen) => Said::Booking(plain(seen)),
        Said::Begun(seen, attempt) => Said::Begun(plain(seen), attempt),
        Said::RefundDue(seen) => Said::RefundDue(plain(seen)),
        Said::Back(seen, refund) => Said::Back(plain(seen), refund),
        Said::Done
        | Said::Reader(_)
        | Said::Scans(_)
        | Said::Turn(_)
        | Said::Alive(_)
        | Said::Tended(..)
        | Said::Refused(..)
        | Said::Spot(_)
        | Said::Stepped(_) => said,
    }
}

pub(super) fn seen(view: BookingView) -> Seen {
    let standing = match view.state {
        BookingState::Held => Standing::Held,
        BookingState::Paying => Standing::Paying,
        BookingState::Confirmed => Standing::Confirmed,
        BookingState::Released => Standing::Released,
        BookingState::Expired => Standing::Expired,
        BookingState::RefundDue => Standing::RefundDue,
        BookingState::Refunded => Standing::Refunded,
        BookingState::Capturing => Standing::Capturing,
    };
    let areas: u64 = view.areas.iter().map(|line| line.price * u64::from(line.count)).sum();
    let gift = view
        .money
        .as_ref()
        .is_some_and(|money| money.direct && money.receipts[0].tender == Tender::Complimentary);
    let listed = view.prices.iter().sum::<u64>() + areas;
    assert_eq!(view.total, if gift { 0 } else { listed - view.discount + view.fees });
    let shown = (view.discount, view.fees, view.promotion);
    let pass = |(place, ticket): (u32, Ticket)| {
        let used = ticket.redeemed.map(|it| (it.door, it.at_ms, 0));
        let holder = ticket.holder.map(|holder| u64::try_from(holder.0).unwrap());
        (place, (holder, ticket.version, used))
    };
    let event = usize::try_from(view.event.0 - event_id(0).0).unwrap();
    let sale = Sale {
        user: u64::try_from(view.user.0).unwrap(),
        key: 0,
        standing,
        seats: view.seats,
        prices: view.prices,
        created_ms: view.created_ms,
        expires_ms: view.expires_ms,
        payment_until_ms: view.payment_deadline_ms,
        attempt: view.attempt,
        intent: view.intent,
        confirmed_ms: view.confirmed_ms,
        declined: view.decline_reason,
        areas: view.areas.iter().map(|line| (line.area, line.count, line.price)).collect(),
        gone: view.gone.into_iter().collect(),
        extended_from_ms: view.extended.into(),
        back: view.refunds.into_iter().map(|it| (0, it.amount, it.reference)).collect(),
        passes: view.tickets.into_iter().map(pass).collect(),
        doors: AtDoors {
            voids: view.voids.into_iter().map(|(place, _)| (place, 0)).collect(),
            ..AtDoors::default()
        },
        till: money::seen(view.money),
        moves: Moves { shown: view.numbers, ..Moves::default() },
        bill: Bill { way: view.channel, shown, ..Bill::default() },
        gone_for_good: false,
        basket: plain_basket(Vec::new()),
        begun_key: 0,
    };
    (event, view.booking.locator().seq(), sale)
}

pub(super) fn heard(answer: Answer) -> Said {
    match answer {
        Ok(Reply::Done) => Said::Done,
        Ok(Reply::Booking(view)) => Said::Booking(seen(*view)),
        Ok(Reply::PaymentBegun { booking, attempt }) => Said::Begun(seen(*booking), attempt),
        Ok(Reply::RefundDue(view)) => Said::RefundDue(seen(*view)),
        Ok(Reply::Refund { booking, refund }) => Said::Back(seen(*booking), refund),
        Ok(Reply::Queue(reply)) => lines::line_heard(reply),
        Ok(Reply::Tended { steps, more }) => Said::Tended(steps, more),
        Ok(Reply::Consumer(view)) => Said::Reader(readers::reader(&view)),
        Ok(Reply::Scans(outcomes)) => doors::heard(outcomes),
        Ok(Reply::Session { alive }) => Said::Alive(alive),
        Ok(Reply::Waiter(view)) => Said::Turn(waitlists::seat(*view)),
        Ok(Reply::Expired { .. }) => panic!("only a sweep is answered so"),
        Err(refusal) => Said::Refused(refusal.code, refusal.seats, refusal.limit),
    }
}
