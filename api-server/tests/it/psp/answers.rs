//! What the provider's HTTP API answers, and what becomes of its books.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::{API_KEY, Books, Fault, Psp, PspIntent, PspRefund, Status};

type Told = (u16, Value);
type Fields = BTreeMap<String, String>;

pub(super) fn router(psp: Psp) -> Router {
    Router::new()
        .route("/v1/payment_intents", post(create))
        .route("/v1/payment_intents/{id}", get(read))
        .route("/v1/payment_intents/{id}/{deed}", post(act))
        .route("/v1/refunds", post(refund).get(refunds))
        .route("/v1/disputes/{id}", get(dispute))
        .with_state(psp)
}

fn fields(text: &str) -> Fields {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn metadata(fields: &Fields) -> Fields {
    let inner = |name: &str| Some(name.strip_prefix("metadata[")?.strip_suffix(']')?.to_owned());
    fields.iter().filter_map(|(name, value)| Some((inner(name)?, value.clone()))).collect()
}

impl Psp {
    /// Answers a call, unless something goes wrong with it.
    async fn answer(
        &self,
        deed: &str,
        headers: &HeaderMap,
        act: impl FnOnce(&mut Books) -> Told,
    ) -> Response {
        if headers.get("authorization").and_then(|value| value.to_str().ok())
            != Some(format!("Bearer {API_KEY}").as_str())
        {
            return told(error(401, "invalid_request_error", "api_key", None));
        }
        let fault = self.books(|books| {
            books.calls += 1;
            if books.down {
                return Some(Fault::Broken);
            }
            let at = books.faults.iter().position(|(of, _)| *of == deed)?;
            books.faults.remove(at).map(|(_, fault)| fault)
        });
        match fault {
            None => told(self.books(act)),
            Some(Fault::Lost) => broken_off(),
            Some(Fault::Broken) => told(error(500, "api_error", "broken", None)),
            Some(Fault::DoneUnanswered) => {
                drop(self.books(act));
                broken_off()
            }
            Some(Fault::DoneHung) => {
                drop(self.books(act));
                std::future::pending().await
            }
        }
    }
}

fn told((status, body): Told) -> Response {
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

/// An answer that breaks off in the middle.
fn broken_off() -> Response {
    let torn = futures_util::stream::iter([
        Ok(Bytes::from_static(b"{\"id\": \"pi_")),
        Err(std::io::Error::other("the connection breaks")),
    ]);
    Body::from_stream(torn).into_response()
}

fn error(status: u16, kind: &str, code: &str, param: Option<&str>) -> Told {
    (status, json!({"error": {"type": kind, "code": code, "param": param, "message": "no"}}))
}

impl PspIntent {
    fn show(&self) -> Value {
        let status = match self.status {
            Status::RequiresPaymentMethod => "requires_payment_method",
            Status::RequiresConfirmation => "requires_confirmation",
            Status::RequiresAction => "requires_action",
            Status::RequiresCapture => "requires_capture",
            Status::Succeeded => "succeeded",
            Status::Canceled => "canceled",
        };
        let redirect = self.return_url.as_ref().map(|back| {
            json!({"type": "redirect_to_url", "redirect_to_url":
                {"url": format!("https://bank.example/{}", self.id), "return_url": back}})
        });
        let sdk = json!({"type": "use_stripe_sdk", "use_stripe_sdk": {}});
        let action = (self.status == Status::RequiresAction).then(|| redirect.unwrap_or(sdk));
        let failure = self.error.map(
            |code| json!({"type": "card_error", "code": "card_declined", "decline_code": code}),
        );
        json!({
            "id": self.id, "object": "payment_intent", "status": status, "amount": self.amount,
            "currency": self.currency, "metadata": self.metadata, "payment_method": "pm_1",
            "client_secret": format!("{}_secret", self.id), "next_action": action,
            "last_payment_error": failure, "latest_charge": "ch_1",
        })
    }
}

impl Books {
    pub(super) fn event(&mut self, kind: &str, object: Value) {
        let id = format!("evt_{}", self.events.len());
        self.events
            .push(json!({"id": id, "object": "event", "type": kind, "data": {"object": object}}));
    }

    pub(super) fn refunded(&self, intent: &str) -> u64 {
        let of = self.refunds.iter().filter(|refund| refund.intent == intent);
        of.filter(|refund| refund.status == "succeeded").map(|refund| refund.amount).sum()
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.intents.iter().position(|intent| intent.id == id)
    }

    /// The same key has the same answer; for another request it is refused.
    fn keyed(
        &mut self,
        key: Option<&str>,
        request: &str,
        act: impl FnOnce(&mut Self) -> Told,
    ) -> Told {
        let Some(key) = key else { return act(self) };
        if let Some((before, status, body)) = self.keys.get(key) {
            if before != request {
                return error(400, "idempotency_error", "idempotency", None);
            }
            return (*status, body.clone());
        }
        let (status, body) = act(self);
        self.keys.insert(key.to_owned(), (request.to_owned(), status, body.clone()));
        (status, body)
    }

    fn create(&mut self, fields: &Fields) -> Told {
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let method = field("payment_method");
        if method.contains("Unknown") {
            return error(404, "invalid_request_error", "resource_missing", Some("payment_method"));
        }
        let intent = PspIntent {
            id: format!("pi_{}", self.intents.len()),
            status: Status::RequiresConfirmation,
            amount: field("amount").parse().unwrap(),
            currency: field("currency"),
            method,
            manual: field("capture_method") == "manual",
            metadata: metadata(fields),
            return_url: None,
            error: None,
        };
        let shown = intent.show();
        self.intents.push(intent);
        (200, shown)
    }

    fn change(&mut self, number: usize, status: Status) {
        self.intents[number].status = status;
        let shown = self.intents[number].show();
        let kind = match status {
            Status::RequiresPaymentMethod => "payment_intent.payment_failed",
            Status::RequiresConfirmation => "payment_intent.created",
            Status::RequiresAction => "payment_intent.requires_action",
            Status::RequiresCapture => "payment_intent.amount_capturable_updated",
            Status::Succeeded => "payment_intent.succeeded",
            Status::Canceled => "payment_intent.canceled",
        };
        self.event(kind, shown);
    }

    fn charge(&mut self, number: usize) {
        let intent = &mut self.intents[number];
        let error = match intent.method.as_str() {
            method if method.contains("InsufficientFunds") => Some("insufficient_funds"),
            method if method.contains("Declined") => Some("generic_decline"),
            _ => None,
        };
        intent.error = error;
        let status = match (error, intent.manual) {
            (Some(_), _) => Status::RequiresPaymentMethod,
            (None, true) => Status::RequiresCapture,
            (None, false) => Status::Succeeded,
        };
        self.change(number, status);
    }

    pub(super) fn authenticated(&mut self, number: usize, done: bool) {
        if done {
            self.charge(number);
        } else {
            self.intents[number].error = Some("payment_intent_authentication_failure");
            self.change(number, Status::RequiresPaymentMethod);
        }
    }

    pub(super) fn by_hand(&mut self, booking: &str, amount: u64) -> String {
        let id = format!("pi_{}", self.intents.len());
        self.intents.push(PspIntent {
            id: id.clone(),
            status: Status::RequiresConfirmation,
            amount,
            currency: "usd".to_owned(),
            method: "pm_card_visa".to_owned(),
            manual: false,
            metadata: [("rowlock_booking".to_owned(), booking.to_owned())].into(),
            return_url: None,
            error: None,
        });
        self.charge(self.intents.len() - 1);
        id
    }

    fn act(&mut self, number: usize, deed: &str, fields: &Fields) -> Told {
        let status = self.intents[number].status;
        match (deed, status) {
            // A declined intent can be confirmed again: whoever comes late charges after all.
            ("confirm", Status::RequiresConfirmation | Status::RequiresPaymentMethod) => {
                self.intents[number].return_url = fields.get("return_url").cloned();
                if self.intents[number].method.contains("threeDSecure") {
                    self.change(number, Status::RequiresAction);
                } else {
                    self.charge(number);
                }
            }
            ("capture", Status::RequiresCapture) => self.change(number, Status::Succeeded),
            (
                "cancel",
                Status::RequiresPaymentMethod
                | Status::RequiresConfirmation
                | Status::RequiresAction
                | Status::RequiresCapture,
            ) => self.change(number, Status::Canceled),
            _ => {
                let code = "payment_intent_unexpected_state";
                return error(400, "invalid_request_error", code, None);
            }
        }
        let intent = &self.intents[number];
        if intent.status == Status::RequiresPaymentMethod {
            let (_, mut body) = error(402, "card_error", "card_declined", None);
            body["error"]["decline_code"] = json!(intent.error);
            body["error"]["payment_intent"] = intent.show();
            return (402, body);
        }
        (200, intent.show())
    }

    pub(super) fn pay_back(&mut self, intent: &str, amount: u64, metadata: Fields) -> Value {
        let id = format!("re_{}", self.refunds.len());
        let status = "succeeded";
        let shown = json!({"id": id, "object": "refund", "amount": amount, "currency": "usd", "status": status,
            "payment_intent": intent, "metadata": metadata});
        let intent = intent.to_owned();
        self.event("charge.refunded", json!({"id": "ch_1", "payment_intent": intent}));
        self.refunds.push(PspRefund { id, intent, amount, status, metadata });
        shown
    }

    fn refund(&mut self, fields: &Fields) -> Told {
        let of = fields.get("payment_intent").cloned().unwrap_or_default();
        let Some(number) = self.find(&of) else {
            return error(404, "invalid_request_error", "resource_missing", None);
        };
        let charged = match self.intents[number].status {
            Status::Succeeded => self.intents[number].amount,
            _ => 0,
        };
        let left = charged - self.refunded(&of);
        let amount = fields.get("amount").map_or(left, |amount| amount.parse().unwrap());
        if amount > left || amount == 0 {
            return error(400, "invalid_request_error", "charge_already_refunded", None);
        }
        (200, self.pay_back(&of, amount, metadata(fields)))
    }
}

async fn create(State(psp): State<Psp>, headers: HeaderMap, body: String) -> Response {
    let key = headers.get("idempotency-key").map(|key| key.to_str().unwrap());
    psp.answer("create", &headers, |books| {
        books.keyed(key, &body, |books| books.create(&fields(&body)))
    })
    .await
}

async fn read(State(psp): State<Psp>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    psp.answer("read", &headers, |books| match books.find(&id) {
        Some(number) => (200, books.intents[number].show()),
        None => error(404, "invalid_request_error", "resource_missing", None),
    })
    .await
}

async fn act(
    State(psp): State<Psp>,
    headers: HeaderMap,
    Path((id, deed)): Path<(String, String)>,
    body: String,
) -> Response {
    psp.answer(&deed, &headers, |books| match books.find(&id) {
        Some(number) => books.act(number, &deed, &fields(&body)),
        None => error(404, "invalid_request_error", "resource_missing", None),
    })
    .await
}

async fn refund(State(psp): State<Psp>, headers: HeaderMap, body: String) -> Response {
    let key = headers.get("idempotency-key").map(|key| key.to_str().unwrap());
    psp.answer("refund", &headers, |books| {
        books.keyed(key, &body, |books| books.refund(&fields(&body)))
    })
    .await
}

async fn refunds(State(psp): State<Psp>, headers: HeaderMap, query: RawQuery) -> Response {
    let of = fields(&query.0.unwrap_or_default()).remove("payment_intent").unwrap_or_default();
    psp.answer("refunds", &headers, |books| {
        let found = books.refunds.iter().filter(|refund| refund.intent == of);
        let shown: Vec<_> = found
            .map(|refund| {
                json!({"id": refund.id, "amount": refund.amount, "currency": "usd", "status": refund.status,
                    "metadata": refund.metadata})
            })
            .collect();
        (200, json!({"object": "list", "data": shown, "has_more": false}))
    })
    .await
}

async fn dispute(State(psp): State<Psp>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    psp.answer("dispute", &headers, |books| match books.disputes.get(&id) {
        Some(dispute) => (200, dispute.clone()),
        None => error(404, "invalid_request_error", "resource_missing", None),
    })
    .await
}
