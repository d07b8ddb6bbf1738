//! The two ways to ask for seats: the client crate, and HTTP.

use std::time::Duration;

use anyhow::Context as _;
use rowlock_client::types::{
    Best, Booking, BookingId, Cart, Confirmed, ErrorCode, EventId, SeatId, UserId,
};
use rowlock_client::{Client, Error, key, subject};
use serde_json::{Value, json};

use crate::token::{Role, TokenKey};

const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
/// The sandbox's card that is always good.
const PAYMENT_METHOD: &str = "pm_card_visa";

/// How asking for seats went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    Yes(Won),
    /// Seats that are known to be taken; empty if refused for something else.
    No(Vec<u32>),
    Unknown,
    /// Nothing was decided.
    Unavailable,
}

/// A booking that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Won {
    pub booking: BookingId,
    /// In minor units.
    pub total: u64,
    pub seats: Vec<u32>,
}

/// One caller: a user and a way.
#[derive(Clone, Debug)]
pub enum Caller {
    Client { client: Client, user: UserId },
    Http { http: reqwest::Client, base: String, token: String },
}

impl Caller {
    pub fn client(client: Client, number: usize) -> Self {
        Self::Client { client, user: subject::user_id(&format!("workload-{number}")) }
    }

    pub fn http(
        http: reqwest::Client,
        addr: &str,
        key: &TokenKey,
        number: usize,
    ) -> anyhow::Result<Self> {
        let token = key.sign(Role::Customer, &format!("workload-{number}"))?;
        Ok(Self::Http { http, base: format!("http://{addr}/api/v1"), token })
    }

    pub async fn hold(&self, event: EventId, seats: [u32; 2]) -> Held {
        match self {
            Self::Client { client, user } => {
                match client.hold(event, &seats, *user, key::request_key()).await {
                    Ok(done) => won_by(done.value),
                    Err(error) => lost(error),
                }
            }
            Self::Http { .. } => {
                let ids = seats.map(|seat| SeatId::new(event, seat).to_string());
                let body = json!({ "eventId": event.to_string(), "seatIds": ids });
                self.post_booking(event, &body).await
            }
        }
    }

    /// Asks for the best `quantity` seats together.
    pub async fn hold_best(&self, event: EventId, quantity: u32) -> Held {
        match self {
            Self::Client { client, user } => {
                let best = Some(Best { quantity, ..Best::default() });
                let cart = Cart { best, ..Cart::default() };
                match client.hold_cart(event, cart, *user, key::request_key()).await {
                    Ok(done) => won_by(done.value),
                    Err(error) => lost(error),
                }
            }
            Self::Http { .. } => {
                let best = json!({ "quantity": quantity });
                let body = json!({ "eventId": event.to_string(), "bestAvailable": best });
                self.post_booking(event, &body).await
            }
        }
    }

    async fn post_booking(&self, event: EventId, body: &Value) -> Held {
        let Self::Http { http, base, token } = self else { return Held::Unavailable };
        let request = http
            .post(format!("{base}/bookings"))
            .bearer_auth(token)
            .header("Idempotency-Key", key::request_key().to_string())
            .json(body);
        http_held(event, request.send().await).await
    }

    /// Gives the seats back.
    pub async fn release(&self, won: &Won) -> anyhow::Result<()> {
        match self {
            Self::Client { client, user } => {
                client.release(won.booking, *user, key::request_key()).await?;
            }
            Self::Http { http, base, token } => {
                let url = format!("{base}/bookings/{}", won.booking);
                http.delete(url).bearer_auth(token).send().await?.error_for_status()?;
            }
        }
        Ok(())
    }

    /// Pays for the seats.
    pub async fn confirm(&self, won: &Won) -> anyhow::Result<()> {
        match self {
            Self::Client { client, user } => {
                let begun = client
                    .begin_payment(won.booking, won.total, *user, key::request_key())
                    .await
                    .context("begin payment")?;
                let attempt = begun.value.attempt;
                let intent = format!("pi_workload_{}_{attempt}", won.booking);
                client
                    .attach_intent(won.booking, attempt, &intent, *user, key::request_key())
                    .await
                    .context("attach intent")?;
                let paid = client
                    .confirm_payment(won.booking, attempt, &intent, *user, key::request_key())
                    .await
                    .context("confirm payment")?;
                match paid.value {
                    Confirmed::Sold(_) => {}
                    Confirmed::RefundDue(_) => anyhow::bail!("a paid booking lost its seats"),
                }
            }
            Self::Http { http, base, token } => {
                let url = format!("{base}/bookings/{}/payment", won.booking);
                #[expect(clippy::cast_precision_loss, reason = "a few hundred dollars")]
                let amount = won.total as f64 / 100.0;
                let body = json!({
                    "paymentMethodId": PAYMENT_METHOD,
                    "amount": amount,
                    "currency": "USD",
                });
                let request = http
                    .post(url)
                    .bearer_auth(token)
                    .header("Idempotency-Key", key::request_key().to_string())
                    .json(&body);
                request.send().await?.error_for_status()?;
            }
        }
        Ok(())
    }
}

pub fn http_client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().timeout(HTTP_TIMEOUT).build()?)
}

fn won_by(booking: Booking) -> Held {
    Held::Yes(Won { booking: booking.id, total: booking.total, seats: booking.seats })
}

fn lost(error: Error) -> Held {
    match error {
        Error::Refused(refusal) => Held::No(refusal.seats),
        Error::Unknown => Held::Unknown,
        Error::Unavailable { .. } => Held::Unavailable,
    }
}

async fn http_held(event: EventId, response: Result<reqwest::Response, reqwest::Error>) -> Held {
    let response = match response {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Held::Unavailable,
        Err(_) => return Held::Unknown,
    };
    let status = response.status().as_u16();
    let Ok(body) = response.json::<Value>().await else { return Held::Unknown };
    match status {
        201 => won(event, &body).map_or(Held::Unknown, Held::Yes),
        400..=499 => {
            let taken = body["seatIds"].as_array().into_iter().flatten();
            Held::No(taken.filter_map(|id| seat_index(event, id)).collect())
        }
        _ if body["code"] == ErrorCode::UnknownOutcome.as_str() => Held::Unknown,
        503 => Held::Unavailable,
        _ => Held::Unknown,
    }
}

fn seat_index(event: EventId, id: &Value) -> Option<u32> {
    id.as_str()?.parse::<SeatId>().ok()?.index_in(event)
}

fn won(event: EventId, body: &Value) -> Option<Won> {
    let id = body.get("bookingId").or_else(|| body.get("id"))?;
    let amount = body.get("totalAmount").or_else(|| body.get("amount"))?.as_f64()?;
    // Decimals of a currency with two places, as the API shows them.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small amount")]
    let total = (amount * 100.0).round() as u64;
    let seats = body["seats"].as_array()?.iter().map(|seat| seat_index(event, &seat["id"]));
    let seats = seats.collect::<Option<Vec<u32>>>()?;
    Some(Won { booking: id.as_str()?.parse().ok()?, total, seats })
}
