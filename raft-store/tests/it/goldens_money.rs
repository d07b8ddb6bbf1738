//! One of each kind that came with money besides payments, for the golden file.

use rowlock_proto::ids::{BookingId, EventId, UserId};
use rowlock_raft_store::inventory::money::DirectSale;
use rowlock_raft_store::inventory::{
    Change, ChangeKind, Command, CommandKind, MoneyChange, MoneyCommand, RefundOrder, Tender,
};

use super::fixture::World;
use super::goldens::{numbered_changes, numbered_commands};

const TENDERS: [Tender; 5] =
    [Tender::Free, Tender::Complimentary, Tender::Cash, Tender::Card, Tender::Invoice];

fn sale(tender: Tender, amount: u64) -> Box<DirectSale> {
    let (reference, reason) = ("till 1".to_owned(), "press".to_owned());
    Box::new(DirectSale { tender, amount, reference, reason })
}

pub(crate) fn commands() -> Vec<Command> {
    let booking = BookingId(0xb0 << 100);
    let direct =
        TENDERS.map(|tender| MoneyCommand::ConfirmDirect { booking, sale: sale(tender, 300_000) });
    numbered_commands(direct.map(CommandKind::Money))
}

pub(crate) fn changes() -> Vec<Change> {
    let booking = BookingId(0xb0 << 100);
    let direct = TENDERS.map(|tender| MoneyChange::SoldDirect {
        booking,
        tender,
        amount: 300_000,
        reference: "till 1".to_owned(),
        reason: "press".to_owned(),
    });
    let others = [MoneyChange::DeskRefundOwed { booking, refund: 1, amount: 13_000 }];
    numbered_changes(direct.into_iter().chain(others).map(ChangeKind::Money))
}

/// A state with sales of each kind, one of them refunded in part.
pub(crate) fn world() -> World {
    let event = EventId(0x600d);
    let mut world = World::on_sale(event, 8, |_| ());
    world.now_ms = 1_000;
    let system = UserId(0);
    for (seat, tender) in (0_u32..).zip(TENDERS.into_iter().skip(1)) {
        let booking = world.held(1, event, &[seat, seat + 4]);
        let price = world.state.booking(booking).expect("held just now").total;
        let amount = if tender == Tender::Complimentary { 0 } else { price };
        let command = MoneyCommand::ConfirmDirect { booking, sale: sale(tender, amount) };
        world.answer(system, 7, CommandKind::Money(command)).expect("it is a live hold");
        let refund = RefundOrder { places: vec![0], reason: "ill".to_owned(), block: false };
        let refund = CommandKind::RefundPlaces { booking, refund: Box::new(refund) };
        world.answer(system, 8, refund).expect("it is sold");
    }
    world
}
