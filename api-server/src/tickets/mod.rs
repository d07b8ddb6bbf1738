//! Tickets: what a door reads, signed, so that it can be checked without a network.
//!
//! ```text
//! RWL1.<payload>.<signature>            each base64url, no padding; of a ticket in its first hands
//! RWL2.<payload><version:4>.<signature> of one that was passed on `version` times
//! payload = ticket:16 event:16 seat:4 flags:1 kid:8     flag 1: paid in the sandbox
//! ```
//!
//! The seat of a place in an area is [`NO_SEAT`]. The signature is Ed25519 over all that stands before
//! it, by the key that `kid` names. The same ticket in the same hands has the same bytes as long as one
//! key signs; what an older key has signed stays good while that key is kept.

pub(crate) mod calendar;
pub(crate) mod grid;
pub(crate) mod paper;
mod picture;
pub(crate) mod printed;
pub mod wallet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rowlock_proto::{EventId, TicketId};
use serde_json::{Value, json};

use self::grid::Grid;
use crate::auth::keys;

const HEAD: &str = "RWL1";
const HEAD_PASSED_ON: &str = "RWL2";
const PAYLOAD_BYTES: usize = 45;
const VERSION_BYTES: usize = 4;
const FLAG_TEST: u8 = 1;
/// Stands for the seat of a place in an area.
pub const NO_SEAT: u32 = u32::MAX;

/// What a ticket's code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stub {
    pub ticket: TicketId,
    pub event: EventId,
    pub seat: u32,
    /// How often the ticket changed hands: codes from before are good no more.
    pub version: u32,
    /// Paid with play money: good for no door.
    pub test: bool,
}

type Kid = [u8; 8];

/// Signs tickets, and reads what it or its older keys have signed.
pub struct Signer {
    key: SigningKey,
    kid: Kid,
    /// The first is that of `key`.
    public: Vec<(Kid, VerifyingKey)>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &hex::encode(self.kid)).finish_non_exhaustive()
    }
}

impl Signer {
    pub fn new(key: SigningKey) -> Self {
        Self::with_older(key, &[])
    }

    /// Signs with `key`; codes that one of `older` has signed are good too.
    pub fn with_older(key: SigningKey, older: &[SigningKey]) -> Self {
        let all = std::iter::once(&key).chain(older);
        let public = all.map(|it| (keys::id(it), it.verifying_key())).collect();
        Self { kid: keys::id(&key), key, public }
    }

    /// The text of the ticket's code.
    pub fn code(&self, stub: &Stub) -> String {
        let mut payload = Vec::with_capacity(PAYLOAD_BYTES + VERSION_BYTES);
        payload.extend_from_slice(&stub.ticket.to_bytes());
        payload.extend_from_slice(&stub.event.to_bytes());
        payload.extend_from_slice(&stub.seat.to_be_bytes());
        payload.push(if stub.test { FLAG_TEST } else { 0 });
        payload.extend_from_slice(&self.kid);
        let head = if stub.version == 0 {
            HEAD
        } else {
            payload.extend_from_slice(&stub.version.to_be_bytes());
            HEAD_PASSED_ON
        };
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(payload));
        let signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// What a code says, if one of our keys has signed it.
    pub(crate) fn read(&self, code: &str) -> Option<Stub> {
        let signed_by = keyed(code)?;
        let (_, key) = self.public.iter().find(|(kid, _)| *kid == signed_by)?;
        read(code, key)
    }

    /// The code as a picture: `data:image/png;base64,…`.
    pub(crate) fn picture(&self, stub: &Stub) -> String {
        match png(&self.code(stub)) {
            Ok(bytes) => format!("data:image/png;base64,{}", STANDARD.encode(bytes)),
            Err(error) => {
                tracing::error!(%error, "draw a ticket's code");
                String::new()
            }
        }
    }

    pub fn public(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// The keys that a door needs to check codes by itself, as RFC 7517 and RFC 8037 write them.
    pub(crate) fn jwks(&self) -> Value {
        let key = |(kid, key): &(Kid, VerifyingKey)| keys::jwk(&hex::encode(kid), key.as_bytes());
        json!({"keys": self.public.iter().map(key).collect::<Vec<_>>()})
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Undrawn {
    #[error("the code does not fit")]
    Code(#[from] qrcode::types::QrError),
    #[error("the picture can't be written")]
    Png(#[from] ::png::EncodingError),
}

/// A code as a PNG.
pub(crate) fn png(code: &str) -> Result<Vec<u8>, Undrawn> {
    Ok(picture::png(&Grid::of(code)?)?)
}

/// A code as an SVG.
pub(crate) fn svg(code: &str) -> Result<String, Undrawn> {
    Ok(picture::svg(&Grid::of(code)?))
}

/// Which key a code says that it was signed by.
fn keyed(code: &str) -> Option<Kid> {
    let payload = URL_SAFE_NO_PAD.decode(code.split('.').nth(1)?).ok()?;
    payload.get(37..PAYLOAD_BYTES)?.try_into().ok()
}

/// What a code says, if `key` has signed it: what a door does.
pub fn read(code: &str, key: &VerifyingKey) -> Option<Stub> {
    let (signed, signature) = code.rsplit_once('.')?;
    let (head, payload) = signed.split_once('.')?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    key.verify_strict(signed.as_bytes(), &signature).ok()?;
    let (payload, version) = payload.split_at_checked(PAYLOAD_BYTES)?;
    let version = match (head, version) {
        (HEAD, []) => 0,
        (HEAD_PASSED_ON, version) => u32::from_be_bytes(version.try_into().ok()?),
        _ => return None,
    };
    Some(Stub {
        ticket: TicketId::from_slice(&payload[..16])?,
        event: EventId::from_slice(&payload[16..32])?,
        seat: u32::from_be_bytes(payload[32..36].try_into().ok()?),
        version,
        test: payload[36] & FLAG_TEST != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_and_no_other_does() {
        let signer = Signer::new(SigningKey::from_bytes(&[3; 32]));
        let stub =
            Stub { ticket: TicketId(7), event: EventId(9), seat: 11, version: 0, test: true };
        let code = signer.code(&stub);
        assert_eq!(read(&code, &signer.public()), Some(stub));
        assert_eq!(code, signer.code(&stub));
        assert!(code.starts_with("RWL1."), "{code}");
        let passed_on = Stub { version: 3, ..stub };
        let later = signer.code(&passed_on);
        assert!(later.starts_with("RWL2."), "{later}");
        assert_eq!(read(&later, &signer.public()), Some(passed_on));
        assert_eq!(read(&later.replace("RWL2", "RWL1"), &signer.public()), None);
        let other = Signer::new(SigningKey::from_bytes(&[4; 32]));
        assert_eq!(read(&code, &other.public()), None);
        let swapped = Stub { seat: 12, ..stub };
        let forged = format!(
            "{}.{}",
            signer.code(&swapped).rsplit_once('.').unwrap().0,
            code.rsplit_once('.').unwrap().1
        );
        assert_eq!(read(&forged, &signer.public()), None);
    }

    #[test]
    fn what_an_older_key_has_signed_is_read_while_it_is_kept() {
        let (old, new) = (SigningKey::from_bytes(&[3; 32]), SigningKey::from_bytes(&[4; 32]));
        let stub =
            Stub { ticket: TicketId(7), event: EventId(9), seat: 11, version: 0, test: false };
        let code = Signer::new(old.clone()).code(&stub);
        let both = Signer::with_older(new.clone(), std::slice::from_ref(&old));
        assert_eq!(both.read(&code), Some(stub));
        assert_eq!(both.read(&both.code(&stub)), Some(stub));
        assert_ne!(both.code(&stub), code);
        assert_eq!(Signer::new(new).read(&code), None);
        let published = both.jwks();
        assert_eq!(published["keys"].as_array().unwrap().len(), 2);
        assert_eq!(published["keys"][1]["kid"], keys::name(&old));
        for odd in ["", "RWL1", "RWL1.", "RWL1..", "RWL1.AAAA.BBBB"] {
            assert_eq!(both.read(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_picture_is_a_png() {
        let signer = Signer::new(SigningKey::from_bytes(&[3; 32]));
        let stub =
            Stub { ticket: TicketId(7), event: EventId(9), seat: 11, version: 0, test: false };
        let picture = signer.picture(&stub);
        let data = STANDARD.decode(picture.strip_prefix("data:image/png;base64,").unwrap());
        assert!(data.unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    }
}
