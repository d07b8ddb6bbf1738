//! Money, to the inventory and to the model.

use super::exchanges::{self, Exchange, exchange};
use super::wishes::{intent, off_by, seats, timed};
use super::*;
use crate::inventory::money::{Chargeback, ChargebackOrder, DirectSale};
use crate::inventory::reply::MoneyView;
use crate::inventory::{MoneyCommand, Takings, Tender};

/// What is asked, before it is known of which booking.
#[derive(Clone, Debug)]
pub(super) struct MoneyWish {
    event: usize,
    pick: u8,
    by: By,
    deed: MoneyDeed,
}

#[derive(Clone, Debug)]
enum MoneyDeed {
    Direct { key: u64, coin: Coin, off_by: u32 },
    Commit { off_by: u32, intent: String },
    TakeBack { name: u8, amount: u64, void: bool },
    ComeAgain { key: u64, name: u8 },
    Exchange(Exchange),
}

pub(super) fn money_wish() -> impl Strategy<Value = MoneyWish> {
    let by = prop_oneof![2 => Just(By::Owner), 1 => Just(By::Stranger), 6 => Just(By::Cluster)];
    let coin = prop_oneof![
        1 => Just(Coin::Nothing), 2 => Just(Coin::Gift), 2 => Just(Coin::Cash),
        1 => Just(Coin::Card), 1 => Just(Coin::Invoice)
    ];
    let direct = (0_u64..4, coin, off_by()).prop_map(|(key, coin, off_by)| MoneyDeed::Direct {
        key,
        coin,
        off_by,
    });
    let commit =
        (off_by(), intent()).prop_map(|(off_by, intent)| MoneyDeed::Commit { off_by, intent });
    let amount = prop_oneof![2 => 1_u64..30, 1 => Just(10_u64), 1 => Just(20_u64)];
    let take_back = (0_u8..10, amount, any::<bool>())
        .prop_map(|(name, amount, void)| MoneyDeed::TakeBack { name, amount, void });
    let come_again =
        (0_u64..6, 0_u8..10).prop_map(|(key, name)| MoneyDeed::ComeAgain { key, name });
    let deed = prop_oneof![
        3 => direct, 3 => commit, 3 => take_back, 2 => come_again,
        4 => exchange().prop_map(MoneyDeed::Exchange)
    ];
    (0_usize..2, any::<u8>(), by, deed).prop_map(|(event, pick, by, deed)| MoneyWish {
        event,
        pick,
        by,
        deed,
    })
}

/// An exchange of places of the first event, mostly by the owner.
pub(super) fn exchange_wish() -> impl Strategy<Value = Wish> {
    let by = prop_oneof![5 => Just(By::Owner), 2 => Just(By::Cluster)];
    (0_u8..4, by, exchange()).prop_map(|(pick, by, exchange)| {
        let deed = MoneyDeed::Exchange(exchange);
        Wish::Money(MoneyWish { event: 0, pick, by, deed })
    })
}

pub(super) fn resolve(model: &Model, MoneyWish { event, pick, by, deed }: MoneyWish) -> MoneyAsk {
    let sales = &model.shows[event].sales;
    let back = usize::from(pick % 6);
    let number = u32::try_from((sales.len() + 1).saturating_sub(back)).unwrap();
    let sale = (number as usize).checked_sub(1).and_then(|at| sales.get(at));
    let user = by.user(sale);
    match deed {
        MoneyDeed::Direct { key, coin, off_by } => {
            let free = matches!(coin, Coin::Nothing | Coin::Gift);
            let price = if free { 0 } else { sale.map_or(0, Sale::total) };
            let amount = price + if free { 0 } else { u64::from(off_by) };
            let name = format!("till {}", key / 2);
            MoneyAsk::Direct { event, number, user, key, coin, amount, name }
        }
        MoneyDeed::Commit { off_by, intent } => {
            let attempt = sale.map_or(0, |sale| sale.attempt) + off_by;
            MoneyAsk::Commit { event, number, user, attempt, intent }
        }
        MoneyDeed::TakeBack { name, amount, void } => {
            MoneyAsk::TakeBack { event, number, user, name: format!("dp_{name}"), amount, void }
        }
        MoneyDeed::ComeAgain { key, name } => {
            // Mostly one that is there.
            let known = sale.and_then(|sale| sale.till.taken_back.get(usize::from(name) / 3));
            let name = known.map_or(format!("dp_{name}"), |known| known.0.clone());
            MoneyAsk::ComeAgain { event, number, user, key, name }
        }
        MoneyDeed::Exchange(exchange) => {
            exchanges::resolve(model, (event, number, user), sale, exchange)
        }
    }
}

pub(super) fn tender(coin: Coin) -> Tender {
    match coin {
        Coin::Nothing => Tender::Free,
        Coin::Gift => Tender::Complimentary,
        Coin::Cash => Tender::Cash,
        Coin::Card => Tender::Card,
        Coin::Invoice => Tender::Invoice,
    }
}

fn coin(tender: Tender) -> Coin {
    match tender {
        Tender::Free => Coin::Nothing,
        Tender::Complimentary => Coin::Gift,
        Tender::Cash => Coin::Cash,
        Tender::Card => Coin::Card,
        Tender::Invoice => Coin::Invoice,
    }
}

pub(super) fn command(pair: &Pair, ask: MoneyAsk) -> (UserId, u64, CommandKind) {
    match ask {
        MoneyAsk::Direct { event, number, user, key, coin, amount, name } => {
            let (tender, reason) = (tender(coin), "guest".to_owned());
            let sale = Box::new(DirectSale { tender, amount, reference: name, reason });
            let booking = pair.id(event, number);
            let command = MoneyCommand::ConfirmDirect { booking, sale };
            (UserId(user.into()), key, CommandKind::Money(command))
        }
        MoneyAsk::Commit { event, number, user, attempt, intent } => {
            let booking = pair.id(event, number);
            let command = MoneyCommand::CommitAuthorized { booking, attempt, intent };
            (UserId(user.into()), 0, CommandKind::Money(command))
        }
        MoneyAsk::TakeBack { event, number, user, name, amount, void } => {
            let (booking, reason) = (pair.id(event, number), "fraud".to_owned());
            let order = Box::new(ChargebackOrder { reference: name, amount, reason, void });
            let command = MoneyCommand::MarkChargeback { booking, order };
            (UserId(user.into()), 0, CommandKind::Money(command))
        }
        MoneyAsk::ComeAgain { event, number, user, key, name } => {
            let booking = pair.id(event, number);
            let command = MoneyCommand::ReverseChargeback { booking, reference: name };
            (UserId(user.into()), key, CommandKind::Money(command))
        }
        MoneyAsk::Exchange { event, number, user, key, swap } => {
            let booking = pair.id(event, number);
            let order = Box::new(exchanges::order(*swap));
            let command = MoneyCommand::Exchange { booking, order };
            (UserId(user.into()), key, CommandKind::Money(command))
        }
    }
}

/// As it is shown: not what the keys were, nor what the provider was asked for.
pub(super) fn plain(till: &Till) -> Till {
    let direct = till.direct.map(|_| 0);
    Till { asked: 0, provider: 0, direct, held_against: 0, ..till.clone() }
}

fn chargeback(it: Chargeback) -> (String, u64, bool, bool) {
    (it.reference, it.amount, it.void, it.reversed_ms.is_some())
}

pub(super) fn seen(view: Option<Box<MoneyView>>) -> Till {
    let Some(view) = view else { return Till::default() };
    let receipts = view.receipts.into_iter();
    Till {
        direct: view.direct.then_some(0),
        desk: receipts.map(|it| (coin(it.tender), it.amount, it.reference)).collect(),
        back_at_desk: view.desk_refunds.into_iter().collect(),
        taken_back: view.chargebacks.into_iter().map(chargeback).collect(),
        ..Till::default()
    }
}

pub(super) fn compare(state: &State, event: usize, show: &Show) {
    for (number, sale) in (1..).zip(&show.sales) {
        assert!(sale.adds_up(), "sale {number}: {sale:?}");
    }
    let id = event_id(event);
    let found = state.takings(id).unwrap();
    let Takings { provider, cash, card, invoice, refunded, owed, charged_back, .. } = found;
    let sums = [provider, cash, card, invoice, refunded, owed, charged_back];
    let sums = sums.map(|sum| u64::try_from(sum).unwrap());
    let counts = [found.sold, found.complimentary, found.chargebacks];
    assert_eq!((sums, counts), show.sums());
    let lines = state.refunds_of(id, 0, 1_000, false).unwrap().0;
    let at_desk = |sale: &Sale, number: u32| sale.till.back_at_desk.contains(&number);
    for line in lines {
        let sale = &show.sales[line.booking.locator().seq() as usize - 1];
        let by_provider = line.refund.is_none_or(|number| !at_desk(sale, number));
        let intent = if by_provider { sale.intent.as_str() } else { "" };
        assert_eq!(line.intent, intent);
    }
}

/// Histories of few bookings that are sold in all ways, and refunded.
pub(super) fn money_steps() -> BoxedStrategy<Vec<(i64, Wish)>> {
    let hold = (1_u64..4, 0_u64..60, seats());
    let verb = || (0_u8..8).prop_map(|dice| Verb::Next { dice });
    let refund = (0_u64..6, wishes::places()).prop_map(|(key, places)| Verb::Refund {
        key,
        places,
        block: false,
    });
    let settle = (0_u32..2, 0_u8..2).prop_map(|(refund, name)| Verb::Settle { refund, name });
    let fail = Just(Verb::Fail { off_by: 0 });
    let late = Just(Verb::Confirm { off_by: 0, intent: "pi_1".to_owned() });
    let scan = (0_u64..4, 0_u32..2).prop_map(|(key, place)| Verb::Scan { key, place, version: 0 });
    let pass = (0_u32..3, 1_u64..4).prop_map(|(place, to)| Verb::Pass { place, version: 0, to });
    let verb = prop_oneof![
        6 => verb(), 2 => scan, 2 => refund, 1 => settle, 1 => fail, 1 => late, 2 => pass
    ];
    timed(prop_oneof![
        1 => Just(Wish::Ask(Ask::Publish { event: 0 })),
        3 => hold.prop_map(|(user, key, seats)| {
            Wish::Ask(Ask::Hold { event: 0, user, key, basket: plain_basket(seats) })
        }),
        8 => (0_u8..3, verb)
            .prop_map(|(pick, verb)| Wish::Of { event: 0, pick, by: By::Owner, verb }),
        6 => money_wish().prop_map(|wish| Wish::Money(MoneyWish { event: 0, ..wish })),
        3 => exchange_wish(),
        // Some are cancelled while payments run.
        1 => (0_u8..16, 1_u32..3).prop_map(|(dice, max)| Wish::Ask(match dice {
            0 => Ask::Cancel { event: 0 },
            _ => Ask::Tend { max },
        })),
        1 => Just(Wish::Restart),
    ])
}
