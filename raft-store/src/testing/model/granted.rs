//! A sale as it was when it was granted: what a repeat of its request is answered with.

use super::*;

pub(super) fn as_granted(sale: &Sale) -> Sale {
    Sale {
        standing: Standing::Held,
        payment_until_ms: 0,
        attempt: 0,
        intent: String::new(),
        confirmed_ms: 0,
        declined: String::new(),
        begun_key: 0,
        gone: BTreeSet::new(),
        expires_ms: if sale.extended_from_ms == 0 {
            sale.expires_ms
        } else {
            sale.extended_from_ms
        },
        extended_from_ms: 0,
        back: Vec::new(),
        passes: BTreeMap::new(),
        doors: AtDoors::default(),
        till: Till::default(),
        moves: Moves::default(),
        bill: Bill { deal: None, ..sale.bill.clone() },
        ..sale.clone()
    }
}
