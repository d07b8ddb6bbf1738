//! RFC 9457: what every status of 400 and above says.
//!
//! A problem is made from an [`ErrorCode`], a sentence for people, and what a program needs to act
//! on that case. The three answers of the cluster stay apart here too: a refusal has its own code,
//! an unknown outcome says that it is unknown, and all else is "not now".

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rowlock_client::types::Booking;
use rowlock_client::{Error, Refusal};
use rowlock_proto::{ErrorCode, EventId, SeatId};
use serde_json::{Map, Value, json};

use crate::money::{Amount, decimal};
use crate::places::AreaId;
use crate::time;

pub(crate) const MEDIA_TYPE: &str = "application/problem+json";
/// Seats that one problem names.
const SEATS_NAMED_MAX: usize = 100;
const RETRY_AFTER_S: u64 = 1;

#[derive(Clone, Debug)]
pub struct Problem {
    pub(crate) code: ErrorCode,
    pub(crate) detail: String,
    extras: Map<String, Value>,
    retry_after_s: Option<u64>,
}

impl Problem {
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let retry_after_s = match code.http_status() {
            429 | 503 => Some(RETRY_AFTER_S),
            _ => None,
        };
        Self { code, detail: detail.into(), extras: Map::new(), retry_after_s }
    }

    pub(crate) const fn code(&self) -> ErrorCode {
        self.code
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, detail)
    }

    /// A value of the body that is not allowed, by its name there.
    pub(crate) fn field(name: &str, what: impl std::fmt::Display) -> Self {
        Self::invalid(format!("{name} {what}")).with("field", json!(name))
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Malformed, detail)
    }

    pub(crate) fn event_not_found() -> Self {
        Self::new(ErrorCode::EventNotFound, "there is no event with this id")
    }

    pub(crate) fn booking_not_found() -> Self {
        Self::new(ErrorCode::BookingNotFound, "there is no booking of yours with this id")
    }

    pub(crate) fn key_reused() -> Self {
        Self::new(
            ErrorCode::IdempotencyKeyReused,
            "this Idempotency-Key was used for a request with another body",
        )
    }

    pub(crate) fn internal() -> Self {
        Self::new(ErrorCode::Internal, "something failed here; it was logged")
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.extras.insert(name.to_owned(), value);
        self
    }

    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// A refusal about seats of `event`, which are named as the API names them.
    pub(crate) fn of_event(error: Error, event: EventId) -> Self {
        match error {
            Error::Refused(refusal) => Self::refused(refusal, Some(event)),
            error => Self::from(error),
        }
    }

    /// A refusal about places of a booking.
    pub(crate) fn of_booking(error: Error, booking: &Booking) -> Self {
        let Error::Refused(refusal) = error else { return Self::from(error) };
        let (code, limit) = (refusal.code, refusal.limit);
        match code {
            ErrorCode::ExchangeDearer => {
                let difference = Amount::new(limit, &booking.currency);
                Self::refused(refusal, Some(booking.event)).with("difference", json!(difference))
            }
            ErrorCode::AmountMismatch => {
                let total = decimal(limit, &booking.currency);
                let what = format!("the booking costs {total} {}", booking.currency);
                let problem = Self::new(code, what).with("currency", json!(booking.currency));
                problem.with("totalAmount", json!(Amount::new(limit, &booking.currency)))
            }
            // Here it names the place, not when it was.
            ErrorCode::TicketRedeemed => {
                Self::new(code, sentence(code, limit)).with("place", json!(limit))
            }
            ErrorCode::TicketVoid | ErrorCode::TicketPassedOn => {
                Self::refused(refusal, Some(booking.event)).with("place", json!(limit))
            }
            _ => Self::refused(refusal, Some(booking.event)),
        }
    }

    fn refused(refusal: Refusal, event: Option<EventId>) -> Self {
        let Refusal { code, seats, limit, detail } = refusal;
        if code == ErrorCode::TicketRedeemed {
            // Its words are the name of the door.
            let at = time::rfc3339(limit);
            let told = format!("the ticket was used at {at}, at the door {detail:?}");
            return Self::new(code, told).with("redeemedAt", json!(at)).with("door", json!(detail));
        }
        if names(code) && !detail.is_empty() {
            let told = format!("{}: {detail:?}", sentence(code, limit));
            let problem = Self::new(code, told).with("name", json!(detail));
            return match code {
                ErrorCode::PromotionDoesNotFit => problem.with("minPlaces", json!(limit)),
                _ => problem,
            };
        }
        let shown = if detail.is_empty() { sentence(code, limit) } else { detail };
        let mut problem = Self::new(code, shown);
        if let (Some(event), false) = (event, seats.is_empty()) {
            let named = seats.iter().take(SEATS_NAMED_MAX);
            let ids: Vec<_> = named.map(|&seat| SeatId::new(event, seat).to_string()).collect();
            problem = problem.with("seatIds", json!(ids));
        }
        match code {
            ErrorCode::SaleNotOpen => problem.with("opensAt", json!(time::rfc3339(limit))),
            ErrorCode::SaleClosed if limit != 0 => {
                problem.with("closedAt", json!(time::rfc3339(limit)))
            }
            ErrorCode::LimitExceeded => problem.with("maxSeatsPerUser", json!(limit)),
            ErrorCode::NotEnoughSeats => problem.with("available", json!(limit)),
            ErrorCode::PlaceUnknown => problem.with("place", json!(limit)),
            ErrorCode::AreaUnknown => match event.zip(u32::try_from(limit).ok()) {
                Some((event, area)) => {
                    problem.with("areaId", json!(AreaId::new(event, area).to_string()))
                }
                None => problem,
            },
            ErrorCode::NotTogether => problem.with("sideBySide", json!(limit)),
            ErrorCode::QuotaKept => problem.with("available", json!(limit)),
            ErrorCode::OrderLimitExceeded => problem.with("maxPlacesPerOrder", json!(limit)),
            ErrorCode::HeldLimitExceeded => problem.with("maxHeldPlaces", json!(limit)),
            ErrorCode::TooManyLapsedHolds => problem.with("maxLapsedHolds", json!(limit)),
            ErrorCode::ChannelFull => problem.with("maxPlaces", json!(limit)),
            ErrorCode::AccessCodeUsedUp | ErrorCode::PromotionUsedUp => {
                problem.with("maxUses", json!(limit))
            }
            _ => problem,
        }
    }
}

/// Whether the words of a refusal are the name of a channel or a code, and nothing else.
const fn names(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ChannelNotFound
            | ErrorCode::ChannelExists
            | ErrorCode::ChannelClosed
            | ErrorCode::CodeExists
            | ErrorCode::AccessCodeUnknown
            | ErrorCode::PromotionUnknown
            | ErrorCode::PromotionNotNow
            | ErrorCode::PromotionDoesNotFit
    )
}

/// What to say of a refusal that came without words.
fn sentence(code: ErrorCode, limit: u64) -> String {
    match code {
        ErrorCode::SeatTaken => "the seats named in seatIds are held or sold".to_owned(),
        ErrorCode::SeatUnknown => "the event has no seats with the ids in seatIds".to_owned(),
        ErrorCode::SaleNotOpen => format!("the sale opens at {}", time::rfc3339(limit)),
        ErrorCode::SaleClosed if limit != 0 => {
            format!("the sale closed at {}", time::rfc3339(limit))
        }
        ErrorCode::LimitExceeded => format!("one user may have {limit} seats of this event"),
        ErrorCode::NotEnoughSeats => format!("{limit} seats of the wanted kind are free"),
        ErrorCode::PlaceUnknown => format!("the booking has no place {limit}"),
        ErrorCode::ExchangeDearer => {
            "the other places cost more than those that are given up, by `difference`".to_owned()
        }
        ErrorCode::TicketPassedOn => {
            format!("another user has the ticket of place {limit}, and no place comes for it")
        }
        ErrorCode::TicketRedeemed => format!("the ticket of place {limit} was used"),
        ErrorCode::NotTogether => format!("{limit} seats can be had side by side"),
        ErrorCode::SeatKept => "the seats named in seatIds are kept for others".to_owned(),
        ErrorCode::SingleSeatLeft => {
            "the seats named in seatIds would each be left alone".to_owned()
        }
        ErrorCode::QuotaKept => {
            format!("{limit} places are left of those that are not kept for others")
        }
        ErrorCode::OrderLimitExceeded => format!("one order may have {limit} places"),
        ErrorCode::HeldLimitExceeded => {
            format!("one user may have {limit} places on hold at one time")
        }
        ErrorCode::TooManyLapsedHolds => format!("{limit} holds of one user may end unpaid"),
        ErrorCode::ChannelFull => format!("{limit} places may be sold with such a code"),
        ErrorCode::AccessCodeUsedUp => format!("{limit} bookings may have the access code"),
        ErrorCode::PromotionUsedUp => format!("{limit} bookings may have the promotion"),
        ErrorCode::PromotionDoesNotFit => {
            format!("a booking needs {limit} of the places that the promotion is for")
        }
        ErrorCode::IdempotencyKeyReused => {
            "this Idempotency-Key was used for a request with another body".to_owned()
        }
        code => {
            let title = code.title();
            let mut letters = title.chars();
            let first = letters.next().map(|letter| letter.to_lowercase().to_string());
            first.unwrap_or_default() + letters.as_str()
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::refused(refusal, None),
            Error::Unknown => Self::new(
                ErrorCode::UnknownOutcome,
                "the request was sent to the cluster and its outcome is not known; \
                 send it again with the same Idempotency-Key to learn it",
            ),
            Error::Unavailable { reason } if reason.contains("overloaded") => {
                Self::new(ErrorCode::Overloaded, "the cluster is too busy; nothing was changed")
            }
            Error::Unavailable { reason } => {
                tracing::warn!(reason, "the cluster can't answer");
                Self::new(
                    ErrorCode::Unavailable,
                    "the cluster can't answer now; nothing was changed",
                )
            }
        }
    }
}

impl Problem {
    /// As RFC 9457 writes it.
    pub(crate) fn document(&self) -> Value {
        let mut body = Map::new();
        body.insert("type".to_owned(), json!(format!("urn:rowlock:problem:{}", self.code)));
        body.insert("title".to_owned(), json!(self.code.title()));
        body.insert("status".to_owned(), json!(self.status().as_u16()));
        body.insert("detail".to_owned(), json!(self.detail));
        body.insert("code".to_owned(), json!(self.code.as_str()));
        body.extend(self.extras.clone());
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, self.document().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"rowlock\""),
            );
        }
        response
    }
}
