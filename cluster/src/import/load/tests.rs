use std::collections::BTreeMap;
use std::sync::Mutex;

use rowlock_client::Refusal;
use rowlock_client::types::ErrorCode;

use super::*;
use crate::import::draft::{VenueDetails, event_id};
use crate::import::hall;

/// A cluster that remembers, and fails as it is told.
#[derive(Default)]
struct Fake {
    venues: Mutex<BTreeMap<VenueId, Venue>>,
    events: Mutex<BTreeMap<EventId, EventState>>,
    /// So many writes are done and then answered as unknown.
    unknown: Mutex<usize>,
    /// Publishing is not possible.
    down: bool,
}

impl Fake {
    fn answer(&self) -> Result<(), Error> {
        let mut unknown = self.unknown.lock().expect("no test panics with the lock");
        if *unknown == 0 {
            return Ok(());
        }
        *unknown -= 1;
        Err(Error::Unknown)
    }
}

impl Target for Fake {
    async fn venue(&self, id: VenueId) -> Result<Option<Venue>, Error> {
        Ok(self.venues.lock().expect("a lock").get(&id).cloned())
    }
    async fn put_venue(&self, draft: &VenueDraft) -> Result<(), Error> {
        self.venues.lock().expect("a lock").insert(draft.id, draft.doc.clone());
        self.answer()
    }
    async fn event_state(&self, id: EventId) -> Result<Option<EventState>, Error> {
        Ok(self.events.lock().expect("a lock").get(&id).copied())
    }
    async fn create_event(&self, id: EventId, spec: &EventSpec, _: &[u8]) -> Result<(), Error> {
        if spec.name == "bad" {
            let (seats, detail) = (Vec::new(), "no such name".to_owned());
            let refusal = Refusal { code: ErrorCode::Invalid, seats, limit: 0, detail };
            return Err(Error::Refused(refusal));
        }
        self.events.lock().expect("a lock").insert(id, EventState::Draft);
        self.answer()
    }
    async fn publish_event(&self, id: EventId) -> Result<(), Error> {
        if self.down {
            return Err(Error::Unavailable { reason: "down".to_owned() });
        }
        self.events.lock().expect("a lock").insert(id, EventState::Published);
        self.answer()
    }
}

fn venue() -> VenueDraft {
    let details = VenueDetails { name: "Hall".to_owned(), ..VenueDetails::default() };
    VenueDraft::new(details, hall::draw(30).expect("a hall")).expect("a valid map")
}

fn event(venue: &VenueDraft, number: usize, name: &str) -> EventDraft {
    let spec = EventSpec {
        name: name.to_owned(),
        description: String::new(),
        category: String::new(),
        venue: venue.id,
        venue_name: String::new(),
        city: String::new(),
        country: String::new(),
        date_ms: 1,
        sale_start_ms: 0,
        currency: "EUR".to_owned(),
        prices: vec![1],
        image_url: String::new(),
        hold_ttl_ms: 1,
        max_seats_per_user: 0,
        map: venue.doc.map,
        position_e6: None,
    };
    let id = event_id("test", "t", number, venue.id);
    EventDraft { id, spec, map_bytes: venue.map_bytes.clone() }
}

async fn run(target: &Fake, publish: bool) -> Result<Loaded, Error> {
    let venue = venue();
    let events = [event(&venue, 0, "one"), event(&venue, 1, "two"), event(&venue, 2, "bad")];
    load(target, std::iter::once(&venue), &events, publish, &ProgressBar::hidden()).await
}

#[tokio::test]
async fn a_repeated_import_makes_nothing_twice() {
    let fake = Fake::default();
    let first = run(&fake, true).await.expect("it serves");
    assert_eq!((first.venues_created, first.events_created, first.published), (1, 2, 2));
    let refused: Vec<_> = first.refused.iter().map(Refused::to_string).collect();
    assert_eq!(refused, ["event 'bad': invalid: no such name"]);
    let second = run(&fake, true).await.expect("it serves");
    assert_eq!((second.venues_created, second.events_created, second.published), (0, 0, 0));
    assert_eq!((second.venues_there, second.events_there), (1, 2));
}

#[tokio::test]
async fn an_import_that_was_cut_off_is_finished_by_the_next() {
    let mut fake = Fake { down: true, ..Fake::default() };
    run(&fake, true).await.expect_err("publishing is not possible");
    fake.down = false;
    let next = run(&fake, true).await.expect("it serves");
    assert_eq!((next.events_created + next.events_there, next.published), (2, 2));
}

#[tokio::test]
async fn unknown_outcomes_are_asked_for_again() {
    let fake = Fake { unknown: Mutex::new(TRIES_MAX - 1), ..Fake::default() };
    assert_eq!(run(&fake, false).await.expect("it serves").events_created, 2);
    let fake = Fake { unknown: Mutex::new(TRIES_MAX), ..Fake::default() };
    assert_eq!(run(&fake, false).await, Err(Error::Unknown));
}
