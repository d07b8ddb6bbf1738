//! On what terms an event is sold.

use rowlock_client::Client;
use rowlock_client::terms::{Channel, EventTerms, Fee, Limits, Promotion};
use rowlock_client::types::{Booking, BookingId, Cart, EventId, RequestKey, UserId};

use super::Call;

/// One change of the terms of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermsOrder {
    SetLimits(Limits),
    /// Bookings keep the fees that they were made under.
    SetFees(Vec<Fee>),
    /// A price for each category. What is held or sold keeps its price.
    Reprice(Vec<u64>),
    /// Adds a channel, or moves the times of one.
    PutChannel(Channel),
    /// Keeps free seats for a channel, all or none.
    KeepSeats {
        channel: String,
        seats: Vec<u32>,
    },
    /// Kept seats go back to all.
    FreeSeats(Vec<u32>),
    /// All that is kept for a channel goes back, and it is closed for good.
    ReleaseChannel(String),
    AddCodes {
        channel: String,
        /// Of each; 0: any number.
        uses_max: u32,
        codes: Vec<String>,
    },
    RevokeCodes(Vec<String>),
    AddPromotion(Promotion),
    /// No more bookings get it; those that have it keep it.
    ClosePromotion(String),
}

pub trait SaleTerms {
    fn change_terms(
        &self,
        event: EventId,
        order: TermsOrder,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()>;
    /// With access codes after number `after_code`.
    fn terms(&self, event: EventId, after_code: u32, limit: u32) -> Call<'_, EventTerms>;
    /// Everything in the cart or nothing, for somebody with an access code.
    fn hold_with_code<'a>(
        &'a self,
        event: EventId,
        cart: Cart,
        code: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking>;
    /// In place of the promotion that the hold had; empty: takes it off.
    fn apply_promotion<'a>(
        &'a self,
        booking: BookingId,
        code: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking>;
}

impl SaleTerms for Client {
    fn change_terms(
        &self,
        event: EventId,
        order: TermsOrder,
        by: UserId,
        key: RequestKey,
    ) -> Call<'_, ()> {
        Box::pin(async move {
            match order {
                TermsOrder::SetLimits(limits) => self.set_limits(event, limits, by, key).await,
                TermsOrder::SetFees(fees) => self.set_fees(event, fees, by, key).await,
                TermsOrder::Reprice(prices) => self.reprice(event, prices, by, key).await,
                TermsOrder::PutChannel(channel) => self.put_channel(event, channel, by, key).await,
                TermsOrder::KeepSeats { channel, seats } => {
                    self.keep_seats(event, &channel, &seats, by, key).await
                }
                TermsOrder::FreeSeats(seats) => self.free_seats(event, &seats, by, key).await,
                TermsOrder::ReleaseChannel(channel) => {
                    self.release_channel(event, &channel, by, key).await
                }
                TermsOrder::AddCodes { channel, uses_max, codes } => {
                    self.add_codes(event, &channel, uses_max, codes, by, key).await
                }
                TermsOrder::RevokeCodes(codes) => self.revoke_codes(event, codes, by, key).await,
                TermsOrder::AddPromotion(promotion) => {
                    self.add_promotion(event, promotion, by, key).await
                }
                TermsOrder::ClosePromotion(code) => {
                    self.close_promotion(event, &code, by, key).await
                }
            }
        })
    }
    fn terms(&self, event: EventId, after_code: u32, limit: u32) -> Call<'_, EventTerms> {
        Box::pin(Self::terms(self, event, after_code, limit))
    }
    fn hold_with_code<'a>(
        &'a self,
        event: EventId,
        cart: Cart,
        code: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        Box::pin(Self::hold_with_code(self, event, cart, code, principal, key))
    }
    fn apply_promotion<'a>(
        &'a self,
        booking: BookingId,
        code: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        Box::pin(Self::apply_promotion(self, booking, code, principal, key))
    }
}
