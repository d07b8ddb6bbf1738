//! Exchanges, to the inventory and to the model.

use super::money::tender;
use super::wishes::basket;
use super::*;
use crate::inventory::money::{DirectSale, ExchangeOrder};

/// What is asked, before it is known which places there are.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    key: u64,
    /// Which of the places that are there; the odd one may be none.
    give: Vec<usize>,
    /// The first of its own seats goes, by its name; the odd one may be another's.
    give_seat: Option<u32>,
    basket: Basket,
    /// One of the booking's own seats is taken again.
    again: bool,
    paid: Option<(Coin, u64)>,
}

pub(super) fn exchange() -> impl Strategy<Value = Exchange> {
    let give = prop_oneof![
        2 => Just(Vec::new()),
        4 => prop::collection::vec(0_usize..4, 1..3),
        1 => Just(vec![99]),
    ];
    let coin = prop_oneof![4 => Just(Coin::Cash), 2 => Just(Coin::Invoice), 1 => Just(Coin::Gift)];
    let off_by = prop_oneof![6 => Just(0_u64), 1 => Just(1)];
    let paid = prop_oneof![2 => Just(None), 1 => (coin, off_by).prop_map(Some)];
    let give_seat = prop_oneof![4 => Just(None), 1 => (0..SEATS).prop_map(Some)];
    (0_u64..6, give, give_seat, basket(), prop::bool::weighted(0.2), paid).prop_map(
        |(key, give, give_seat, basket, again, paid)| Exchange {
            key,
            give,
            give_seat,
            basket,
            again,
            paid,
        },
    )
}

pub(super) fn resolve(
    model: &Model,
    (event, number, user): (usize, u32, u64),
    sale: Option<&Sale>,
    Exchange { key, give, give_seat, mut basket, again, paid }: Exchange,
) -> MoneyAsk {
    let here = sale.map(Sale::here).unwrap_or_default();
    let known = |at: &usize| here.get(*at % here.len().max(1)).map(|(number, ..)| *number);
    let number_of = |at: &usize| if *at == 99 { Some(99) } else { known(at) };
    let give = give.iter().filter_map(number_of).collect();
    if let Some(&(_, Where::Seat(seat), _)) = here.first()
        && again
    {
        basket.seats.push(seat);
    }
    basket = Basket { plain: false, word: String::new(), ..basket };
    let own = here.iter().find_map(|(_, place, _)| match place {
        Where::Seat(seat) => Some(*seat),
        Where::Area(_) => None,
    });
    // Mostly one that it has.
    let seat = give_seat.map(|seat| own.filter(|_| seat % 4 != 0).unwrap_or(seat));
    let give_seats = seat.into_iter().collect();
    let mut swap = Swap { give, give_seats, basket, paid: None };
    let ask = |swap| MoneyAsk::Exchange { event, number, user, key, swap: Box::new(swap) };
    if let Some((coin, off_by)) = paid {
        // What is missing, if anything is.
        let said = model.clone().answer(&Ask::Money(ask(swap.clone())));
        let missing = match said {
            Said::Refused(ErrorCode::ExchangeDearer, _, missing) => missing,
            _ => 0,
        };
        swap.paid = Some((coin, missing + off_by, "till".to_owned()));
    }
    ask(swap)
}

pub(super) fn order(Swap { give, give_seats, basket, paid }: Swap) -> ExchangeOrder {
    let sale = |(coin, amount, reference): (Coin, u64, String)| {
        Box::new(DirectSale { tender: tender(coin), amount, reference, reason: String::new() })
    };
    ExchangeOrder { give, give_seats, take: cart(basket), paid: paid.map(sale) }
}
