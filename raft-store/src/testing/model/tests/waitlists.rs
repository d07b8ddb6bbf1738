//! Waitlists: what is asked of them, and what can be seen of them.

use super::wishes::{basket, seats, timed, wish};
use super::*;
use crate::inventory::waitlist::{
    WaitStanding, WaiterView, WaitlistCommand, WaitlistRules, Wish as RealWish,
};
use crate::testing::model::waitlist::{Seat, WaitAsk, Want};

/// What is asked, before it is known which entries there are.
#[derive(Clone, Debug)]
pub(super) enum WaitWish {
    Set { offer_ms: u64, shut: bool },
    Join { user: u64, key: u64, want: Want },
    Leave { pick: u8, by: By },
    Take { pick: u8, by: By },
}

fn want() -> impl Strategy<Value = Want> {
    let size = prop_oneof![12 => 1_u32..5, 3 => 5_u32..14, 1 => Just(0), 1 => Just(33)];
    let categories = prop_oneof![
        5 => Just(Vec::new()), 2 => Just(vec![0]), 2 => Just(vec![1]), 1 => Just(vec![1, 0]),
        1 => Just(vec![7])
    ];
    let accessible = prop_oneof![8 => Just(false), 1 => Just(true)];
    (size, categories, any::<bool>(), accessible).prop_map(
        |(size, categories, side_by_side, accessible)| Want {
            size,
            categories,
            side_by_side,
            accessible,
        },
    )
}

pub(super) fn wait_wish() -> impl Strategy<Value = WaitWish> {
    let by = || prop_oneof![8 => Just(By::Owner), 1 => Just(By::Stranger), 1 => Just(By::Cluster)];
    let offer_ms = prop_oneof![3 => 10_000_u64..30_000, 1 => Just(1_800_000)];
    prop_oneof![
        1 => (offer_ms, prop::bool::weighted(0.1))
            .prop_map(|(offer_ms, shut)| WaitWish::Set { offer_ms, shut }),
        12 => (1_u64..6, 1_000_u64..1_200, want())
            .prop_map(|(user, key, want)| WaitWish::Join { user, key, want }),
        4 => (any::<u8>(), by()).prop_map(|(pick, by)| WaitWish::Leave { pick, by }),
        3 => (any::<u8>(), by()).prop_map(|(pick, by)| WaitWish::Take { pick, by }),
    ]
}

/// Histories of events that are nearly sold out, in which places come back.
pub(super) fn wait_steps() -> BoxedStrategy<Vec<(i64, Wish)>> {
    let event = || prop_oneof![3 => Just(0_usize), 1 => Just(1)];
    let hold = |user: std::ops::Range<u64>| (event(), user, 0_u64..60, basket());
    let verb = || (0_u8..8).prop_map(|dice| Verb::Next { dice });
    let away = prop_oneof![
        3 => Just(Verb::Release),
        2 => (0_u64..6).prop_map(|key| Verb::Refund { key, places: Vec::new(), block: false }),
        2 => (0_u32..3).prop_map(|place| Verb::Drop { places: vec![place] }),
        1 => Just(Verb::Extend),
    ];
    let all_of_it = prop::collection::btree_set(0..SEATS, 9..15);
    timed(prop_oneof![
        2 => event().prop_map(|event| Wish::Ask(Ask::Publish { event })),
        6 => hold(1..6).prop_map(|(event, user, key, basket)| {
            Wish::Ask(Ask::Hold { event, user, key, basket })
        }),
        // Much of the hall at once, so that there is something to wait for.
        4 => (event(), 6_u64..9, 0_u64..60, all_of_it).prop_map(|(event, user, key, seats)| {
            let seats = seats.into_iter().collect();
            Wish::Ask(Ask::Hold { event, user, key, basket: plain_basket(seats) })
        }),
        2 => (event(), 6_u64..9, 0_u64..60, 2_u32..5).prop_map(|(event, user, key, count)| {
            let basket = Basket { areas: vec![(0, count)], ..plain_basket(Vec::new()) };
            Wish::Ask(Ask::Hold { event, user, key, basket: Basket { plain: false, ..basket } })
        }),
        3 => money::exchange_wish(),
        2 => (event(), seats(), any::<bool>()).prop_map(|(event, seats, block)| {
            let seats: Vec<u32> = seats.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
            Wish::Ask(if block {
                Ask::Block { event, seats }
            } else {
                Ask::Unblock { event, seats }
            })
        }),
        12 => (event(), wait_wish()).prop_map(|(event, wish)| Wish::Wait { event, wish }),
        6 => (event(), any::<u8>(), verb())
            .prop_map(|(event, pick, verb)| Wish::Of { event, pick, by: By::Owner, verb }),
        8 => (event(), any::<u8>(), away)
            .prop_map(|(event, pick, verb)| Wish::Of { event, pick, by: By::Owner, verb }),
        1 => (event(), any::<bool>()).prop_map(|(event, pause)| {
            let deed = if pause { Deed::Pause { why: String::new() } } else { Deed::Resume };
            Wish::Ask(Ask::Life { event, deed })
        }),
        2 => event().prop_map(|event| Wish::Ask(Ask::Life { event, deed: Deed::Resume })),
        2 => wish(),
    ])
}

pub(super) fn resolve(model: &Model, event: usize, wish: WaitWish) -> WaitAsk {
    let show = &model.shows[event];
    // One of the latest few, now and then one that is not there; and who asks.
    let pick = |pick: u8, by: By| {
        let turns = show.wait.turns.len();
        let entry = turns.saturating_sub(usize::from(pick % 6));
        let owner = (entry < turns).then(|| show.seat_of(event, entry, model.clock_ms).1);
        let user = match by {
            By::Owner => owner.unwrap_or(1),
            By::Stranger => 77,
            By::Cluster => 0,
        };
        (user, u32::try_from(entry).unwrap())
    };
    match wish {
        WaitWish::Set { offer_ms, shut } => WaitAsk::Set { offer_ms, shut },
        WaitWish::Join { user, key, want } => WaitAsk::Join { user, key, want },
        WaitWish::Leave { pick: which, by } => {
            let (user, entry) = pick(which, by);
            WaitAsk::Leave { user, entry }
        }
        WaitWish::Take { pick: which, by } => {
            let (user, entry) = pick(which, by);
            WaitAsk::Take { user, entry }
        }
    }
}

pub(super) fn command(event: usize, ask: WaitAsk) -> (UserId, u64, CommandKind) {
    let event = event_id(event);
    let (by, key, command) = match ask {
        WaitAsk::Set { offer_ms, shut } => {
            let rules = WaitlistRules { offer_ms, closed: shut };
            (0, 0, WaitlistCommand::Set { event, rules })
        }
        WaitAsk::Join { user, key, want } => {
            let categories = want.categories.iter().map(|&it| u8::try_from(it).unwrap()).collect();
            let (adjacent, accessible) = (want.side_by_side, want.accessible);
            let wish = RealWish { quantity: want.size, categories, adjacent, accessible };
            (user, key, WaitlistCommand::Join { event, wish })
        }
        WaitAsk::Leave { user, entry } => (user, 0, WaitlistCommand::Leave { event, entry }),
        WaitAsk::Take { user, entry } => (user, 0, WaitlistCommand::Accept { event, entry }),
    };
    (UserId(by.into()), key, CommandKind::Waitlist(command))
}

pub(super) fn seat(view: WaiterView) -> Seat {
    let standing = match view.standing {
        WaitStanding::Waiting => "waits",
        WaitStanding::Offered => "offered",
        WaitStanding::Bought => "bought",
        WaitStanding::Declined => "declined",
        WaitStanding::RanOut => "ran out",
        WaitStanding::PassedOver => "passed",
        WaitStanding::Left => "left",
        WaitStanding::Closed => "closed",
    };
    let want = Want {
        size: view.wish.quantity,
        categories: view.wish.categories.into_iter().map(usize::from).collect(),
        side_by_side: view.wish.adjacent,
        accessible: view.wish.accessible,
    };
    let event = usize::try_from(view.event.0 - event_id(0).0).unwrap();
    let user = u64::try_from(view.user.0).unwrap();
    let number = view.booking.map(|booking| booking.locator().seq());
    let (entry, joined_ms) = (view.entry, view.joined_ms);
    (event, user, entry, want, joined_ms, standing, view.position, number, view.until_ms)
}

pub(super) fn compare(state: &State, event: usize, show: &Show, now_ms: u64) {
    let id = event_id(event);
    let seats: Vec<Seat> =
        (0..show.wait.turns.len()).map(|entry| show.seat_of(event, entry, now_ms)).collect();
    let (page, next) = state.waiters_of(id, 0, 1_000, false).unwrap();
    assert_eq!((page.into_iter().map(seat).collect::<Vec<_>>(), next), (seats.clone(), None));
    let live: Vec<Seat> =
        seats.iter().filter(|seat| matches!(seat.5, "waits" | "offered")).cloned().collect();
    let (page, _) = state.waiters_of(id, 0, 1_000, true).unwrap();
    assert_eq!(page.into_iter().map(seat).collect::<Vec<_>>(), live);
    for user in 1..6 {
        let latest = show.latest_turn(user).map(|entry| seats[entry].clone());
        assert_eq!(state.waiter_of(id, UserId(user.into())).map(seat), latest);
    }
    let view = state.waitlist(id).unwrap();
    let count = |what| u32::try_from(live.iter().filter(|seat| seat.5 == what).count()).unwrap();
    assert_eq!((view.waiting, view.offered), (count("waits"), count("offered")));
    assert_eq!(view.entries as usize, seats.len());
    let rules = (view.rules.offer_ms, view.rules.closed);
    assert_eq!(rules, (show.wait.offer_ms, show.wait.shut));
    // A booking says that it is an offer, and of which entry.
    for booking in state.bookings_of(id, 0, 1_000).unwrap().0 {
        let number = booking.booking.locator().seq();
        let offer = seats.iter().find(|seat| seat.7 == Some(number)).map(|seat| seat.2);
        assert_eq!(booking.waiter, offer);
    }
}
