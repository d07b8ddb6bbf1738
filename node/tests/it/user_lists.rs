//! Lists of users, from a booking's shard to a user's.

use bytes::Bytes;
use rowlock_proto::v1::{call, command, query, query_reply, reply, user_list_command};
use rowlock_proto::{ErrorCode, Slot, UserId, v1};

use crate::cluster::{Client, Cluster, Decided, user};

/// As the cluster itself, unless it says otherwise.
async fn tell(
    client: &mut Client,
    slot: Slot,
    principal: u128,
    kind: user_list_command::Kind,
) -> Result<(), ErrorCode> {
    let kind = command::Kind::UserList(v1::UserListCommand { kind: Some(kind) });
    let command = v1::Command { principal: user(principal), key: client.key(), kind: Some(kind) };
    match client.execute(slot, call::Body::Command(command)).await.1 {
        Decided::Reply(reply::Kind::Done(v1::Done {})) => Ok(()),
        Decided::Refusal(refusal) => Err(ErrorCode::from_number(refusal.code).unwrap()),
        other => panic!("{other:?}"),
    }
}

async fn list(client: &mut Client, slot: Slot, of: u128, limit: u32) -> v1::UserList {
    let get = v1::GetUserList { user: user(of), after: None, skip: 0, limit };
    match client.query(slot, query::Kind::GetUserList(get)).await {
        query_reply::Kind::UserList(list) => list,
        other => panic!("{other:?}"),
    }
}

fn listing(of: u128, booking: &v1::Booking, revision: u64) -> v1::Listing {
    v1::Listing {
        user: user(of),
        booking: booking.booking.clone(),
        event: booking.event.clone(),
        revision,
        created_ms: booking.created_ms,
        state: booking.state,
        buyer: true,
        places: 1,
        total: booking.total,
        currency: booking.currency.clone(),
        tickets: Vec::new(),
    }
}

fn apply(listings: Vec<v1::Listing>) -> user_list_command::Kind {
    user_list_command::Kind::Apply(v1::ApplyListings { source: 2, listings })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_outlives_every_node_and_what_is_old_changes_nothing() {
    const ANNA: u128 = 5;
    let mut cluster = Cluster::start(3);
    let mut client = cluster.client();
    let event = client.event_on_sale(40, 600_000).await;
    let (one, two) = (client.hold(event, &[1]).await, client.hold(event, &[2]).await);
    let ids = vec![one.booking.clone(), two.booking.clone(), user(99)];
    let get = query::Kind::GetBookings(v1::GetBookings { bookings: ids[..2].to_vec() });
    let query_reply::Kind::Bookings(found) = client.query(event.slot(), get).await else {
        panic!("not bookings")
    };
    assert_eq!(found.bookings, [one.clone(), two.clone()]);
    for bookings in [Vec::new(), ids] {
        let get = query::Kind::GetBookings(v1::GetBookings { bookings });
        let query = v1::Query { stale: false, kind: Some(get) };
        let answer = client.execute(event.slot(), call::Body::Query(query)).await.1;
        assert!(matches!(answer, Decided::Refusal(_)), "{answer:?}");
    }

    let slot = UserId(ANNA).slot();
    let both = vec![listing(ANNA, &one, 7), listing(ANNA, &two, 7)];
    let by_a_user = tell(&mut client, slot, ANNA, apply(both.clone())).await;
    assert_eq!(by_a_user, Err(ErrorCode::NotAllowed));
    assert_eq!(tell(&mut client, slot, 0, apply(Vec::new())).await, Err(ErrorCode::Invalid));
    tell(&mut client, slot, 0, apply(both.clone())).await.unwrap();
    let sold = v1::Listing {
        state: v1::BookingState::Confirmed.into(),
        tickets: vec![0],
        ..listing(ANNA, &one, 9)
    };
    tell(&mut client, slot, 0, apply(vec![sold.clone()])).await.unwrap();
    tell(&mut client, slot, 0, apply(both)).await.unwrap();

    for id in cluster.running() {
        cluster.stop(id);
    }
    for id in 1..=3 {
        cluster.start_again(id);
    }
    let mut client = cluster.client();
    let all = list(&mut client, slot, ANNA, 10).await;
    assert_eq!((all.total, all.more), (2, false));
    assert!(all.listings.contains(&sold), "{all:?}");
    let page = list(&mut client, slot, ANNA, 1).await;
    assert_eq!((page.listings.as_slice(), page.more), (&all.listings[..1], true));
    let last = page.listings[0].clone();
    let after = Some(v1::ListingAge { created_ms: last.created_ms, booking: last.booking });
    let get = v1::GetUserList { user: user(ANNA), after, skip: 0, limit: 0 };
    let found = client.query(slot, query::Kind::GetUserList(get)).await;
    let query_reply::Kind::UserList(rest) = found else { panic!("{found:?}") };
    assert_eq!(rest.listings, all.listings[1..]);

    let old = v1::ListOldListings { source: 2, revision: 9, after: None, limit: 0 };
    let found = client.query(slot, query::Kind::ListOldListings(old)).await;
    let query_reply::Kind::OldListings(old) = found else { panic!("{found:?}") };
    let key = v1::ListingKey { user: user(ANNA), booking: two.booking };
    assert_eq!((old.listings, old.next), (vec![key], None));

    let forget = user_list_command::Kind::Forget(Bytes::copy_from_slice(&user(ANNA)));
    tell(&mut client, slot, 0, forget).await.unwrap();
    tell(&mut client, slot, 0, apply(vec![sold])).await.unwrap();
    assert_eq!(list(&mut client, slot, ANNA, 10).await.total, 0);
}
