//! Drafts into a cluster: what is missing is made, what is there stays.
//!
//! Each step can be repeated, so an import that was cut off is simply run again. The cluster stands
//! behind a small trait, for tests that count what is asked of it.

use std::future::Future;

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use rowlock_client::Error;
use rowlock_client::types::{EventSpec, EventState, Venue};
use rowlock_proto::{EventId, VenueId};

use super::Refused;
use super::draft::{EventDraft, VenueDraft};

/// Drafts that are on their way at once. They meet in few log entries, and an entry is what costs.
const IN_FLIGHT_MAX: usize = 64;
/// How often an outcome that is not known is asked for again before the import gives up.
const TRIES_MAX: usize = 5;

/// The cluster, as far as an import needs it. Every method may be repeated.
pub trait Target: Sync {
    fn venue(&self, id: VenueId) -> impl Future<Output = Result<Option<Venue>, Error>> + Send;
    fn put_venue(&self, draft: &VenueDraft) -> impl Future<Output = Result<(), Error>> + Send;
    fn event_state(
        &self,
        id: EventId,
    ) -> impl Future<Output = Result<Option<EventState>, Error>> + Send;
    fn create_event(
        &self,
        id: EventId,
        spec: &EventSpec,
        map_bytes: &[u8],
    ) -> impl Future<Output = Result<(), Error>> + Send;
    fn publish_event(&self, id: EventId) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What an import did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub venues_created: usize,
    pub venues_there: usize,
    pub events_created: usize,
    pub events_there: usize,
    pub published: usize,
    pub refused: Vec<Refused>,
}

/// What became of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EventLoaded {
    created: bool,
    published: bool,
}

/// Puts the venues and then the events in place, and publishes the events if `publish` says so. Err
/// if the cluster does not answer; a draft that it refuses is among the refused.
pub async fn load(
    target: &impl Target,
    venues: impl Iterator<Item = &VenueDraft>,
    events: &[EventDraft],
    publish: bool,
    progress: &ProgressBar,
) -> Result<Loaded, Error> {
    let mut loaded = Loaded::default();
    let venues: Vec<_> = venues.collect();
    progress.set_length((venues.len() + events.len()) as u64);
    let mut answers = stream::iter(venues)
        .map(|draft| async move { (draft, load_venue(target, draft).await) })
        .buffer_unordered(IN_FLIGHT_MAX);
    while let Some((draft, answer)) = answers.next().await {
        progress.inc(1);
        match answer {
            Ok(true) => loaded.venues_created += 1,
            Ok(false) => loaded.venues_there += 1,
            Err(Error::Refused(refusal)) => loaded.refused.push(Refused {
                what: format!("venue '{}'", draft.doc.name),
                reason: refusal.to_string(),
            }),
            Err(error @ (Error::Unknown | Error::Unavailable { .. })) => return Err(error),
        }
    }
    drop(answers);
    let mut answers = stream::iter(events)
        .map(|draft| async move { (draft, load_event(target, draft, publish).await) })
        .buffer_unordered(IN_FLIGHT_MAX);
    while let Some((draft, answer)) = answers.next().await {
        progress.inc(1);
        match answer {
            Ok(event) => {
                loaded.events_created += usize::from(event.created);
                loaded.events_there += usize::from(!event.created);
                loaded.published += usize::from(event.published);
            }
            Err(Error::Refused(refusal)) => loaded.refused.push(Refused {
                what: format!("event '{}'", draft.spec.name),
                reason: refusal.to_string(),
            }),
            Err(error @ (Error::Unknown | Error::Unavailable { .. })) => return Err(error),
        }
    }
    drop(answers);
    // Answers come in any order; a report does not.
    loaded.refused.sort_by(|a, b| a.what.cmp(&b.what));
    Ok(loaded)
}

/// Whether the venue was made.
pub async fn load_venue(target: &impl Target, draft: &VenueDraft) -> Result<bool, Error> {
    if repeat(|| target.venue(draft.id)).await?.is_some_and(|venue| venue == draft.doc) {
        return Ok(false);
    }
    repeat(|| target.put_venue(draft)).await?;
    Ok(true)
}

async fn load_event(
    target: &impl Target,
    draft: &EventDraft,
    publish: bool,
) -> Result<EventLoaded, Error> {
    let there = repeat(|| target.event_state(draft.id)).await?;
    let created = there.is_none();
    if created {
        repeat(|| target.create_event(draft.id, &draft.spec, &draft.map_bytes)).await?;
    }
    // An import that was cut off may have left a draft.
    let published = publish && matches!(there, None | Some(EventState::Draft));
    if published {
        repeat(|| target.publish_event(draft.id)).await?;
    }
    Ok(EventLoaded { created, published })
}

/// Asks again while the outcome is not known: each step of an import has the effect of one.
async fn repeat<T, F: Future<Output = Result<T, Error>>>(step: impl Fn() -> F) -> Result<T, Error> {
    let mut tries = 1;
    loop {
        match step().await {
            Err(Error::Unknown) if tries < TRIES_MAX => tries += 1,
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests;
