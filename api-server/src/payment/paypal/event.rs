//! What PayPal tells by itself: which order there is something to see at.

use serde::Deserialize;

use crate::payment::Notice;

#[derive(Deserialize)]
struct Event {
    event_type: String,
    resource: Resource,
}

#[derive(Deserialize)]
struct Resource {
    id: Option<String>,
    supplementary_data: Option<Supplement>,
}

#[derive(Deserialize)]
struct Supplement {
    related_ids: Option<Related>,
}

#[derive(Deserialize)]
struct Related {
    order_id: Option<String>,
}

/// `None`: it is no event.
pub(super) fn read(body: &[u8]) -> Option<Notice> {
    let event: Event = serde_json::from_slice(body).ok()?;
    let related = event.resource.supplementary_data.and_then(|data| data.related_ids);
    let order = match event.event_type.split_once('.') {
        Some(("CHECKOUT", rest)) if rest.starts_with("ORDER.") => event.resource.id,
        Some(("PAYMENT", rest))
            if rest.starts_with("AUTHORIZATION.") || rest.starts_with("CAPTURE.") =>
        {
            related.and_then(|ids| ids.order_id)
        }
        _ => None,
    };
    Some(order.map_or(Notice::Other, Notice::Intent))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_names_its_order() {
        let read = |value: serde_json::Value| read(value.to_string().as_bytes());
        let approved = json!({"event_type": "CHECKOUT.ORDER.APPROVED", "resource": {"id": "5O1"}});
        assert_eq!(read(approved), Some(Notice::Intent("5O1".to_owned())));
        let captured = json!({"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": "2GG",
            "supplementary_data": {"related_ids": {"order_id": "5O1"}}}});
        assert_eq!(read(captured), Some(Notice::Intent("5O1".to_owned())));
        let other = json!({"event_type": "BILLING.PLAN.CREATED", "resource": {"id": "P-7"}});
        assert_eq!(read(other), Some(Notice::Other));
        assert_eq!(
            read(json!({"event_type": "PAYMENT.CAPTURE.DENIED", "resource": {}})),
            Some(Notice::Other)
        );
        assert_eq!(read(json!([])), None);
    }
}
