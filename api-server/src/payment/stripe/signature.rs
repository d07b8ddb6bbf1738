//! Whether a webhook comes from Stripe: the `Stripe-Signature` header. Pure.
//!
//! ```text
//! t=1700000000,v1=<hex of HMAC-SHA256(secret, "1700000000." + body)>,v1=…
//! ```
//!
//! Several secrets may be valid at once, and a header may carry several signatures, so that secrets can
//! be changed. A header that is older than the tolerance is refused: what was overheard can't be sent
//! again later, and within the tolerance a replay changes nothing, since an event only says where to
//! look.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// How far the signer's clock and ours may be apart, and how late a delivery may be.
pub const TOLERANCE_S: u64 = 300;
/// Signatures of one header that are looked at.
const SIGNATURES_MAX: usize = 8;
pub const SECRETS_MAX: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the Stripe-Signature header can't be read")]
    Unreadable,
    #[error("the signature is not of our secrets")]
    Wrong,
    #[error("the signature is too old, or from the future")]
    NotNow,
}

/// Whether `header` signs `body` with one of `secrets`, about now.
pub fn check(secrets: &[Secret], header: &str, body: &[u8], now_s: u64) -> Result<(), Refused> {
    let mut at = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) if at.is_none() => at = Some(value),
            Some(("v1", value)) if signatures.len() < SIGNATURES_MAX => {
                signatures.push(hex::decode(value).map_err(|_| Refused::Unreadable)?);
            }
            // Other schemes, such as `v0`, prove nothing.
            Some(_) => {}
            None => return Err(Refused::Unreadable),
        }
    }
    let at = at.ok_or(Refused::Unreadable)?;
    let at_s: u64 = at.parse().map_err(|_| Refused::Unreadable)?;
    if signatures.is_empty() {
        return Err(Refused::Unreadable);
    }
    let signed = secrets.iter().take(SECRETS_MAX).any(|secret| {
        signatures.iter().any(|signature| {
            // A key may have any length.
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else {
                return false;
            };
            mac.update(at.as_bytes());
            mac.update(b".");
            mac.update(body);
            // In constant time.
            mac.verify_slice(signature).is_ok()
        })
    });
    if !signed {
        return Err(Refused::Wrong);
    }
    if at_s.abs_diff(now_s) > TOLERANCE_S {
        return Err(Refused::NotNow);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn sign(secret: &str, at: u64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(at.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    fn secrets() -> Vec<Secret> {
        vec![Secret::new("new"), Secret::new("old")]
    }

    fn verdict(header: &str) -> Result<(), Refused> {
        check(&secrets(), header, BODY, NOW)
    }

    #[test]
    fn a_signature_of_any_secret_that_is_valid_is_taken() {
        for secret in ["new", "old"] {
            let good = format!("t={NOW},v1={}", sign(secret, NOW, BODY));
            assert_eq!(verdict(&good), Ok(()));
        }
        let both = format!("t={NOW},v1={},v1={}", sign("other", NOW, BODY), sign("new", NOW, BODY));
        assert_eq!(verdict(&both), Ok(()));
        let other = format!("t={NOW},v1={}", sign("other", NOW, BODY));
        assert_eq!(verdict(&other), Err(Refused::Wrong));
        assert_eq!(check(&[], &both, BODY, NOW), Err(Refused::Wrong));
    }

    #[test]
    fn another_body_time_or_scheme_is_refused() {
        let good = sign("new", NOW, BODY);
        let header = format!("t={NOW},v1={good}");
        assert_eq!(check(&secrets(), &header, b"{}", NOW), Err(Refused::Wrong));
        assert_eq!(verdict(&format!("t={},v1={good}", NOW + 1)), Err(Refused::Wrong));
        assert_eq!(verdict(&format!("t={NOW},v0={good}")), Err(Refused::Unreadable));
    }

    #[test]
    fn what_is_not_of_now_is_refused() {
        let header = format!("t={NOW},v1={}", sign("new", NOW, BODY));
        let at = |now| check(&secrets(), &header, BODY, now);
        assert_eq!(at(NOW + TOLERANCE_S), Ok(()));
        assert_eq!(at(NOW - TOLERANCE_S), Ok(()));
        assert_eq!(at(NOW + TOLERANCE_S + 1), Err(Refused::NotNow));
        assert_eq!(at(NOW - TOLERANCE_S - 1), Err(Refused::NotNow));
    }

    #[test]
    fn nonsense_is_refused() {
        for header in ["", "t", "t=,v1=", "t=x,v1=00", "v1=00", "t=1", "t=1,v1=zz", ",,,="] {
            assert_eq!(verdict(header), Err(Refused::Unreadable), "{header}");
        }
    }
}
