//! Every code that a refusal or an HTTP problem can carry, in one table.
//!
//! A code is a stable string for programs; its number stands on the wire. Neither is ever used
//! again for something else. What a *retry* is (not leader, overloaded, unknown outcome) is not a
//! code: nothing was decided there.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, $http:literal, $title:literal;)*) => {
        /// Why something was refused.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u16)]
        pub enum ErrorCode {
            $($(#[$doc])* $name = $number,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
            pub const fn number(self) -> u16 {
                self as u16
            }
            /// The stable string: `code` in problem documents and in JSON output.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $http,)* }
            }
            /// A short sentence for people, the same for every case of the code.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    // What a request can be wrong in, whatever it is about: 1 to 29.
    /// Not well-formed: JSON, types, a missing field.
    Malformed = 1, "malformed", 400, "The request can't be read";
    /// Well-formed, but a value is not allowed. `detail` says which.
    Invalid = 2, "invalid", 422, "A value is not allowed";
    TooLarge = 3, "too-large", 413, "The body is over its limit";
    NotFound = 4, "not-found", 404, "There is no such thing";
    NotSignedIn = 5, "not-signed-in", 401, "A valid bearer token is needed";
    NotAllowed = 6, "not-allowed", 403, "This caller may not do that";
    RateLimited = 7, "rate-limited", 429, "Too many requests";
    Overloaded = 8, "overloaded", 503, "Too busy to take this now";
    Unavailable = 9, "unavailable", 503, "The cluster can't answer now";
    /// The outcome of a command is not known. The same key may be sent again to learn it.
    UnknownOutcome = 10, "unknown-outcome", 503, "The outcome is not known yet";
    IdempotencyKeyReused = 11, "idempotency-key-reused", 422, "The key was used for another request";
    MethodNotAllowed = 12, "method-not-allowed", 405, "The path does not take this method";
    UnsupportedMediaType = 13, "unsupported-media-type", 415, "The body is not JSON";
    Internal = 14, "internal", 500, "Something failed here";
    /// A card number or something that looks like one.
    CardNumberRefused = 15, "card-number-refused", 422, "Card numbers are not taken here";
    IdempotencyKeyInFlight = 16, "idempotency-key-in-flight", 409, "A request with this key is being worked on";
    NotAcceptable = 17, "not-acceptable", 406, "No such representation";

    // Venues, maps, events: 30 to 59.
    VenueNotFound = 30, "venue-not-found", 404, "There is no such venue";
    EventNotFound = 31, "event-not-found", 404, "There is no such event";
    SeatMapNotFound = 32, "seat-map-not-found", 422, "The seat map is not there";
    SeatMapInvalid = 33, "seat-map-invalid", 422, "The seat map can't be used";
    EventExists = 34, "event-exists", 409, "There is an event with this id";
    /// The event has another state than this needs.
    EventStateConflict = 35, "event-state-conflict", 409, "The event is not in a state for this";
    /// Prices can't change while seats are held or sold.
    PricesInUse = 36, "prices-in-use", 409, "Seats are held or sold at the old prices";
    EventLimitReached = 37, "event-limit-reached", 409, "No more events fit";
    /// `detail` names the channel.
    ChannelNotFound = 38, "channel-not-found", 404, "There is no such channel";
    /// What a channel was promised, and what it may have, can't be changed.
    ChannelExists = 39, "channel-exists", 409, "There is another channel of this name";
    /// The channel gave back what was kept for it.
    ChannelClosed = 40, "channel-closed", 409, "The channel is closed";
    /// An access code or a promotion of this name stands for something else. `detail` names it.
    CodeExists = 41, "code-exists", 409, "There is another such code";
    TermsFull = 42, "terms-full", 409, "No more of these fit";

    // Holds: 60 to 89.
    /// At least one seat is held or sold. The answer names those.
    SeatTaken = 60, "seat-taken", 409, "Seats are taken";
    SeatUnknown = 61, "seat-unknown", 422, "There is no such seat";
    SeatOfAnotherEvent = 62, "seat-of-another-event", 422, "A seat belongs to another event";
    SeatRepeated = 63, "seat-repeated", 422, "A seat is named twice";
    NoSeats = 64, "no-seats", 422, "No seats are named";
    TooManySeats = 65, "too-many-seats", 422, "More seats than one booking may have";
    SaleNotOpen = 66, "sale-not-open", 409, "The sale has not begun";
    SaleClosed = 67, "sale-closed", 409, "The sale is over";
    /// The caller would pass the event's limit per user.
    LimitExceeded = 68, "limit-exceeded", 409, "More seats than one user may have";
    /// Fewer seats of the wanted kind are free than are wanted. `limit` says how many there are.
    NotEnoughSeats = 74, "not-enough-seats", 409, "Not that many seats are free";
    /// There are enough seats, but not as near to one another as was asked. `limit` says how many
    /// can be had side by side.
    NotTogether = 75, "not-together", 409, "The seats can't be had together";
    HoldAlreadyExtended = 76, "hold-already-extended", 409, "A hold is extended once";
    AreaUnknown = 77, "area-unknown", 422, "There is no such area";
    /// At least one seat is not blocked. The answer names those.
    SeatNotBlocked = 78, "seat-not-blocked", 409, "Seats are not blocked";
    /// The booking has no such place, or it was given back.
    PlaceUnknown = 79, "place-unknown", 422, "The booking has no such place";
    /// At least one seat is kept for another channel. The answer names those.
    SeatKept = 80, "seat-kept", 409, "Seats are kept for others";
    /// Fewer places of a category are left for this buyer, since others are promised theirs. `limit`
    /// says how many.
    QuotaKept = 81, "quota-kept", 409, "The last places are kept for others";
    /// `limit` says how many places an order may have.
    OrderLimitExceeded = 82, "order-limit-exceeded", 409, "More places than one order may have";
    /// `limit` says how many places one user may have on hold at one time.
    HeldLimitExceeded = 83, "held-limit-exceeded", 409, "Too many places on hold";
    /// Holds of this user ended unpaid. `limit` says how many may.
    TooManyLapsedHolds = 84, "too-many-lapsed-holds", 409, "Too many holds were not paid";
    /// The answer names the seats that would be left alone.
    SingleSeatLeft = 85, "single-seat-left", 409, "A single seat would be left over";
    AccessCodeUnknown = 86, "access-code-unknown", 403, "There is no such access code";
    AccessCodeUsedUp = 87, "access-code-used-up", 409, "The access code is used up";
    ChannelFull = 88, "channel-full", 409, "No more places are sold this way";
    /// No more holds for now. `detail` says why.
    SalePaused = 69, "sale-paused", 409, "The sale is paused";
    BookingNotFound = 70, "booking-not-found", 404, "There is no such booking";
    BookingExpired = 71, "booking-expired", 409, "The booking has expired";
    /// The booking is in another state than this needs.
    BookingStateConflict = 72, "booking-state-conflict", 409, "The booking is not in a state for this";
    BookingLimitReached = 73, "booking-limit-reached", 409, "No more bookings fit";

    // Payment: 90 to 119.
    AmountMismatch = 90, "amount-mismatch", 422, "The amount is not that of the booking";
    PaymentInProgress = 91, "payment-in-progress", 409, "Another payment of this booking is running";
    /// The attempt or intent is not the booking's current one.
    PaymentFenced = 92, "payment-fenced", 409, "The payment was overtaken";
    CardDeclined = 93, "card-declined", 402, "The card was declined";
    PaymentMethodUnknown = 94, "payment-method-unknown", 422, "There is no such payment method";
    PaymentProviderDown = 95, "payment-provider-down", 503, "The payment provider does not answer";
    PaymentActionRequired = 96, "payment-action-required", 402, "The customer must authenticate the payment";

    RefundNotFound = 97, "refund-not-found", 404, "There is no such refund";
    /// Authorised, and not captured yet: nothing can be done with its tickets.
    PaymentNotCaptured = 98, "payment-not-captured", 409, "The payment is not captured yet";
    ChargebackNotFound = 99, "chargeback-not-found", 404, "There is no such chargeback";
    /// `limit` says how much was charged, and neither paid back nor charged back.
    ChargebackTooMuch = 100, "chargeback-too-much", 422, "More than there is to charge back";
    ChargebackLimitReached = 101, "chargeback-limit-reached", 409, "No more chargebacks of one booking";
    /// What an exchange takes is dearer than what it gives up. `limit` says by how much.
    ExchangeDearer = 102, "exchange-dearer", 409, "The other places cost more";
    /// `limit` says how many exchanges a booking may have, or how many places in all.
    ExchangeLimitReached = 103, "exchange-limit-reached", 409, "No more exchanges of one booking";
    /// A bank took money back, and it is not settled whose it is.
    BookingDisputed = 104, "booking-disputed", 409, "The payment is disputed";
    PromotionUnknown = 110, "promotion-unknown", 422, "There is no such promotion";
    PromotionUsedUp = 111, "promotion-used-up", 409, "The promotion is used up";
    /// Not yet, or not any more.
    PromotionNotNow = 112, "promotion-not-now", 409, "The promotion does not run now";
    /// The booking has too few places that it is for. `limit` says how many it needs.
    PromotionDoesNotFit = 113, "promotion-does-not-fit", 409, "The promotion is for other places";

    // Users: 120 to 149.
    EmailTaken = 120, "email-taken", 409, "An account with this address exists";
    UserNotFound = 121, "user-not-found", 404, "There is no such user";
    WrongCredentials = 122, "wrong-credentials", 401, "Address or password is wrong";
    /// The password was changed since it was looked at.
    CredentialsChanged = 123, "credentials-changed", 409, "The password was changed meanwhile";
    /// A link from a letter that is used, replaced, too old, or none.
    LinkUnknown = 124, "link-unknown", 422, "The link is not good any more";
    /// `limit` says how many a user may have.
    ApiKeyLimitReached = 126, "api-key-limit-reached", 409, "No more keys of one user";
    ApiKeyNotFound = 127, "api-key-not-found", 404, "There is no such key";
    /// The user signed out, the session was not used for too long, or its secret was used twice.
    SessionEnded = 125, "session-ended", 401, "The session has ended";

    // Tickets: 150 to 179.
    TicketNotFound = 150, "ticket-not-found", 404, "There is no such ticket";
    /// Not paid, given back, or refunded.
    TicketVoid = 151, "ticket-void", 409, "The ticket is not valid";
    /// The ticket was passed on, and this is the code from before.
    TicketReplaced = 152, "ticket-replaced", 409, "The ticket was passed on";
    /// `limit` says when, in milliseconds since 1970, and `detail` at which door.
    TicketRedeemed = 153, "ticket-redeemed", 409, "The ticket was used";
    TicketNotRedeemed = 154, "ticket-not-redeemed", 409, "The ticket was not used";
    /// Another user has the ticket, and would be left without a place. `limit` names the place.
    TicketPassedOn = 155, "ticket-passed-on", 409, "The ticket is another user's";

    // Queues and waitlists: 180 to 209.
    QueueNotFound = 180, "queue-not-found", 404, "The event has no queue";
    QueueExists = 181, "queue-exists", 409, "The event has another queue";
    /// `limit` says when entries open, in milliseconds since 1970.
    QueueNotOpen = 182, "queue-not-open", 409, "The queue takes no entries yet";
    QueueClosed = 183, "queue-closed", 409, "The queue is closed";
    /// The event is guarded by a queue, and the caller was not admitted, or not any more.
    QueuePassNeeded = 184, "queue-pass-needed", 403, "The event is sold to those who were admitted";
    QueueNotJoined = 185, "queue-not-joined", 404, "The caller is not in the queue";
    /// The draw is not where this needs it to be.
    QueueStateConflict = 186, "queue-state-conflict", 409, "The queue is not in a state for this";
    QueueSecretWrong = 187, "queue-secret-wrong", 422, "The secret is not the one that was committed to";
    QueueFull = 188, "queue-full", 409, "No more entries fit";

    // Named consumers of the feed: 210 to 219.
    ConsumerNotFound = 210, "consumer-not-found", 404, "There is no such consumer";
    /// Another holder works for the consumer. `limit` says from when on the lease can be had, in
    /// milliseconds since 1970.
    ConsumerLeased = 211, "consumer-leased", 409, "Another holder has the lease";
    /// The lease is not the latest one of the consumer.
    ConsumerFenced = 212, "consumer-fenced", 409, "The lease was lost";
    /// The revision is not there yet. `limit` says which is the newest.
    ConsumerPositionAhead = 213, "consumer-position-ahead", 422, "There is no such revision yet";
    ConsumerLimitReached = 214, "consumer-limit-reached", 409, "No more consumers fit";
    WaitlistNotJoined = 190, "waitlist-not-joined", 404, "The caller is not on the waitlist";
    /// The caller's entry is for something else: leave first, and come back at the end.
    WaitlistJoined = 191, "waitlist-joined", 409, "The caller waits for something else";
    WaitlistNotNeeded = 192, "waitlist-not-needed", 409, "Such places are free";
    WaitlistClosed = 193, "waitlist-closed", 409, "The waitlist takes no entries";
    WaitlistFull = 194, "waitlist-full", 409, "No more entries fit the waitlist";
    /// Places came back, and those who wait for them are not all served yet. Worth a retry.
    WaitlistFirst = 195, "waitlist-first", 409, "Those who wait are served first";
    NoOffer = 196, "no-offer", 409, "There is no offer to accept";
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_found_by_number() {
        let texts: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        for &code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number().into()), Some(code));
            assert!((400..=599).contains(&code.http_status()), "{code}");
        }
        assert_eq!(ErrorCode::from_number(0), None);
    }
}
