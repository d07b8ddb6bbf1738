//! Reading a JSON body: type, size, depth, card numbers, syntax, and at last the fields, each with
//! its own answer when it is wrong.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use rowlock_proto::ErrorCode;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::numbers::whole;
use super::scan::{Cards, DEPTH_MAX, Found, scan};
use crate::problem::Problem;

pub(crate) const BODY_BYTES_MAX: usize = 64 << 10;
pub(crate) const BOOKING_BYTES_MAX: usize = 512 << 10;
pub(crate) const IMPORT_BYTES_MAX: usize = 4 << 20;
pub(crate) const VENUE_BYTES_MAX: usize = 32 << 20;
/// Of a body over its limit so much is still read, so that the sender gets to see the answer.
const DRAIN_BYTES_MAX: usize = 40 << 20;
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// A JSON body of at most `MAX` bytes.
#[derive(Debug)]
pub(crate) struct Json<T, const MAX: usize = BODY_BYTES_MAX> {
    pub(crate) value: T,
    /// SHA-256 of the bytes: tells a repeat from another request with the same key.
    pub(crate) fingerprint: [u8; 32],
}

impl<T: DeserializeOwned, S: Send + Sync, const MAX: usize> FromRequest<S> for Json<T, MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        check_type(request.headers())?;
        let bytes = read(request.into_body(), MAX).await?;
        let cards = if MAX == VENUE_BYTES_MAX { Cards::Whole } else { Cards::Within };
        let value = parse(&bytes, cards)?;
        Ok(Self { value, fingerprint: Sha256::digest(&bytes).into() })
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or("").split(';').next().unwrap_or("").trim();
    let json = essence.eq_ignore_ascii_case("application/json")
        || essence
            .to_ascii_lowercase()
            .strip_prefix("application/")
            .is_some_and(|rest| rest.ends_with("+json"));
    if json {
        Ok(())
    } else {
        Err(Problem::new(
            ErrorCode::UnsupportedMediaType,
            "the body must be sent as Content-Type: application/json",
        ))
    }
}

/// The whole body, if it is at most `max` bytes.
pub(crate) async fn read(body: Body, max: usize) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("the body ended too early"))?;
        if bytes.len() + chunk.len() > max {
            let mut seen = bytes.len() + chunk.len();
            let drain = async {
                while let Some(Ok(chunk)) = stream.next().await {
                    seen += chunk.len();
                    if seen > DRAIN_BYTES_MAX {
                        break;
                    }
                }
            };
            if tokio::time::timeout(DRAIN_TIME_MAX, drain).await.is_err() {
                tracing::debug!("a body over its limit went on for too long");
            }
            let what = format!("the body may have {max} bytes here");
            return Err(Problem::new(ErrorCode::TooLarge, what).with("maxBytes", max.into()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn parse<T: DeserializeOwned>(bytes: &[u8], cards: Cards) -> Result<T, Problem> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Problem::malformed("the body is not UTF-8"))?;
    if text.trim().is_empty() {
        return Err(Problem::malformed("the body is empty; a JSON object is expected"));
    }
    scan(text, cards).map_err(|found| match found {
        Found::TooDeep => Problem::malformed(format!("the body nests deeper than {DEPTH_MAX}")),
        Found::CardNumber => Problem::new(
            ErrorCode::CardNumberRefused,
            "the body has what looks like a card number; send a payment method's id instead",
        ),
    })?;
    let text = whole(text);
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let problem = if inner.is_data() && path != "." {
            Problem::malformed(format!("{path}: {inner}"))
        } else {
            Problem::malformed(inner.to_string())
        };
        if path == "." { problem } else { problem.with("field", path.into()) }
    })?;
    deserializer.end().map_err(|error| Problem::malformed(error.to_string()))?;
    Ok(value)
}
