//! What users have over all events: kept by an API server, read by the client.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rowlock_client::audit::{SeatAsOf, Until};
use rowlock_client::types::{Booking, BookingState, EventId, SeatState, UserId};
use rowlock_client::user_lists::{CONSUMER, Listing};
use rowlock_client::{Client, Config, key};
use rowlock_cluster::workload::setup;

use crate::has_node;
use crate::playground::{Running, free_ports, json};

const PATIENCE: Duration = Duration::from_secs(60);
const SHARDS: u32 = 4;
const ANNA: UserId = UserId(0xa1 << 100 | 1);
const BERT: UserId = UserId(0xb2 << 110 | 2);
const CARL: UserId = UserId(0xc3 << 90 | 3);

async fn hold(client: &Client, event: EventId, user: UserId) -> Booking {
    let seat = u32::try_from(user.0 & 0xff).unwrap();
    client.hold(event, &[seat, seat + 10], user, key::request_key()).await.unwrap().value
}

async fn pay(client: &Client, booking: &Booking, user: UserId) {
    let (id, key) = (booking.id, key::request_key);
    client.begin_payment(id, booking.total, user, key()).await.unwrap();
    client.attach_intent(id, 1, "pi_1", user, key()).await.unwrap();
    client.confirm_payment(id, 1, "pi_1", user, key()).await.unwrap();
}

/// Waits until the list of `user` is as it should be.
async fn until(client: &Client, user: UserId, what: &str, good: impl Fn(&[Listing]) -> bool) {
    let began = Instant::now();
    loop {
        let list = client.user_list(user, None, 0, 100).await.unwrap().value;
        if good(&list.items) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}: {:?}", list.items);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn lists_of_users_follow_their_bookings_over_all_shards() {
    if !has_node() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let _running = Running(data);
    let port = free_ports();
    let (grpc, http, shards) = (port.to_string(), (port + 1).to_string(), SHARDS.to_string());
    let start = ["playground", "--nodes", "1", "--apis", "1", "--shards", &shards];
    let ports = ["--grpc-port", &grpc, "--http-port", &http, "--detach"];
    json(&[&start[..], &ports].concat(), data);
    let endpoints = vec![format!("127.0.0.1:{grpc}")];
    let client = Client::connect(Config { endpoints, ..Config::default() }).await.unwrap();

    let events = setup::events(&client, 12, 500, &ProgressBar::hidden()).await.unwrap();
    let places: std::collections::BTreeSet<_> =
        events.iter().map(|event| client.shard_of(event.slot())).collect();
    assert!(places.len() > 1, "all events are in one shard");
    let mut bookings = Vec::new();
    for &event in &events {
        bookings.push(hold(&client, event, ANNA).await);
    }
    let is = |state: BookingState, count: usize| {
        move |list: &[Listing]| list.iter().filter(|it| it.state == state).count() == count
    };
    until(&client, ANNA, "what is held", is(BookingState::Held, events.len())).await;
    pay(&client, &bookings[0], ANNA).await;
    client.release(bookings[1].id, ANNA, key::request_key()).await.unwrap();
    until(&client, ANNA, "what is sold", is(BookingState::Confirmed, 1)).await;
    until(&client, ANNA, "what was let go", is(BookingState::Released, 1)).await;

    let sold = bookings[0].id;
    for (version, from, to) in [(0, ANNA, BERT), (1, BERT, CARL)] {
        let passed = client.transfer_ticket(sold, 1, version, to, from, key::request_key());
        passed.await.unwrap();
        let has = |list: &[Listing]| list.iter().any(|it| !it.buyer && it.tickets == [1]);
        until(&client, to, "a ticket that came", has).await;
    }
    until(&client, BERT, "a ticket that went", <[Listing]>::is_empty).await;
    let left = |list: &[Listing]| list.iter().any(|it| it.booking == sold && it.tickets == [0]);
    until(&client, ANNA, "the ticket that is left", left).await;

    // What is folded from the feed is what the cluster says, now and before.
    let event = events[0];
    let seats = client.seats(event).await.unwrap();
    let was = client.event_as_of(event, Until::Revision(seats.at.revision)).await.unwrap();
    let free = seats.value.states.iter().filter(|&&it| it == SeatState::Available).count();
    assert_eq!(was.seats().len() + free, seats.value.states.len());
    let taken = [1, 11].map(|seat| (seat, SeatAsOf::Sold(sold)));
    assert_eq!(was.seats().into_iter().collect::<Vec<_>>(), taken);
    assert_eq!((was.bookings[&sold].user, was.bookings[&sold].holders[&1]), (Some(ANNA), CARL));
    let event_text = event.to_string();
    let shown = json(&["audit", "show", &event_text, "--at", "2020-01-01T00:00:00Z"], data);
    assert_eq!((&shown["seats"], shown.get("state")), (&serde_json::json!([]), None));

    let consumers = json(&["feed", "consumers"], data);
    let consumers = consumers.as_array().unwrap();
    let ours = consumers.iter().filter(|it| it["name"] == CONSUMER && !it["holder"].is_null());
    assert_eq!(ours.count(), SHARDS as usize);
    assert_eq!(json(&["verify"], data)["ok"], true);
}
