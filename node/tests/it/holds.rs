//! What a client sees of a cluster in which nothing fails.

use rowlock_proto::v1::{call, query, query_reply, reply};
use rowlock_proto::{ErrorCode, v1};

use crate::cluster::{Cluster, Decided, hold, until, user};

fn code(refusal: &v1::Refusal) -> ErrorCode {
    ErrorCode::from_number(refusal.code).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_are_held_once_and_come_back() {
    let cluster = Cluster::start(3);
    let mut client = cluster.client();
    let event = client.event_on_sale(1, 600_000).await;

    let key = client.key();
    let (at, first) = client.command(event.slot(), key.clone(), hold(event, &[3, 4])).await;
    let Decided::Reply(reply::Kind::Booking(booking)) = first else { panic!("{first:?}") };
    assert_eq!(booking.seats, [3, 4]);
    assert_eq!(booking.total, 8000);
    assert_eq!(booking.expires_ms, booking.created_ms + 600_000);
    assert!(at.index > 0 && at.term > 0 && at.first_index == 0);

    // P4: the same request again is answered by the first grant.
    let (again_at, again) = client.command(event.slot(), key.clone(), hold(event, &[3, 4])).await;
    let Decided::Reply(reply::Kind::Booking(again)) = again else { panic!("{again:?}") };
    assert_eq!(again.booking, booking.booking);
    assert_eq!(again_at.first_index, at.index);
    let (_, other) = client.command(event.slot(), key, hold(event, &[5, 6])).await;
    let Decided::Refusal(refusal) = other else { panic!("{other:?}") };
    assert_eq!(code(&refusal), ErrorCode::IdempotencyKeyReused);

    let key = client.key();
    let (_, taken) = client.command(event.slot(), key, hold(event, &[4, 5])).await;
    let Decided::Refusal(refusal) = taken else { panic!("{taken:?}") };
    assert_eq!((code(&refusal), refusal.seats), (ErrorCode::SeatTaken, vec![4]));
    assert_eq!(client.seats(event).await[3..6], [1, 1, 0]);

    let release = v1::ReleaseHold { booking: booking.booking };
    client.done(event.slot(), v1::command::Kind::ReleaseHold(release)).await;
    assert_eq!(client.seats(event).await[3..6], [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_be_right_is_refused_before_the_log() {
    let cluster = Cluster::start(1);
    let mut client = cluster.client();
    let event = client.event_on_sale(2, 600_000).await;
    let refused = async |client: &mut crate::cluster::Client, principal, kind| {
        let command = v1::Command { principal, key: client.key(), kind };
        let (at, decided) = client.execute(event.slot(), call::Body::Command(command)).await;
        assert_eq!(at.index, 0);
        let Decided::Refusal(refusal) = decided else { panic!("{decided:?}") };
        code(&refusal)
    };
    let repeated = refused(&mut client, user(1), Some(hold(event, &[1, 1]))).await;
    assert_eq!(repeated, ErrorCode::SeatRepeated);
    let none = refused(&mut client, user(1), Some(hold(event, &[]))).await;
    assert_eq!(none, ErrorCode::NoSeats);
    let nobody = refused(&mut client, bytes::Bytes::new(), Some(hold(event, &[1]))).await;
    assert_eq!(nobody, ErrorCode::Malformed);
    assert_eq!(refused(&mut client, user(1), None).await, ErrorCode::Malformed);
    let internal = v1::command::Kind::ExpireDue(v1::ExpireDue { max: 1 });
    assert_eq!(refused(&mut client, user(1), Some(internal)).await, ErrorCode::NotAllowed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_a_hold_ends_by_itself_and_never_early() {
    let cluster = Cluster::start(3);
    let mut client = cluster.client();
    let event = client.event_on_sale(3, 1_000).await;
    let began = std::time::Instant::now();
    let booking = client.hold(event, &[10, 11]).await;
    let mut held_for = None;
    until("the hold's end", async || {
        let free = client.seats(event).await[10] == 0;
        if free {
            held_for = Some(began.elapsed());
        }
        free
    })
    .await;
    let held_for = held_for.unwrap();
    // TTL; and TTL + 4 x bound + 2 s.
    assert!(held_for.as_millis() >= 1000, "{held_for:?}");
    assert!(held_for.as_millis() <= 4000, "{held_for:?}");
    let get = v1::GetBooking { booking: booking.booking, locator: 0 };
    let found = client.query(event.slot(), query::Kind::GetBooking(get)).await;
    let query_reply::Kind::Booking(found) = found else { panic!("{found:?}") };
    assert_eq!(found.state(), v1::BookingState::Expired);
    client.hold(event, &[10, 11]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_places_are_exchanged_for_others_whole_or_not_at_all() {
    let cluster = Cluster::start(1);
    let mut client = cluster.client();
    let event = client.event_on_sale(4, 600_000).await;
    let booking = client.hold(event, &[3, 4]).await;
    client.hold(event, &[5]).await;
    let exchange = |give: &[u32], seats: &[u32]| {
        let take = Some(v1::HoldCart { seats: seats.to_vec(), ..v1::HoldCart::default() });
        let order = v1::ExchangePlaces { give: give.to_vec(), take, ..Default::default() };
        let kind = Some(v1::money_command::Kind::Exchange(order));
        v1::command::Kind::Money(v1::MoneyCommand { booking: booking.booking.clone(), kind })
    };
    let key = client.key();
    let (_, taken) = client.command(event.slot(), key, exchange(&[0], &[5, 6])).await;
    let Decided::Refusal(refusal) = taken else { panic!("{taken:?}") };
    assert_eq!((code(&refusal), refusal.seats), (ErrorCode::SeatTaken, vec![5]));
    assert_eq!(client.seats(event).await[3..8], [1, 1, 1, 0, 0]);
    // One of its own comes again, under another number.
    let (key, wish) = (client.key(), exchange(&[0, 1], &[4, 6]));
    for _ in 0..2 {
        let (_, done) = client.command(event.slot(), key.clone(), wish.clone()).await;
        let Decided::Reply(reply::Kind::Booking(moved)) = done else { panic!("{done:?}") };
        assert_eq!((moved.seats, moved.numbers), (vec![4, 6], vec![2, 3]));
        assert_eq!(client.seats(event).await[3..8], [0, 1, 1, 1, 0]);
    }
}
