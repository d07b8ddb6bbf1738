//! Secrets that users carry: refresh tokens, keys of programs, and what links in letters end in. The cluster knows their
//! hashes only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rowlock_client::accounts::SecretHash;
use rowlock_proto::UserId;
use sha2::{Digest, Sha256};

const REFRESH_PREFIX: &str = "rwr1.";
const LETTER_PREFIX: &str = "rwl1.";
pub(crate) const API_KEY_PREFIX: &str = "rwk1.";

pub(crate) fn hash(secret: &[u8; 32]) -> SecretHash {
    Sha256::digest(secret).into()
}

/// `rwr1.` and, in base64url, the user, the session and the secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub(crate) user: UserId,
    pub(crate) session: u128,
    pub(crate) secret: [u8; 32],
}

/// `rwl1.` and, in base64url, the user and the secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LetterToken {
    pub(crate) user: UserId,
    pub(crate) secret: [u8; 32],
}

/// `rwk1.` and, in base64url, the user, the key's number and the secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ApiKeyToken {
    pub(crate) user: UserId,
    pub(crate) key: u128,
    pub(crate) secret: [u8; 32],
}

fn decode<const N: usize>(text: &str, prefix: &str) -> Option<[u8; N]> {
    let body = text.strip_prefix(prefix).filter(|body| body.len() < 2 * N)?;
    URL_SAFE_NO_PAD.decode(body).ok()?.try_into().ok()
}

impl RefreshToken {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 64] = decode(text, REFRESH_PREFIX)?;
        let (user, rest) = bytes.split_first_chunk::<16>()?;
        let (session, secret) = rest.split_first_chunk::<16>()?;
        Some(Self {
            user: UserId::from_bytes(*user),
            session: u128::from_be_bytes(*session),
            secret: secret.try_into().ok()?,
        })
    }

    pub(crate) fn text(&self) -> String {
        let mut bytes = self.user.to_bytes().to_vec();
        bytes.extend_from_slice(&self.session.to_be_bytes());
        bytes.extend_from_slice(&self.secret);
        format!("{REFRESH_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl ApiKeyToken {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 64] = decode(text, API_KEY_PREFIX)?;
        let (user, rest) = bytes.split_first_chunk::<16>()?;
        let (key, secret) = rest.split_first_chunk::<16>()?;
        Some(Self {
            user: UserId::from_bytes(*user),
            key: u128::from_be_bytes(*key),
            secret: secret.try_into().ok()?,
        })
    }

    pub(crate) fn text(&self) -> String {
        let mut bytes = self.user.to_bytes().to_vec();
        bytes.extend_from_slice(&self.key.to_be_bytes());
        bytes.extend_from_slice(&self.secret);
        format!("{API_KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl LetterToken {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 48] = decode(text, LETTER_PREFIX)?;
        let (user, secret) = bytes.split_first_chunk::<16>()?;
        Some(Self { user: UserId::from_bytes(*user), secret: secret.try_into().ok()? })
    }

    pub(crate) fn text(&self) -> String {
        let mut bytes = self.user.to_bytes().to_vec();
        bytes.extend_from_slice(&self.secret);
        format!("{LETTER_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let token = RefreshToken { user: UserId(5), session: 7, secret: [9; 32] };
        let text = token.text();
        assert!(RefreshToken::parse(&text).is_some_and(|read| read == token));
        let letter = LetterToken { user: UserId(5), secret: [9; 32] };
        assert!(LetterToken::parse(&letter.text()).is_some_and(|read| read == letter));
        assert!(LetterToken::parse(&text).is_none());
        let key = ApiKeyToken { user: UserId(5), key: 7, secret: [9; 32] };
        assert!(ApiKeyToken::parse(&key.text()).is_some_and(|read| read == key));
        assert!(ApiKeyToken::parse(&text).is_none());
        for wrong in ["", "rwr1.", "rwr1.AAAA", &text[..text.len() - 1], &format!("{text}A")] {
            assert!(RefreshToken::parse(wrong).is_none(), "{wrong}");
        }
        assert!(RefreshToken::parse(&format!("rwr1.{}", "A".repeat(1 << 20))).is_none());
    }
}
