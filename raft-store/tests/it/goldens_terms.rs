//! One of each kind that came with terms, for the golden file.

use rowlock_proto::ids::{BookingId, EventId, UserId};
use rowlock_raft_store::inventory::terms::{Channel, Discount, Fee, FeeKind, Limits, Promotion};
use rowlock_raft_store::inventory::{
    Cart, Change, ChangeKind, Command, CommandKind, TermsChange, TermsCommand,
};

use super::fixture::World;
use super::goldens::{numbered_changes, numbered_commands};

fn limits() -> Limits {
    Limits {
        places_per_order_max: 8,
        held_places_max: 300,
        lapsed_holds_max: 5,
        no_single_seats: true,
    }
}

fn fees() -> Vec<Fee> {
    let kinds = [FeeKind::PerPlace(150), FeeKind::PerBooking(300), FeeKind::Share(500)];
    let fee = |kind| Fee { name: "service".to_owned(), kind, categories: vec![0] };
    kinds.map(fee).to_vec()
}

fn channel() -> Channel {
    Channel {
        name: "fans".to_owned(),
        opens_ms: 500,
        closes_ms: 2_000_000_000_000,
        places_max: 400,
        quotas: vec![(1, 2)],
        released: false,
    }
}

fn promotion(discount: Discount) -> Promotion {
    Promotion {
        code: format!("{discount:?}"),
        discount,
        categories: vec![0, 1],
        uses_max: 1_000,
        uses_per_user_max: 2,
        places_min: 1,
        from_ms: 400,
        until_ms: 3_000_000_000_000,
        closed: false,
    }
}

const DISCOUNTS: [Discount; 3] =
    [Discount::Share(1_000), Discount::PerPlace(700), Discount::PerBooking(900)];

fn setting(event: EventId) -> Vec<TermsCommand> {
    let (fans, codes) = ("fans".to_owned(), vec!["alpha".to_owned(), "beta".to_owned()]);
    let mut all = vec![
        TermsCommand::SetLimits { event, limits: limits() },
        TermsCommand::SetFees { event, fees: fees() },
        TermsCommand::PutChannel { event, channel: Box::new(channel()) },
        TermsCommand::KeepSeats { event, channel: fans.clone(), seats: vec![4, 5, 6] },
        TermsCommand::FreeSeats { event, seats: vec![5] },
        TermsCommand::AddCodes { event, channel: fans, uses_max: 300, codes },
        TermsCommand::RevokeCodes { event, codes: vec!["beta".to_owned()] },
    ];
    all.extend(DISCOUNTS.map(|discount| {
        let promotion = Box::new(promotion(discount));
        TermsCommand::AddPromotion { event, promotion }
    }));
    all
}

pub(crate) fn commands() -> Vec<Command> {
    let (event, booking) = (EventId(0xe0), BookingId(0xb0 << 100));
    let cart = Cart { seats: vec![4], best: None, areas: vec![(0, 300)] };
    let mut all = setting(event);
    all.extend([
        TermsCommand::Reprice { event, prices: vec![8_000, 300] },
        TermsCommand::ReleaseChannel { event, channel: "fans".to_owned() },
        TermsCommand::ClosePromotion { event, code: "spring".to_owned() },
        TermsCommand::ApplyPromotion { booking, code: "spring".to_owned() },
        TermsCommand::Hold { event, cart: Box::new(cart), code: "alpha".to_owned() },
    ]);
    numbered_commands(all.into_iter().map(CommandKind::Terms))
}

pub(crate) fn changes() -> Vec<Change> {
    let (event, fans) = (EventId(0xe0), || "fans".to_owned());
    let code = || "spring".to_owned();
    let kinds = [
        TermsChange::LimitsSet { limits: limits() },
        TermsChange::FeesSet { version: 300 },
        TermsChange::ChannelPut { channel: fans() },
        TermsChange::SeatsKept { channel: fans(), seats: vec![4, 300] },
        TermsChange::SeatsFreed { seats: vec![5] },
        TermsChange::ChannelReleased { channel: fans() },
        TermsChange::CodesAdded { channel: fans(), count: 300 },
        TermsChange::CodesRevoked { count: 1 },
        TermsChange::PromotionAdded { code: code() },
        TermsChange::PromotionClosed { code: code() },
        TermsChange::PromotionApplied { booking: BookingId(0xb0 << 100), code: code() },
    ];
    numbered_changes(kinds.map(|change| ChangeKind::Terms { event, change }))
}

/// A state with terms, and bookings that are under them.
pub(crate) fn world() -> World {
    let event = EventId(0x600d);
    let mut world = World::on_sale(event, 12, |_| ());
    world.now_ms = 1_000;
    for command in setting(event) {
        world.answer(UserId(0), 0, CommandKind::Terms(command)).expect("not refused");
    }
    let cart = Box::new(Cart { seats: vec![4], best: None, areas: Vec::new() });
    let hold = TermsCommand::Hold { event, cart, code: "alpha".to_owned() };
    world.answer(UserId(1), 1, CommandKind::Terms(hold)).expect("it is kept for them");
    let booking = world.held(2, event, &[0]);
    let code = promotion(DISCOUNTS[0]).code;
    let apply = TermsCommand::ApplyPromotion { booking, code };
    world.answer(UserId(2), 2, CommandKind::Terms(apply)).expect("it runs");
    world
}
