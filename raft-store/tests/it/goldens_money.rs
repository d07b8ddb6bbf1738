//! One of each kind that came with money besides payments, for the golden file.

use rowlock_proto::ids::{BookingId, EventId, UserId};
use rowlock_raft_store::inventory::money::{ChargebackOrder, DirectSale};
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

fn order(reference: &str, amount: u64) -> Box<ChargebackOrder> {
    let (reference, reason) = (reference.to_owned(), "fraud".to_owned());
    Box::new(ChargebackOrder { reference, amount, reason, void: true })
}

pub(crate) fn commands() -> Vec<Command> {
    let booking = BookingId(0xb0 << 100);
    let direct =
        TENDERS.map(|tender| MoneyCommand::ConfirmDirect { booking, sale: sale(tender, 300_000) });
    let text = |text: &str| text.to_owned();
    let order = order("dp_1", 8_000);
    let others = [
        MoneyCommand::CommitAuthorized { booking, attempt: 1, intent: text("pi_1") },
        MoneyCommand::MarkChargeback { booking, order },
        MoneyCommand::ReverseChargeback { booking, reference: text("dp_1") },
    ];
    numbered_commands(direct.into_iter().chain(others).map(CommandKind::Money))
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
    let text = |text: &str| text.to_owned();
    let others = [
        MoneyChange::DeskRefundOwed { booking, refund: 1, amount: 13_000 },
        MoneyChange::PaymentCommitted { booking, attempt: 1, intent: text("pi_1") },
        MoneyChange::ChargedBack {
            booking,
            reference: text("dp_1"),
            amount: 8_000,
            reason: text("fraud"),
            void: true,
        },
        MoneyChange::ChargebackReversed { booking, reference: text("dp_1") },
        MoneyChange::RefundCut { booking, refund: 1, amount: 5_000 },
    ];
    numbered_changes(direct.into_iter().chain(others).map(ChangeKind::Money))
}

/// A state with sales of each kind, refunded in part, two chargebacks, and a payment to be captured.
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
        if tender == Tender::Card {
            for (reference, amount) in [("dp_1", 1_000), ("dp_2", 2_000)] {
                let order = order(reference, amount);
                let command = MoneyCommand::MarkChargeback { booking, order };
                world.answer(system, 9, CommandKind::Money(command)).expect("it was paid");
            }
            let won = MoneyCommand::ReverseChargeback { booking, reference: "dp_1".to_owned() };
            world.answer(system, 10, CommandKind::Money(won)).expect("it stands");
        }
    }
    let booking = world.held(2, event, &[0]);
    let price = world.state.booking(booking).expect("held just now").total;
    let pay = CommandKind::BeginPayment { booking, amount: price };
    world.answer(UserId(2), 1, pay).expect("it is a live hold");
    let intent = "pi_1".to_owned();
    world.done(CommandKind::AttachIntent { booking, attempt: 1, intent: intent.clone() });
    let commit = MoneyCommand::CommitAuthorized { booking, attempt: 1, intent };
    world.answer(UserId(2), 2, CommandKind::Money(commit)).expect("it is being paid");
    world
}
