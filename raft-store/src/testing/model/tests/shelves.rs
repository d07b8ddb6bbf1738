//! Lists of users, to the inventory and to the model: late, repeated and in any order.

use super::wishes::{timed, wish};
use super::*;
use crate::inventory::{Listing, UserListCommand, UserListView};
use crate::testing::model::shelf::{ShelfAsk, Slip};

/// Few users and bookings, so that they meet; many that come to nothing.
const USERS: u64 = 4;
const BOOKINGS: u64 = 60;

fn slip() -> impl Strategy<Value = Slip> {
    let standing = prop_oneof![
        8 => Just(Standing::Released),
        4 => Just(Standing::Expired),
        3 => Just(Standing::Held),
        1 => Just(Standing::Paying),
        1 => Just(Standing::Capturing),
        4 => Just(Standing::Confirmed),
        1 => Just(Standing::Refunded),
        1 => Just(Standing::RefundDue),
    ];
    let user = prop_oneof![3 => Just(1), 1 => 2..USERS];
    let tickets = prop::collection::btree_set(0_u32..3, 0..3);
    // Times say nothing of bookings: some have the same, and one that is told otherwise is believed.
    let made_ms = prop_oneof![6 => Just(None), 1 => (0_u64..50).prop_map(Some)];
    let buyer = prop_oneof![3 => Just(true), 1 => Just(false)];
    (user, 0..BOOKINGS, 1_u64..9, made_ms, standing, buyer, tickets).prop_map(
        |(user, booking, seen_at, made_ms, standing, buyer, tickets)| Slip {
            user,
            booking,
            seen_at,
            made_ms: made_ms.unwrap_or(booking * 7 % 50),
            standing,
            buyer,
            total: seen_at * 100,
            tickets: tickets.into_iter().collect(),
        },
    )
}

fn ask() -> impl Strategy<Value = ShelfAsk> {
    let slips = || prop::collection::vec(slip(), 1..12);
    prop_oneof![
        30 => (slips(), prop_oneof![8 => Just(0_u32), 1 => Just(1)])
            .prop_map(|(slips, shard)| ShelfAsk::Put { stranger: false, shard, slips }),
        1 => slips().prop_map(|slips| ShelfAsk::Put { stranger: true, shard: 0, slips }),
        1 => (2..USERS).prop_map(|user| ShelfAsk::Burn { user }),
    ]
}

/// Histories of lists beside a little traffic.
pub(super) fn shelf_steps() -> BoxedStrategy<Vec<(i64, Wish)>> {
    timed(prop_oneof![
        6 => ask().prop_map(|ask| Wish::Ask(Ask::Shelf(ask))),
        1 => wish(),
    ])
}

fn state(standing: Standing) -> BookingState {
    match standing {
        Standing::Held => BookingState::Held,
        Standing::Paying => BookingState::Paying,
        Standing::Confirmed => BookingState::Confirmed,
        Standing::Released => BookingState::Released,
        Standing::Expired => BookingState::Expired,
        Standing::RefundDue => BookingState::RefundDue,
        Standing::Refunded => BookingState::Refunded,
        Standing::Capturing => BookingState::Capturing,
    }
}

fn listing(slip: &Slip) -> Listing {
    Listing {
        user: UserId(slip.user.into()),
        booking: BookingId(slip.booking.into()),
        event: event_id(0),
        revision: slip.seen_at,
        created_ms: slip.made_ms,
        state: state(slip.standing),
        buyer: slip.buyer,
        places: 3,
        total: slip.total,
        currency: *b"EUR",
        tickets: slip.tickets.clone(),
    }
}

pub(super) fn command(ask: ShelfAsk) -> (UserId, u64, CommandKind) {
    let (by, command) = match ask {
        ShelfAsk::Put { stranger, shard: source, slips } => {
            let listings = slips.iter().map(listing).collect();
            (UserId(u128::from(stranger) * 77), UserListCommand::Apply { source, listings })
        }
        ShelfAsk::Burn { user } => (SYSTEM, UserListCommand::Forget { user: UserId(user.into()) }),
    };
    let kind = CommandKind::UserList(command);
    assert_eq!(kind.check(), Ok(()));
    (by, 0, kind)
}

pub(super) fn compare(model: &Model, state: &State) {
    for number in 1..USERS {
        let user = UserId(number.into());
        let all: Vec<Listing> = model.shelves.shown(number).iter().map(listing).collect();
        let total = all.len() as u64;
        let seen = state.user_list(user, None, 0, 1_000);
        assert_eq!(seen, UserListView { listings: all.clone(), total, more: false });
        // By pages, with a cursor and without.
        let (mut after, mut paged) = (None, Vec::new());
        loop {
            let page = state.user_list(user, after, 0, 7);
            let skipped = state.user_list(user, None, paged.len(), 7);
            assert_eq!((&skipped.listings, skipped.more), (&page.listings, page.more));
            after = page.listings.last().map(|last| (last.created_ms, last.booking));
            paged.extend(page.listings);
            if !page.more {
                break;
            }
        }
        assert_eq!(paged, all);
    }
    let expected = model.shelves.not_seen_since(0, 4);
    let (mut after, mut old) = (None, Vec::new());
    loop {
        let (found, next) = state.old_listings(0, 4, after, 5);
        old.extend(found.into_iter().map(|(user, booking)| (user.0, booking.0)));
        match next {
            None => break,
            Some(_) => after = next,
        }
    }
    let expected: Vec<(u128, u128)> =
        expected.into_iter().map(|(user, booking)| (user.into(), booking.into())).collect();
    assert_eq!(old, expected);
}

/// What many looks at many bookings come to must not depend on the order in which they arrive, nor on how
/// often.
#[test]
fn a_list_is_the_same_in_whatever_order_its_listings_arrive() {
    let paid = prop_oneof![Just(Standing::Confirmed), Just(Standing::Refunded)];
    let open = prop_oneof![Just(Standing::Held), Just(Standing::Paying), Just(Standing::Expired)];
    let standing = (prop::collection::vec(open, 1..3), prop::collection::vec(paid, 0..3));
    // Fewer bookings of a user than are kept: see `Shelves` for what is dropped beyond them.
    let histories = prop::collection::vec((standing, any::<[bool; 4]>()), 1..20);
    let versions = histories.prop_map(|histories| {
        let mut slips = Vec::new();
        for (booking, ((open, paid), has)) in (0_u64..).zip(histories) {
            for (at, standing) in (0_u64..).zip(open.into_iter().chain(paid)) {
                let has = has.get(usize::try_from(at).unwrap()).copied().unwrap_or(true);
                let (made_ms, total) = (booking % 5, 100 + at);
                let slip = |user, buyer, tickets| Slip {
                    user,
                    booking,
                    seen_at: 10 + at,
                    made_ms,
                    standing,
                    buyer,
                    total,
                    tickets,
                };
                slips.push(slip(1, true, if has { vec![0, 1] } else { vec![0] }));
                slips.push(slip(2, false, if has { Vec::new() } else { vec![1] }));
            }
        }
        slips
    });
    let strategy = versions.prop_flat_map(|slips| {
        let again = prop::sample::subsequence(slips.clone(), 0..=slips.len());
        let mixed = again.prop_flat_map({
            let slips = slips.clone();
            move |again| Just([slips.clone(), again].concat()).prop_shuffle()
        });
        (Just(slips), mixed, 1_usize..9)
    });
    let outcome = runner(300, 0x11_57).run(&strategy, |(slips, mixed, batch)| {
        let lists = |slips: &[Slip], batch: usize| {
            let mut state = State::new(Config::default());
            for slips in slips.chunks(batch) {
                let put = ShelfAsk::Put { stranger: false, shard: 0, slips: slips.to_vec() };
                let (principal, key, kind) = command(put);
                let command = Command { principal, key: RequestKey(key.into()), kind };
                assert_eq!(state.apply(0, 1, &command).answer, Ok(Reply::Done));
            }
            assert_eq!(state.audit(), Vec::<String>::new());
            (state.digest(), state.user_list(UserId(1), None, 0, 100))
        };
        assert_eq!(lists(&mixed, batch), lists(&slips, 1));
        Ok(())
    });
    outcome.unwrap();
}
