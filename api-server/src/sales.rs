//! What was sold, added up by event, by day, or by category of seats.
//!
//! Money is what really moved: what a provider or the desk took for bookings that were sold, and what was
//! decided to go back. Tickets are those that are good now. By day, a booking counts on the day on which it
//! was sold and a refund on the day on which it was decided, both in UTC. By category, money is the price of
//! the places that are sold now; what belongs to no place (fees, discounts, refunds) stands in the totals.

use std::collections::BTreeMap;

use rowlock_client::types::{Booking, BookingState, Event, Tender};

use crate::layout::Layout;
use crate::money::{decimal, signed};
use crate::places::{PlaceKind, places};
use crate::time;

/// What one row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Event,
    Day,
    Category,
}

/// Amounts in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Bookings that were sold, whatever became of them.
    pub(crate) bookings: u64,
    pub(crate) complimentary: u64,
    pub(crate) tickets: u64,
    pub(crate) gross: u64,
    pub(crate) refunded: u64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.bookings += other.bookings;
        self.complimentary += other.complimentary;
        self.tickets += other.tickets;
        self.gross += other.gross;
        self.refunded += other.refunded;
    }

    /// What stays. A refund of a day may be of what was sold on another.
    pub(crate) fn net(&self) -> i128 {
        i128::from(self.gross) - i128::from(self.refunded)
    }
}

/// Of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) event: String,
    pub(crate) name: String,
    pub(crate) currency: String,
    /// By their names, in order; of a report by event, only the event's.
    pub(crate) rows: Vec<(String, Sums)>,
    pub(crate) total: Sums,
}

/// Adds up bookings as they come.
pub(crate) struct Counter<'a> {
    event: &'a Event,
    layout: &'a Layout,
    by: By,
    rows: BTreeMap<String, Sums>,
    total: Sums,
}

impl<'a> Counter<'a> {
    pub(crate) fn new(event: &'a Event, layout: &'a Layout, by: By) -> Self {
        Self { event, layout, by, rows: BTreeMap::new(), total: Sums::default() }
    }

    pub(crate) fn take(&mut self, booking: &Booking) {
        if booking.confirmed_ms == 0 {
            return;
        }
        let its = sums(booking);
        self.total.add(its);
        match self.by {
            By::Event => {}
            By::Day => {
                let sold = Sums { refunded: 0, ..its };
                self.row(day(booking.confirmed_ms)).add(sold);
                for refund in &booking.extras.refunds {
                    self.row(day(refund.decided_ms)).refunded += refund.amount;
                }
            }
            By::Category if booking.state == BookingState::Confirmed => {
                for place in places(booking) {
                    let name = self.category(place.kind);
                    let row = self.row(name);
                    (row.tickets, row.gross) = (row.tickets + 1, row.gross + place.price);
                }
            }
            By::Category => {}
        }
    }

    fn row(&mut self, name: String) -> &mut Sums {
        self.rows.entry(name).or_default()
    }

    fn category(&self, place: PlaceKind) -> String {
        let category = match place {
            PlaceKind::Seat(seat) => self.layout.place(seat).map(|place| place.seat.category),
            PlaceKind::Area(area) => {
                let area = usize::try_from(area).ok();
                area.and_then(|area| self.layout.map.areas.get(area)).map(|area| area.category)
            }
        };
        category.map_or("", |it| self.layout.category_name(u32::from(it))).to_owned()
    }

    pub(crate) fn report(self) -> Report {
        let (event, spec) = (self.event.id.to_string(), &self.event.spec);
        let rows = match self.by {
            By::Event => vec![(event.clone(), self.total)],
            By::Day | By::Category => self.rows.into_iter().collect(),
        };
        let (name, currency) = (spec.name.clone(), spec.currency.clone());
        Report { event, name, currency, rows, total: self.total }
    }
}

/// What one sold booking counts for.
fn sums(booking: &Booking) -> Sums {
    let refunded = booking.extras.refunds.iter().map(|refund| refund.amount).sum();
    let valid = booking.state == BookingState::Confirmed;
    let money = booking.extras.money.as_deref();
    let receipts = money.map_or(&[][..], |money| &money.receipts);
    let gross = if money.is_some_and(|money| money.direct) {
        receipts.iter().map(|receipt| receipt.amount).sum()
    } else {
        // The total is of the places that are left, with what the desk took on top in an exchange.
        refunded + if valid { booking.total } else { 0 }
    };
    let given_away = receipts.iter().any(|receipt| receipt.tender == Tender::Complimentary);
    let tickets = if valid { places(booking).count() } else { 0 };
    Sums {
        bookings: 1,
        complimentary: u64::from(given_away),
        tickets: u64::try_from(tickets).unwrap_or(u64::MAX),
        gross,
        refunded,
    }
}

/// `2026-11-24`.
fn day(ms: u64) -> String {
    time::rfc3339(ms).chars().take(10).collect()
}

/// All reports as one table, as RFC 4180 writes it: a line of names, then one a row.
pub(crate) fn csv(reports: &[Report], by: By) -> String {
    let of = match by {
        By::Event => "",
        By::Day => "day,",
        By::Category => "category,",
    };
    let counts = match by {
        By::Category => "tickets,gross",
        By::Event | By::Day => "bookings,complimentary,tickets,gross,refunded,net",
    };
    let mut out = format!("event,name,{of}currency,{counts}\r\n");
    for report in reports {
        for (name, sums) in &report.rows {
            let money = |minor| decimal(minor, &report.currency);
            let mut cells = vec![cell(&report.event), cell(&report.name)];
            if by != By::Event {
                cells.push(cell(name));
            }
            cells.push(report.currency.clone());
            if by != By::Category {
                cells.extend([sums.bookings.to_string(), sums.complimentary.to_string()]);
            }
            cells.extend([sums.tickets.to_string(), money(sums.gross)]);
            if by != By::Category {
                cells.extend([money(sums.refunded), signed(sums.net(), &report.currency)]);
            }
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
    }
    out
}

/// A name as one cell. One that a spreadsheet would compute with is marked as text.
fn cell(text: &str) -> String {
    let marked = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{marked}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{marked}{text}")
    }
}

#[cfg(test)]
mod tests {
    use rowlock_client::types::{
        BookingExtras, BookingId, BookingLocator, BookingMoney, EventId, Receipt, Refund, UserId,
    };

    use super::*;

    #[test]
    fn names_stay_one_cell_and_are_never_formulas() {
        assert_eq!(cell("Ariadne"), "Ariadne");
        assert_eq!(cell("Ariadne, \"live\""), "\"Ariadne, \"\"live\"\"\"");
        assert_eq!(cell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(cell("-1,2"), "\"'-1,2\"");
        assert_eq!(cell("a\nb"), "\"a\nb\"");
    }

    fn sold(total: u64, direct: bool, receipts: &[u64], refunds: &[u64]) -> Booking {
        let receipt = |&amount: &u64| Receipt {
            tender: Tender::Cash,
            amount,
            reference: "till".to_owned(),
            reason: String::new(),
            at_ms: 1,
        };
        let refund = |&amount: &u64| Refund {
            amount,
            decided_ms: 1,
            reason: String::new(),
            reference: String::new(),
        };
        let receipts = receipts.iter().map(receipt).collect();
        let locator = BookingLocator::new(EventId(7).slot(), 1, 1).unwrap();
        Booking {
            id: BookingId::new(locator, 7),
            event: EventId(7),
            user: UserId(7),
            state: BookingState::Confirmed,
            seats: vec![0],
            prices: vec![total],
            total,
            currency: "EUR".to_owned(),
            created_ms: 1,
            expires_ms: 1,
            payment_deadline_ms: 1,
            attempt: 1,
            intent: "pi".to_owned(),
            confirmed_ms: 1,
            decline_reason: String::new(),
            extras: BookingExtras {
                refunds: refunds.iter().map(refund).collect(),
                money: Some(Box::new(BookingMoney { direct, receipts, ..BookingMoney::default() })),
                ..BookingExtras::default()
            },
        }
    }

    #[test]
    fn what_was_taken_is_what_was_kept_and_what_went_back() {
        assert_eq!(sums(&sold(8_000, false, &[], &[])).gross, 8_000);
        assert_eq!(sums(&sold(4_000, false, &[], &[4_000])).gross, 8_000);
        assert_eq!(sums(&sold(8_000, true, &[8_000], &[])).gross, 8_000);
        // Exchanged for something dearer, and the rest paid at the desk: it is in the total.
        assert_eq!(sums(&sold(10_000, false, &[2_000], &[])).gross, 10_000);
    }

    #[test]
    fn a_day_may_end_below_zero() {
        let sums = Sums { refunded: 150, ..Sums::default() };
        assert_eq!(signed(sums.net(), "EUR"), "-1.50");
        assert_eq!(signed(150, "JPY"), "150");
        assert_eq!(day(86_400_000), "1970-01-02");
    }
}
