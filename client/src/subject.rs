//! Who a token's subject is.

use rowlock_proto::UserId;
use sha2::{Digest, Sha256};

const DOMAIN: &str = "rowlock subject:";

/// The user that `subject` names: itself if it is a user id, else an id made from its digest, so
/// that an outside issuer's users and names on a command line are users too.
pub fn user_id(subject: &str) -> UserId {
    if let Ok(id) = subject.parse() {
        return id;
    }
    let digest = Sha256::new().chain_update(DOMAIN).chain_update(subject).finalize();
    let mut head = [0; 16];
    head.copy_from_slice(&digest[..16]);
    UserId::of_subject_digest(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_stand_for_themselves_and_names_for_their_digest() {
        let id = UserId(7_u128 << 90);
        assert_eq!(user_id(&id.to_string()), id);
        assert_eq!(user_id("alice"), user_id("alice"));
        assert_ne!(user_id("alice"), user_id("bob"));
        // Golden: tokens that are out may not change whom they name.
        let expected = Sha256::digest(b"rowlock subject:alice");
        assert_eq!(user_id("alice").to_bytes(), expected[..16]);
    }
}
