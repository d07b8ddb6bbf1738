//! Events that were asked for lately: good for what never changes of them (seat map, currency), and never
//! for what is left.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rowlock_client::Error;
use rowlock_client::types::{Event, EventId};

use crate::inventory::Inventory;

/// Past it all are let go, and come back as they are needed.
const EVENTS_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct KnownEvents(RwLock<HashMap<EventId, Arc<Event>>>);

impl KnownEvents {
    /// The event as it was last seen, or as it is.
    pub(crate) async fn get(
        &self,
        inventory: &dyn Inventory,
        id: EventId,
    ) -> Result<Arc<Event>, Error> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(event) = known {
            return Ok(event);
        }
        let event = Arc::new(inventory.event(id).await?.value);
        let mut events = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if events.len() >= EVENTS_MAX {
            events.clear();
        }
        events.insert(id, Arc::clone(&event));
        Ok(event)
    }

    /// The event was read: who asks next shall know.
    pub(crate) fn renew(&self, event: &Event) {
        let is_known =
            self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(&event.id);
        if is_known {
            let mut events = self.0.write().unwrap_or_else(PoisonError::into_inner);
            events.insert(event.id, Arc::new(event.clone()));
        }
    }
}
