//! What a webhook of Stripe says: where to look, and nothing more. Pure.

use serde::Deserialize;

use crate::payment::Notice;

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    payment_intent: Option<String>,
}

/// `None` if it is not an event of Stripe's.
pub(super) fn read(body: &[u8]) -> Option<Notice> {
    let Event { kind, data: Data { object } } = serde_json::from_slice(body).ok()?;
    let of = |id: Option<String>, notice: fn(String) -> Notice| id.map_or(Notice::Other, notice);
    Some(if kind.starts_with("payment_intent.") {
        of(object.id, Notice::Intent)
    } else if kind.starts_with("charge.dispute.") {
        of(object.id, Notice::Dispute)
    } else if kind == "charge.refunded" || kind.contains("refund.") {
        of(object.payment_intent, Notice::PaidBack)
    } else {
        Notice::Other
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_says_where_to_look() {
        for (kind, object, wanted) in [
            ("payment_intent.succeeded", json!({"id": "pi_1"}), Notice::Intent("pi_1".to_owned())),
            ("charge.dispute.created", json!({"id": "dp_1"}), Notice::Dispute("dp_1".to_owned())),
            (
                "charge.refunded",
                json!({"id": "ch_1", "payment_intent": "pi_1"}),
                Notice::PaidBack("pi_1".to_owned()),
            ),
            (
                "refund.failed",
                json!({"id": "re_1", "payment_intent": "pi_1"}),
                Notice::PaidBack("pi_1".to_owned()),
            ),
            ("charge.refunded", json!({"id": "ch_1"}), Notice::Other),
            ("customer.created", json!({"id": "cus_1"}), Notice::Other),
        ] {
            let body = json!({"id": "evt_1", "type": kind, "data": {"object": object}});
            assert_eq!(read(body.to_string().as_bytes()), Some(wanted), "{kind}");
        }
        for body in ["", "[]", "{}", r#"{"type":"x"}"#] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }
}
