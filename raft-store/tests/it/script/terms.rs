//! The terms of an event, in scripts. `terms` and one of:
//!
//! ```text
//! limits order=4 held=6 lapsed=2 singles      what is not named is no limit
//! fees each=100 once=250 share=500            `each=100/1`: of category 1 only
//! prices 5000,2000
//! channel fans opens=5 closes=60 max=10 quota=0x4
//! keep fans 1 2 3      free 1 2      release fans
//! codes fans 1 alpha beta                     each for one live booking
//! revoke alpha
//! promo spring share=1000 uses=2 own=1 least=2 cat=0 from=5 until=60
//! close spring
//! show
//! ```

use std::fmt::Write as _;

use rowlock_proto::ids::{BookingId, EventId};

use rowlock_raft_store::inventory::terms::{Channel, Discount, Fee, FeeKind, Limits, Promotion};
use rowlock_raft_store::inventory::{
    BookingView, Cart, CommandKind, SYSTEM, TermsChange, TermsCommand,
};

use super::{Script, list, name, number, numbers, seconds, small};

pub(super) fn hold(event: EventId, code: &str, cart: Cart) -> CommandKind {
    let (cart, code) = (Box::new(cart), code.to_owned());
    CommandKind::Terms(TermsCommand::Hold { event, cart, code })
}

pub(super) fn apply_promotion(booking: BookingId, code: &[&str]) -> CommandKind {
    CommandKind::Terms(TermsCommand::ApplyPromotion { booking, code: code.concat() })
}

impl Script {
    pub(super) fn terms(&mut self, words: &[&str]) {
        let event = self.event;
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let command = match words {
            ["limits", rest @ ..] => TermsCommand::SetLimits { event, limits: limits(rest) },
            ["fees", rest @ ..] => {
                TermsCommand::SetFees { event, fees: rest.iter().map(|it| fee(it)).collect() }
            }
            ["prices", prices] => {
                TermsCommand::Reprice { event, prices: prices.split(',').map(number).collect() }
            }
            ["channel", name, rest @ ..] => {
                TermsCommand::PutChannel { event, channel: Box::new(channel(name, rest)) }
            }
            ["keep", channel, seats @ ..] => {
                let channel = (*channel).to_owned();
                TermsCommand::KeepSeats { event, channel, seats: numbers(seats) }
            }
            ["free", seats @ ..] => TermsCommand::FreeSeats { event, seats: numbers(seats) },
            ["release", channel] => {
                TermsCommand::ReleaseChannel { event, channel: (*channel).to_owned() }
            }
            ["codes", channel, uses, codes @ ..] => {
                let (channel, uses_max) = ((*channel).to_owned(), small(uses));
                TermsCommand::AddCodes { event, channel, uses_max, codes: owned(codes) }
            }
            ["revoke", codes @ ..] => TermsCommand::RevokeCodes { event, codes: owned(codes) },
            ["promo", code, rest @ ..] => {
                let promotion = Box::new(promotion(code, rest));
                TermsCommand::AddPromotion { event, promotion }
            }
            ["close", code] => TermsCommand::ClosePromotion { event, code: (*code).to_owned() },
            ["show"] => return self.show_terms(),
            _ => panic!("terms {words:?} is not understood"),
        };
        self.apply(SYSTEM, None, CommandKind::Terms(command));
    }

    fn show_terms(&mut self) {
        let view = self.world.state.terms_of(self.event, 0, 100).unwrap();
        for it in view.channels {
            let kept = list(&it.kept);
            self.say(format!("{}: {} places, keeps {kept}", it.channel.name, it.places));
        }
        for it in view.codes {
            let revoked = if it.code.revoked { ", revoked" } else { "" };
            self.say(format!("{} of {}: {} uses{revoked}", it.code.code, it.channel, it.uses));
        }
        for it in view.promotions {
            let closed = if it.promotion.closed { ", closed" } else { "" };
            self.say(format!("{}: {} uses{closed}", it.promotion.code, it.uses));
        }
    }
}

fn pair(word: &str) -> (&str, &str) {
    word.split_once('=').unwrap_or((word, ""))
}

fn limits(words: &[&str]) -> Limits {
    let mut limits = Limits::default();
    for word in words {
        match pair(word) {
            ("order", max) => limits.places_per_order_max = small(max),
            ("held", max) => limits.held_places_max = small(max),
            ("lapsed", max) => limits.lapsed_holds_max = small(max),
            ("singles", "") => limits.no_single_seats = true,
            _ => panic!("there is no limit {word}"),
        }
    }
    limits
}

fn fee(word: &str) -> Fee {
    let (kind, value) = pair(word);
    let (value, categories) = match value.split_once('/') {
        Some((value, category)) => (value, vec![u8::try_from(small(category)).unwrap()]),
        None => (value, Vec::new()),
    };
    let kind = match kind {
        "each" => FeeKind::PerPlace(number(value)),
        "once" => FeeKind::PerBooking(number(value)),
        "share" => FeeKind::Share(small(value)),
        _ => panic!("there is no fee {word}"),
    };
    Fee { name: "service".to_owned(), kind, categories }
}

fn channel(name: &str, words: &[&str]) -> Channel {
    let mut channel = Channel { name: name.to_owned(), ..Channel::default() };
    for word in words {
        match pair(word) {
            ("opens", at) => channel.opens_ms = seconds(at),
            ("closes", at) => channel.closes_ms = seconds(at),
            ("max", max) => channel.places_max = small(max),
            ("quota", quota) => {
                let (category, count) = quota.split_once('x').expect("quota=<category>x<count>");
                channel.quotas.push((u8::try_from(small(category)).unwrap(), small(count)));
            }
            _ => panic!("a channel has no {word}"),
        }
    }
    channel
}

fn promotion(code: &str, words: &[&str]) -> Promotion {
    let mut promotion = Promotion {
        code: code.to_owned(),
        discount: Discount::Share(0),
        categories: Vec::new(),
        uses_max: 0,
        uses_per_user_max: 0,
        places_min: 0,
        from_ms: 0,
        until_ms: 0,
        closed: false,
    };
    for word in words {
        match pair(word) {
            ("share", part) => promotion.discount = Discount::Share(small(part)),
            ("each", off) => promotion.discount = Discount::PerPlace(number(off)),
            ("once", off) => promotion.discount = Discount::PerBooking(number(off)),
            ("uses", max) => promotion.uses_max = small(max),
            ("own", max) => promotion.uses_per_user_max = small(max),
            ("least", least) => promotion.places_min = small(least),
            ("cat", category) => promotion.categories.push(u8::try_from(small(category)).unwrap()),
            ("from", at) => promotion.from_ms = seconds(at),
            ("until", at) => promotion.until_ms = seconds(at),
            _ => panic!("a promotion has no {word}"),
        }
    }
    promotion
}

pub(super) fn booking(text: &mut String, view: &BookingView) {
    if view.discount > 0 || !view.promotion.is_empty() {
        write!(text, "; {} off by {}", view.discount, view.promotion).unwrap();
    }
    if view.fees > 0 {
        write!(text, "; {} of fees", view.fees).unwrap();
    }
    if !view.channel.is_empty() {
        write!(text, "; through {}", view.channel).unwrap();
    }
}

pub(super) fn change(change: &TermsChange) -> String {
    match change {
        TermsChange::LimitsSet { limits } => format!("{limits:?}"),
        TermsChange::FeesSet { version } => format!("fees are version {version}"),
        TermsChange::ChannelPut { channel } => format!("channel {channel}"),
        TermsChange::SeatsKept { channel, seats } => {
            format!("seats {} kept for {channel}", list(seats))
        }
        TermsChange::SeatsFreed { seats } => format!("seats {} kept no more", list(seats)),
        TermsChange::ChannelReleased { channel } => format!("{channel} gave all back"),
        TermsChange::CodesAdded { channel, count } => format!("{count} codes of {channel}"),
        TermsChange::CodesRevoked { count } => format!("{count} codes revoked"),
        TermsChange::PromotionAdded { code } => format!("promotion {code}"),
        TermsChange::PromotionClosed { code } => format!("promotion {code} closed"),
        TermsChange::PromotionApplied { booking, code } if code.is_empty() => {
            format!("{} has no promotion", name(*booking))
        }
        TermsChange::PromotionApplied { booking, code } => {
            format!("{} has promotion {code}", name(*booking))
        }
    }
}
