//! What a box office does besides selling, through the client and real nodes: a waiting room, terms of
//! sale, a waitlist, money at the desk, doors, and the end of it.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rowlock_client::doors::{Scan, ScanOutcome};
use rowlock_client::exchange::ExchangeOrder;
use rowlock_client::money::{DirectSale, Tender};
use rowlock_client::queue::{Admission, QueuePhase, QueueRules, QueueStanding};
use rowlock_client::terms::{Channel, Limits, Promotion, Sum};
use rowlock_client::types::{
    Booking, BookingId, BookingState, Cart, ErrorCode, EventId, EventState, UserId,
};
use rowlock_client::waitlist::{WaitStanding, WaitlistRules, Wish};
use rowlock_client::{Answered, Client, Config, Error, key};
use rowlock_cluster::workload::setup;
use sha2::{Digest as _, Sha256};

use crate::has_node;
use crate::playground::{Running, free_ports, json};

const PATIENCE: Duration = Duration::from_secs(60);
/// The cluster's own principal: the caller has seen who asks.
const HOUSE: UserId = UserId(0);
const ANNA: UserId = UserId(0xa1 << 100 | 1);
const BERT: UserId = UserId(0xb2 << 110 | 2);

/// The code of a refusal.
fn code<T: std::fmt::Debug>(answer: Result<Answered<T>, Error>) -> ErrorCode {
    match answer {
        Err(Error::Refused(refusal)) => refusal.code,
        other => panic!("it was to be refused: {other:?}"),
    }
}

async fn held(client: &Client, event: EventId, seats: &[u32], user: UserId) -> Booking {
    client.hold(event, seats, user, key::request_key()).await.unwrap().value
}

async fn sold(client: &Client, id: BookingId, amount: u64) -> Booking {
    let sale = DirectSale {
        tender: Tender::Cash,
        amount,
        reference: format!("till {id}"),
        reason: String::new(),
    };
    client.confirm_direct(id, sale, HOUSE, key::request_key()).await.unwrap().value
}

async fn until(what: &str, mut good: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !good().await {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::task::yield_now().await;
    }
}

/// Only who was let in may hold.
async fn waiting_room(client: &Client, event: EventId) {
    let secret = [7; 32];
    let now_ms = client.event(event).await.unwrap().at.log_time_ms;
    let rules = QueueRules {
        draw_opens_ms: now_ms + 60_000,
        opens_ms: now_ms + 60_000,
        reveal_by_ms: now_ms + 120_000,
        commitment: Sha256::digest(secret).into(),
        public_source: "the morning paper".to_owned(),
        token_ms: 3_600_000,
        admission: Admission { rate_per_minute: 0, shopping_max: 1, ..Admission::default() },
    };
    client.open_queue(event, rules, HOUSE, key::request_key()).await.unwrap();
    let queue = client.queue(event).await.unwrap().value;
    assert_eq!((queue.phase, queue.entries), (QueuePhase::Entering, 0));
    let refused = client.hold(event, &[1], ANNA, key::request_key()).await;
    assert_eq!(code(refused), ErrorCode::QueuePassNeeded);
    let early = client.join_queue(event, ANNA, key::request_key()).await;
    assert_eq!(code(early), ErrorCode::QueueNotOpen);
    client.close_queue(event, HOUSE, key::request_key()).await.unwrap();
    let now_ms = client.queue(event).await.unwrap().at.log_time_ms;
    // Nobody is drawn: who comes is served in turn, one at a time.
    let rules = QueueRules {
        draw_opens_ms: now_ms,
        opens_ms: now_ms,
        reveal_by_ms: now_ms,
        commitment: Sha256::digest(secret).into(),
        public_source: String::new(),
        token_ms: 3_600_000,
        admission: Admission { rate_per_minute: 0, shopping_max: 1, ..Admission::default() },
    };
    client.open_queue(event, rules, HOUSE, key::request_key()).await.unwrap();
    for user in [ANNA, BERT] {
        client.join_queue(event, user, key::request_key()).await.unwrap();
    }
    until("a place in the shop", async || {
        let place = client.queue_place(event, ANNA, false).await.unwrap().value;
        place.standing == QueueStanding::Admitted
    })
    .await;
    let next = client.queue_place(event, BERT, false).await.unwrap().value;
    assert_eq!((next.standing, next.position), (QueueStanding::Waiting, 1));
    held(client, event, &[1], ANNA).await;
    let refused = client.hold(event, &[2], BERT, key::request_key()).await;
    assert_eq!(code(refused), ErrorCode::QueuePassNeeded);
    client.leave_queue(event, ANNA, key::request_key()).await.unwrap();
    until("the next to be let in", async || {
        let place = client.queue_place(event, BERT, false).await.unwrap().value;
        place.standing == QueueStanding::Admitted
    })
    .await;
    held(client, event, &[2], BERT).await;
    client.close_queue(event, HOUSE, key::request_key()).await.unwrap();
}

async fn terms_of_sale(client: &Client, event: EventId) {
    let limits = Limits { places_per_order_max: 2, ..Limits::default() };
    client.set_limits(event, limits, HOUSE, key::request_key()).await.unwrap();
    let many = client.hold(event, &[1, 2, 3], ANNA, key::request_key()).await;
    assert_eq!(code(many), ErrorCode::OrderLimitExceeded);
    let presale = Channel { name: "presale".to_owned(), ..Channel::default() };
    client.put_channel(event, presale, HOUSE, key::request_key()).await.unwrap();
    client.keep_seats(event, "presale", &[5, 6], HOUSE, key::request_key()).await.unwrap();
    let codes = vec!["SESAME".to_owned()];
    client.add_codes(event, "presale", 1, codes, HOUSE, key::request_key()).await.unwrap();
    let kept = client.hold(event, &[5], ANNA, key::request_key()).await;
    assert_eq!(code(kept), ErrorCode::SeatKept);
    let cart = || Cart { seats: vec![5], ..Cart::default() };
    let with = client.hold_with_code(event, cart(), "SESAME", ANNA, key::request_key()).await;
    let booking = with.unwrap().value;
    let half = Promotion {
        code: "HALF".to_owned(),
        discount: Sum::Share(5_000),
        categories: Vec::new(),
        uses_max: 1,
        uses_per_user_max: 0,
        places_min: 0,
        from_ms: 0,
        until_ms: 0,
        closed: false,
    };
    client.add_promotion(event, half, HOUSE, key::request_key()).await.unwrap();
    let cheaper = client.apply_promotion(booking.id, "HALF", ANNA, key::request_key()).await;
    assert_eq!(cheaper.unwrap().value.total * 2, booking.total);
    let other = held(client, event, &[8], BERT).await;
    let used = client.apply_promotion(other.id, "HALF", BERT, key::request_key()).await;
    assert_eq!(code(used), ErrorCode::PromotionUsedUp);
    let terms = client.terms(event, 0, 10).await.unwrap().value;
    assert_eq!((terms.limits, terms.promotions[0].1, terms.codes[0].uses), (limits, 1, 1));
    assert_eq!((terms.channels[0].1, &terms.channels[0].2[..]), (1, &[5, 6][..]));
}

/// What comes back goes to who waits.
async fn waitlist(client: &Client, event: EventId, seats: u32) {
    let rules = WaitlistRules { offer_ms: 600_000, closed: false };
    client.set_waitlist(event, rules, HOUSE, key::request_key()).await.unwrap();
    let all: Vec<u32> = (0..seats).collect();
    let mut bookings = Vec::new();
    for seats in all.chunks(100) {
        bookings.push(held(client, event, seats, ANNA).await);
    }
    let wish = Wish { quantity: 2, adjacent: true, ..Wish::default() };
    let waiter = client.join_waitlist(event, wish, BERT, key::request_key()).await.unwrap().value;
    assert_eq!((waiter.standing, waiter.position), (WaitStanding::Waiting, 1));
    client.release(bookings[0].id, ANNA, key::request_key()).await.unwrap();
    let waiter = client.waiter(event, BERT).await.unwrap().value;
    assert_eq!(waiter.standing, WaitStanding::Offered);
    let accepted = client.accept_offer(event, waiter.entry, BERT, key::request_key()).await;
    assert_eq!((accepted.unwrap().value.user, waiter.booking.is_some()), (BERT, true));
    let list = client.waitlist(event).await.unwrap().value;
    assert_eq!((list.entries, list.waiting, list.offered), (1, 0, 1));
}

/// At the desk, for other places, at the door, and back.
async fn desk_and_door(client: &Client, event: EventId) {
    let booking = held(client, event, &[1, 2], ANNA).await;
    let (id, price) = (booking.id, booking.total);
    assert_eq!(sold(client, id, price).await.state, BookingState::Confirmed);
    let take = Cart { seats: vec![4], ..Cart::default() };
    let order = ExchangeOrder { give_seats: vec![1], take, ..ExchangeOrder::default() };
    let moved = client.exchange_places(id, event, order, ANNA, key::request_key()).await;
    let moved = moved.unwrap().value;
    assert_eq!((moved.booking.seats, moved.refund), (vec![2, 4], None));
    let seen_ms = booking.created_ms + 1;
    let scan = |place: u32| Scan {
        key: key::request_key(),
        booking: id,
        place,
        version: 0,
        door: "north".to_owned(),
        seen_ms,
    };
    // The second place is what it was; the first is gone.
    let scans = vec![scan(1), scan(1), scan(0)];
    let outcomes = client.merge_scans(event, scans, HOUSE, key::request_key()).await;
    let outcomes = outcomes.unwrap().value;
    assert_eq!((&outcomes[0], &outcomes[2]), (&ScanOutcome::Taken, &ScanOutcome::Void));
    assert!(matches!(outcomes[1], ScanOutcome::Conflict { .. }), "{outcomes:?}");
    let money = client.event_money(event).await.unwrap().value;
    assert_eq!((money.cash, money.sold, money.owed), (price, 1, 0));

    // Called off: everybody is owed what was paid.
    client.pause_sales(event, "rain", HOUSE, key::request_key()).await.unwrap();
    let closed = client.hold(event, &[9], BERT, key::request_key()).await;
    assert_eq!(code(closed), ErrorCode::SalePaused);
    client.cancel_event(event, HOUSE, key::request_key()).await.unwrap();
    until("the refund of a cancelled event", async || {
        let page = client.refunds(event, 0, 10, true).await.unwrap().value;
        page.lines.iter().map(|line| (line.booking, line.amount)).eq([(id, price)])
    })
    .await;
    let money = client.event_money(event).await.unwrap().value;
    assert_eq!((money.refunded, money.owed), (price, price));
    let view = client.event(event).await.unwrap().value;
    assert_eq!((view.state, view.life.archived_ms), (EventState::Cancelled, 0));
}

#[tokio::test]
async fn a_season_is_run_through_the_client_and_every_replica_agrees() {
    if !has_node() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let _running = Running(data);
    let grpc = free_ports().to_string();
    let start = ["playground", "--nodes", "3", "--apis", "0", "--shards", "2", "--detach"];
    json(&[&start[..], &["--grpc-port", &grpc]].concat(), data);
    let endpoints = vec![format!("127.0.0.1:{grpc}")];
    let client = Client::connect(Config { endpoints, ..Config::default() }).await.unwrap();
    let events = setup::events(&client, 4, 500, &ProgressBar::hidden()).await.unwrap();

    waiting_room(&client, events[0]).await;
    terms_of_sale(&client, events[1]).await;
    waitlist(&client, events[2], 500).await;
    desk_and_door(&client, events[3]).await;
    assert_eq!(json(&["verify"], data)["ok"], true);
}
