//! What is kept of a booking's money besides its one payment through the fence.
//!
//! Most bookings have none of it. Invariants, of a booking that was paid:
//! - *conserved*: what was charged, less the refunds that were decided, less what was charged back for
//!   places that are gone, is the price of what it owns.
//! - A provider is never asked to pay back more than it charged; the rest is paid at the desk.

use rowlock_proto::ids::RequestKey;

use crate::inventory::booking::{Booking, BookingState, Place, Refund};
use crate::inventory::planted::{Mistake, planted};

/// How a booking was paid for without a payment provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tender {
    /// It costs nothing.
    Free,
    /// Given away, whatever the price.
    Complimentary,
    Cash,
    Card,
    Invoice,
}

/// Money that was taken without a payment provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The request that it came from, for its repeats (P4).
    pub key: RequestKey,
    pub tender: Tender,
    pub amount: u64,
    /// What the seller's own books call it.
    pub reference: String,
    pub reason: String,
    pub at_ms: u64,
}

/// Money that a bank took back from the seller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chargeback {
    /// The provider's name for it; no two of a booking have the same.
    pub reference: String,
    pub amount: u64,
    pub reason: String,
    /// No ticket is valid while it stands.
    pub void: bool,
    pub at_ms: u64,
    /// When the money came again; `None`: it stands.
    pub reversed_ms: Option<u64>,
}

/// An exchange that was done, for the repeats of its request (P4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchanged {
    pub key: RequestKey,
    pub fingerprint: u64,
    /// Number of the refund that it led to.
    pub refund: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Money {
    /// In the order in which it was taken. Of a booking that was sold directly, the first is the sale.
    pub receipts: Vec<Receipt>,
    /// It was sold without a payment provider.
    pub direct: bool,
    /// What the provider charged; known once an exchange changed the price.
    pub charged: Option<u64>,
    /// Numbers of the refunds that are paid at the desk; in order.
    pub desk_refunds: Vec<u32>,
    pub chargebacks: Vec<Chargeback>,
    /// Of what was charged back, how much was for places that are gone; at most what stands.
    pub absorbed: u64,
    /// Places that came by an exchange, with their prices; numbered after those of the grant. With
    /// those at most `PLACES_EVER_MAX`.
    pub added: Vec<(Place, u64)>,
    /// At most `EXCHANGES_MAX`.
    pub exchanges: Vec<Exchanged>,
}

impl Money {
    /// How it was sold, if that was without a provider.
    pub fn sale(&self) -> Option<&Receipt> {
        self.receipts.first().filter(|_| self.direct)
    }

    /// What was charged back and did not come back.
    pub fn standing(&self) -> u64 {
        let standing = self.chargebacks.iter().filter(|it| it.reversed_ms.is_none());
        sum(standing.map(|it| it.amount))
    }
}

fn sum(amounts: impl Iterator<Item = u64>) -> u64 {
    amounts.fold(0, u64::saturating_add)
}

impl Booking {
    pub fn money_mut(&mut self) -> &mut Money {
        self.money.get_or_insert_default()
    }

    /// How it was sold, if that was without a provider.
    pub fn direct_sale(&self) -> Option<&Receipt> {
        self.money.as_ref()?.sale()
    }

    pub fn is_complimentary(&self) -> bool {
        self.direct_sale().is_some_and(|sale| sale.tender == Tender::Complimentary)
    }

    pub(super) fn refunds(&self) -> &[Refund] {
        self.extras.as_ref().map_or(&[][..], |extras| &extras.refunds)
    }

    /// What a provider charged for it, if what is left of it costs `total`.
    pub(super) fn by_provider(&self, total: u64) -> u64 {
        let money = self.money.as_deref();
        if !self.was_charged() || money.is_some_and(|money| money.direct) {
            return 0;
        }
        if let Some(charged) = money.and_then(|money| money.charged) {
            return charged;
        }
        match self.extras.as_deref().filter(|extras| !extras.refunds.is_empty()) {
            Some(extras) => extras.charged,
            None => total,
        }
    }

    /// What a provider charged and is not to pay back yet.
    pub fn left_at_provider(&self, total: u64) -> u64 {
        let desk = self.money.as_deref().map_or(&[][..], |money| &money.desk_refunds);
        let by_provider =
            (0_u32..).zip(self.refunds()).filter(|(number, _)| !desk.contains(number));
        let gone = sum(by_provider.map(|(_, refund)| refund.amount));
        let charged_back = self.money.as_ref().map_or(0, |money| money.standing());
        self.by_provider(total).saturating_sub(gone).saturating_sub(charged_back)
    }

    /// What was charged, and was neither paid back nor charged back.
    pub(super) fn kept(&self, total: u64) -> u64 {
        let tally = Takings::of(self, total);
        let gone = tally.refunded.saturating_sub(tally.owed).saturating_add(tally.charged_back);
        u64::try_from(tally.charged().saturating_sub(gone)).unwrap_or(u64::MAX)
    }

    /// What was charged back and is not held against anything yet.
    pub(super) fn absorbable(&self) -> u64 {
        self.money.as_ref().map_or(0, |money| money.standing().saturating_sub(money.absorbed))
    }

    /// Whether no ticket is valid until a chargeback comes to its end.
    pub fn is_voided(&self) -> bool {
        let all = self.money.iter().flat_map(|money| &money.chargebacks);
        all.into_iter().any(|it| it.void && it.reversed_ms.is_none())
            && !planted(Mistake::ChargedBackLetIn)
    }

    /// Whether money came for it, whatever became of that since.
    const fn was_charged(&self) -> bool {
        match self.state {
            BookingState::Confirmed | BookingState::Refunded | BookingState::RefundDue => true,
            BookingState::Held
            | BookingState::Paying
            | BookingState::Capturing
            | BookingState::Released
            | BookingState::Expired => false,
        }
    }

    /// The price of what it owns for good.
    const fn worth(&self, total: u64) -> u64 {
        match self.state {
            BookingState::Confirmed => total,
            BookingState::Held
            | BookingState::Paying
            | BookingState::Capturing
            | BookingState::Released
            | BookingState::Expired
            | BookingState::RefundDue
            | BookingState::Refunded => 0,
        }
    }

    /// Conserved: what came in is what went out and what is owned.
    pub fn is_balanced(&self, total: u64) -> bool {
        let tally = Takings::of(self, total);
        let absorbed = self.money.as_ref().map_or(0, |money| money.absorbed);
        let kept = tally.refunded + u128::from(absorbed) + u128::from(self.worth(total));
        tally.charged() == kept
            && u128::from(absorbed) <= tally.charged_back
            && tally.charged_back <= tally.charged()
    }
}

/// Sums of money, of one booking or of all those of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Takings {
    /// What payment providers charged.
    pub provider: u128,
    pub cash: u128,
    pub card: u128,
    pub invoice: u128,
    /// Refunds that were decided, paid or not.
    pub refunded: u128,
    /// Those that are not paid yet.
    pub owed: u128,
    /// Chargebacks that stand, and how many.
    pub charged_back: u128,
    pub chargebacks: u64,
    /// Bookings that were sold, whatever became of them since, and those that were given away.
    pub sold: u64,
    pub complimentary: u64,
}

impl Takings {
    /// What one booking counts for, whose places here cost `total`.
    pub fn of(booking: &Booking, total: u64) -> Self {
        let mut takings = Self::default();
        if !booking.was_charged() {
            return takings;
        }
        takings.provider = booking.by_provider(total).into();
        if booking.state == BookingState::RefundDue {
            // It came too late, and all of it goes back.
            takings.refunded = takings.provider;
            takings.owed = takings.provider;
            return takings;
        }
        takings.sold = 1;
        for refund in booking.refunds() {
            takings.refunded += u128::from(refund.amount);
            if refund.reference.is_empty() {
                takings.owed += u128::from(refund.amount);
            }
        }
        let Some(money) = &booking.money else { return takings };
        for receipt in &money.receipts {
            let amount = u128::from(receipt.amount);
            match receipt.tender {
                Tender::Cash => takings.cash += amount,
                Tender::Card => takings.card += amount,
                Tender::Invoice => takings.invoice += amount,
                Tender::Free | Tender::Complimentary => {}
            }
        }
        takings.charged_back = money.standing().into();
        let standing = money.chargebacks.iter().filter(|it| it.reversed_ms.is_none());
        takings.chargebacks = standing.count() as u64;
        takings.complimentary = u64::from(booking.is_complimentary());
        takings
    }

    pub const fn charged(&self) -> u128 {
        self.provider + self.cash + self.card + self.invoice
    }

    fn each(&self, other: &Self, with: fn(u128, u128) -> u128) -> Self {
        let count = |a: u64, b: u64| u64::try_from(with(a.into(), b.into())).unwrap_or(u64::MAX);
        Self {
            provider: with(self.provider, other.provider),
            cash: with(self.cash, other.cash),
            card: with(self.card, other.card),
            invoice: with(self.invoice, other.invoice),
            refunded: with(self.refunded, other.refunded),
            owed: with(self.owed, other.owed),
            charged_back: with(self.charged_back, other.charged_back),
            chargebacks: count(self.chargebacks, other.chargebacks),
            sold: count(self.sold, other.sold),
            complimentary: count(self.complimentary, other.complimentary),
        }
    }

    /// One booking more.
    pub fn add(&mut self, booking: &Self) {
        *self = self.each(booking, u128::saturating_add);
    }

    /// One booking less, which was added.
    pub fn remove(&mut self, booking: &Self) {
        *self = self.each(booking, u128::saturating_sub);
    }
}
