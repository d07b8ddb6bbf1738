//! Money, in scripts: `cluster sells b1 cash 13000 R1`, `cluster gives b1 press`, `anna takes b1` (what
//! costs nothing), `anna commits b1 1 pi_1` (authorised, to be captured), `cluster disputes b1 dp_1 8000
//! void` and `wins b1 dp_1` (a chargeback and its end); `anna exchanges b1 0 s5 for 2 adjacent` (a cart
//! for place 0 and seat 5; nothing: for all) and `cluster exchanges b1 for seat=3 paid cash 5000 R2`;
//! `takings` shows the sums of the event.

use std::fmt::Write as _;

use rowlock_proto::ids::BookingId;
use rowlock_raft_store::inventory::money::{ChargebackOrder, DirectSale, ExchangeOrder};
use rowlock_raft_store::inventory::reply::MoneyView;
use rowlock_raft_store::inventory::{CommandKind, MoneyChange, MoneyCommand, Tender};

use super::carts::cart;
use super::{Script, list, name, number, numbers, small};

pub(super) fn command(verb: &str, booking: BookingId, rest: &[&str]) -> CommandKind {
    let direct = |tender, amount, reference: &str, reason: String| {
        let sale = DirectSale { tender, amount, reference: reference.to_owned(), reason };
        MoneyCommand::ConfirmDirect { booking, sale: Box::new(sale) }
    };
    CommandKind::Money(match (verb, rest) {
        ("sells", [how, amount, reference @ ..]) => {
            direct(tender(how), number(amount), &reference.join(" "), String::new())
        }
        ("gives", reason) => direct(Tender::Complimentary, 0, "", reason.join(" ")),
        ("takes", []) => direct(Tender::Free, 0, "", String::new()),
        ("commits", [attempt, intent]) => {
            let (attempt, intent) = (small(attempt), (*intent).to_owned());
            MoneyCommand::CommitAuthorized { booking, attempt, intent }
        }
        ("disputes", [reference, amount, rest @ ..]) => {
            let (reference, amount) = ((*reference).to_owned(), number(amount));
            let (void, reason) = (*rest == ["void"], "fraud".to_owned());
            let order = Box::new(ChargebackOrder { reference, amount, reason, void });
            MoneyCommand::MarkChargeback { booking, order }
        }
        ("exchanges", words) => {
            let order = Box::new(exchange(words));
            MoneyCommand::Exchange { booking, order }
        }
        ("wins", [reference]) => {
            MoneyCommand::ReverseChargeback { booking, reference: (*reference).to_owned() }
        }
        _ => panic!("{verb} {rest:?} is not understood"),
    })
}

fn exchange(words: &[&str]) -> ExchangeOrder {
    let (give, rest) = words.split_at(words.iter().position(|&it| it == "for").expect("for"));
    let paid_at = rest.iter().position(|&it| it == "paid").unwrap_or(rest.len());
    let (take, paid) = rest.split_at(paid_at);
    let paid = match paid {
        [] => None,
        ["paid", how, amount, reference @ ..] => Some(Box::new(DirectSale {
            tender: tender(how),
            amount: number(amount),
            reference: reference.join(" "),
            reason: String::new(),
        })),
        _ => panic!("{paid:?} is not understood"),
    };
    let (seats, places): (Vec<&str>, Vec<&str>) = give.iter().partition(|it| it.starts_with('s'));
    let give_seats = seats.into_iter().map(|seat| small(&seat[1..])).collect();
    ExchangeOrder { give: numbers(&places), give_seats, take: cart(&take[1..]), paid }
}

fn tender(word: &str) -> Tender {
    match word {
        "cash" => Tender::Cash,
        "card" => Tender::Card,
        "invoice" => Tender::Invoice,
        _ => panic!("{word} is no way to pay at the desk"),
    }
}

fn how(tender: Tender) -> &'static str {
    match tender {
        Tender::Free => "free",
        Tender::Complimentary => "given away",
        Tender::Cash => "in cash",
        Tender::Card => "by card",
        Tender::Invoice => "on invoice",
    }
}

pub(super) fn view(money: &MoneyView) -> String {
    let mut text = String::new();
    for receipt in &money.receipts {
        write!(text, "; {} {}", receipt.amount, how(receipt.tender)).unwrap();
        for word in [&receipt.reference, &receipt.reason] {
            if !word.is_empty() {
                write!(text, " {word}").unwrap();
            }
        }
    }
    for refund in &money.desk_refunds {
        write!(text, "; refund {refund} at the desk").unwrap();
    }
    for it in &money.chargebacks {
        write!(text, "; {} charged back {}", it.amount, it.reference).unwrap();
        let ends = [(it.void, ", void"), (it.reversed_ms.is_some(), ", won")];
        text.extend(ends.into_iter().filter(|(is, _)| *is).map(|(_, what)| what));
    }
    text
}

pub(super) fn change(change: &MoneyChange) -> String {
    match change {
        MoneyChange::SoldDirect { booking, tender, amount, reference, reason } => {
            let words = [reference, reason].into_iter().filter(|word| !word.is_empty());
            let words: String = words.map(|word| format!(" {word}")).collect();
            format!("{} {amount} {}{words}", name(*booking), how(*tender))
        }
        MoneyChange::DeskRefundOwed { booking, refund, amount } => {
            format!("refund {refund} of {}: {amount} is owed at the desk", name(*booking))
        }
        MoneyChange::PaymentCommitted { booking, attempt, intent } => {
            format!("{intent} of payment {attempt} of {} is to be captured", name(*booking))
        }
        MoneyChange::ChargedBack { booking, reference, amount, reason, void } => {
            let void = if *void { ", void" } else { "" };
            format!("{amount} of {} charged back {reference}: {reason}{void}", name(*booking))
        }
        MoneyChange::ChargebackReversed { booking, reference } => {
            format!("{reference} of {} is won", name(*booking))
        }
        MoneyChange::RefundCut { booking, refund, amount } => {
            format!("refund {refund} of {}: only {amount} is left to pay", name(*booking))
        }
        MoneyChange::PlacesExchanged { booking, gone, came, amount } => {
            let paid = if *amount == 0 { String::new() } else { format!(", {amount} paid") };
            let (gone, came) = (list(gone), list(came));
            format!("{}: places {gone} exchanged for {came}{paid}", name(*booking))
        }
    }
}

impl Script {
    pub(super) fn show_takings(&mut self) {
        let sums = self.world.state.takings(self.event).unwrap();
        let parts = [
            ("by provider", sums.provider),
            ("in cash", sums.cash),
            ("by card", sums.card),
            ("on invoice", sums.invoice),
            ("refunded", sums.refunded),
            ("owed", sums.owed),
            ("charged back", sums.charged_back),
        ];
        let mut text = format!("{} sold, {} given away", sums.sold, sums.complimentary);
        for (what, amount) in parts.into_iter().filter(|&(_, amount)| amount > 0) {
            write!(text, ", {amount} {what}").unwrap();
        }
        self.say(text);
    }
}
