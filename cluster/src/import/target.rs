//! A real cluster as the target of an import.

use rowlock_client::types::{ErrorCode, EventSpec, EventState, Venue};
use rowlock_client::{Client, Error, key, subject};
use rowlock_proto::{EventId, RequestKey, UserId, VenueId};
use sha2::{Digest, Sha256};

use super::draft::VenueDraft;
use super::load::Target;

/// The subject in whose name an import acts.
const SUBJECT: &str = "rowctl";

/// Writes in the name of one run: what it repeats, it repeats under the same key.
#[derive(Debug)]
pub struct ClusterTarget<'a> {
    client: &'a Client,
    principal: UserId,
    run: RequestKey,
}

impl<'a> ClusterTarget<'a> {
    pub fn new(client: &'a Client) -> Self {
        Self { client, principal: subject::user_id(SUBJECT), run: key::request_key() }
    }

    fn key(&self, step: &str, id: [u8; 16]) -> RequestKey {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(self.run.to_bytes())
            .chain_update(step)
            .chain_update(id)
            .finalize()
            .into();
        let mut head = [0; 16];
        head.copy_from_slice(&digest[..16]);
        RequestKey::from_bytes(head)
    }
}

impl Target for ClusterTarget<'_> {
    async fn venue(&self, id: VenueId) -> Result<Option<Venue>, Error> {
        match self.client.venue(id).await {
            Ok(found) => Ok(Some(found.value.venue)),
            Err(error) if error.code() == Some(ErrorCode::VenueNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn put_venue(&self, draft: &VenueDraft) -> Result<(), Error> {
        self.client.put_seat_map(draft.id.slot(), &draft.map_bytes, self.principal).await?;
        let key = self.key("put venue", draft.id.to_bytes());
        self.client.put_venue(draft.id, draft.doc.clone(), self.principal, key).await?;
        Ok(())
    }

    async fn event_state(&self, id: EventId) -> Result<Option<EventState>, Error> {
        match self.client.event(id).await {
            Ok(found) => Ok(Some(found.value.state)),
            Err(error) if error.code() == Some(ErrorCode::EventNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create_event(
        &self,
        id: EventId,
        spec: &EventSpec,
        map_bytes: &[u8],
    ) -> Result<(), Error> {
        self.client.put_seat_map(id.slot(), map_bytes, self.principal).await?;
        let key = self.key("create event", id.to_bytes());
        self.client.create_event(id, spec.clone(), self.principal, key).await?;
        Ok(())
    }

    async fn publish_event(&self, id: EventId) -> Result<(), Error> {
        let key = self.key("publish event", id.to_bytes());
        self.client.publish_event(id, self.principal, key).await?;
        Ok(())
    }
}
