//! What is asked of the inventory and the model, at random.

use super::doors::{DoorWish, door_wish};
use super::lines::{LineWish, line_wish};
use super::money::{MoneyWish, money_wish};
use super::readers::ReaderWish;
use super::terms::{TermsWish, terms_wish};
use super::waitlists::{WaitWish, wait_wish};
use super::*;

/// What is asked, before it is known what there is to ask about.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    Ask(Ask),
    Of { event: usize, pick: u8, by: By, verb: Verb },
    Line { event: usize, wish: LineWish },
    Door(DoorWish),
    Money(MoneyWish),
    Reader(ReaderWish),
    Wait { event: usize, wish: WaitWish },
    Terms { event: usize, wish: TermsWish },
    Sweep { max: u32 },
    Restart,
}

/// What is done to a booking that is there; mostly as it would be done right.
#[derive(Clone, Debug)]
pub(super) enum Verb {
    /// Whatever brings it on: the deep states are rare otherwise.
    Next {
        dice: u8,
    },
    Release,
    Begin {
        key: u64,
        off_by: u32,
    },
    Attach {
        off_by: u32,
        intent: String,
    },
    Confirm {
        off_by: u32,
        intent: String,
    },
    Fail {
        off_by: u32,
    },
    Extend,
    Drop {
        places: Vec<u32>,
    },
    Refund {
        key: u64,
        places: Vec<u32>,
        block: bool,
    },
    Settle {
        refund: u32,
        name: u8,
    },
    Pass {
        place: u32,
        version: u32,
        to: u64,
    },
    Scan {
        key: u64,
        place: u32,
        version: u32,
    },
    Unscan {
        place: u32,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    Owner,
    Stranger,
    Cluster,
}

impl By {
    pub(super) fn user(self, sale: Option<&Sale>) -> u64 {
        match self {
            Self::Owner => sale.map_or(1, |sale| sale.user),
            Self::Stranger => 77,
            Self::Cluster => 0,
        }
    }
}

pub(super) fn off_by() -> impl Strategy<Value = u32> {
    prop_oneof![8 => Just(0_u32), 1 => Just(1)]
}

pub(super) fn intent() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just("pi_1"), 2 => Just("pi_2")].prop_map(str::to_owned)
}

/// A few places of a booking; rarely one that it has not.
pub(super) fn places() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::btree_set(0_u32..4, 1..3).prop_map(|set| set.into_iter().collect())
}

pub(super) fn party() -> impl Strategy<Value = Party> {
    let near = prop_oneof![
        2 => Just(Near::Somehow), 1 => Just(Near::OneRow), 2 => Just(Near::SideBySide)
    ];
    let size = prop_oneof![6 => 1_u32..5, 2 => 5_u32..12, 1 => 30_u32..40];
    let categories = prop_oneof![
        4 => Just(Vec::new()), 2 => Just(vec![0]), 2 => Just(vec![1]), 1 => Just(vec![1, 0])
    ];
    let sections = prop_oneof![6 => Just(Vec::new()), 1 => Just(vec![0]), 1 => Just(vec![1])];
    let price_max = prop_oneof![6 => Just(None), 1 => Just(Some(15)), 1 => Just(Some(1))];
    let accessible = prop_oneof![6 => Just(false), 1 => Just(true)];
    (size, categories, sections, price_max, near, accessible).prop_map(
        |(size, categories, sections, price_max, near, accessible)| Party {
            size,
            categories,
            sections,
            price_max,
            near,
            accessible,
        },
    )
}

pub(super) fn word() -> impl Strategy<Value = String> {
    let known =
        prop_oneof![2 => Just("fan"), 1 => Just("fan2"), 1 => Just("crew"), 1 => Just("no")];
    prop_oneof![5 => Just(String::new()), 2 => known.prop_map(str::to_owned)]
}

pub(super) fn plain_basket(seats: Vec<u32>) -> Basket {
    Basket { plain: true, seats, party: None, areas: Vec::new(), word: String::new() }
}

pub(super) fn basket() -> impl Strategy<Value = Basket> {
    let few = prop::collection::btree_set(0..SEATS, 0..3);
    let few = few.prop_map(|set| set.into_iter().collect::<Vec<u32>>());
    let seats_too = prop_oneof![3 => Just(Vec::new()), 1 => few];
    let lawn = prop_oneof![
        4 => Just(Vec::new()), 3 => (1_u32..4).prop_map(|count| vec![(0_u16, count)]),
        1 => Just(vec![(7_u16, 1_u32)])
    ];
    prop_oneof![
        3 => seats().prop_map(plain_basket),
        4 => (seats_too, prop::option::weighted(0.8, party()), lawn, word()).prop_map(
            |(seats, party, areas, word)| Basket { plain: false, seats, party, areas, word }
        ),
    ]
}

pub(super) fn seats() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        24 => prop::collection::btree_set(0..SEATS, 1..4).prop_map(|set| set.into_iter().collect()),
        1 => prop::collection::vec(0..SEATS + 2, 0..5),
        // Too many.
        1 => Just((0..=100).collect::<Vec<u32>>()),
    ]
}

pub(super) fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        20 => (0_u8..8).prop_map(|dice| Verb::Next { dice }),
        2 => Just(Verb::Release),
        6 => (0_u64..3, off_by()).prop_map(|(key, off_by)| Verb::Begin { key, off_by }),
        6 => (off_by(), intent()).prop_map(|(off_by, intent)| Verb::Attach { off_by, intent }),
        4 => (off_by(), intent()).prop_map(|(off_by, intent)| Verb::Confirm { off_by, intent }),
        3 => off_by().prop_map(|off_by| Verb::Fail { off_by }),
        2 => Just(Verb::Extend),
        3 => places().prop_map(|places| Verb::Drop { places }),
        3 => (0_u64..6, prop_oneof![3 => places(), 1 => Just(Vec::new())], any::<bool>())
            .prop_map(|(key, places, block)| Verb::Refund { key, places, block }),
        2 => (0_u32..2, 0_u8..2).prop_map(|(refund, name)| Verb::Settle { refund, name }),
        3 => (0_u32..3, off_by(), 1_u64..4)
            .prop_map(|(place, version, to)| Verb::Pass { place, version, to }),
        3 => (0_u64..4, 0_u32..4, off_by())
            .prop_map(|(key, place, version)| Verb::Scan { key, place, version }),
        1 => (0_u32..3).prop_map(|place| Verb::Unscan { place }),
    ]
}

pub(super) fn wish() -> impl Strategy<Value = Wish> {
    // Few users, keys and seats, so that they meet.
    let event = || 0_usize..2;
    let by = prop_oneof![8 => Just(By::Owner), 1 => Just(By::Stranger), 1 => Just(By::Cluster)];
    let prices = prop_oneof![Just(vec![10, 20]), Just(vec![11, 22])];
    prop_oneof![
        4 => event().prop_map(|event| Wish::Ask(Ask::Publish { event })),
        1 => (event(), 0_u8..5).prop_map(|(event, dice)| Wish::Ask(match dice {
            0 => Ask::Cancel { event },
            _ => Ask::Publish { event },
        })),
        1 => (event(), 0_u8..8, 0_u64..40_000).prop_map(|(event, dice, at)| {
            let deed = match dice {
                0 | 1 => Deed::Pause { why: format!("rain {dice}") },
                2..=5 => Deed::Resume,
                6 => Deed::SetEnd { ends_ms: if at < 20_000 { 0 } else { at } },
                _ if at < 10_000 => Deed::End,
                _ => Deed::Resume,
            };
            Wish::Ask(Ask::Life { event, deed })
        }),
        1 => (1_u32..4).prop_map(|max| Wish::Ask(Ask::Tend { max })),
        1 => (event(), prices).prop_map(|(event, prices)| {
            Wish::Ask(Ask::Reprice { event, prices })
        }),
        20 => (event(), 1_u64..4, 0_u64..60, basket()).prop_map(|(event, user, key, basket)| {
            Wish::Ask(Ask::Hold { event, user, key, basket })
        }),
        2 => (event(), seats(), any::<bool>()).prop_map(|(event, seats, block)| {
            let seats: Vec<u32> = seats.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
            Wish::Ask(if block {
                Ask::Block { event, seats }
            } else {
                Ask::Unblock { event, seats }
            })
        }),
        40 => (event(), any::<u8>(), by, verb()).prop_map(|(event, pick, by, verb)| {
            Wish::Of { event, pick, by, verb }
        }),
        // Of the second event only: a guard keeps most buyers out.
        3 => line_wish().prop_map(|wish| Wish::Line { event: 1, wish }),
        5 => door_wish().prop_map(Wish::Door),
        5 => money_wish().prop_map(Wish::Money),
        4 => (event(), wait_wish()).prop_map(|(event, wish)| Wish::Wait { event, wish }),
        3 => (event(), terms_wish()).prop_map(|(event, wish)| Wish::Terms { event, wish }),
        2 => (1_u32..4).prop_map(|max| Wish::Sweep { max }),
        1 => (event(), 1_u32..4).prop_map(|(event, max)| {
            Wish::Ask(Ask::Collect { event, max })
        }),
        1 => Just(Wish::Restart),
    ]
}

/// Mostly short steps; some that pass a hold, a payment, a memory; and some back in time.
pub(super) fn steps() -> BoxedStrategy<Vec<(i64, Wish)>> {
    timed(wish())
}

pub(super) fn timed(
    wish: impl Strategy<Value = Wish> + 'static,
) -> BoxedStrategy<Vec<(i64, Wish)>> {
    let step = prop_oneof![
        60 => 0_i64..700,
        6 => 3_000_i64..11_000,
        1 => Just(311_000_i64),
        1 => Just(601_000_i64),
        4 => -2_000_i64..0,
    ];
    prop::collection::vec((step, wish), 1..160).boxed()
}

/// The step of the fence that comes next, right or wrong by the dice.
pub(super) fn next(sale: Option<&Sale>, dice: u8) -> Verb {
    let Some(sale) = sale else { return Verb::Release };
    let intent = || if sale.intent.is_empty() { "pi_1".to_owned() } else { sale.intent.clone() };
    match sale.standing {
        Standing::Held => Verb::Begin { key: dice.into(), off_by: 0 },
        Standing::Paying if sale.intent.is_empty() => Verb::Attach { off_by: 0, intent: intent() },
        Standing::Paying if dice < 3 => Verb::Fail { off_by: 0 },
        Standing::Confirmed if dice < 4 => {
            Verb::Scan { key: dice.into(), place: u32::from(dice % 2), version: 0 }
        }
        Standing::Confirmed if dice == 4 => Verb::Pass { place: 0, version: 0, to: 2 },
        Standing::Confirmed if dice < 7 => Verb::Refund { key: 1, places: vec![0], block: false },
        Standing::Paying
        | Standing::Capturing
        | Standing::Confirmed
        | Standing::Released
        | Standing::Expired
        | Standing::RefundDue
        | Standing::Refunded => Verb::Confirm { off_by: 0, intent: intent() },
    }
}
