//! Terms, to the inventory and to the model.

use super::wishes::{basket, timed, word};
use super::*;
use crate::inventory::terms::{Channel, Discount, Fee, FeeKind, Limits, Promotion};

/// What is asked, before it is known of which booking.
#[derive(Clone, Debug)]
pub(super) enum TermsWish {
    Ask(TermsAsk),
    Apply { pick: u8, code: String },
}

fn sum() -> impl Strategy<Value = Sum> {
    prop_oneof![
        (0_u64..8).prop_map(Sum::Each),
        (0_u64..25).prop_map(Sum::Once),
        prop_oneof![Just(0_u64), Just(333), Just(1_250), Just(5_000), Just(10_000)]
            .prop_map(Sum::Share),
    ]
}

fn category() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![3 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(1))]
}

fn way_name() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just("fans"), 2 => Just("crew"), 1 => Just("none")].prop_map(str::to_owned)
}

fn code() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just("spring"), 2 => Just("two"), 1 => Just("what"), 1 => Just("")]
        .prop_map(str::to_owned)
}

fn few_seats() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::btree_set(0..=SEATS, 1..5).prop_map(|set| set.into_iter().collect())
}

/// Mostly no limit, else a small one.
fn most(end: u32) -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0), 2 => 1..end]
}

fn deal() -> impl Strategy<Value = Deal> {
    // Two kinds of each code, so that one may come again or be another.
    let code = prop_oneof![Just("spring"), Just("two")].prop_map(str::to_owned);
    let until = prop_oneof![4 => Just(0_u64), 1 => Just(15_000_u64)];
    (code, sum(), category(), most(3), most(3), 0_u32..3, until).prop_map(
        |(code, off, category, uses, uses_each, least, until_ms)| Deal {
            code,
            off,
            category,
            uses,
            uses_each,
            least,
            until_ms,
            closed: false,
        },
    )
}

fn way() -> impl Strategy<Value = Way> {
    let name = prop_oneof![2 => Just("fans"), 1 => Just("crew")].prop_map(str::to_owned);
    let opens = prop_oneof![2 => Just(0_u64), 1 => Just(200_u64), 1 => Just(5_000_u64)];
    let quota = || prop_oneof![2 => Just(0_u32), 2 => 1_u32..5];
    (name, opens, most(5), quota(), quota()).prop_map(|(name, opens_ms, most, even, odd)| Way {
        name,
        opens_ms,
        most,
        quotas: [(0, even), (1, odd)].into_iter().filter(|(_, count)| *count > 0).collect(),
        over: false,
    })
}

pub(super) fn terms_wish() -> impl Strategy<Value = TermsWish> {
    let limits = (most(4), most(5), most(4), any::<bool>());
    let words = prop_oneof![
        2 => Just((String::from("fans"), vec!["fan", "fan2"])),
        1 => Just((String::from("crew"), vec!["crew"])),
        1 => Just((String::from("fans"), vec!["fan"])),
    ];
    let ask = prop_oneof![
        3 => limits.prop_map(|(order, held, lapsed, no_singles)| {
            TermsAsk::Limits { order, held, lapsed, no_singles }
        }),
        3 => prop::collection::vec((sum(), category()), 0..3).prop_map(TermsAsk::Fees),
        1 => prop_oneof![Just(vec![10, 20]), Just(vec![13, 7])].prop_map(TermsAsk::Prices),
        5 => way().prop_map(TermsAsk::Way),
        5 => (way_name(), few_seats()).prop_map(|(way, seats)| TermsAsk::Keep { way, seats }),
        2 => few_seats().prop_map(|seats| TermsAsk::Free { seats }),
        1 => way_name().prop_map(|way| TermsAsk::Release { way }),
        5 => (words, most(3)).prop_map(|((way, words), uses)| {
            let words = words.into_iter().map(str::to_owned).collect();
            TermsAsk::Words { way, uses, words }
        }),
        1 => word().prop_map(|word| {
            TermsAsk::Revoke { word: if word.is_empty() { "fan2".to_owned() } else { word } }
        }),
        4 => deal().prop_map(TermsAsk::Deal),
        1 => code().prop_map(|code| {
            TermsAsk::CloseDeal { code: if code.is_empty() { "two".to_owned() } else { code } }
        }),
    ];
    prop_oneof![
        3 => ask.prop_map(TermsWish::Ask),
        3 => (any::<u8>(), code()).prop_map(|(pick, code)| TermsWish::Apply { pick, code }),
    ]
}

pub(super) fn resolve(model: &Model, event: usize, wish: TermsWish) -> TermsAsk {
    match wish {
        TermsWish::Ask(ask) => ask,
        TermsWish::Apply { pick, code } => {
            let sales = &model.shows[event].sales;
            let back = usize::from(pick % 4);
            let number = u32::try_from((sales.len() + 1).saturating_sub(back)).unwrap();
            let sale = (number as usize).checked_sub(1).and_then(|at| sales.get(at));
            TermsAsk::Apply { number, user: sale.map_or(1, |sale| sale.user), code }
        }
    }
}

fn categories(category: Option<usize>) -> Vec<u8> {
    category.into_iter().map(|it| u8::try_from(it).unwrap()).collect()
}

fn share(share: u64) -> u32 {
    u32::try_from(share).unwrap()
}

pub(super) fn command(pair: &Pair, event: usize, ask: TermsAsk) -> (UserId, u64, CommandKind) {
    let event = event_id(event);
    let command = match ask {
        TermsAsk::Apply { number, user, code } => {
            let event = usize::try_from(event.0 - event_id(0).0).unwrap();
            let booking = pair.id(event, number);
            let kind = CommandKind::Terms(TermsCommand::ApplyPromotion { booking, code });
            return (UserId(user.into()), 0, kind);
        }
        TermsAsk::Limits { order, held, lapsed, no_singles } => TermsCommand::SetLimits {
            event,
            limits: Limits {
                places_per_order_max: order,
                held_places_max: held,
                lapsed_holds_max: lapsed,
                no_single_seats: no_singles,
            },
        },
        TermsAsk::Fees(fees) => {
            let fee = |(sum, category): Extra| Fee {
                name: "service".to_owned(),
                kind: match sum {
                    Sum::Each(fee) => FeeKind::PerPlace(fee),
                    Sum::Once(fee) => FeeKind::PerBooking(fee),
                    Sum::Share(it) => FeeKind::Share(share(it)),
                },
                categories: categories(category),
            };
            TermsCommand::SetFees { event, fees: fees.into_iter().map(fee).collect() }
        }
        TermsAsk::Prices(prices) => TermsCommand::Reprice { event, prices },
        TermsAsk::Way(way) => {
            let quota = |(kind, count): (usize, u32)| (u8::try_from(kind).unwrap(), count);
            let channel = Box::new(Channel {
                name: way.name,
                opens_ms: way.opens_ms,
                closes_ms: 0,
                places_max: way.most,
                quotas: way.quotas.into_iter().map(quota).collect(),
                released: false,
            });
            TermsCommand::PutChannel { event, channel }
        }
        TermsAsk::Keep { way, seats } => TermsCommand::KeepSeats { event, channel: way, seats },
        TermsAsk::Free { seats } => TermsCommand::FreeSeats { event, seats },
        TermsAsk::Release { way } => TermsCommand::ReleaseChannel { event, channel: way },
        TermsAsk::Words { way, uses, words } => {
            TermsCommand::AddCodes { event, channel: way, uses_max: uses, codes: words }
        }
        TermsAsk::Revoke { word } => TermsCommand::RevokeCodes { event, codes: vec![word] },
        TermsAsk::Deal(deal) => {
            let promotion = Box::new(Promotion {
                code: deal.code,
                discount: match deal.off {
                    Sum::Each(off) => Discount::PerPlace(off),
                    Sum::Once(off) => Discount::PerBooking(off),
                    Sum::Share(it) => Discount::Share(share(it)),
                },
                categories: categories(deal.category),
                uses_max: deal.uses,
                uses_per_user_max: deal.uses_each,
                places_min: deal.least,
                from_ms: 0,
                until_ms: deal.until_ms,
                closed: false,
            });
            TermsCommand::AddPromotion { event, promotion }
        }
        TermsAsk::CloseDeal { code } => TermsCommand::ClosePromotion { event, code },
    };
    (SYSTEM, 0, CommandKind::Terms(command))
}

/// Histories of one event that is sold on terms.
pub(super) fn terms_steps() -> BoxedStrategy<Vec<(i64, Wish)>> {
    let hold = (1_u64..4, 0_u64..200, basket());
    let verb = || (0_u8..8).prop_map(|dice| Verb::Next { dice });
    timed(prop_oneof![
        1 => Just(Wish::Ask(Ask::Publish { event: 0 })),
        6 => hold.prop_map(|(user, key, basket)| {
            Wish::Ask(Ask::Hold { event: 0, user, key, basket })
        }),
        6 => (0_u8..3, verb())
            .prop_map(|(pick, verb)| Wish::Of { event: 0, pick, by: By::Owner, verb }),
        1 => (0_u8..3)
            .prop_map(|pick| Wish::Of { event: 0, pick, by: By::Owner, verb: Verb::Release }),
        5 => terms_wish().prop_map(|wish| Wish::Terms { event: 0, wish }),
        2 => money::exchange_wish(),
    ])
}
