//! Venues and users: documents that live in the shard of their own slot.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{UserId, VenueId};

use super::change::ChangeKind;
use super::command::{User, UserPatch, Venue};
use super::record::RecordKey;
use super::reply::{Answer, Reply};
use super::{State, refuse};

impl State {
    pub(super) fn put_venue(&mut self, id: VenueId, doc: &Venue) -> Answer {
        if self.maps.get(&doc.map).is_none_or(|map| map.sealed.is_none()) {
            return refuse(ErrorCode::SeatMapNotFound);
        }
        if self.venues.get(&id) != Some(doc) {
            self.venues.insert(id, doc.clone());
            self.log.note(ChangeKind::VenuePut { venue: id });
            self.log.touch(RecordKey::Venue(id));
        }
        Ok(Reply::Done)
    }

    /// The user id carries the slot of the address' hash, so uniqueness is decided here.
    pub(super) fn register_user(&mut self, id: UserId, doc: &User) -> Answer {
        if let Some(&owner) = self.by_email.get(&doc.email) {
            let same = owner == id
                && self.users.get(&id).is_some_and(|user| user.password_hash == doc.password_hash);
            return if same { Ok(Reply::Done) } else { refuse(ErrorCode::EmailTaken) };
        }
        if self.users.contains_key(&id) {
            return refuse(ErrorCode::EmailTaken);
        }
        // A request that was held up until its account was deleted.
        if self.is_deleted(id) {
            return refuse(ErrorCode::IdempotencyKeyReused);
        }
        let doc = User { created_ms: self.log.clock_ms, ..doc.clone() };
        self.by_email.insert(doc.email.clone(), id);
        self.users.insert(id, doc);
        self.user_changed(id);
        Ok(Reply::Done)
    }

    pub(super) fn update_user(&mut self, id: UserId, patch: &UserPatch) -> Answer {
        let Some(user) = self.users.get_mut(&id) else {
            return refuse(ErrorCode::UserNotFound);
        };
        let before = user.clone();
        let text = |old: &mut String, new: &Option<String>| {
            if let Some(new) = new {
                old.clone_from(new);
            }
        };
        text(&mut user.first_name, &patch.first_name);
        text(&mut user.last_name, &patch.last_name);
        text(&mut user.phone, &patch.phone);
        text(&mut user.password_hash, &patch.password_hash);
        if *user != before {
            self.user_changed(id);
        }
        Ok(Reply::Done)
    }

    fn user_changed(&mut self, id: UserId) {
        self.log.note(ChangeKind::UserChanged { user: id });
        self.log.touch(RecordKey::User(id));
    }
}
