//! Tickets for Google Wallet: a link by which a phone saves the ticket.
//!
//! The link has all of the ticket in it, signed by the organiser's service account (RS256), so nothing is
//! asked of Google beforehand. An event is a class and a ticket an object, named by our own ids below the
//! organiser's issuer number; a ticket that changed hands is another object.

use std::path::Path;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::printed::Printed;

const SAVE_URL: &str = "https://pay.google.com/gp/v/save/";
const ISSUER_DIGITS_MAX: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read the service account's key file")]
    Read(#[from] std::io::Error),
    #[error("the service account's key file is not the JSON that Google gives out")]
    Form(#[from] serde_json::Error),
    #[error("the service account's key can't be used")]
    Key(#[from] jsonwebtoken::errors::Error),
    #[error("an issuer is a number such as 3388000000012345678")]
    Issuer,
}

/// What of Google's key file is needed.
#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key_id: String,
    private_key: String,
}

/// Signs links.
pub struct Wallet {
    key: EncodingKey,
    key_id: String,
    account: String,
    issuer: String,
    /// Where this server is seen from outside.
    origin: String,
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wallet").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// What a ticket is of, besides what stands on it.
#[derive(Debug)]
pub(crate) struct Visit<'a> {
    pub(crate) event: String,
    /// RFC 3339.
    pub(crate) starts: String,
    pub(crate) version: u32,
    pub(crate) printed: &'a Printed,
}

fn localized(text: &str) -> Value {
    json!({"defaultValue": {"language": "en-US", "value": text}})
}

impl Wallet {
    pub fn open(file: &Path, issuer: &str, origin: &str) -> Result<Self, Error> {
        Self::new(&std::fs::read_to_string(file)?, issuer, origin)
    }

    fn new(account: &str, issuer: &str, origin: &str) -> Result<Self, Error> {
        let digits = issuer.bytes().all(|byte| byte.is_ascii_digit());
        if issuer.is_empty() || issuer.len() > ISSUER_DIGITS_MAX || !digits {
            return Err(Error::Issuer);
        }
        let account: ServiceAccount = serde_json::from_str(account)?;
        Ok(Self {
            key: EncodingKey::from_rsa_pem(account.private_key.as_bytes())?,
            key_id: account.private_key_id,
            account: account.client_email,
            issuer: issuer.to_owned(),
            origin: origin.to_owned(),
        })
    }

    /// The link that saves a ticket.
    pub(crate) fn link(&self, visit: &Visit<'_>, now_s: u64) -> Result<String, Error> {
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::RS256) };
        let claims = json!({
            "iss": self.account,
            "aud": "google",
            "typ": "savetowallet",
            "iat": now_s,
            "origins": [self.origin],
            "payload": self.payload(visit),
        });
        let token = jsonwebtoken::encode(&header, &claims, &self.key)?;
        Ok(format!("{SAVE_URL}{token}"))
    }

    fn payload(&self, visit: &Visit<'_>) -> Value {
        let printed = visit.printed;
        let class = format!("{}.{}", self.issuer, visit.event);
        let mut seat = json!({"section": localized(&printed.section)});
        if !printed.row.is_empty() {
            seat["row"] = localized(&printed.row);
        }
        if !printed.seat.is_empty() {
            seat["seat"] = localized(&printed.seat);
        }
        json!({
            "eventTicketClasses": [{
                "id": class,
                "issuerName": "Rowlock",
                "reviewStatus": "UNDER_REVIEW",
                "eventName": localized(&printed.event),
                "venue": {"name": localized(&printed.venue), "address": localized(&printed.city)},
                "dateTime": {"start": visit.starts},
            }],
            "eventTicketObjects": [{
                "id": format!("{}.{}.{}", self.issuer, printed.ticket, visit.version),
                "classId": class,
                "state": "ACTIVE",
                "ticketNumber": printed.ticket,
                "reservationInfo": {"confirmationCode": printed.reference},
                "seatInfo": seat,
                "barcode": {
                    "type": "QR_CODE",
                    "value": printed.code,
                    "alternateText": printed.reference,
                },
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};

    use super::*;

    /// A key of tests, made for them.
    const KEY: &str = include_str!("../../tests/fixtures/wallet-test-key.pem");
    const PUBLIC: &str = include_str!("../../tests/fixtures/wallet-test-key.pub.pem");

    fn account() -> String {
        json!({"client_email": "wallet@example.org", "private_key_id": "k1", "private_key": KEY})
            .to_string()
    }

    fn printed() -> Printed {
        Printed {
            event: "Ariadne".to_owned(),
            when: String::new(),
            venue: "Opera".to_owned(),
            city: "Wien".to_owned(),
            section: "Balcony".to_owned(),
            row: "C".to_owned(),
            seat: "12".to_owned(),
            reference: "BKG-7".to_owned(),
            ticket: "tkt-1".to_owned(),
            code: "RWL1.a.b".to_owned(),
            test: false,
        }
    }

    #[test]
    fn a_link_has_the_whole_ticket_signed() {
        let wallet =
            Wallet::new(&account(), "3388000000012345678", "https://shop.example").unwrap();
        let (event, starts) = ("evt-1".to_owned(), "2026-11-24T19:30:00Z".to_owned());
        let visit = Visit { event, starts, version: 2, printed: &printed() };
        let link = wallet.link(&visit, 1_800_000_000).unwrap();
        let token = link.strip_prefix(SAVE_URL).unwrap();
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_audience(&["google"]);
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        let public = DecodingKey::from_rsa_pem(PUBLIC.as_bytes()).unwrap();
        let read = jsonwebtoken::decode::<Value>(token, &public, &rules).unwrap();
        assert_eq!(read.header.kid.as_deref(), Some("k1"));
        let object = &read.claims["payload"]["eventTicketObjects"][0];
        assert_eq!(object["id"], "3388000000012345678.tkt-1.2");
        assert_eq!(object["classId"], "3388000000012345678.evt-1");
        assert_eq!(object["barcode"]["value"], "RWL1.a.b");
        assert_eq!(object["seatInfo"]["row"]["defaultValue"]["value"], "C");
        let class = &read.claims["payload"]["eventTicketClasses"][0];
        assert_eq!(class["dateTime"]["start"], "2026-11-24T19:30:00Z");
        assert_eq!(read.claims["origins"], json!(["https://shop.example"]));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let origin = "https://shop.example";
        assert!(matches!(Wallet::new("{}", "1", origin).unwrap_err(), Error::Form(_)));
        assert!(matches!(Wallet::new(&account(), "shop", origin).unwrap_err(), Error::Issuer));
        let broken = json!({"client_email": "a", "private_key_id": "b", "private_key": "c"});
        assert!(matches!(
            Wallet::new(&broken.to_string(), "1", origin).unwrap_err(),
            Error::Key(_)
        ));
    }
}
