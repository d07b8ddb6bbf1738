//! One of each kind that came with exchanges, for the golden file.

use rowlock_proto::ids::{BookingId, EventId, UserId};
use rowlock_raft_store::inventory::money::{DirectSale, ExchangeOrder};
use rowlock_raft_store::inventory::{
    Cart, Change, ChangeKind, Command, CommandKind, MoneyChange, MoneyCommand, Tender, Wanted,
};

use super::fixture::World;
use super::goldens::{numbered_changes, numbered_commands};

fn paid(amount: u64) -> Option<Box<DirectSale>> {
    let (reference, reason) = ("till 1".to_owned(), "moved".to_owned());
    Some(Box::new(DirectSale { tender: Tender::Cash, amount, reference, reason }))
}

pub(crate) fn commands() -> Vec<Command> {
    let booking = BookingId(0xb0 << 100);
    let best = Some(Wanted { quantity: 2, ..Wanted::default() });
    let take = Cart { seats: vec![7, 300], best, areas: vec![(1, 3)] };
    let orders = [
        ExchangeOrder {
            give: vec![3, 1],
            give_seats: vec![5, 400],
            take: take.clone(),
            paid: paid(3_000),
        },
        ExchangeOrder { take, ..ExchangeOrder::default() },
    ];
    let exchange = |order| MoneyCommand::Exchange { booking, order: Box::new(order) };
    numbered_commands(orders.map(exchange).map(CommandKind::Money))
}

pub(crate) fn changes() -> Vec<Change> {
    let (booking, gone, came) = (BookingId(0xb0 << 100), vec![3, 1], vec![4, 5, 300]);
    let change = MoneyChange::PlacesExchanged { booking, gone, came, amount: 3_000 };
    numbered_changes([ChangeKind::Money(change)])
}

/// A state with a hold that was exchanged, and a sold booking that was twice: for less, and for more.
pub(crate) fn world() -> World {
    let event = EventId(0x600d);
    let mut world = World::on_sale(event, 8, |_| ());
    world.now_ms = 1_000;
    let exchange = |give: Vec<u32>, seats: Vec<u32>, paid| {
        let take = Cart { seats, ..Cart::default() };
        Box::new(ExchangeOrder { give, give_seats: Vec::new(), take, paid })
    };
    let held = world.held(1, event, &[0, 1]);
    let order = exchange(vec![0], vec![2, 3], None);
    let command = MoneyCommand::Exchange { booking: held, order };
    world.answer(UserId(1), 7, CommandKind::Money(command)).expect("it is a live hold");
    let booking = world.held(2, event, &[4, 5]);
    let amount = world.state.booking(booking).expect("held just now").total;
    world.answer(UserId(2), 1, CommandKind::BeginPayment { booking, amount }).expect("it lasts");
    let intent = "pi_1".to_owned();
    world.done(CommandKind::AttachIntent { booking, attempt: 1, intent: intent.clone() });
    let confirm = CommandKind::ConfirmPayment { booking, attempt: 1, intent };
    world.answer(UserId(2), 2, confirm).expect("it is being paid");
    let pass = CommandKind::TransferTicket { booking, place: 0, version: 0, to: UserId(3) };
    world.answer(UserId(2), 3, pass).expect("it is sold");
    let orders = [exchange(vec![0], vec![7], None), exchange(vec![2], vec![6], paid(3_000))];
    for (key, order) in (4..).zip(orders) {
        let command = MoneyCommand::Exchange { booking, order };
        world.answer(UserId(0), key, CommandKind::Money(command)).expect("the seats are free");
    }
    world
}
