use std::sync::{Arc, Mutex};
use std::time::Duration;

use rowlock_client::types::{
    BookingId, Cart, ErrorCode, EventId, ExchangeOrder, Exchanged, UserId,
};
use rowlock_client::{Client, Error, key};
use rowlock_proto::v1;
use rowlock_proto::v1::retry::Kind;

use crate::fake::{self, Do, Scripts, grant, retry};

async fn hold(client: &Client, seat: u32) -> Result<Vec<u32>, Error> {
    let answer = client.hold(EventId(1), &[seat], UserId(1), key::request_key()).await;
    answer.map(|done| done.value.seats)
}

fn each(mut answer: impl FnMut(&v1::Call) -> v1::Answer + Send + 'static) -> Scripts {
    Scripts::calls(move |calls| Do::Answer(calls.iter().map(&mut answer).collect()))
}

#[tokio::test]
async fn answers_find_their_calls_in_any_order() {
    const CALLS: u32 = 50;
    // Keeps every call back until all are there, then answers the last first.
    let mut waiting = Vec::new();
    let client = fake::cluster(vec![Scripts::calls(move |calls| {
        waiting.extend(calls);
        if waiting.len() < CALLS as usize {
            return Do::Answer(Vec::new());
        }
        Do::Answer(waiting.drain(..).rev().map(|call| grant(&call)).collect())
    })])
    .await;
    let held = futures_util::future::join_all((0..CALLS).map(|seat| hold(&client, seat))).await;
    for (seat, held) in (0..).zip(held) {
        assert_eq!(held, Ok(vec![seat]));
    }
}

#[tokio::test]
async fn a_command_of_a_broken_stream_is_repeated_with_its_key() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&keys);
    let client = fake::cluster(vec![Scripts::calls(move |calls| {
        let mut seen = seen.lock().unwrap();
        seen.extend(calls.iter().map(fake::key));
        if seen.len() == 1 { Do::Drop } else { Do::Answer(calls.iter().map(grant).collect()) }
    })])
    .await;
    assert_eq!(hold(&client, 3).await, Ok(vec![3]));
    let keys = keys.lock().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_lost_command_is_unknown_and_one_never_taken_is_unavailable() {
    let silent = fake::cluster(vec![Scripts::calls(|_| Do::Answer(Vec::new()))]).await;
    let silent = silent.with_call_timeout(Duration::from_millis(200));
    assert_eq!(hold(&silent, 0).await, Err(Error::Unknown));

    let busy = fake::cluster(vec![each(|call| retry(call, Kind::Overloaded, 0))]).await;
    let busy = busy.with_call_timeout(Duration::from_millis(200));
    assert!(matches!(hold(&busy, 0).await, Err(Error::Unavailable { .. })));

    let doubt = fake::cluster(vec![each(|call| retry(call, Kind::UnknownOutcome, 0))]).await;
    let doubt = doubt.with_call_timeout(Duration::from_millis(200));
    assert_eq!(hold(&doubt, 0).await, Err(Error::Unknown));
}

#[tokio::test]
async fn the_leader_is_followed_and_remembered() {
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let follower = each(move |call| {
        *count.lock().unwrap() += 1;
        retry(call, Kind::NotLeader, 2)
    });
    let client = fake::cluster(vec![follower, each(grant)]).await;
    for seat in 0..5 {
        assert_eq!(hold(&client, seat).await, Ok(vec![seat]));
    }
    assert_eq!(*asked.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_refusal_is_final_and_names_its_seats() {
    let client = fake::cluster(vec![each(|call| v1::Answer {
        id: call.id,
        at: None,
        body: Some(v1::answer::Body::Refusal(v1::Refusal {
            code: ErrorCode::SeatTaken.number().into(),
            seats: vec![4],
            ..v1::Refusal::default()
        })),
    })])
    .await;
    let Err(Error::Refused(refusal)) = hold(&client, 4).await else { panic!("a refusal") };
    assert_eq!((refusal.code, refusal.seats), (ErrorCode::SeatTaken, vec![4]));
}

#[tokio::test]
async fn an_exchange_says_what_is_owed_if_anything_is() {
    let client = fake::cluster(vec![each(|call| {
        let id = wire_id(BookingId(9).to_bytes());
        let Some(v1::call::Body::Command(command)) = &call.body else { panic!("a command") };
        let Some(v1::command::Kind::Money(money)) = &command.kind else { panic!("of money") };
        let Some(v1::money_command::Kind::Exchange(order)) = &money.kind else {
            panic!("exchange")
        };
        let view = v1::Booking {
            booking: id,
            event: wire_id(EventId(1).to_bytes()),
            user: wire_id(UserId(1).to_bytes()),
            state: v1::BookingState::Confirmed.into(),
            seats: order.take.clone().unwrap().seats,
            numbers: vec![7],
            ..v1::Booking::default()
        };
        let owed = v1::RefundDecided { booking: Some(view.clone()), refund: 3 };
        let kind = match order.give.as_slice() {
            [] => v1::reply::Kind::Booking(view),
            _ => v1::reply::Kind::Refund(owed),
        };
        let reply = v1::Reply { kind: Some(kind) };
        v1::Answer { id: call.id, at: None, body: Some(v1::answer::Body::Reply(reply)) }
    })])
    .await;
    for (give, refund) in [(vec![], None), (vec![2], Some(3))] {
        let take = Cart { seats: vec![5], ..Cart::default() };
        let order = ExchangeOrder { give, take, ..ExchangeOrder::default() };
        let key = key::request_key();
        let done = client.exchange_places(BookingId(9), EventId(1), order, UserId(1), key).await;
        let Exchanged { booking, refund: owed } = done.unwrap().value;
        assert_eq!((owed, booking.seats, booking.extras.numbers), (refund, vec![5], vec![7]));
    }
}

fn wire_id(bytes: [u8; 16]) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(&bytes)
}
