//! The consumer that keeps the lists of users, against a node that keeps bookings and lists.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rowlock_client::Client;
use rowlock_client::consume::Handle;
use rowlock_client::types::{
    BookingId, BookingLocator, Change, ChangeKind, EventId, ShardId, UserId,
};
use rowlock_client::user_lists::UserLists;
use rowlock_proto::{Slot, v1};

use crate::fake::{self, Do, Scripts};

const ANNA: UserId = UserId(1);
const BERT: UserId = UserId(2);
const CARL: UserId = UserId(3);

/// Bookings by id, and the rows of lists by user and booking.
#[derive(Default)]
struct Board {
    revision: u64,
    bookings: BTreeMap<Bytes, v1::Booking>,
    rows: BTreeMap<(Bytes, Bytes), v1::Listing>,
    /// Commands that are not answered before one is.
    lose: u32,
    commands: u32,
}

fn raw(id: u128) -> Bytes {
    Bytes::copy_from_slice(&id.to_be_bytes())
}

fn booking_id(event_no: u32, seq: u32) -> BookingId {
    BookingId::new(BookingLocator::new(Slot::new(5).unwrap(), event_no, seq).unwrap(), 1)
}

fn booking(id: BookingId, user: UserId) -> v1::Booking {
    v1::Booking {
        booking: raw(id.0),
        event: raw(7),
        user: raw(user.0),
        state: v1::BookingState::Confirmed.into(),
        seats: vec![1, 2],
        prices: vec![100, 100],
        total: 200,
        currency: "EUR".to_owned(),
        created_ms: 5,
        ..v1::Booking::default()
    }
}

impl Board {
    fn find(&self, query: v1::query::Kind) -> v1::query_reply::Kind {
        use v1::query::Kind;
        use v1::query_reply::Kind as Found;
        match query {
            Kind::GetBookings(get) => {
                let event_no = |id| BookingId::from_slice(id).unwrap().locator().event_no();
                let events: Vec<u32> = get.bookings.iter().map(|id| event_no(id)).collect();
                assert!(events.windows(2).all(|pair| pair[0] == pair[1]), "of two events");
                let found = get.bookings.iter().filter_map(|id| self.bookings.get(id)).cloned();
                Found::Bookings(v1::BookingList { bookings: found.collect(), more: false })
            }
            Kind::ListEvents(_) => {
                let spec = v1::EventSpec {
                    venue: raw(9),
                    map: Bytes::from_static(&[1; 32]),
                    ..v1::EventSpec::default()
                };
                let event = v1::Event {
                    event: raw(7),
                    spec: Some(spec),
                    state: v1::EventState::Published.into(),
                    counts: Some(v1::SeatCounts::default()),
                    ..v1::Event::default()
                };
                Found::Events(v1::EventList { events: vec![event], more: false })
            }
            Kind::ListBookings(list) => {
                let seq =
                    |it: &v1::Booking| BookingId::from_slice(&it.booking).unwrap().locator().seq();
                let all = self.bookings.values().filter(|it| seq(it) > list.after_seq);
                let bookings = all.cloned().collect();
                Found::Bookings(v1::BookingList { bookings, more: false })
            }
            Kind::ListOldListings(old) => {
                let rows = self.rows.values().filter(|row| row.revision < old.revision);
                let key = |row: &v1::Listing| v1::ListingKey {
                    user: row.user.clone(),
                    booking: row.booking.clone(),
                };
                Found::OldListings(v1::OldListings {
                    listings: rows.map(key).collect(),
                    next: None,
                })
            }
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, call: v1::Call) -> Option<v1::Answer> {
        use v1::answer::Body;
        let body = match call.body.unwrap() {
            v1::call::Body::Query(query) => {
                let kind = Some(self.find(query.kind.unwrap()));
                Body::Result(v1::QueryReply { kind })
            }
            v1::call::Body::Command(command) => {
                let Some(v1::command::Kind::UserList(command)) = command.kind else {
                    panic!("another kind")
                };
                let Some(v1::user_list_command::Kind::Apply(apply)) = command.kind else {
                    panic!("another kind")
                };
                self.commands += 1;
                assert!((1..=256).contains(&apply.listings.len()));
                for row in apply.listings {
                    let key = (row.user.clone(), row.booking.clone());
                    let known = self.rows.get(&key).map_or(0, |known| known.revision);
                    if row.revision > known {
                        self.rows.insert(key, row);
                    }
                }
                if self.lose > 0 {
                    self.lose -= 1;
                    return None;
                }
                Body::Reply(v1::Reply { kind: Some(v1::reply::Kind::Done(v1::Done {})) })
            }
        };
        let at = Some(v1::Position { revision: self.revision, ..v1::Position::default() });
        Some(v1::Answer { id: call.id, at, body: Some(body) })
    }

    /// Tickets that a user has, by the list.
    fn tickets(&self, user: UserId, booking: BookingId) -> Option<Vec<u32>> {
        Some(self.rows.get(&(raw(user.0), raw(booking.0)))?.tickets.clone())
    }
}

async fn client(board: &Arc<Mutex<Board>>) -> Client {
    let board = Arc::clone(board);
    let script = Scripts::calls(move |calls| {
        let mut board = board.lock().unwrap();
        let answers: Vec<_> = calls.into_iter().map(|call| board.answer(call)).collect();
        match answers.into_iter().collect() {
            Some(answers) => Do::Answer(answers),
            None => Do::Drop,
        }
    });
    fake::cluster(vec![script]).await
}

fn change(principal: UserId, kind: ChangeKind) -> Change {
    Change {
        revision: 1,
        index: 1,
        time_ms: 0,
        principal: Some(principal),
        command: String::new(),
        key: None,
        digest: None,
        kind,
    }
}

fn sold(booking: BookingId) -> Change {
    let (seats, intent) = (vec![1, 2], "pi".to_owned());
    let kind = ChangeKind::SeatsSold {
        event: EventId(7),
        booking,
        user: ANNA,
        seats,
        amount: 200,
        intent,
    };
    change(ANNA, kind)
}

#[tokio::test]
async fn what_changed_is_brought_to_all_of_its_users_however_often_it_fails() {
    let (one, other) = (booking_id(1, 1), booking_id(2, 1));
    let board = Arc::new(Mutex::new(Board { revision: 10, lose: 1, ..Board::default() }));
    for id in [one, other] {
        board.lock().unwrap().bookings.insert(raw(id.0), booking(id, ANNA));
    }
    let client = client(&board).await;
    let mut lists = UserLists::new(client);
    let gone = sold(booking_id(1, 9));
    let changes = [sold(one), sold(other), gone, change(ANNA, ChangeKind::Other)];
    // The first command is lost after it was done, and goes again with its key or in the next round.
    if lists.changes(ShardId(0), &changes).await.is_err() {
        lists.changes(ShardId(0), &changes).await.unwrap();
    }
    let told = |user, id| board.lock().unwrap().tickets(user, id);
    assert_eq!((told(ANNA, one), told(ANNA, other)), (Some(vec![0, 1]), Some(vec![0, 1])));

    // Anna's ticket goes to Bert, and from him to Carl.
    let pass = |to: UserId, version| {
        let ticket = v1::Ticket { place: 0, holder: raw(to.0), version, ..v1::Ticket::default() };
        let mut board = board.lock().unwrap();
        board.revision += 1;
        board.bookings.get_mut(&raw(one.0)).unwrap().tickets = vec![ticket];
        ChangeKind::TicketTransferred { booking: one, place: 0, to, version }
    };
    let first = change(ANNA, pass(BERT, 1));
    lists.changes(ShardId(0), &[first]).await.unwrap();
    assert_eq!((told(ANNA, one), told(BERT, one)), (Some(vec![1]), Some(vec![0])));
    let second = change(BERT, pass(CARL, 2));
    lists.changes(ShardId(0), &[second]).await.unwrap();
    assert_eq!((told(BERT, one), told(CARL, one)), (Some(Vec::new()), Some(vec![0])));
    let carls = board.lock().unwrap().rows[&(raw(CARL.0), raw(one.0))].clone();
    assert_eq!((carls.buyer, carls.total, carls.revision), (false, 0, 12));
}

#[tokio::test]
async fn what_changed_while_nobody_followed_is_read_from_the_state() {
    let one = booking_id(1, 1);
    let board = Arc::new(Mutex::new(Board { revision: 50, ..Board::default() }));
    {
        let mut board = board.lock().unwrap();
        let ticket = v1::Ticket { holder: raw(CARL.0), version: 2, ..v1::Ticket::default() };
        let sold = v1::Booking { tickets: vec![ticket], ..booking(one, ANNA) };
        board.bookings.insert(raw(one.0), sold);
        // Bert had the ticket when the feed was last followed.
        let row = v1::Listing {
            user: raw(BERT.0),
            booking: raw(one.0),
            revision: 3,
            tickets: vec![0],
            ..v1::Listing::default()
        };
        board.rows.insert((raw(BERT.0), raw(one.0)), row);
    }
    let mut lists = UserLists::new(client(&board).await);
    assert_eq!(lists.read_anew(ShardId(0), Some(40)).await.unwrap(), 50);
    let board = board.lock().unwrap();
    let told = |user| board.tickets(user, one);
    assert_eq!((told(ANNA), told(CARL)), (Some(vec![1]), Some(vec![0])));
    assert_eq!(told(BERT), Some(Vec::new()));
}
